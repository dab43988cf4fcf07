#include "bootstrap/pki/apiserver_watch.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
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

struct WrittenFile {
  std::string which;  // another text once it was replaced or written again
  UtcTime written;
};
Result<WrittenFile> written_file(std::filesystem::path const& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return fail_errno(errno, fmt::format("looking at {}", path.string()));
  return WrittenFile{
      fmt::format("{} {}.{}", status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec),
      UtcTime(std::chrono::duration_cast<UtcTime::duration>(
          std::chrono::seconds(status.st_mtim.tv_sec) +
          std::chrono::nanoseconds(status.st_mtim.tv_nsec)))};
}

}  // namespace

// Whether it has been so for a while.
bool ApiserverWatch::settled(std::string_view authority, std::string const& text,
                             Duration patience) {
  auto const now = clock_.steady();
  auto& seen = loaded_since_[authority];
  if (seen.text != text) seen = {text, now};
  return now - seen.since >= patience;
}

Result<std::string> ApiserverWatch::lacks(std::string_view authority, Bundle const& bundle,
                                          std::string const& me, std::string const& instance) {
  bool const of_etcd = authority == kEtcdAuthority.name;
  if (!of_etcd && authority != kFrontProxyAuthority.name) return "";
  auto const path = root_(kube::manifest_path(kube::Component::apiserver));
  auto manifest = TRY(read_file(path));
  if (!manifest) return "";
  // It trusts what it found at its start; its own certificates it reads again by itself.
  if (of_etcd && !manifest->contains(kube::etcd_trust_hash(trust_of(bundle)))) {
    loaded_since_.erase(authority);
    return "the manifest of kube-apiserver is to be written anew";
  }
  // What was reported has settled, though this agent may be younger than that. An apiserver that
  // was restarted since has read it again.
  auto const claim = bundle.loaded.find(me);
  if (claim != bundle.loaded.end() && claim->second == loaded_text(bundle)) return "";
  if (!of_etcd)
    return settled(authority, loaded_text(bundle), kApiserverReloads)
               ? ""
               : fmt::format("kube-apiserver is given {} to read it", to_words(kApiserverReloads));
  auto const seen = TRY(look_at(path));
  auto lacks = lacks_of(seen.process, seen.now, instance);
  if (seen.process.started) {
    loaded_since_.erase(authority);
    return lacks;
  }
  return settled(authority, trust_of(bundle), kApiserverComesBack) ? "" : lacks;
}

// When the manifest was written, and the oldest process of this node's apiserver.
//
// A file's time is the wall clock's of then, and a process's start is told in time since boot. A
// clock that is set in between would make an old process younger than the manifest. So both are
// compared by their ages: the manifest's from when it was first seen, by the steady clock.
Result<ApiserverWatch::Seen> ApiserverWatch::look_at(std::filesystem::path const& path) {
  auto const file = TRY(written_file(path));
  auto const steady = clock_.steady();
  auto const utc = clock_.utc();
  if (manifest_.file != file.which)
    manifest_ = {
        .file = file.which,
        .written = file.written,
        .age = std::max(Duration(0), std::chrono::duration_cast<Duration>(utc - file.written)),
        .seen = steady};
  auto const now = manifest_.written + manifest_.age +
                   std::chrono::duration_cast<UtcTime::duration>(steady - manifest_.seen);
  auto const running = TRY(kube::own_apiservers(root_, now));
  Seen seen{.process = {.manifest = manifest_.written, .started = {}}, .now = now};
  for (auto const& each : running)
    if (!seen.process.started || each.started < *seen.process.started)
      seen.process.started = each.started;
  return seen;
}

}  // namespace haagent::bootstrap::pki
