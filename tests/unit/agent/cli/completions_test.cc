// In the shells themselves: what a person gets who presses Tab.
#include "agent/cli/completions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/process.h"
#include "agent/base/program.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;

std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line.substr(0, line.find('\t')));
  return lines;
}

class Completion : public testing::Test {
 protected:
  void SetUp() override {
    test::write_bytes(folder_ / "haagent.sh", "");
    for (auto const* name : {"one.yaml", "two.yaml"})
      test::write_bytes(folder_ / "here" / name, "");
  }
  static bool has(std::string const& shell) {
    return find_program(shell, clean_environment({})).has_value();
  }
  std::string ran(std::vector<std::string> argv) {
    auto done = SystemProcess().run({.argv = std::move(argv)}, {});
    EXPECT_TRUE(done) << done.error().message.text;
    if (!done) return "";
    EXPECT_EQ(done->exit_code, 0) << done->err;
    EXPECT_EQ(done->err, "");
    return done->out;
  }
  std::string script(std::string const& shell) {
    auto const path = folder_ / ("haagent." + shell);
    test::write_bytes(path, completion_for(shell, command_table()));
    return path.string();
  }
  // The last word is the one that is being typed.
  std::vector<std::string> in_bash(std::vector<std::string> words) {
    std::string line = "source " + script("bash") + "; cd " + (folder_ / "here").string() +
                       "; COMP_WORDS=(haagent";
    for (auto const& each : words) line += " '" + each + "'";
    line += ") COMP_CWORD=" + std::to_string(words.size()) +
            "; _haagent; printf '%s\\n' \"${COMPREPLY[@]}\"";
    return lines_of(ran({"bash", "-c", line}));
  }
  std::vector<std::string> in_fish(std::string const& line) {
    return lines_of(ran({"fish", "--no-config", "-c",
                         "source " + script("fish") + "; cd " + (folder_ / "here").string() +
                             "; complete -C '" + line + "'"}));
  }

  test::TemporaryDirectory folder_;
};

TEST_F(Completion, BashKnowsCommandsOptionsAndWhatTheyTake) {
  EXPECT_THAT(in_bash({"et"}), ElementsAre("etcd"));
  EXPECT_THAT(in_bash({"etcd", "re"}), UnorderedElementsAre("restore", "recover", "replace"));
  EXPECT_THAT(in_bash({"etcd", "restore", "--lose"}), ElementsAre("--lose-newer-writes"));
  EXPECT_THAT(in_bash({"etcd", "members", "--cluster", ""}), ElementsAre("main", "events"));
  EXPECT_THAT(in_bash({"status", "-o", "y"}), ElementsAre("yaml"));
  EXPECT_THAT(in_bash({"pki", "rotate", "--authority", "etcd"}), ElementsAre("etcd", "etcd-peer"));
  EXPECT_THAT(in_bash({"completion", ""}), IsSupersetOf({"bash", "zsh", "fish"}));
  EXPECT_THAT(in_bash({"run", "--config", "o"}), ElementsAre("one.yaml"));
  EXPECT_THAT(in_bash({"config", "check", ""}), ElementsAre("one.yaml", "two.yaml"));
  EXPECT_THAT(in_bash({"config", "check", "--o"}), ElementsAre("--output"));
  EXPECT_THAT(in_bash({"--root", "/et"}), ElementsAre("/etc"));
  // A value is no command.
  EXPECT_THAT(in_bash({"--root", "etcd", ""}), IsSupersetOf({"etcd", "status"}));
  EXPECT_THAT(in_bash({"bootstrap", "--timeout", ""}), testing::IsEmpty());
}

TEST_F(Completion, FishKnowsCommandsOptionsAndWhatTheyTake) {
  if (!has("fish")) GTEST_SKIP() << "needs fish";
  EXPECT_THAT(in_fish("haagent et"), ElementsAre("etcd"));
  EXPECT_THAT(in_fish("haagent etcd re"), UnorderedElementsAre("restore", "recover", "replace"));
  EXPECT_THAT(in_fish("haagent etcd members --cluster "), UnorderedElementsAre("main", "events"));
  EXPECT_THAT(in_fish("haagent status -o y"), ElementsAre("yaml"));
  EXPECT_THAT(in_fish("haagent --root etcd st"), ElementsAre("status"));
  EXPECT_THAT(in_fish("haagent run --config o"), Contains("one.yaml"));
  EXPECT_THAT(in_fish("haagent status --"), AllOf(Contains("--watch"), Not(Contains("--timeout"))));
}

TEST_F(Completion, ZshReadsItsOwn) {
  if (!has("zsh")) GTEST_SKIP() << "needs zsh";
  ran({"zsh", "-n", script("zsh")});
  // As a shell that has no terminal can show it: _describe and compadd replaced by what they say.
  auto const asked = ran({"zsh", "-f", "-c",
                          "compdef() { }; _describe() { local -a all; all=(${(P)argv[-1]}); "
                          "print -l -- ${all%%:*} }; compadd() { shift; print -l -- $@ }; "
                          "_message() { }; source " +
                              script("zsh") +
                              "; words=(haagent etcd re) CURRENT=3 PREFIX=re; _haagent; "
                              "words=(haagent etcd members -c '') CURRENT=5 PREFIX=; _haagent"});
  EXPECT_THAT(lines_of(asked), IsSupersetOf({"members", "restore", "recover", "main", "events"}));
}

}  // namespace
}  // namespace haagent
