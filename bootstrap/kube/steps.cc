#include "bootstrap/kube/steps.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "bootstrap/kube/cautions.h"
#include "bootstrap/kube/cgroups.h"
#include "bootstrap/kube/host_files.h"
#include "bootstrap/kube/kernel_defaults.h"
#include "bootstrap/kube/static_pod.h"
#include "bootstrap/layout/content_hash.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/layout/trust.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr Duration kTrustIsLookedAt{1'000};

std::string join(std::vector<std::string> const& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

// Folders that only root may read, as the programs that own them make them; the rest 0755.
mode_t folder_mode(std::filesystem::path const& folder) {
  if (folder == kManifests) return 0700;
  if (folder == std::filesystem::path(kKubeletConfig).parent_path()) return 0750;
  return 0755;
}

Result<void> make_folder_of(Root const& root, std::filesystem::path const& path) {
  auto folder = path.parent_path();
  // The last one gets its own mode, those above it 0755.
  TRY(make_directories(root(folder.parent_path())));
  return make_directories(root(folder), folder_mode(folder));
}

}  // namespace

Result<WriteFiles::Plan> WriteFiles::plan(Facts& facts) {
  auto identity = TRY(facts.identity.require("identity"));
  auto trust = TRY(loaded_trust(root_, EtcdCluster::main));
  auto host_files = TRY(look_at_host_files(root_, config_));
  std::error_code ignored;
  auto const files = TRY(files_.render(
      identity, {.etcd_trust = trust.clients,
                 .encryption_keys = std::filesystem::exists(root_(kEncryptionConfig), ignored),
                 .host = {.resolv_conf = resolv_conf_for_pods(root_),
                          .named_inside = std::move(host_files.named_inside)}}));
  TRY(check_host_files(host_files.missing));

  Plan plan;
  std::set<std::string> wanted;
  for (auto const& file : *files) {
    wanted.insert(file.path);
    if (file.stage != stage_) continue;
    ++plan.total;
    auto same = TRY(file_matches(root_(file.path), file.bytes, {file.mode, {}, {}}));
    if (!same) plan.write.push_back(file);
  }
  // One of the two sees to the machine, for both stages: the other has no row in a worker's boot.
  if (stage_ != RenderedFile::Stage::any_time) return plan;
  auto version = TRY(parse_kube_version(config_.kubernetes.version));
  TRY(check_cgroups(root_, version, config_.kubelet.config));
  TRY(check_kernel_defaults(root_, config_.kubelet.config));
  std::lock_guard lock(files_.record());
  auto record = TRY(read_record(root_));
  for (auto const& [path, hash] : record) {
    if (wanted.contains(path)) continue;
    auto bytes = TRY(read_file(root_(path)));
    if (!bytes) continue;
    (content_hash(*bytes) == hash ? plan.remove : plan.leave).push_back(path);
  }
  return plan;
}

// A pod without a file that it is told of would crash-loop; what runs already is left alone, and
// the other files of the node are written.
Result<void> WriteFiles::check_host_files(std::vector<Complaint> const& missing) const {
  std::string all;
  std::vector<std::string> paths;
  for (auto const& each : missing) {
    bool const of_proxy = each.path.starts_with(key_of(Component::kube_proxy));
    if (stage_ !=
        (of_proxy ? RenderedFile::Stage::with_certificate : RenderedFile::Stage::after_etcd))
      continue;
    paths.push_back(each.path);
    all += fmt::format("{}{} {}", all.empty() ? "" : "; ", each.path, each.what);
  }
  if (all.empty()) return {};
  return std::unexpected(Error(Kind::invalid, Message(Reason::HostFileMissing, std::move(all),
                                                      "'haagent config check' shows the place")
                                                  .about(join(paths))));
}

