#include "agent/commands/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/kube_versions.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::StartsWith;

class Images : public testing::Test {
 protected:
  Images() {
    auto const place = root_("/usr/share/haagent/addons");
    std::filesystem::create_directories(place.parent_path());
    std::filesystem::copy(test::source_dir() / "packaging/addons", place,
                          std::filesystem::copy_options::recursive);
  }
  std::vector<std::string> of(std::string const& version) {
    config_.kubernetes.version = version;
    auto images = images_of(config_, root_);
    EXPECT_TRUE(images) << images.error().message.sentence();
    return images.value_or(std::vector<std::string>());
  }
  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  NodeConfig config_;
};

TEST_F(Images, AreThoseOfTheComponentsAndOfThePackagedAddons) {
  EXPECT_THAT(
      of("1.37.2"),
      ElementsAre("registry.k8s.io/coredns/coredns:v1.14.6",
                  "registry.k8s.io/kube-apiserver:v1.37.2",
                  "registry.k8s.io/kube-controller-manager:v1.37.2",
                  "registry.k8s.io/kube-proxy:v1.37.2", "registry.k8s.io/kube-scheduler:v1.37.2",
                  "registry.k8s.io/provider-aws/cloud-controller-manager:v1.37.1"));
}

TEST_F(Images, AreThereForEveryMinor) {
  for (int minor = kOldestKubeMinor; minor <= kNewestKubeMinor; ++minor)
    EXPECT_EQ(of(fmt::format("1.{}.0", minor)).size(), 6u) << minor;
}

TEST_F(Images, GoByTheConfiguration) {
  config_.kubernetes.image_registry = "mirror.test/k8s";
  config_.addons = {{"coredns", "off"}, {"aws-cloud-controller-manager", "store"}};
  config_.apiserver.image = "own.test/apiserver:v1";
  auto const images = of("1.36.3");
  EXPECT_EQ(images.size(), 4u);
  EXPECT_THAT(images, Contains("own.test/apiserver:v1"));
  EXPECT_THAT(images, Contains("mirror.test/k8s/kube-proxy:v1.36.3"));
  EXPECT_THAT(images, Not(Contains(StartsWith("registry.k8s.io"))));
}

TEST_F(Images, OfAVersionThatIsNoneThereAreNone) {
  config_.kubernetes.version = "1.20.0";
  EXPECT_FALSE(images_of(config_, root_));
  config_.kubernetes.version = "";
  EXPECT_FALSE(images_of(config_, root_));
}

}  // namespace
}  // namespace haagent
