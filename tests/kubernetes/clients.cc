#include "tests/kubernetes/clients.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>

#include "agent/base/json.h"
#include "bootstrap/layout/paths.h"
#include "tests/support/source_dir.h"

namespace haagent::sim {

Clients::Clients(ClusterRegion const& region) {
  auto const cat = [&](std::vector<std::string> const& files) {
    std::string text;
    for (auto const& each : files) {
      auto const read = region.run("masters-a", {"cat", each});
      EXPECT_EQ(read.code, 0) << read.out;
      text += read.out;
    }
    return text;
  };
  using bootstrap::kube::kAdminClient;
  std::ofstream(folder_ / "ca.pem") << cat({bootstrap::kube::kCa});
  std::ofstream(folder_ / "client.pem") << cat({kAdminClient.cert, kAdminClient.key});
  pid_ = start_in_region(region.control_socket(),
                         {(test::source_dir() / "build/kubernetes/clients/clients").string(),
                          "--server", "https://10.255.0.10", "--ca", (folder_ / "ca.pem").string(),
                          "--certificate", (folder_ / "client.pem").string()},
                         folder_ / "reports", Errors::to_ours);
}

Clients::~Clients() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::vector<ClientReport> Clients::end() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
  EXPECT_EQ(status, 0);
  pid_ = 0;
  std::vector<ClientReport> reports;
  std::istringstream lines(test::bytes_of(folder_ / "reports"));
  for (std::string line; std::getline(lines, line);) {
    auto const read = json::parse(line);
    EXPECT_TRUE(read) << line;
    if (!read) continue;
    auto const number = [&](char const* key) { return read->find(key)->as_integer().value_or(-1); };
    ClientReport one{.name = read->text_at("name"),
                     .done = number("done"),
                     .slowest = Duration(number("slowestMilliseconds")),
                     .kept = read->find("kept")->as_boolean().value_or(false)};
    for (auto const& each : read->find("failures")->items())
      one.failures.push_back(fmt::format("{} after {} ms: {}", each.text_at("at"),
                                         each.text_at("afterMilliseconds"), each.text_at("error")));
    reports.push_back(std::move(one));
  }
  EXPECT_FALSE(reports.empty());
  return reports;
}

std::string to_words(std::vector<ClientReport> const& reports) {
  std::string text;
  for (auto const& each : reports) {
    text += fmt::format("  {:<16} {:>5} done, {} failed, slowest {} ms{}\n", each.name, each.done,
                        each.failures.size(), each.slowest.count(), each.kept ? "" : ", LOST");
    for (auto const& failure : each.failures) text += "      " + failure + '\n';
  }
  return text;
}

testing::AssertionResult no_client_fails_more_than(std::size_t times,
                                                   std::vector<ClientReport> const& reports) {
  auto const table = to_words(reports);
  std::printf("%s", table.c_str());
  for (auto const& each : reports)
    if (each.done < 50 || each.failures.size() > times || !each.kept)
      return testing::AssertionFailure() << each.name << " of\n" << table;
  return testing::AssertionSuccess();
}

}  // namespace haagent::sim
