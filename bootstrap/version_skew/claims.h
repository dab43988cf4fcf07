// Which version each master's apiserver runs, in etcd main. A master claims its own before it
// starts its apiserver, by one transaction that fails where another claim has changed meanwhile.
//
//   /haagent.io/apiservers/<member>   {"schema": 1, "version": "1.36.3"}
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/kube_versions.h"
#include "bootstrap/etcd/client/client.h"

namespace haagent::bootstrap::version_skew {

inline constexpr std::string_view kClaims = "/haagent.io/apiservers/";

struct StoredClaim {
  std::string member;
  std::optional<KubeVersion> version;  // nothing: it cannot be read
  std::uint64_t revision = 0;
  std::string unreadable = {};  // why
};

std::string claim_text(KubeVersion const& version);
Result<KubeVersion> read_claim(std::string_view text);

class Claims {
 public:
  explicit Claims(EtcdClient& etcd) : etcd_(etcd) {}
  Result<std::vector<StoredClaim>> all(std::stop_token stop);
  // `seen`: all, as the decision was made by. False where one has changed since: read again.
  Result<bool> write(std::vector<StoredClaim> const& seen, std::string const& member,
                     KubeVersion const& version, std::stop_token stop);
  // As it was seen, and not as it may have become.
  Result<bool> remove(StoredClaim const& seen, std::stop_token stop);

 private:
  EtcdClient& etcd_;
};

// Of those that can be read; nothing where none can.
std::optional<KubeVersion> lowest(std::vector<StoredClaim> const& claims);

}  // namespace haagent::bootstrap::version_skew
