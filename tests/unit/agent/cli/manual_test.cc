#include "agent/cli/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "agent/base/process.h"
#include "agent/base/program.h"
#include "agent/config/keys.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// As man shows it; its complaints are failures.
std::string shown(std::string const& page) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "page.1", page);
  auto done =
      SystemProcess().run({.argv = {"man", "--warnings", "-l", (folder / "page.1").string()},
                           .environment = {"MANWIDTH=100", "LC_ALL=C.UTF-8"}},
                          {});
  EXPECT_TRUE(done) << done.error().message.text;
  if (!done) return "";
  EXPECT_EQ(done->err, "");
  // Lines break where they must.
  return std::regex_replace(done->out, std::regex("\\s+"), " ");
}

class Manual : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("man", clean_environment({}))) GTEST_SKIP() << "needs man-db";
  }
};

void expect_each_command(std::string const& before, Command const& command,
                         std::string const& page) {
  for (auto const& each : command.commands) {
    auto const name = before + ' ' + each.name;
    if (each.commands.empty()) {
      EXPECT_THAT(page, HasSubstr(name));
    }
    for (auto const& option : each.options)
      for (auto const& flag : option.names) EXPECT_THAT(page, HasSubstr(flag)) << name;
    expect_each_command(name, each, page);
  }
}

TEST_F(Manual, OfCommandsHasEachOfThemAndEachOption) {
  auto const page = shown(manual_of_commands(command_table()));
  expect_each_command("haagent", command_table(), page);
  EXPECT_THAT(page, AllOf(HasSubstr("NAME"), HasSubstr("EXIT STATUS"), HasSubstr("77"),
                          HasSubstr("/run/haagent/status.json"), HasSubstr("haagent.yaml(5)")));
}

TEST_F(Manual, OfTheConfigurationHasEachKey) {
  auto const page = shown(manual_of_config(config_keys()));
  for (auto const& key : config_keys()) EXPECT_THAT(page, HasSubstr(key.path));
  EXPECT_THAT(page,
              AllOf(HasSubstr("by default 10.96.0.0/16"), HasSubstr("One of master, worker")));
}

TEST(CommandTable, SaysWhatAnOptionIs) {
  auto const table = command_table();
  auto const find = [](auto const& list, std::string const& name) {
    return *std::ranges::find(list, name, &Command::name);
  };
  auto const restore = find(find(table.commands, "etcd").commands, "restore");
  auto const option = [&](std::string const& name) {
    return *std::ranges::find_if(restore.options, [&](auto const& each) {
      return std::ranges::find(each.names, name) != each.names.end();
    });
  };
  EXPECT_EQ(option("--cluster").names, (std::vector<std::string>{"-c", "--cluster"}));
  EXPECT_EQ(option("--cluster").value, "CLUSTER");
  EXPECT_EQ(option("--cluster").by_default, "main");
  EXPECT_EQ(option("--cancel").value, "");
  EXPECT_TRUE(option("--config").repeated);
  EXPECT_FALSE(option("--cluster").repeated);
  EXPECT_TRUE(std::ranges::any_of(restore.options, [](auto const& each) {
    return each.names.empty() && each.value == "NAME" && !each.required;
  }));
}

}  // namespace
}  // namespace haagent
