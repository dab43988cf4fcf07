#include "tests/scenario/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <thread>

#include "agent/aws/etcd_volume.h"
#include "agent/base/sha256.h"
#include "agent/base/volume_marker.h"
#include "bootstrap/etcd/member/config_file.h"
#include "bootstrap/etcd/member/started_with.h"
#include "bootstrap/hosts/hosts_file.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/layout/content_hash.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/pki/kubelet_pair.h"
#include "bootstrap/pki/x509.h"
#include "tests/scenario/text.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/pki_documents.h"
#include "volumes/filesystem.h"

namespace haagent::scenario {
namespace {

namespace fs = std::filesystem;

// Thousands of small files are flushed to disk one by one; in memory that costs nothing.
fs::path fast_folder() {
  fs::path const memory = "/dev/shm";
  return fs::is_directory(memory) ? memory : fs::temp_directory_path();
}

// How a member came in: read over once it has data.
std::string without_first_start(std::string const& etcd_config) {
  std::istringstream lines(etcd_config);
  std::string rest;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("initial-cluster: ") && !line.starts_with("initial-cluster-state: "))
      rest += line + '\n';
  return rest;
}

// Keys and certificates differ each time; that the two belong together does not.
std::string pki_words(fs::path const& path) {
  if (fs::is_symlink(path)) {
    auto const pair = test::bytes_of(path);
    return bootstrap::pki::is_for_key(pair, Secret(pair)) ? " links to a pair"
                                                          : " links to no pair";
  }
  auto key = path;
  if (path.extension() != ".crt" || !fs::exists(key.replace_extension(".key"))) return {};
  return bootstrap::pki::is_for_key(test::bytes_of(path), Secret(test::bytes_of(key)))
             ? " for its key"
             : " for another key";
}

}  // namespace

NodeConfig master_config() {
  auto config = test::kube_master();
  config.cluster.pod_network = kNoPodNetwork;  // of a program of its own
  return config;
}

World::World() : directory(fast_folder()) {
  test::add_authorities(store);
}

aws::Volume World::volume(EtcdCluster cluster, std::string const& member,
                          std::string const& members) const {
  return {.id = fmt::format("vol-{}-{}", to_string(cluster), member),
          .zone = "eu-west-1" + member,
          .state = "available",
          .create_time = "2026-01-15T09:00:00Z",
          .size_gib = 20,
          .tags = {{etcd_tag_name(cluster), member + "/" + members},
                   {ownership_tag_name("prod.example.com"), "owned"},
                   {"k8s.io/role/control-plane", "1"}}};
}

void World::add(aws::Volume const& volume, test::ModelDisk disk) {
  ec2.add(volume);
  disks.add(volume.id, std::move(disk));
  volume_ids.push_back(volume.id);
}

void World::remove(std::string const& volume_id) {
  ec2.remove_volume(volume_id);
  disks.remove(volume_id);
  std::erase(volume_ids, volume_id);
}

void World::add_pair(std::string const& member, std::string const& members) {
  for (auto cluster : kEtcdClusters) add(volume(cluster, member, members));
}

Machine& World::add_machine(std::string const& instance_id, std::string const& zone_letter,
                            NodeConfig const& config) {
  auto identity = test::kube_identity();
  int const number = static_cast<int>(machines.size()) + 1;
  identity.instance_id = instance_id;
  identity.zone = "eu-west-1" + zone_letter;
  identity.address = identity.ipv4 = fmt::format("10.0.{}.{}", zone_letter[0] - 'a', 9 + number);
  identity.hostname = fmt::format("ip-{}.eu-west-1.compute.internal", instance_id);
  machines.push_back(std::make_unique<Machine>(identity, number, config,
                                               directory / "machines" / instance_id, clock, ec2,
                                               disks, etcd, store));
  ec2.add(instance_of(*machines.back()));
  return *machines.back();
}

Machine& World::add_master(std::string const& instance_id, std::string const& zone_letter) {
  return add_machine(instance_id, zone_letter, master_config());
}

aws::Instance World::instance_of(Machine const& machine) const {
  return {.id = machine.identity.instance_id,
          .state = "running",
          .type = machine.identity.instance_type,
          .zone = machine.identity.zone,
          .ipv4 = machine.identity.ipv4,
          .root_device = "/dev/xvda",
          .block_devices = {{"/dev/xvda", "vol-root"}}};
}

