// What packaging/examples and packaging/cloud-init show is what haagent reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "agent/config/load.h"
#include "agent/config/user_data.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

namespace fs = std::filesystem;

std::string example(std::string const& name) {
  return test::bytes_of(test::source_dir() / "packaging" / name);
}

Role role_of(std::string const& document) {
  auto loaded = read_config({{{"the example", document}}, {}, {}});
  EXPECT_TRUE(loaded.ok()) << loaded.page() << document;
  return loaded.config.role;
}

// The lines after the one that ends so, as far as they are indented like the first of them.
std::string block_after(std::string const& text, std::string const& end_of_line) {
  std::istringstream lines(text);
  std::string block, line;
  while (std::getline(lines, line) && !line.ends_with(end_of_line)) continue;
  std::size_t indent = 0;
  while (std::getline(lines, line)) {
    auto const here = line.find_first_not_of(' ');
    if (indent == 0) indent = here;
    if (here == line.npos || here < indent || line.substr(here) == "TEXT") break;
    block += line.substr(indent) + '\n';
  }
  return block;
}

struct Example {
  char const* file;
  Role role;
};

class UserDataExample : public testing::TestWithParam<Example> {};
TEST_P(UserDataExample, HoldsOneNodeConfigBesideACloudConfig) {
  auto const read = read_user_data(example(GetParam().file));
  EXPECT_TRUE(read.problems.empty()) << read.problems[0].message;
  ASSERT_EQ(read.documents.size(), 1u);
  EXPECT_EQ(role_of(read.documents[0].text), GetParam().role);
}
INSTANTIATE_TEST_SUITE_P(Message, UserDataExample,
                         testing::Values(Example{"examples/master.user-data", Role::master},
                                         Example{"examples/worker.user-data", Role::worker},
                                         Example{"examples/master.yaml", Role::master},
                                         Example{"examples/worker.yaml", Role::worker}));

// To haagent, user-data that is a cloud-config says nothing; what the cloud-config writes does.
TEST(CloudConfigExample, WritesANodeConfigWhereHaagentLooks) {
  for (auto const& [file, mark, role] :
       {std::tuple("cloud-init/master.cloud-config", "content: |", Role::master),
        std::tuple("cloud-init/worker.cloud-config", "<<'TEXT'", Role::worker)}) {
    SCOPED_TRACE(file);
    auto const text = example(file);
    auto const read = read_user_data(text);
    EXPECT_TRUE(read.problems.empty()) << read.problems[0].message;
    EXPECT_TRUE(read.documents.empty());
    EXPECT_EQ(role_of(block_after(text, mark)), role);
    EXPECT_THAT(text, testing::HasSubstr("/etc/haagent/conf.d/50-cloud-init.yaml"));
    // Whoever waits for the unit from within cloud-final would wait for what may never come.
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("systemctl")));
  }
}

}  // namespace
}  // namespace haagent
