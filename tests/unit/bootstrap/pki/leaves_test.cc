#include "bootstrap/pki/leaves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap::pki {
namespace {

using ::testing::Contains;

Result<std::vector<Leaf>> leaves_with(std::string endpoint) {
  NodeConfig config;
  config.role = Role::master;
  config.cluster.endpoint = std::move(endpoint);
  Identity identity;
  identity.hostname = "master-a";
  identity.address = "10.0.0.11";
  return leaves_of({.config = config, .identity = identity, .members = {"a"}});
}

Leaf apiserver_of(std::vector<Leaf> const& leaves) {
  auto const found = std::ranges::find(leaves, "apiserver", &Leaf::name);
  return found == leaves.end() ? Leaf{} : *found;
}

TEST(Leaves, TheApiserverIsCertifiedForTheHostOfTheEndpoint) {
  for (auto const& [endpoint, host] : {std::pair("https://prod-api.test", "prod-api.test"),
                                       {"https://prod-api.test:6443", "prod-api.test"},
                                       {"https://prod-api.test?x=1", "prod-api.test"}}) {
    auto const leaves = leaves_with(endpoint);
    ASSERT_TRUE(leaves) << endpoint << ": " << leaves.error().message.text;
    EXPECT_THAT(apiserver_of(*leaves).spec.dns_names, Contains(host)) << endpoint;
  }
  for (auto const& [endpoint, host] : {std::pair("https://10.0.0.7:443", "10.0.0.7"),
                                       {"https://[fd00::7]:6443", "fd00::7"},
                                       {"https://[fd00:0:0::7]", "fd00::7"}}) {
    auto const leaves = leaves_with(endpoint);
    ASSERT_TRUE(leaves) << endpoint << ": " << leaves.error().message.text;
    EXPECT_THAT(apiserver_of(*leaves).spec.addresses, Contains(host)) << endpoint;
  }
}

TEST(Leaves, AnEndpointThatIsNoUrlIsRefusedAndNotCertified) {
  for (auto const* endpoint : {"https://me:hush@prod-api", "prod-api:443", "https://[fd00::7"}) {
    auto const leaves = leaves_with(endpoint);
    ASSERT_FALSE(leaves) << endpoint;
    EXPECT_EQ(leaves.error().kind, Kind::invalid);
    EXPECT_FALSE(leaves.error().message.text.contains("hush"));
  }
}

}  // namespace
}  // namespace haagent::bootstrap::pki