void World::add_owner(std::string const& instance_id, std::string const& state,
                      std::vector<std::string> const& held, std::string const& address) {
  ec2.add(aws::Instance{
      .id = instance_id, .state = state, .zone = ec2.volume(held.front()).zone, .ipv4 = address});
  std::string device = "/dev/sdf";
  for (auto const& id : held) {
    auto volume = ec2.volume(id);
    volume.state = "in-use";
    volume.attachments = {{.instance_id = instance_id,
                           .device = device,
                           .state = "attached",
                           .attach_time = "2026-01-15T09:30:00Z"}};
    ec2.add(volume);
    ++device.back();
  }
}

void World::add_formed_clusters(Peers peers) {
  auto const config = master_config();
  std::vector<std::string> const members = {"a", "b", "c"};
  std::vector<bootstrap::HostsEntry> hosts;
  for (auto const& member : members)
    hosts.push_back({"10.0.8." + std::to_string(member[0] - 'a' + 1), config.etcd_host(member)});
  for (std::size_t i = 0; i < members.size(); ++i) {
    auto const& member = members[i];
    Root const root(directory / "peers" / member);
    test::write_bytes(root("/etc/hosts"), bootstrap::hosts_with_block("", hosts));
    etcd.connect(hosts[i].address, root);
    for (auto cluster : kEtcdClusters) {
      auto made = volume(cluster, member);
      made.tags[std::string(kFormattedAtTag)] = "2026-01-01T00:00:00Z";
      add(made, {.contents = volumes::Formatted{"ext4", "uuid of " + made.id,
                                                volumes::filesystem_label("ext4", cluster)}});
      auto const data = bootstrap::etcd_data_dir(disks.files_of(made.id));
      fs::create_directories(data);
      bootstrap::EtcdInitial initial;
      for (auto const& each : members)
        initial.members.push_back({bootstrap::etcd_member_name(cluster, each),
                                   bootstrap::etcd_peer_url(config, cluster, each)});
      auto const file = root(bootstrap::etcd_config_path(cluster));
      test::write_bytes(
          file, *bootstrap::render_etcd_config(config, cluster, member, data, {3, 5, 32}, initial));
      auto const last_words = etcd.start(hosts[i].address, file);
      EXPECT_FALSE(last_words) << *last_words;
    }
    if (member != "a")
      add_owner("i-0" + member + "22", "running", {"vol-main-" + member, "vol-events-" + member},
                hosts[i].address);
  }
  etcd.settle_in();
  for (auto cluster : kEtcdClusters) {
    auto const id =
        bootstrap::etcd_id_text(etcd.cluster_id(bootstrap::etcd_cluster_token(config, cluster)));
    for (auto const& member : members) {
      auto known = ec2.volume(fmt::format("vol-{}-{}", to_string(cluster), member));
      known.tags[std::string(kEtcdClusterIdTag)] = id;
      ec2.add(known);
      VolumeMarker const marker{.cluster = config.cluster.name,
                                .etcd = std::string(to_string(cluster)),
                                .member = member,
                                .members = members,
                                .volume_id = known.id,
                                .formatted_at = "2026-01-01T00:00:00Z",
                                .etcd_cluster_id = id};
      EXPECT_TRUE(write_volume_marker(disks.files_of(known.id), marker));
    }
  }
  for (std::size_t i = 0; i < members.size(); ++i)
    if (peers == Peers::down || members[i] == "a") etcd.disconnect(hosts[i].address);
}

void World::run(std::vector<Life> lives) {
  std::set<int> drivers;
  for (auto const& life : lives) drivers.insert(life.machine.strand);
  clock.change_strands(drivers, {});
  std::vector<std::jthread> threads;
  for (auto const& life : lives) {
    threads.emplace_back([this, &life] {
      test::VirtualClock::become(life.machine.strand);
      life.live();
      clock.change_strands({}, {life.machine.strand});
    });
  }
}

