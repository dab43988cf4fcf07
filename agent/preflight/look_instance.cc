#include "agent/preflight/look_instance.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include "agent/aws/ec2_dry_run.h"
#include "agent/base/cidr.h"
#include "agent/base/clock.h"
#include "agent/base/filesystem_space.h"
#include "agent/base/url.h"
#include "agent/base/volume_marker.h"
#include "agent/base/volume_tags.h"
#include "agent/preflight/addons.h"
#include "agent/preflight/instance.h"
#include "agent/preflight/joining.h"
#include "agent/preflight/reach.h"
#include "bootstrap/join/master/issuer_keys.h"
#include "bootstrap/join/worker/join_url.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/kubelet_serving.h"
#include "volumes/near_match.h"

namespace haagent::preflight {
namespace {

using namespace std::chrono_literals;
using Answer = Asked::Answer;

constexpr Duration kPatience = 3s;  // for a connection
// A balancer that leads every third connection back to this master shows it in so many.
constexpr int kTriesAnAddress = 3;
// Below the state store's prefix; never there.
constexpr char kProbeKey[] = "haagent-preflight";
constexpr char kNoEtag[] = "\"00000000000000000000000000000000\"";

template <class T>
Asked asked(Result<T> const& answer) {
  if (answer) return {Answer::allowed, {}};
  return {answer.error().kind == Kind::denied ? Answer::denied : Answer::unknown,
          answer.error().message.sentence()};
}

// Connections side by side, in the order of the targets.
std::vector<Reached> reach_all(std::vector<std::pair<std::string, int>> const& targets,
                               std::stop_token const& stop) {
  std::vector<Reached> reached(targets.size());
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < targets.size(); ++i)
    threads.emplace_back([&, i] {
      auto const& [address, port] = targets[i];
      reached[i] = reach(address, port, kPatience, stop)
                       .value_or(Reached{address, port, Reached::How::unreachable});
    });
  threads.clear();  // joins
  return reached;
}

class Look {
 public:
  Look(Collaborators& machine, NodeConfig const& config, Identity const& identity,
       std::stop_token stop)
      : collaborators_(machine), config_(config), identity_(identity), stop_(std::move(stop)) {}

  Findings all() {
    bool const master = config_.role == Role::master;
    auto ahead = master ? ec2_time() : metadata_time();
    credentials();
    if (master && has_credentials_) ec2();
    if (!master)
      // A worker never asks EC2.
      found_.push_back(judge_metadata({}));
    if (has_credentials_) group();
    if (master) store();
    if (master) addons();
    if (config_.metrics.cloudwatch.mode == CloudWatchMode::put)
      only_.emplace_back(aws::kWithCloudWatch);
    if (has_credentials_ || !only_.empty())
      add(found_, judge_permissions(permissions_, config_.role, only_));
    endpoint();
    joining();
    // The agent goes by the store's clock, AWS's services by theirs.
    if (!ahead || (store_ahead_ && std::chrono::abs(*store_ahead_) > std::chrono::abs(*ahead)))
      ahead = store_ahead_;
    found_.insert(found_.begin(), judge_clock(ahead));
    return std::move(found_);
  }

