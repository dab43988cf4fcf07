// Files of this node: what haagent has rendered and remembers, and what programs wrote.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "agent/base/columns.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/yaml.h"
#include "agent/bundle/sources.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bundle {
namespace {

namespace fs = std::filesystem;
using bootstrap::kube::kEncryptionConfig;

constexpr std::size_t kDocument = 1u << 20u;
constexpr std::size_t kListed = 2000;
constexpr std::size_t kBoots = 20;
constexpr std::size_t kLogsOfAPod = 2;

std::string cause_of(int number) {
  return std::generic_category().message(number);
}

// What a folder has, by name; none where it cannot be read.
std::vector<fs::path> entries_of(fs::path const& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    found.push_back(each->path());
  std::ranges::sort(found);
  return found;
}

std::string name_of(fs::path const& path) {
  return path.filename().string();
}

void put_files(Basket& basket, Machine const& machine, std::string const& folder,
               std::string const& into, Format format, std::string_view ending,
               std::size_t most_files, std::size_t cap) {
  auto found = entries_of(machine.root(folder));
  std::erase_if(found, [&](auto const& path) { return !name_of(path).ends_with(ending); });
  if (found.size() > most_files)
    found.erase(found.begin(), found.end() - static_cast<long>(most_files));
  for (auto const& path : found)
    basket.put(read_piece(machine.root, folder + "/" + name_of(path),
                          {.path = into + "/" + name_of(path), .format = format}, cap));
}

struct Rendered {
  std::string_view path;
  Format format = Format::kubernetes_yaml;
};
// Never the kubeconfigs, and never what lies below pki.
constexpr Rendered kRendered[] = {
    {bootstrap::kube::kKubeletConfig},      {bootstrap::kube::kKubeletFlags, Format::unit_settings},
    {bootstrap::kube::kSchedulerConfig},    {bootstrap::kube::kKubeProxyConfig},
    {bootstrap::kube::kPodNetworkSettings}, {"/etc/kubernetes/authentication.yaml"},
    {"/etc/kubernetes/audit-policy.yaml"},
};

void rendered_files(Machine const& machine, Basket& basket) {
  put_files(basket, machine, bootstrap::kube::kManifests, "kubernetes/manifests",
            Format::kubernetes_yaml, ".yaml", 100, kDocument);
  for (auto const& [path, format] : kRendered) {
    auto const from = std::string(path);
    basket.put(read_piece(
        machine.root, from,
        {.path = "kubernetes/" +
                 (from == bootstrap::kube::kKubeletConfig ? "kubelet.yaml" : name_of(from)),
         .format = format},
        kDocument));
  }
  for (auto const cluster : kEtcdClusters)
    basket.put(read_piece(machine.root, bootstrap::etcd_config_path(cluster).string(),
                          {.path = fmt::format("etcd/{}/config.yaml", to_string(cluster)),
                           .format = Format::kubernetes_yaml},
                          kDocument));
}

// What encrypts secrets in etcd may stand in nobody's log.
void learn_keys(Machine const& machine, Basket& basket) {
  auto const bytes = read_file(machine.root(kEncryptionConfig), kDocument);
  if (!bytes || !*bytes) return;
  auto const tree = yaml::parse(**bytes);
  if (!tree) return;
  Learned learned;
  auto find = [&](auto const& self, Tree const& at, std::string_view key) -> void {
    for (auto const& entry : at.entries()) self(self, entry.value, entry.key);
    for (auto const& item : at.items()) self(self, item, key);
    if (key == "secret") learned.secrets.push_back(at.text());
  };
  find(find, *tree, "");
  basket.learn(std::move(learned));
}

void records(Machine const& machine, Basket& basket) {
  for (std::string_view name :
       {"volumes.json", "kube-files.json", "addons.json", "etcd-timing-main.json",
        "etcd-timing-events.json", "etcd-started-main.json", "etcd-started-events.json"})
    basket.put(read_piece(machine.root, fmt::format("/var/lib/haagent/{}", name),
                          {.path = fmt::format("records/{}", name), .format = Format::own_json},
                          kDocument));
  for (std::string_view name : {"launched", "pki-files", "kubelet-goroutines"})
    basket.put(read_piece(machine.root, fmt::format("/var/lib/haagent/{}", name),
                          {.path = fmt::format("records/{}.txt", name), .newest_lines = true},
                          4 * kDocument));
  put_files(basket, machine, "/var/lib/haagent/boots", "records/boots", Format::own_json, ".json",
            kBoots, kDocument);
  for (std::string_view name : {"pod-network.json", "timeline.json"})
    put_files(basket, machine, "/run/haagent", "records/run", Format::own_json, name, 1, kDocument);
}

void listing(Machine const& machine, Basket& basket) {
  std::vector<std::vector<std::string>> rows;
  bool cut = false;
  for (std::string const folder : {"/etc/haagent", "/etc/kubernetes", "/var/lib/haagent",
                                   "/var/lib/haagent-etcd", "/run/haagent"}) {
    std::error_code error;
    auto const top = machine.root(folder);
    for (fs::recursive_directory_iterator
             each(top, fs::directory_options::skip_permission_denied, error),
         end;
         !error && each != end; each.increment(error)) {
      if (each.depth() >= 3) each.disable_recursion_pending();
      struct stat about{};
      if (::lstat(each->path().c_str(), &about) != 0) continue;
      cut = rows.size() >= kListed;
      if (cut) break;
      rows.push_back({fmt::format("{:o}", about.st_mode), std::to_string(about.st_uid),
                      std::to_string(about.st_gid), std::to_string(about.st_size),
                      to_rfc3339(utc_time(about.st_mtim)),
                      folder + "/" + each->path().lexically_relative(top).string()});
    }
  }
  basket.put({.path = "files.txt",
              .how = "mode, owner, group, size, time and name of haagent's and Kubernetes' files",
              .bytes = in_columns(rows),
              .cut = cut});
}

// Static pods' own logs, where the kubelet keeps them.
void pod_logs(Machine const& machine, Basket& basket) {
  for (auto const& pod : entries_of(machine.root("/var/log/pods"))) {
    auto const name = name_of(pod);
    constexpr std::array<std::string_view, 4> components = {
        "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"};
    if (std::ranges::none_of(components, [&](std::string_view each) {
          return name.starts_with(fmt::format("kube-system_{}", each));
        }))
      continue;
    for (auto const& container : entries_of(pod)) {
      auto const folder = fmt::format("/var/log/pods/{}/{}", name, name_of(container));
      auto logs = entries_of(container);
      if (logs.size() > kLogsOfAPod)
        logs.erase(logs.begin(), logs.end() - static_cast<long>(kLogsOfAPod));
      for (auto const& log : logs)
        basket.put(read_piece(machine.root, folder + "/" + name_of(log),
                              {.path = fmt::format("pods/{}/{}", name_of(container), name_of(log)),
                               .newest_lines = true},
                              machine.most / 16));
    }
  }
}

// Of units that are children, where systemd does not run.
void unit_logs(Machine const& machine, Basket& basket) {
  for (auto const& log : entries_of(machine.root("/var/log/haagent")))
    basket.put(read_piece(machine.root, "/var/log/haagent/" + name_of(log),
                          {.path = "logs/" + name_of(log), .newest_lines = true},
                          machine.most / 8));
}

Source source_of(std::shared_ptr<Machine> const& machine, std::string name, std::string path,
                 std::string how, void (*collect_it)(Machine const&, Basket&)) {
  return {.name = std::move(name),
          .path = std::move(path),
          .how = std::move(how),
          .collect = [machine, collect_it](Basket& basket, std::stop_token) {
            collect_it(*machine, basket);
          }};
}

}  // namespace