std::string World::state(Machine& machine, bool same_instance) {
  std::string text;
  auto line = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    text += fmt::format(format, std::forward<Args>(args)...) + '\n';
  };
  for (auto const& id : volume_ids) {
    auto const shown = ec2.volume(id);
    auto const& disk = disks.at(id);
    std::string at = "free";
    for (auto const& each : shown.attachments)
      at = fmt::format("{} {}", each.state,
                       each.instance_id == machine.identity.instance_id ? "here" : "elsewhere");
    auto const* formatted = std::get_if<volumes::Formatted>(&disk.contents);
    auto const* foreign = std::get_if<volumes::Foreign>(&disk.contents);
    line("{}: {}, {}, {} mkfs, {}, cluster {}", id, at,
         formatted ? formatted->type + " " + formatted->label
         : foreign ? foreign->what
                   : "blank",
         disk.made, shown.tag(kFormattedAtTag).empty() ? "no formatted-at" : "formatted-at",
         shown.tag(kEtcdClusterIdTag));
  }
  for (auto const& each : machine.disks.mounted()) line("mounted: {}", each);
  for (auto cluster : kEtcdClusters) {
    auto members = etcd.members(bootstrap::etcd_cluster_token(machine.config, cluster));
    if (!members) continue;
    std::ranges::sort(*members, {}, &test::EtcdModel::Member::name);
    for (auto const& each : *members)
      line("{} member {}{} at {}", to_string(cluster), each.name, each.learner ? " (learner)" : "",
           each.peer_urls.front());
  }
  std::vector<fs::path> paths;
  for (auto const& entry : fs::recursive_directory_iterator(machine.root.directory()))
    if (entry.is_regular_file()) paths.push_back(entry.path());
  std::ranges::sort(paths);
  for (auto const& path : paths) {
    auto const name = "/" + path.lexically_relative(machine.root.directory()).string();
    // Their names have a date in them; the link to one is what counts.
    if (bootstrap::pki::is_dated_pair("/kubelet-client-current.pem", path.filename().string()))
      continue;
    // What a cut leaves half-written lies beside its file and harms nobody.
    if (name.starts_with("/run/") || path.filename().string().starts_with(".")) continue;
    if (name.contains("/pki/")) {
      line("{}{}", name, pki_words(path));
      continue;
    }
    bool const names_instance = name.contains("/kube");
    if (name.ends_with("/volumes.json") || name.ends_with(".wal") ||
        (names_instance && !same_instance)) {
      line("{}", name);
      continue;
    }
    auto bytes = test::bytes_of(path);
    if (auto marker = read_volume_marker(path.parent_path());
        name.ends_with("/haagent.json") && marker && *marker) {
      (*marker)->formatted_at = (*marker)->formatted_at.empty() ? "" : "set";
      // Who comes late to a request that the others have carried out joins as anybody does.
      (*marker)->request_id.clear();
      bytes = volume_marker_json(**marker);
    }
    bytes = replaced(std::move(bytes), machine.root.directory(), "<root>");
    bytes = replaced(std::move(bytes), machine.identity.address, "<address>");
    if (name.contains("/haagent/etcd/")) bytes = without_first_start(bytes);
    // What the member came in with is read over here too, and the configuration has this world's
    // folder in it: that the record is of the configuration on the disk is what counts.
    if (name.contains("/haagent/etcd-started-")) {
      auto const cluster = name.contains("events") ? EtcdCluster::events : EtcdCluster::main;
      auto const started = bootstrap::started_in_record(bytes);
      auto const config = test::bytes_of(machine.root(bootstrap::etcd_config_path(cluster)));
      line("{} {} ms, {}", name, started ? started->heartbeat.count() : -1,
           started && started->configuration == sha256_hex(config) ? "as configured"
                                                                   : "of another configuration");
      continue;
    }
    // Authorities differ from world to world; that everybody goes by the same ones does not.
    if (name.contains("/haagent/etcd/") && name.ends_with(".crt")) {
      auto const* of_pki = name.ends_with("-peer-ca.crt") ? "/etc/kubernetes/pki/etcd/peer-ca.crt"
                                                          : "/etc/kubernetes/pki/etcd/ca.crt";
      line("{} {}", name,
           bytes == read_file(machine.root(of_pki)).value_or("").value_or("") ? "as pki has it"
                                                                              : "of another time");
      continue;
    }
    auto const trust =
        read_file(machine.root("/etc/haagent/etcd/main-ca.crt")).value_or("").value_or("");
    auto const manifest = machine.root("/etc/kubernetes/manifests/kube-apiserver.yaml");
    if (path == manifest) {
      // YAML quotes one that could be read as a number.
      auto const hash = bootstrap::kube::etcd_trust_hash(trust);
      bytes = replaced(std::move(bytes), '"' + hash + '"', "<trust>");
      bytes = replaced(std::move(bytes), hash, "<trust>");
    }
    if (name.ends_with("/kube-files.json") && fs::exists(manifest))
      bytes = replaced(std::move(bytes), bootstrap::kube::content_hash(test::bytes_of(manifest)),
                       "<apiserver>");
    line("{} {:x}{}", name, std::hash<std::string>()(bytes),
         name.ends_with("/haagent.json") || name == "/etc/hosts" ? " " + bytes : "");
  }
  return text;
}

std::vector<std::string> World::violations() const {
  auto all = disks.violations();
  auto const more = etcd.violations();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace haagent::scenario
