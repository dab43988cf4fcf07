#include "bootstrap/pki/apiserver_watch.h"

#include <fmt/format.h>

#include <utility>

#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/apiserver_process.h"
#include "bootstrap/layout/trust.h"
#include "bootstrap/pki/authority.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;

// Where none runs, the kubelet is about to start it, or it never will.
constexpr Duration kApiserverComesBack = 45s;
// It looks at the files that it reads again by itself once a minute.
constexpr Duration kApiserverReloads = 90s;

}  // namespace

// Whether it has been so for a while.
bool ApiserverWatch::settled(std::string_view authority, std::string const& text,
                             Duration patience) {
  auto const now = clock_.steady();
  auto& seen = loaded_since_[authority];
  if (seen.text != text) seen = {text, now};
  return now - seen.since >= patience;
}

Result<std::optional<Message>> ApiserverWatch::lacks(std::string_view authority,
                                                     Bundle const& bundle, std::string const& me,
                                                     std::string const& instance) {
  bool const of_etcd = authority == kEtcdAuthority.name;
  if (!of_etcd && authority != kFrontProxyAuthority.name) return std::nullopt;
  auto const path = root_(kube::manifest_path(kube::Component::apiserver));
  auto manifest = TRY(read_file(path));
  if (!manifest) return std::nullopt;
  // It trusts what it found at its start; its own certificates it reads again by itself.
  if (of_etcd && !manifest->contains(kube::etcd_trust_hash(trust_of(bundle)))) {
    loaded_since_.erase(authority);
    return Message(Reason::ApiserverManifestOld,
                   "the manifest of kube-apiserver is to be written again");
  }
  // What was reported has settled, though this agent may be younger than that. An apiserver that
  // was restarted since has read it again.
  auto const claim = bundle.loaded.find(me);
  if (claim != bundle.loaded.end() && claim->second == loaded_text(bundle)) return std::nullopt;
  if (!of_etcd) {
    if (settled(authority, loaded_text(bundle), kApiserverReloads)) return std::nullopt;
    return Message(Reason::ApiserverStarting, fmt::format("kube-apiserver is given {} to read it",
                                                          to_words(kApiserverReloads)))
        .about(std::string(authority));
  }
  auto const seen = TRY(look_at(path));
  auto lacks = lacks_of(seen.process, seen.now, instance);
  if (seen.process.started) {
    loaded_since_.erase(authority);
    return lacks;
  }
  if (settled(authority, trust_of(bundle), kApiserverComesBack)) return std::nullopt;
  return lacks;
}

// When the manifest was written, and the oldest process of this node's apiserver.
// The two are compared by their ages (file_age.h).
Result<ApiserverWatch::Seen> ApiserverWatch::look_at(std::filesystem::path const& path) {
  auto const file = TRY(file_stamp(path));
  manifest_.see(file.which, file.written, clock_);
  auto const now = manifest_.written() + manifest_.age(clock_);
  auto const running = TRY(kube::own_apiservers(root_, now));
  Seen seen{.process = {.manifest = manifest_.written(), .started = {}}, .now = now};
  for (auto const& each : running)
    if (!seen.process.started || each.started < *seen.process.started)
      seen.process.started = each.started;
  return seen;
}

}  // namespace haagent::bootstrap::pki
