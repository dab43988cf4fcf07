#include "agent/cli/usage_errors.h"

#include <gtest/gtest.h>

#include <sstream>

#include "agent/cli/cli.h"
#include "agent/commands/check.h"
#include "agent/runtime/exit_codes.h"

namespace haagent {
namespace {

std::vector<std::string> words_of(std::string const& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

struct Row {
  std::string line;
  std::string says;
};
class UsageError : public testing::TestWithParam<Row> {};
TEST_P(UsageError, NamesTheWord) {
  EXPECT_EQ(usage_error(command_table(), words_of(GetParam().line)), GetParam().says);
  // The parser refuses it too.
  std::vector<std::string> words = words_of("haagent " + GetParam().line);
  std::vector<char*> argv;
  for (auto& each : words) argv.push_back(each.data());
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_cli(static_cast<int>(argv.size()), argv.data()), kExitUsage);
  EXPECT_NE(testing::internal::GetCapturedStderr().find(GetParam().says), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    Lines, UsageError,
    testing::Values(
        Row{"statu", "there is no command 'statu' (did you mean 'status'?)"},
        Row{"Status", "there is no command 'Status' (did you mean 'status'?)"},
        Row{"frobnicate", "there is no command 'frobnicate'"},
        Row{"members", "there is no command 'members' (did you mean 'etcd members'?)"},
        Row{"etcd member", "'haagent etcd' has no command 'member' (did you mean 'etcd members'?)"},
        Row{"etcd status",
            "'haagent etcd' has no command 'status' (did you mean 'status' or 'pki status' or "
            "'join status'?)"},
        Row{"pki rotat", "'haagent pki' has no command 'rotat' (did you mean 'pki rotate'?)"},
        Row{"config chek a.yaml",
            "'haagent config' has no command 'chek' (did you mean 'config check'?)"},
        Row{"--root /x statu", "there is no command 'statu' (did you mean 'status'?)"},
        Row{"status --clustr",
            "'haagent status' has no option '--clustr' (did you mean '--cluster'?)"},
        Row{"status --root /x", "--root stands in front of the command: haagent --root ... status"},
        Row{"--clustr status", "'haagent' has no option '--clustr'"},
        Row{"status -x", "'haagent status' has no option '-x'"},
        Row{"etcd restore --last",
            "'haagent etcd restore' has no option '--last' (did you mean '--latest'?)"},
        Row{"status -o jsn", "-o takes text, json, yaml, not 'jsn' (did you mean 'json'?)"},
        Row{"status --output=xml", "--output takes text, json, yaml, not 'xml'"},
        Row{"etcd members -c event", "-c takes main, events, not 'event' (did you mean 'events'?)"},
        Row{"completion zhs", "SHELL takes bash, zsh, fish, not 'zhs' (did you mean 'zsh'?)"},
        Row{"status now", "'haagent status' takes no argument 'now'"},
        Row{"etcd replace a b", "'haagent etcd replace' takes no argument 'b'"},
        Row{"status --config", "--config wants a value: --config FILE"},
        Row{"etcd",
            "haagent etcd needs a command: members, backup, import, snapshots, defrag, drill, "
            "restore, "
            "recover, adopt-volume, replace"},
        Row{"",
            "haagent needs a command: run, bootstrap, plan, preflight, status, hand-over, "
            "timeline, "
            "check, support-bundle, config, render, images, etcd, pki, join, pod-network, addons, "
            "completion, explain, "
            "man, "
            "version"}),
    [](auto const& row) { return "line" + std::to_string(row.index); });

// As the plugin guidelines have it: UNKNOWN, said in standard output.
TEST(UsageErrors, OfAMonitoringPluginAreUnknown) {
  for (auto const* line :
       {"check", "check nod", "check node -x", "check node -w", "check node -w 5x",
        "check etcd -c 20:10", "check certs -t soon", "check node now", "check node -t 0",
        "check node --client x", "check node -H 10.0.0.1/x", "--root /nowhere check backup -q"}) {
    auto words = words_of(std::string("haagent ") + line);
    std::vector<char*> argv;
    for (auto& each : words) argv.push_back(each.data());
    testing::internal::CaptureStdout();
    EXPECT_EQ(run_cli(static_cast<int>(argv.size()), argv.data()), kExitCheckUnknown) << line;
    auto const said = testing::internal::GetCapturedStdout();
    EXPECT_NE(said.find(" UNKNOWN: "), std::string::npos) << line;
    EXPECT_NE(said.find("\nUsage: haagent check "), std::string::npos) << said;
  }
}

TEST(UsageErrors, ASoundLineHasNone) {
  for (auto const* line :
       {"status", "status -o json --cluster", "--root /x status", "config check a.yaml b.yaml",
        "config check --set a=b --output=YAML", "etcd restore name --cluster main",
        "etcd replace b", "man haagent.1", "bootstrap --timeout 5 --config x"})
    EXPECT_EQ(usage_error(command_table(), words_of(line)), "") << line;
}

}  // namespace
}  // namespace haagent
