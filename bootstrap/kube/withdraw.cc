#include "bootstrap/kube/withdraw.h"

#include <filesystem>

#include "bootstrap/kube/paths.h"
#include "bootstrap/kube/render.h"

namespace haagent::bootstrap::kube {

using namespace std::chrono_literals;

Result<std::vector<std::string>> Withdraw::present(Facts& facts) {
  auto identity = facts.identity.require("identity");
  if (!identity) return std::unexpected(identity.error());
  auto files = render(config_, *identity);
  if (!files) return std::unexpected(files.error());
  std::vector<std::string> there;
  for (auto const& file : *files) {
    if (file.stage != RenderedFile::Stage::after_etcd || !file.path.starts_with(kManifests))
      continue;
    auto bytes = read_file(root_(file.path));
    if (!bytes) return std::unexpected(bytes.error());
    if (*bytes) there.push_back(file.path);
  }
  return there;
}

Result<Finding> Withdraw::look(Facts& facts, std::stop_token stop) {
  auto there = present(facts);
  if (!there) return std::unexpected(there.error());
  if (!there->empty()) return Needed{fmt::format("take {} away", fmt::join(*there, ", "))};
  if (!since_) since_ = clock_.steady();
  // Any answer, a TLS alert too, comes from an apiserver; only a refused connection says that there
  // is none.
  auto const answer =
      http_.send({.url = "http://127.0.0.1:6443/livez", .connect_timeout = 500ms, .timeout = 1s},
                 std::move(stop));
  if (!answer && answer.error().code == std::errc::connection_refused)
    return Done{"the apiserver has ended"};
  if (clock_.steady() - *since_ >= patience_)
    return Done{fmt::format("the apiserver has not ended within {}; going on without",
                            to_words(patience_))};
  return Waiting{"the kubelet ends the apiserver"};
}

Result<void> Withdraw::act(Facts& facts, std::stop_token) {
  auto there = present(facts);
  if (!there) return std::unexpected(there.error());
  for (auto const& path : *there) {
    std::error_code error;
    std::filesystem::remove(root_(path), error);
    if (error) return fail_errno(error.value(), "taking away " + path);
  }
  return {};
}

}  // namespace haagent::bootstrap::kube
