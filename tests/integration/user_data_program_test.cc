// The program itself beside instance metadata that hand out user-data: its boot and its
// `config check` end with the same verdict on the same bytes, and what user-data say counts.
#include <gtest/gtest.h>

#include <map>

#include "agent/base/process.h"
#include "agent/base/program.h"
#include "tests/integration/sim_program.h"
#include "tests/support/loopback_server.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

constexpr auto kWorker =
    "apiVersion: haagent.io/v1\nkind: NodeConfig\nrole: worker\n"
    "cluster: {name: prod.haagent.io, endpoint: \"https://api.haagent.io\", "
    "state: \"s3://state/prod\"}\nkubernetes: {version: \"1.33.2\"}\n";

class Program {
 public:
  explicit Program(std::string user_data) : user_data_(std::move(user_data)) {
    test::write_bytes(root_() / "etc/haagent/haagent.yaml",
                      "aws: {endpoints: {imds: [\"" +
                          metadata_.url("").substr(0, metadata_.url("").find_last_not_of('/') + 1) +
                          "\"]}}\n");
    test::write_bytes(folder_ / "user-data", user_data_);
  }

  ProcessOutcome run(std::vector<std::string> const& words) {
    ProcessSpec spec{
        .argv = {(sim::built_beside("..") / "haagent").string(), "--root", root_().string()}};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    auto done = SystemProcess().run(spec, {});
    EXPECT_TRUE(done) << done.error().message.text;
    return done.value_or(ProcessOutcome{});
  }
  ProcessOutcome boot() { return run({"bootstrap", "--timeout", "5"}); }
  std::string user_data_file() const { return (folder_ / "user-data").string(); }

 private:
  std::filesystem::path root_() const { return folder_ / "root"; }
  test::Reply answer(std::string const& request) const {
    auto const path = request.substr(0, request.find('\r'));
    auto const is = [&](std::string_view item) {
      return path.contains("/latest/" + std::string(item) + " ");
    };
    if (is("api/token")) return test::ok("token");
    if (is("user-data")) return test::ok(user_data_);
    if (is("dynamic/instance-identity/document")) {
      return test::ok(
          R"({"instanceId": "i-0123456789abcdef0", "instanceType": "m6i.large", "region": )"
          R"("eu-west-1", "availabilityZone": "eu-west-1a", "privateIp": "10.0.0.10", )"
          R"("accountId": "123456789012", "imageId": "ami-1", "architecture": "x86_64"})");
    }
    if (is("meta-data/local-hostname")) return test::ok("ip-10-0-0-10.Corp.Example.COM lab.local");
    return {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"};
  }

  std::string user_data_;
  test::TemporaryDirectory folder_;
  test::LoopbackServer metadata_{[this](std::string const& request) { return answer(request); }};
};

struct Row {
  std::string what;
  std::string user_data;
  bool good;
};
class UserDataProgram : public testing::TestWithParam<Row> {};
TEST_P(UserDataProgram, BootsAsItsCheckSays) {
  Program program(GetParam().user_data);
  auto const booted = program.boot();
  auto const own = program.run({"config", "check"});
  auto const given = program.run({"config", "check", "--user-data", program.user_data_file()});
  auto const file = program.run({"config", "check", program.user_data_file()});
  // This machine is no node: a boot whose configuration is good gets further, and not to its end.
  EXPECT_EQ(booted.exit_code == 78, !GetParam().good) << booted.exit_code << booted.err;
  for (auto const& each : {own, given, file})
    EXPECT_EQ(each.exit_code, GetParam().good ? 0 : 78) << each.out << each.err;
  if (GetParam().good) {
    EXPECT_TRUE(own.out.starts_with("ok: a worker")) << own.out;
    EXPECT_NE(own.err.find("'ip-10-0-0-10.corp.example.com'"), std::string::npos) << own.err;
  }
}
std::string indented(std::string text) {
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) text.insert(at, "    ");
  return text;
}
INSTANTIATE_TEST_SUITE_P(
    Rows, UserDataProgram,
    testing::Values(Row{"plain", kWorker, true}, Row{"indented", indented(kWorker), true},
                    Row{"behind_cloud_config", std::string("#cloud-config\n") + kWorker, false},
                    Row{"html", "<html><body>Forbidden</body></html>\n", false},
                    Row{"cloud_config", "#cloud-config\nntp: {}\n", false}),
    [](auto const& row) { return row.param.what; });

TEST(UserDataProgram, ItsLogLevelCounts) {
  auto const lines = [](std::string const& level) {
    Program program(kWorker + std::string("log: {level: ") + level + "}\n");
    auto const log = program.boot().err;
    std::map<std::string, int> steps;
    for (auto at = log.find("step="); at != log.npos; at = log.find("step=", at + 1))
      ++steps[log.substr(at + 5, log.find(' ', at) - at - 5)];
    return steps;
  };
  // Steps that come after the configuration is known.
  auto const role_steps = [&](std::string const& level) {
    auto steps = lines(level);
    steps.erase("identity");
    steps.erase("config");
    return steps.size();
  };
  EXPECT_GT(role_steps("info"), 0u);
  EXPECT_EQ(role_steps("error"), 0u) << "nothing of this worker has failed for good";
}

}  // namespace
}  // namespace haagent
