// Every command that haagent tells somebody to run is one that the programs take: haagent's own are
// held against its command table, systemctl's against the units that there are. What AWS's client
// is asked for is run, as it is printed, in tests/integration.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "agent/cli/command_table.h"
#include "bootstrap/layout/names.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

namespace fs = std::filesystem;

struct Found {
  std::string file;
  std::string command;  // "haagent etcd replace {}"
};

// String literals that stand side by side are one.
std::string joined(std::string text) {
  return std::regex_replace(text, std::regex("\"\\s*\\n\\s*\""), "");
}

std::vector<Found> commands_in_sources(std::regex const& pattern, std::string const& before = {}) {
  std::vector<Found> found;
  for (auto const* folder : {"agent", "bootstrap", "volumes"})
    for (auto const& entry : fs::recursive_directory_iterator(test::source_dir() / folder)) {
      if (entry.path().extension() != ".cc") continue;
      auto const text = joined(test::bytes_of(entry.path()));
      for (std::sregex_iterator each(text.begin(), text.end(), pattern), end; each != end; ++each)
        found.push_back({entry.path().lexically_relative(test::source_dir()).string(),
                         before + (*each)[1].str()});
    }
  return found;
}

std::vector<std::string> words_of(std::string const& command) {
  std::istringstream in(command);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// Why the table has no such command; empty where it has.
std::string trouble_with(std::vector<std::string> const& words) {
  auto const table = command_table();
  auto const* at = &table;
  std::size_t i = 1;
  for (; i < words.size(); ++i) {
    auto const next = std::ranges::find(at->commands, words[i], &Command::name);
    if (next == at->commands.end()) break;
    at = &*next;
  }
  if (!at->commands.empty() && at != &table) return at->name + " needs a subcommand";
  std::size_t places = 0;
  for (auto const& option : at->options) places += option.names.empty() ? 1u : 0u;
  for (; i < words.size(); ++i) {
    if (!words[i].starts_with("-")) {
      if (places == 0) return "nothing takes '" + words[i] + "'";
      --places;
      continue;
    }
    auto takes = [&](Command const& command) {
      return std::ranges::find_if(command.options, [&](CommandOption const& option) {
        return std::ranges::count(option.names, words[i]) > 0;
      });
    };
    auto option = takes(*at);
    bool const own = option != at->options.end();
    if (!own && (option = takes(table)) == table.options.end())
      return "there is no option " + words[i];
    if (option->value.empty()) continue;
    if (++i == words.size()) return "an option lacks its value";
    if (!option->choices.empty() && std::ranges::count(option->choices, words[i]) == 0)
      return words[i] + " is none of its values";
  }
  bool const lacks = std::ranges::any_of(at->options, [&](CommandOption const& option) {
    return option.names.empty() && option.required && places > 0;
  });
  return lacks ? "an argument is missing" : "";
}

TEST(AdviceCommands, OfHaagentAreTakenByItsCommandLine) {
  auto found = commands_in_sources(std::regex("'(haagent [^'\"]*)'"));
  EXPECT_GE(found.size(), 20u) << "the pattern finds them no longer";
  for (auto const& each :
       commands_in_sources(std::regex("etcd_command\\([^\"]*\"([^\"]*)\""), "haagent etcd "))
    if (!each.file.ends_with("names.cc"))  // which makes it
      found.push_back({each.file, each.command + (each.command.ends_with(' ') ? "x" : "")});
  for (auto const& each : found)
    EXPECT_EQ(trouble_with(words_of(each.command)), "") << each.file << ": " << each.command;
}

TEST(AdviceCommands, TheTableTellsGoodFromBad) {
  for (auto const* good : {"haagent status", "haagent etcd replace etcd-a",
                           "haagent etcd restore "
                           "--cancel --cluster events"})
    EXPECT_EQ(trouble_with(words_of(good)), "") << good;
  for (auto const* bad :
       {"haagent stat", "haagent etcd", "haagent etcd replace", "haagent etcd recover etcd-a",
        "haagent etcd restore --cancle", "haagent etcd recover --cluster evens"})
    EXPECT_NE(trouble_with(words_of(bad)), "") << bad;
}

TEST(AdviceCommands, OfTheOtherClusterSayWhichItIs) {
  EXPECT_EQ(bootstrap::etcd_command(EtcdCluster::main, "restore"), "haagent etcd restore");
  auto const events = bootstrap::etcd_command(EtcdCluster::events, "replace etcd-events-a");
  EXPECT_EQ(events, "haagent etcd replace etcd-events-a --cluster events");
  EXPECT_EQ(trouble_with(words_of(events)), "");
  // Nothing that depends on the cluster is written out.
  for (auto const& each :
       commands_in_sources(std::regex("'(haagent etcd (?:replace|recover|restore)[^'\"]*)'")))
    ADD_FAILURE() << each.file << ": " << each.command << " is wrong for events: etcd_command()";
}

TEST(AdviceCommands, OfSystemdNameUnitsThatThereAre) {
  std::set<std::string> const verbs = {"start",  "restart", "status",        "enable", "disable",
                                       "unmask", "mask",    "daemon-reload", "stop",   "edit"};
  std::set<std::string> const others = {"kubelet", "etcd", "systemd-timesyncd", "{}"};
  auto const found = commands_in_sources(std::regex("'(systemctl [^'\"]*)'"));
  EXPECT_FALSE(found.empty());
  for (auto const& each : found) {
    auto words = words_of(each.command);
    std::erase(words, "--now");
    ASSERT_GE(words.size(), 2u) << each.command;
    EXPECT_TRUE(verbs.contains(words[1])) << each.file << ": " << each.command;
    if (words.size() < 3) continue;
    auto unit = words[2];
    if (unit.ends_with(".service")) unit.resize(unit.size() - std::string(".service").size());
    // "haagent-etcd@main" is of haagent-etcd@.service.
    if (auto const at = unit.find('@'); at != unit.npos) unit.resize(at + 1);
    auto const units = test::source_dir() / "units";
    EXPECT_TRUE(others.contains(unit) || fs::exists(units / (unit + ".service")) ||
                fs::exists(units / unit))
        << each.file << ": " << each.command;
  }
}

}  // namespace
}  // namespace haagent
