// The documents in the state store, read and written by any number of masters at once. Whichever
// master is first makes an authority; everybody, the maker too, uses only what they have read back.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/files.h"
#include "agent/base/state_store.h"
#include "bootstrap/pki/bundle.h"

namespace haagent::bootstrap::pki {

// Each is a document "pki/<name>.json".
struct Authority {
  std::string_view name;
  std::string_view common_name;
};
inline constexpr Authority kEtcdAuthority{"etcd", "etcd-ca"};
// Apart from the one above: anyone who holds a client's certificate, as the apiserver does, must
// not be able to join as a member. etcd's own list of names for peers cannot be set in its
// configuration file before 3.6.
inline constexpr Authority kEtcdPeerAuthority{"etcd-peer", "etcd-peer-ca"};
inline constexpr Authority kAgentAuthority{"agent", "haagent-ca"};
inline constexpr Authority kKubernetesAuthority{"kubernetes", "kubernetes"};
inline constexpr Authority kFrontProxyAuthority{"front-proxy", "front-proxy-ca"};

std::string document_key(std::string_view name);  // "pki/etcd.json"

struct StoredBundle {
  Bundle bundle;
  std::string version;  // for replace()
};

// What stands in the store; nothing where there is no such authority yet.
Result<std::optional<StoredBundle>> read_authority(StateStore& store, std::string_view name,
                                                   std::stop_token stop);

// Makes it unless somebody has, and reads what stands then. `may` is asked before one is made; its
// error is the call's. Errors also: transient where it was taken away meanwhile.
struct Making {
  std::string organization;
  Duration lifetime;
};
using MayMake = std::function<Result<void>()>;
Result<StoredBundle> read_or_make_authority(StateStore& store, Authority const& authority,
                                            Making const& making, UtcTime now, std::stop_token stop,
                                            MayMake const& may = {});

// Writes a new authority beside the one that signs, which is how a rotation begins; the masters do
// the rest (rotation.h). Errors: refused where one is under way, where there is no such authority,
// or where the old one has ended, so that nobody could go over from it to the new one. An answer of
// the store that is lost is asked for again, so that one call begins one rotation.
Result<Bundle> begin_rotation(StateStore& store, Authority const& authority, Making const& making,
                              UtcTime now, std::stop_token stop);

// Refused where the store lacks a document and this master has a file of it: a cluster that runs
// has its authorities, and new ones would part this master from the rest.
Result<void> may_make_anew(Root const& root, StateStore const& store, std::string_view name,
                           char const* path);

// The key that signs service accounts' tokens, the same on all masters: "pki/service-account.json".
inline constexpr std::string_view kServiceAccount = "service-account";
Result<std::optional<Secret>> read_service_account_key(StateStore& store, std::stop_token stop);
Result<Secret> read_or_make_service_account_key(StateStore& store, std::stop_token stop,
                                                MayMake const& may = {});

}  // namespace haagent::bootstrap::pki
