#include "bootstrap/addons/choice.h"

#include <gtest/gtest.h>

#include "agent/base/yaml.h"

namespace haagent::bootstrap::addons {
namespace {

NodeConfig config_of(std::vector<std::pair<std::string, std::string>> addons,
                     std::string network = "none") {
  NodeConfig config;
  config.addons = std::move(addons);
  config.cluster.pod_network = std::move(network);
  return config;
}

TEST(AddonChoice, IsTheConfigurationsAndElseTheStoresAndElseThePackages) {
  Offers const all{.packaged = {"coredns", "ccm"},
                   .networks = {"bridge"},
                   .store = std::set<std::string>{"coredns", "cilium"}};
  Offers const silent{.packaged = {"coredns"}, .networks = {"bridge"}, .store = std::nullopt};
  struct Case {
    std::string what;
    NodeConfig config;
    Offers offers;
    std::string name;
    Origin origin;
    std::optional<Reason> trouble = {};
  };
  for (auto const& each : std::vector<Case>{
           {"packaged by itself", config_of({}), all, "ccm", Origin::packaged},
           {"the store replaces the package", config_of({}), all, "coredns", Origin::store},
           {"the store by itself", config_of({}), all, "cilium", Origin::store},
           {"off", config_of({{"ccm", "off"}}), all, "ccm", Origin::off},
           {"off though uploaded", config_of({{"coredns", "off"}}), all, "coredns", Origin::off},
           {"the package's though uploaded", config_of({{"coredns", "packaged"}}), all, "coredns",
            Origin::packaged},
           {"the store's alone", config_of({{"ccm", "store"}}), all, "ccm", Origin::gone,
            Reason::AddonMissing},
           {"nobody has it", config_of({{"x", "packaged"}}), all, "x", Origin::gone,
            Reason::AddonMissing},
           {"a network that is not chosen", config_of({}), all, "bridge", Origin::off},
           {"a packaged network", config_of({}, "bridge"), all, "bridge", Origin::packaged},
           {"a network of the store", config_of({}, "cilium"), all, "cilium", Origin::store},
           {"a network that nobody has", config_of({}, "x"), all, "x", Origin::gone,
            Reason::AddonMissing},
           {"another network is chosen", config_of({}, "cilium"), all, "bridge", Origin::off},
           {"a network that is off", config_of({{"bridge", "off"}}, "bridge"), all, "bridge",
            Origin::off},
           {"a silent store", config_of({}), silent, "coredns", Origin::gone,
            Reason::AddonUnreadable},
           {"a silent store that is not asked", config_of({{"coredns", "packaged"}}), silent,
            "coredns", Origin::packaged},
           {"a silent store of what is off", config_of({{"coredns", "off"}}), silent, "coredns",
            Origin::off},
       }) {
    auto const choices = choose(each.config, each.offers);
    ASSERT_TRUE(choices.contains(each.name)) << each.what;
    auto const& choice = choices.at(each.name);
    EXPECT_EQ(choice.trouble.has_value(), each.trouble.has_value()) << each.what;
    if (each.trouble && choice.trouble) {
      EXPECT_EQ(choice.trouble->reason, *each.trouble) << each.what;
    }
    if (!each.trouble) {
      EXPECT_EQ(choice.origin, each.origin) << each.what;
    }
  }
}

TEST(AddonChoice, TakesTheFileOfTheMinor) {
  struct Case {
    std::vector<std::string> files;
    int minor;
    std::string file;  // empty: none
  };
  for (auto const& [files, minor, file] : std::vector<Case>{
           {{"1.35.yaml", "1.36.yaml"}, 36, "1.36.yaml"},
           {{"1.31-1.34.yaml", "1.35-.yaml"}, 34, "1.31-1.34.yaml"},
           {{"1.31-1.34.yaml", "1.35-.yaml"}, 35, "1.35-.yaml"},
           {{"1.31-1.34.yaml", "1.35-.yaml"}, 40, "1.35-.yaml"},
           {{"1.31-1.34.yaml"}, 35, ""},
           {{"README.md", "1.36.yml", "1.36.json", "x-1.36.yaml", "1.36-x.yaml", "2.36.yaml",
             "1.-36.yaml", ".yaml"},
            36,
            ""},
           {{}, 36, ""},
       }) {
    auto const found = file_for(files, minor);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->value_or(""), file) << minor;
  }
  auto const two = file_for({"1.35-.yaml", "1.36.yaml"}, 36);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().message.reason, Reason::AddonInvalid);
}

TEST(AddonChoice, NamesAreSmall) {
  for (auto const* name : {"a", "coredns", "aws-ccm", "1"})
    EXPECT_TRUE(is_addon_name(name)) << name;
  for (auto const* name : {"", "-a", "a-", "A", "a.b", "a/b", "a b", "core", "network"})
    EXPECT_FALSE(is_addon_name(name)) << name;
  EXPECT_FALSE(is_addon_name(std::string(51, 'a')));
}

Tree images(std::string const& text) {
  return yaml::parse(text).value();
}

TEST(AddonImages, TheOneOfTheNewestMinorThatIsNotNewerCounts) {
  auto const all = images("\"1.36\": dns:3\n\"1.31\": dns:1\n\"1.34\": dns:2\n");
  EXPECT_EQ(image_for(all, 31), "dns:1");
  EXPECT_EQ(image_for(all, 33), "dns:1");
  EXPECT_EQ(image_for(all, 34), "dns:2");
  EXPECT_EQ(image_for(all, 36), "dns:3");
  EXPECT_EQ(image_for(all, 37), "dns:3");
  EXPECT_EQ(image_for(all, 30).error().message.reason, Reason::AddonMissing);
}

TEST(AddonImages, ALineThatIsNoneIsRefused) {
  for (auto const* text :
       {"\"1.31\": [dns]", "\"1.31\":", "newest: dns", "1.31.2: dns", "\"1.31\": \"\""})
    EXPECT_EQ(image_for(images(text), 36).error().message.reason, Reason::AddonInvalid) << text;
  EXPECT_EQ(image_for(Tree::map(), 36).error().message.reason, Reason::AddonMissing);
}

}  // namespace
}  // namespace haagent::bootstrap::addons