 private:
  std::optional<Duration> ahead_of(HttpRequest const& request) {
    auto const answer = collaborators_.http.send(request, stop_);
    auto const header = answer ? answer->header("date") : std::nullopt;
    auto const date = header ? parse_http_date(*header) : std::nullopt;
    if (!date) return std::nullopt;
    return std::chrono::duration_cast<Duration>(*date - collaborators_.clock.utc());
  }
  // Any answer has the time, that to nothing too.
  std::optional<Duration> ec2_time() {
    return ahead_of({.url = ec2_settings(collaborators_, config_, identity_).endpoint + "/"});
  }
  std::optional<Duration> metadata_time() {
    for (auto const& endpoint : config_.aws.imds_endpoints)
      if (auto ahead = ahead_of({.method = "PUT",
                                 .url = endpoint + "/latest/api/token",
                                 .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "60"}},
                                 .connect_timeout = 1s,
                                 .timeout = 2s}))
        return ahead;
    return std::nullopt;
  }

  void credentials() {
    auto const keys = collaborators_.credentials.credentials(stop_);
    has_credentials_ = keys.has_value();
    if (keys) {
      found_.push_back(ok("credentials", "the instance's role gives credentials"));
    } else if (config_.role == Role::master) {
      found_.push_back(problem(
          "credentials", Reason::PermissionDenied,
          fmt::format("the instance has no credentials: {}", keys.error().message.sentence()),
          "give the launch template an instance profile, and run this again to see what "
          "its role may"));
    } else {
      found_.push_back(ok("credentials",
                          "the instance has no role, and a worker needs none where "
                          "its group has no hooks"));
    }
  }

  void ec2() {
    auto const client = make_ec2(collaborators_, config_, identity_);
    VolumeFacts facts{.cluster = config_.cluster.name,
                      .instance_id = identity_.instance_id,
                      .zone = identity_.zone,
                      .region = identity_.region};
    for (auto cluster : kEtcdClusters)
      facts.quota[cluster] = config_.etcd.of(cluster == EtcdCluster::main).quota_backend_bytes;
    // Not by the cluster's name: a volume that lacks it is to be found as well.
    auto volumes = client->describe_volumes({.filters = volumes::near_match_filters()}, stop_);
    permissions_["ec2:DescribeVolumes"] = asked(volumes);
    std::vector<aws::Volume> own;
    if (volumes) {
      facts.volumes = *std::move(volumes);
      own = own_volumes(facts);
    }
    std::set<std::string> ids = {identity_.instance_id};
    for (auto const& volume : own)
      for (auto const& each : volume.attachments) ids.insert(each.instance_id);
    auto instances = client->describe_instances({.ids = {ids.begin(), ids.end()}}, stop_);
    permissions_["ec2:DescribeInstances"] = asked(instances);
    auto const all = instances.value_or(std::vector<aws::Instance>());
    for (auto const& each : all)
      if (each.id == identity_.instance_id) found_.push_back(judge_metadata(each.metadata));
    if (permissions_["ec2:DescribeVolumes"].answer == Answer::allowed)
      add(found_, judge_volumes(facts));
    add(found_, judge_room(mounted_volumes()));
    dry_runs(own);
    peers(all);
  }

  // Those whose mount point has a filesystem of its own, and on it what the agent has written
  // there.
  std::vector<EtcdVolumeSpace> mounted_volumes() {
    std::vector<EtcdVolumeSpace> mounted;
    SystemFilesystems filesystems;
    for (auto cluster : kEtcdClusters) {
      auto const point =
          (std::filesystem::path(config_.volumes.mount_root) / to_string(cluster)).string();
      auto const around = filesystems.space(collaborators_.root(config_.volumes.mount_root));
      auto const room = filesystems.space(collaborators_.root(point));
      auto const marker = read_volume_marker(collaborators_.root(point));
      if (!around || !room || room->device == around->device || !marker || !*marker) continue;
      mounted.push_back(
          {.cluster = cluster,
           .volume_id = (*marker)->volume_id,
           .region = identity_.region,
           .mount_point = point,
           .disk = room->size,
           .room = *room,
           .quota = config_.etcd.of(cluster == EtcdCluster::main).quota_backend_bytes});
    }
    return mounted;
  }

  void dry_runs(std::vector<aws::Volume> const& own) {
    // One of the own zone: policies may speak of a volume's tags, and EC2 of its zone.
    auto const here = std::ranges::find(own, identity_.zone, &aws::Volume::zone);
    if (here == own.end()) {
      for (auto const* action : {"ec2:AttachVolume", "ec2:DetachVolume", "ec2:CreateTags"})
        permissions_[action] = {
            Answer::untried,
            fmt::format("{} has no volume of this cluster to ask it for", identity_.zone)};
      return;
    }
    aws::Ec2DryRun dry(collaborators_.http, collaborators_.clock, collaborators_.credentials,
                       ec2_settings(collaborators_, config_, identity_));
    permissions_["ec2:AttachVolume"] =
        asked(dry.attach_volume(here->id, identity_.instance_id, "/dev/sdf", stop_));
    permissions_["ec2:DetachVolume"] =
        asked(dry.detach_volume(here->id, identity_.instance_id, stop_));
    // All tags at once, as policies restrict their names.
    permissions_["ec2:CreateTags"] =
        asked(dry.create_tags(here->id,
                              {{std::string(kFormattingTag), "done"},
                               {std::string(kFormattedAtTag), "2026-01-15T10:15:00Z"},
                               {std::string(kEtcdClusterIdTag), "cdf818194e3a8c32"}},
                              stop_));
  }

  void peers(std::vector<aws::Instance> const& instances) {
    std::vector<int> const ports = {kEtcdMainPorts.client, kEtcdMainPorts.peer,
                                    kEtcdEventsPorts.client, kEtcdEventsPorts.peer, kAgentPort};
    std::vector<PeerFacts> all;
    std::vector<std::pair<std::string, int>> targets;
    for (auto const& each : instances) {
      auto const& address = each.ipv4.empty() ? each.ipv6 : each.ipv4;
      if (each.id == identity_.instance_id || each.state != "running" || address.empty()) continue;
      all.push_back({.instance_id = each.id});
      for (auto port : ports) targets.emplace_back(address, port);
    }
    auto const reached = reach_all(targets, stop_);
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto const first = reached.begin() + static_cast<std::ptrdiff_t>(i * ports.size());
      all[i].reached.assign(first, first + static_cast<std::ptrdiff_t>(ports.size()));
      found_.push_back(judge_peer(all[i]));
    }
  }

  void group() {
    auto const client = make_autoscaling(collaborators_, config_, identity_);
    GroupFacts facts;
    auto member = client->member(identity_.instance_id, stop_);
    permissions_["autoscaling:DescribeAutoScalingInstances"] = asked(member);
    if (!member) {
      only_.emplace_back(aws::kWithHooks);
      permissions_["autoscaling:DescribeLifecycleHooks"] = {
          Answer::untried, "the group is not known without the one before"};
      return;
    }
    facts.member = *member;
    if (facts.member) {
      only_.emplace_back(aws::kWithHooks);
      auto hooks = client->hooks(facts.member->group, stop_);
      permissions_["autoscaling:DescribeLifecycleHooks"] = asked(hooks);
      if (!hooks) return;
      facts.hooks = *std::move(hooks);
    }
    add(found_, judge_group(facts, config_.role, config_.lifecycle.launching_hook,
                            config_.lifecycle.terminating_hook));
  }

  void store() {
    auto const place = parse_state(config_.cluster.state).value_or(StatePlace());
    StoreFacts facts{.where = config_.cluster.state, .region = identity_.region};
    if (place.bucket.empty()) {
      std::error_code ignored;
      facts.folder = true;
      facts.folder_exists =
          std::filesystem::is_directory(collaborators_.root(place.folder), ignored);
      add(found_, judge_store(facts));
      return;
    }
    if (!has_credentials_) return;
    only_.emplace_back(aws::kWithBucket);
    if (!config_.aws.s3_kms_key_id.empty()) only_.emplace_back(aws::kWithKey);
    auto const settings = s3_settings(collaborators_, config_, identity_, place.bucket);
    aws::S3Client s3(collaborators_.http, collaborators_.clock, collaborators_.credentials,
                     settings);
    auto const prefix = place.prefix.empty() ? "" : place.prefix + "/";
    auto const probe = prefix + kProbeKey;

    auto const page = s3.list(prefix, "", stop_);
    if (auto const now = s3.now())
      store_ahead_ = std::chrono::duration_cast<Duration>(*now - collaborators_.clock.utc());
    permissions_["s3:ListBucket"] = asked(page);
    if (!page && page.error().kind != Kind::denied)
      found_.push_back(problem("state", page.error().message.reason,
                               page.error().message.sentence(),
                               "see that the bucket exists, and that this network reaches S3"));
    if (page) found_.push_back(ok("state", fmt::format("{} answers", facts.where)));
    // What is there tells most; what is not is answered like what is denied without ListBucket.
    auto const key = page && !page->entries.empty() ? page->entries.front().key : probe;
    permissions_["s3:GetObject"] = asked(s3.head(key, stop_));
    // Over an object that is not there, on the condition that it is of a certain version.
    auto const put = s3.put(probe, "", {.etag = kNoEtag}, stop_);
    permissions_["s3:PutObject"] = asked(put);
    if (put && *put) {
      facts.takes_false_writes = true;
      (void)s3.remove(probe, stop_);  // ours, and of a store that is told to be none
    }
    permissions_["s3:AbortMultipartUpload"] =
        asked(s3.abort_upload(probe, "haagent-preflight", stop_));
    // S3 names a bucket's region to anybody who asks.
    if (config_.aws.s3_endpoint.empty())
      if (auto head = collaborators_.http.send(
              {.method = "HEAD", .url = aws::s3_bucket_url(settings, identity_.region)}, stop_))
        facts.bucket_region = head->header("x-amz-bucket-region").value_or("");
    add(found_, judge_store(facts));
  }

  void addons() {
    auto const store = make_state_store(collaborators_, config_, identity_);
    add(found_, look_at_addons(config_, collaborators_.root, *store, identity_, stop_));
  }

  void endpoint() {
    auto const url = split_url(config_.cluster.endpoint).value_or(Url{});
    EndpointFacts facts{.host = url.host, .port = url.port, .master = config_.role == Role::master};
    resolve(facts);
    std::vector<std::pair<std::string, int>> targets;
    for (auto const& address : facts.addresses)
      for (int i = 0; i < kTriesAnAddress; ++i) targets.emplace_back(address, facts.port);
    targets.emplace_back(
        identity_.address,
        split_url(bootstrap::kube::own_apiserver_url(config_)).value_or(Url{}).port);
    facts.reached = reach_all(targets, stop_);
    facts.own_apiserver = facts.reached.back().how == Reached::How::connected;
    facts.reached.pop_back();
    bool const connects = std::ranges::any_of(
        facts.reached, [](Reached const& each) { return each.how == Reached::How::connected; });
    if (connects) api(facts);
    add(found_, judge_endpoint(facts));
  }

  void joining() {
    auto const& cluster = config_.cluster;
    auto const place = sts_place(config_, identity_);
    std::error_code ignored;
    JoiningFacts facts{.role = config_.role,
                       .master_role = cluster.master_role,
                       .ca_pin = cluster.ca_pin,
                       .worker_roles = cluster.worker_roles,
                       .brings_credentials = std::filesystem::exists(
                           collaborators_.root(bootstrap::kube::kBootstrapKubeconfig), ignored),
                       .serving_flaw = {},
                       .sts = place.endpoint,
                       .sts_trouble = {},
                       .issuer = config_.role == Role::master ? cluster.token_issuer : "",
                       .issuer_trouble = {},
                       .url = bootstrap::join::join_url(config_),
                       .reached = {}};
    if (facts.brings_credentials)
      if (auto const serving = bootstrap::pki::read_kubelet_serving(
              config_, collaborators_.root, identity_, collaborators_.clock.utc());
          serving && *serving)
        facts.serving_flaw = (*serving)->flaw;
    // Any answer is one, that to nothing too.
    if (auto const answer =
            collaborators_.http.send({.url = place.endpoint + "/", .timeout = 10s}, stop_);
        !answer)
      facts.sts_trouble = answer.error().message.sentence();
    if (!facts.issuer.empty()) {
      auto const keys =
          bootstrap::join::IssuerKeys(collaborators_.http, collaborators_.clock, facts.issuer)
              .find("none", stop_);
      if (!keys) facts.issuer_trouble = keys.error().message.sentence();
    }
    if (config_.role == Role::worker) {
      auto const url = split_url(facts.url).value_or(Url{});
      EndpointFacts masters{.host = url.host, .port = url.port};
      resolve(masters);
      std::vector<std::pair<std::string, int>> targets;
      for (auto const& address : masters.addresses) targets.emplace_back(address, masters.port);
      facts.reached = reach_all(targets, stop_);
    }
    add(found_, judge_joining(facts));
  }

  void resolve(EndpointFacts& facts) {
    if (parse_ip(facts.host)) {
      facts.addresses = {facts.host};
      return;
    }
    // The machine's own way of doing it, /etc/hosts among it, and with a deadline.
    auto ran = collaborators_.process.run(
        {.argv = {"getent", "ahosts", facts.host}, .deadline = 15s}, stop_);
    if (!ran)
      facts.resolve_trouble = ran.error().message.sentence();
    else
      facts.addresses = addresses_in(ran->out);
    if (ran && facts.addresses.empty()) facts.resolve_trouble = "there is no such name";
  }

  void api(EndpointFacts& facts) {
    auto const authority = collaborators_.root(bootstrap::kube::kCa);
    std::error_code ignored;
    if (!std::filesystem::exists(authority, ignored)) {
      facts.untold = fmt::format(
          "whose certificate {} shows was not looked at: the cluster's "
          "authority is not at {} yet",
          facts.host, bootstrap::kube::kCa);
      return;
    }
    auto const answer = collaborators_.http.send({.url = config_.cluster.endpoint + "/readyz",
                                                  .timeout = 10s,
                                                  .tls = {.ca_file = authority.string()}},
                                                 stop_);
    if (answer)
      facts.status = answer->status;
    else
      facts.trouble = answer.error();
  }

  Collaborators& collaborators_;
  NodeConfig const& config_;
  Identity const& identity_;
  std::stop_token stop_;
  Findings found_;
  Permissions permissions_;
  std::vector<std::string> only_;  // what permissions are needed for beside the rest
  bool has_credentials_ = false;
  std::optional<Duration> store_ahead_;  // its clock minus this machine's
};

}  // namespace

std::vector<std::string> addresses_in(std::string_view getent) {
  std::vector<std::string> found;
  std::istringstream in{std::string(getent)};
  for (std::string line; std::getline(in, line);) {
    auto const address = line.substr(0, line.find(' '));
    if (parse_ip(address) && std::ranges::find(found, address) == found.end())
      found.push_back(address);
  }
  return found;
}

Findings look_at_instance(Collaborators& machine, NodeConfig const& config,
                          Identity const& identity, std::stop_token stop) {
  return Look(machine, config, identity, std::move(stop)).all();
}

}  // namespace haagent::preflight