Result<Finding> WriteFiles::look(Facts& facts, std::stop_token) {
  auto made = TRY(plan(facts));
  std::vector<std::string> parts;
  std::vector<std::string> about;
  if (!made.write.empty()) {
    std::vector<std::string> paths;
    for (auto const& file : made.write) paths.push_back(file.path);
    parts.push_back(fmt::format("write {} of {} files: {}", paths.size(), made.total, join(paths)));
    about = std::move(paths);
  }
  if (!made.remove.empty()) {
    parts.push_back(fmt::format("remove what is no longer wanted: {}", join(made.remove)));
    for (auto const& path : made.remove) about.push_back("no " + path);
  }
  if (!parts.empty())
    return Needed{Message(Reason::KubernetesFilesDiffer, fmt::format("{}", fmt::join(parts, "; ")))
                      .about(join(about)),
                  [this, made = std::move(made)](std::stop_token stop) {
                    return write(made, std::move(stop));
                  }};
  auto sentence = fmt::format(
      "{} as the config says",
      made.total == 1 ? std::string("its manifest is") : fmt::format("{} files are", made.total));
  if (!made.leave.empty()) {
    sentence += fmt::format("; no longer wanted, but changed by another program and so left: {}",
                            join(made.leave));
    about = made.leave;
  }
  bool doubtful = false;
  // One of the two sees to the machine.
  auto const identity = facts.identity.get();
  auto const version = parse_kube_version(config_.kubernetes.version);
  if (stage_ == RenderedFile::Stage::any_time && identity && version) {
    auto warnings = cautions_here(config_, *identity, root_);
    for (auto& each : cautions(config_, *version)) warnings.push_back(std::move(each));
    for (auto const& each : warnings) {
      sentence +=
          fmt::format("; warning: {}{}{}", each.path, each.path.empty() ? "" : ": ", each.what);
      if (!each.path.empty()) about.push_back(each.path);
    }
    // Those of the machine have no place in the configuration.
    if (auto const nowhere = std::ranges::count_if(
            warnings, [](Complaint const& each) { return each.path.empty(); });
        nowhere > 0)
      about.push_back(fmt::format("this machine ({})", nowhere));
    doubtful = !warnings.empty();
  }
  auto const reason = doubtful             ? Reason::KubernetesConfigDoubtful
                      : made.leave.empty() ? Reason::KubernetesFilesWritten
                                           : Reason::KubernetesFilesLeft;
  return Done{Message(reason, std::move(sentence)).about(join(about))};
}

Result<void> WriteFiles::write(Plan const& made, std::stop_token stop) {
  // The record first: a file that is written and not recorded would never be cleared away.
  if (!made.write.empty()) {
    std::lock_guard lock(files_.record());
    auto record = TRY(read_record(root_));
    for (auto const& file : made.write) record[file.path] = content_hash(file.bytes);
    TRY(write_record(root_, record));
  }
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped before writing");
  std::vector<PairedFile> files;
  for (auto const& file : made.write) {
    TRY(make_folder_of(root_, file.path));
    files.push_back({root_(file.path), file.bytes, {file.mode, {}, {}}});
  }
  TRY(replace_files_if_changed(std::move(files)));
  if (made.remove.empty()) return {};
  for (auto const& path : made.remove) {
    std::error_code error;
    std::filesystem::remove(root_(path), error);
    if (error) return fail_errno(error.value(), fmt::format("removing {}", path));
  }
  std::lock_guard lock(files_.record());
  auto record = TRY(read_record(root_));
  for (auto const& path : made.remove) record.erase(path);
  return write_record(root_, record);
}

Result<std::vector<std::string>> KubeProxy::missing() const {
  std::vector<std::string> paths;
  for (auto const* path : {kCa, kKubeProxyClient.cert, kKubeProxyClient.key}) {
    auto const bytes = TRY(read_file(root_(path)));
    if (!bytes || bytes->empty()) paths.emplace_back(path);
  }
  return paths;
}

Result<Finding> KubeProxy::look(Facts& facts, std::stop_token stop) {
  auto const folder = std::filesystem::path(kKubeProxyClient.cert).parent_path();
  std::error_code error;
  for (auto const& each : {folder, std::filesystem::path(kManifests)})
    if (!std::filesystem::is_directory(root_(each), error))
      return Needed{Message(Reason::KubernetesFilesDiffer, fmt::format("make {}", each.string()))
                        .about(each.string()),
                    [this](std::stop_token) { return make_folders(); }};
  auto const paths = TRY(missing());
  if (paths.empty()) return WriteFiles::look(facts, std::move(stop));
  if (config_.role == Role::master)
    return Waiting{Message(Reason::KubeProxyCertificateMissing,
                           fmt::format("the step pki is to write {}", join(paths)))
                       .about(join(paths))};
  return Done{Message(Reason::KubeProxyCertificateMissing,
                      fmt::format("not started: {} {} missing", join(paths),
                                  paths.size() == 1 ? "is" : "are"),
                      fmt::format("bring them (any master's serve: a client certificate of {} for "
                                  "system:kube-proxy, and its key), or run kube-proxy otherwise",
                                  kCa))
                  .about(join(paths))};
}

Result<void> KubeProxy::make_folders() const {
  for (auto const& each :
       {std::string(kKubeProxyClient.cert), manifest_path(Component::kube_proxy)})
    TRY(make_folder_of(root_, each));
  return {};
}

bool ControlPlane::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  auto loaded = [&] {
    auto trust = loaded_trust(root_, EtcdCluster::main);
    return trust ? trust->clients : "";
  };
  auto const before = loaded();
  for (Duration left = at_most; left > Duration(0); left -= kTrustIsLookedAt) {
    if (!clock.sleep(std::min(left, kTrustIsLookedAt), stop)) return false;
    if (loaded() != before) break;
  }
  return true;
}

}  // namespace haagent::bootstrap::kube
