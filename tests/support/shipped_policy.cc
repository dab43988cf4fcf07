#include "tests/support/shipped_policy.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "agent/base/files.h"
#include "tests/support/source_dir.h"

namespace haagent::test {

namespace {

// As the simulated region names them.
constexpr char kMasterRole[] = "arn:aws:iam::123456789012:role/haagent-master";
constexpr char kAdministrator[] = "arn:aws:iam::123456789012:user/operator";

}  // namespace

std::string shipped_policy(std::string const& of, std::string const& cluster,
                           std::string const& bucket) {
  auto const file = test::source_dir() / "packaging/aws/terraform/policies" / (of + ".json");
  auto const bytes = read_file(file);
  if (!bytes || !*bytes) throw std::runtime_error("there is no policy " + file.string());
  auto text = **bytes;
  std::pair<std::string, std::string> const values[] = {
      {"${partition}", "aws"},
      {"${region}", "eu-west-1"},
      {"${account}", "123456789012"},
      {"${cluster}", cluster},
      {"${bucket_arn}", "arn:aws:s3:::" + bucket},
      {"${readers}", fmt::format(R"(["{}", "{}"])", kMasterRole, kAdministrator)},
      {"${administrators}", fmt::format(R"(["{}"])", kAdministrator)}};
  for (auto const& [name, value] : values) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at))
      text.replace(at, name.size(), value);
  }
  return text;
}

}  // namespace haagent::test