Piece read_piece(Root const& root, std::string const& from, Piece piece, std::size_t cap) {
  SystemClock const clock;
  auto const began = clock.steady();
  piece.how = "read " + from;
  FileDescriptor const file(
      ::open(root(from).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat about{};
  if (!file || ::fstat(file.get(), &about) != 0) {
    piece.missing = errno == ENOENT ? "there is no such file" : cause_of(errno);
    return piece;
  }
  if (!S_ISREG(about.st_mode)) {
    piece.missing = "it is no regular file";
    return piece;
  }
  auto const size = static_cast<std::size_t>(about.st_size);
  if (piece.newest_lines && size > cap)
    ::lseek(file.get(), static_cast<off_t>(size - cap), SEEK_SET);
  std::string bytes;
  char buffer[64u << 10u];
  ssize_t got = 0;
  while (bytes.size() < cap && (got = ::read(file.get(), buffer, sizeof buffer)) > 0)
    bytes.append(buffer, static_cast<std::size_t>(got));
  if (got < 0 && bytes.empty()) piece.missing = cause_of(errno);
  piece.cut = bytes.size() > cap || size > cap;
  if (bytes.size() > cap) bytes.resize(cap);
  // Half a line could hide the name of what it is of.
  if (piece.newest_lines && size > cap)
    bytes.erase(0, std::min(bytes.find('\n'), bytes.size() - 1) + 1);
  piece.bytes = std::move(bytes);
  piece.took = std::chrono::duration_cast<Duration>(clock.steady() - began);
  return piece;
}

std::vector<Source> file_sources(std::shared_ptr<Machine> const& machine) {
  return {
      source_of(machine, "Kubernetes' files", "kubernetes",
                "read /etc/kubernetes, /var/lib/kubelet", rendered_files),
      source_of(machine, "records", "records", "read /var/lib/haagent",
                [](Machine const& m, Basket& basket) {
                  learn_keys(m, basket);
                  records(m, basket);
                }),
      source_of(machine, "listing", "files.txt", "list haagent's and Kubernetes' folders", listing),
      source_of(machine, "pods' logs", "pods", "read /var/log/pods", pod_logs),
      source_of(machine, "units' logs", "logs", "read /var/log/haagent", unit_logs),
  };
}

}  // namespace haagent::bundle
