#include "bootstrap/join/exchange/binding.h"

#include <initializer_list>

#include "agent/base/sha256.h"

namespace haagent::bootstrap::join {
namespace {

std::string hash_of(std::initializer_list<std::string_view> parts) {
  Sha256 hash;
  for (auto part : parts) {
    hash.add(fmt::format("{}:", part.size()));
    hash.add(part);
  }
  return to_hex(hash.digest());
}

}  // namespace

aws::SignedHeader master_header(std::string_view cluster, std::string_view nonce,
                                std::string_view server_key) {
  return {.name = "x-haagent-master",
          .value = hash_of({"haagent master 1", cluster, nonce, server_key})};
}

aws::SignedHeader worker_header(Ask const& ask) {
  return {.name = "x-haagent-join",
          .value = hash_of({"haagent join 1", ask.cluster, ask.nonce, ask.server_key, ask.document,
                            ask.requests.kubelet, ask.requests.kubelet_serving,
                            ask.requests.kube_proxy})};
}

std::string token_audience(std::string_view cluster) {
  return fmt::format("haagent:{}", cluster);
}

}  // namespace haagent::bootstrap::join
