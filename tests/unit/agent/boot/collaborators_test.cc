#include "agent/boot/collaborators.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

TEST(Collaborators, TheStateStoreIsTheOneThatTheConfigNames) {
  test::TemporaryDirectory root;
  Collaborators machine(Root(root.path()), {});
  Identity identity;
  identity.region = "eu-west-1";
  identity.domain = "amazonaws.com";
  NodeConfig config;
  config.cluster.state = "s3://prod-haagent/prod.example.com/";
  EXPECT_EQ(make_state_store(machine, config, identity)->where(),
            "s3://prod-haagent/prod.example.com");
  config.cluster.state = "s3://prod-haagent";
  EXPECT_EQ(make_state_store(machine, config, identity)->where(), "s3://prod-haagent");

  config.cluster.state = "file:///srv/state/";
  std::filesystem::create_directories(root / "srv/state");
  auto const folder = make_state_store(machine, config, identity);
  EXPECT_TRUE(folder->create("k", "x", {}).value());
  EXPECT_EQ(test::bytes_of(root / "srv/state/k"), "x");
}

}  // namespace
}  // namespace haagent
