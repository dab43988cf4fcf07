#include "agent/preflight/instance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "agent/aws/etcd_volume.h"
#include "agent/base/cidr.h"
#include "agent/base/member_count.h"
#include "agent/base/store_clock.h"
#include "agent/base/url.h"
#include "agent/config/values.h"
#include "bootstrap/layout/names.h"
#include "volumes/advice.h"
#include "volumes/near_match.h"

namespace haagent::preflight {
namespace {

using namespace std::chrono_literals;
using bootstrap::in_words;

std::string joined(std::vector<std::string> const& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

// "3m12s": seconds are enough.
std::string in_seconds(Duration duration) {
  auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < 60) return fmt::format("{} s", seconds);
  return fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

// ---- volumes

std::string tag_advice(EtcdCluster cluster, std::string const& name) {
  return fmt::format(
      "give the volume the tags {}=<member>/<all members>, {}=owned and "
      "k8s.io/role/control-plane=1",
      etcd_tag_name(cluster), ownership_tag_name(name));
}

struct Member {
  aws::Volume const* volume;
  aws::EtcdTag tag;
};

// What may not stand in a volume's attachment or make-up.
void judge_one(EtcdCluster cluster, aws::Volume const& volume, VolumeFacts const& facts,
               Findings& found) {
  auto const check = fmt::format("volume-{}", to_string(cluster));
  if (!aws::has_master_role(volume))
    found.push_back(problem(check, Reason::VolumeTagsInvalid,
                            fmt::format("{} has no tag k8s.io/role/control-plane=1, so that no "
                                        "master takes it",
                                        volume.id),
                            tag_advice(cluster, facts.cluster)));
  if (volume.multi_attach)
    found.push_back(problem(check, Reason::VolumeUnfit,
                            fmt::format("{} allows many attachments: two masters could write to it "
                                        "at once",
                                        volume.id),
                            "switch multi-attach off, or make another volume"));
  for (auto const& each : volume.attachments)
    if (each.delete_on_termination)
      found.push_back(problem(check, Reason::VolumeUnfit,
                              fmt::format("{} is deleted when {} is terminated, and the member's "
                                          "data with it",
                                          volume.id, each.instance_id),
                              fmt::format("set DeleteOnTermination to false for {} of {}",
                                          each.device, each.instance_id)));
  if (!volume.snapshot_id.empty() && volume.tag(kFormattedAtTag).empty())
    found.push_back(
        problem(check, Reason::VolumeFromSnapshot,
                fmt::format("{} was made from the snapshot {} and has no tag {}: what is on it is "
                            "not known",
                            volume.id, volume.snapshot_id, kFormattedAtTag),
                fmt::format("make a blank volume; a cluster comes back with '{}'",
                            bootstrap::etcd_command(cluster, "restore"))));
}

// What is reported of many volumes at once.
void judge_make(std::vector<aws::Volume> const& own, Findings& found) {
  static std::set<std::string> const kFit = {"gp3", "io1", "io2", ""};
  std::vector<std::string> open, slow;
  for (auto const& volume : own) {
    if (!volume.encrypted) open.push_back(volume.id);
    if (!kFit.contains(volume.type)) slow.push_back(fmt::format("{} ({})", volume.id, volume.type));
  }
  if (!open.empty())
    found.push_back(
        warning("volume-encryption", Reason::VolumeNotEncrypted,
                fmt::format("what holds the cluster's secrets is not encrypted: {}", joined(open)),
                "make encrypted volumes, one master after the other"));
  else if (!own.empty())
    found.push_back(ok("volume-encryption", "the etcd volumes are encrypted"));
  if (!slow.empty())
    found.push_back(warning("volume-type", Reason::VolumeTypeSlow,
                            fmt::format("writes can be too slow for etcd on {}", joined(slow)),
                            "change them to gp3, which goes on while they are in use"));
}

// All that fill before etcd reaches its quota, each with its own command.
void judge_sizes(EtcdCluster cluster, std::vector<Member> const& members, VolumeFacts const& facts,
                 Findings& found) {
  auto const quota = facts.quota.find(cluster);
  if (quota == facts.quota.end()) return;
  for (auto const& each : members) {
    auto const verdict = judge_quota({.cluster = cluster,
                                      .volume_id = each.volume->id,
                                      .region = facts.region,
                                      .disk = each.volume->size_gib << 30u,
                                      .quota = quota->second});
    if (verdict.level != SpaceLevel::ok) found.push_back(warning("volume-size", verdict.message));
  }
}

void judge_members(EtcdCluster cluster, std::vector<Member> const& members, Findings& found) {
  auto const check = fmt::format("members-{}", to_string(cluster));
  auto const& stated = members.front().tag.members;
  for (auto const& each : members) {
    if (std::set(each.tag.members.begin(), each.tag.members.end()) ==
        std::set(stated.begin(), stated.end()))
      continue;
    found.push_back(
        problem(check, Reason::VolumeTagsInvalid,
                fmt::format("{} lists the members {}, and {} lists {}", members.front().volume->id,
                            in_words(stated), each.volume->id, in_words(each.tag.members)),
                fmt::format("write the same members behind the slash of every {} tag",
                            etcd_tag_name(cluster))));
    return;
  }
  if (auto fit = check_member_count(stated.size()); !fit) {
    found.push_back(problem(check, Reason::VolumeTagsInvalid, fit.error().message.sentence(),
                            fmt::format("change the members behind the slash of every {} tag",
                                        etcd_tag_name(cluster))));
    return;
  }
  bool good = true;
  std::set<std::string> zones;
  for (auto const& name : stated) {
    std::vector<std::string> ids;
    for (auto const& each : members) {
      if (each.tag.member != name) continue;
      ids.push_back(each.volume->id);
      zones.insert(each.volume->zone);
    }
    if (ids.size() == 1) continue;
    good = false;
    if (ids.empty())
      found.push_back(problem(check, Reason::VolumeMissing,
                              fmt::format("no volume is there for member {}", name),
                              fmt::format("make one with the tag {}={}/{} in its zone",
                                          etcd_tag_name(cluster), name, fmt::join(stated, ","))));
    else
      found.push_back(
          problem(check, Reason::VolumesAmbiguous,
                  fmt::format("member {} has {} volumes: {}", name, ids.size(), joined(ids)),
                  "take the tag off all but the one with its data"));
  }
  if (!good) return;
  found.push_back(
      ok(check, fmt::format("etcd {} has {} member{} ({}), a volume each", to_string(cluster),
                            stated.size(), stated.size() == 1 ? "" : "s", joined(stated))));
  if (stated.size() > 1 && zones.size() == 1)
    found.push_back(
        warning(check, Reason::MembersInOneZone,
                fmt::format("all members of etcd {} are in {}: a zone that is lost is a "
                            "quorum that is lost",
                            to_string(cluster), *zones.begin()),
                "put the members into different zones"));
}

// ---- endpoint

std::string placeholder_of(std::string const& address) {
  auto const verdict = check_endpoint("https://" + url_host(address));
  return verdict && verdict->severity == Severity::error ? verdict->message : "";
}

bool is_loopback(std::string const& address) {
  auto const ip = parse_ip(address);
  return ip && (ip->v6 ? address == "::1" : ip->bytes[0] == 127);
}

constexpr auto kHairpin =
    "switch preserve_client_ip.enabled off in the load balancer's target group: with it a master "
    "cannot reach itself through the balancer; else let the security groups pass this port";

void judge_reach(EndpointFacts const& facts, Findings& found) {
  constexpr auto kCheck = "endpoint-reach";
  auto const where = fmt::format("{}:{}", facts.host, facts.port);
  std::size_t connected = 0, refused = 0, silent = 0;
  std::set<std::string> silent_at;
  for (auto const& each : facts.reached) {
    if (each.how == Reached::How::connected)
      ++connected;
    else if (each.how == Reached::How::refused)
      ++refused;
    else
      ++silent, silent_at.insert(each.address);
  }
  if (facts.reached.empty()) return;
  if (connected == facts.reached.size()) {
    found.push_back(
        ok(kCheck, fmt::format("{} takes connections at {}", where,
                               facts.addresses.size() == 1
                                   ? facts.addresses.front()
                                   : fmt::format("each of {} addresses", facts.addresses.size()))));
    return;
  }
  std::vector<std::string> const at(silent_at.begin(), silent_at.end());
  // The own apiserver takes connections: the network, or the balancer, is what does not.
  if (silent > 0 && facts.master && facts.own_apiserver) {
    found.push_back(problem(
        "endpoint-hairpin", Reason::EndpointHairpin,
        fmt::format("{} of {} connections to {} got no answer (at {}), while this master's own "
                    "apiserver takes them: it seems that the load balancer leads them back to this "
                    "master, which then drops them",
                    silent, facts.reached.size(), where, joined(at)),
        kHairpin));
    return;
  }
  if (connected > 0) {
    found.push_back(warning(
        kCheck, Reason::EndpointUnreachable,
        fmt::format("of {} connections to {}, {} got no answer and {} were refused",
                    facts.reached.size(), where, silent, refused),
        "see that each zone of the load balancer has a healthy apiserver, or switch its cross-zone "
        "balancing on"));
    return;
  }
  auto const sentence = fmt::format("nothing {} at {}", silent > 0 ? "answers" : "listens", where);
  auto const* advice =
      silent > 0 ? "let the security groups of load balancer and masters pass this port, and see "
                   "that the balancer is in this network"
                 : "see that the load balancer has a listener at this port and healthy targets";
  // The first master comes up before anybody serves.
  if (facts.master && !facts.own_apiserver)
    found.push_back(warning(kCheck, Reason::EndpointUnreachable,
                            sentence + "; before the first master serves that is so", advice));
  else
    found.push_back(problem(kCheck, Reason::EndpointUnreachable, sentence, advice));
}

void judge_api(EndpointFacts const& facts, Findings& found) {
  constexpr auto kCheck = "endpoint-api";
  if (facts.trouble) {
    if (facts.trouble->kind == Kind::denied)
      found.push_back(problem(kCheck, Reason::EndpointMisdirected,
                              fmt::format("{} does not show a certificate of this cluster: {}",
                                          facts.host, facts.trouble->message.text),
                              "let the load balancer pass TCP through, without TLS of its own, to "
                              "the masters of this cluster"));
    else
      // A balancer without a healthy target may take connections, and close them.
      found.push_back(
          {kCheck, facts.master && !facts.own_apiserver ? Level::warning : Level::problem,
           Message(Reason::EndpointNotReady,
                   fmt::format("{} takes connections and does not answer as an API: {}", facts.host,
                               facts.trouble->message.text),
                   "see that the load balancer passes TCP to port 6443 of the masters, and finds "
                   "them healthy")});
    return;
  }
  if (facts.status) {
    // 401 and 403: who asks has shown no certificate, and an apiserver said so.
    if (*facts.status < 500)
      found.push_back(ok(kCheck, fmt::format("{} answers as this cluster's API", facts.host)));
    else
      found.push_back(
          warning(kCheck, Reason::EndpointNotReady,
                  fmt::format("an apiserver answers at {}, and says {}: it is not ready",
                              facts.host, *facts.status),
                  "see 'haagent status --cluster' on a master"));
    return;
  }
  if (!facts.untold.empty()) found.push_back(untried(kCheck, facts.untold));
}

}  // namespace

Finding judge_metadata(aws::MetadataOptions const& options) {
  constexpr auto kCheck = "metadata";
  if (options.tokens.empty()) return ok(kCheck, "instance metadata answers by version 2");
  if (options.tokens != "required")
    return warning(
        kCheck, Reason::MetadataExposed, "instance metadata answers by version 1 as well",
        "set HttpTokens=required in the launch template: haagent asks by version 2 alone");
  if (options.hop_limit > 1)
    return warning(
        kCheck, Reason::MetadataExposed,
        fmt::format("the hop limit of instance metadata is {}: pods can take this node's "
                    "role",
                    options.hop_limit),
        "set HttpPutResponseHopLimit=1 in the launch template, unless something in a "
        "pod needs metadata");
  return ok(kCheck, "instance metadata answers by version 2 alone, with a hop limit of 1");
}

Finding judge_clock(std::optional<Duration> ahead) {
  constexpr auto kCheck = "clock";
  if (!ahead)
    return untried(kCheck, "no service told the time, so that the clock was not compared");
  auto const off = std::chrono::abs(*ahead);
  auto const* which = *ahead > Duration(0) ? "slow" : "fast";
  // The agent's own bound; AWS's is five minutes.
  if (off > kClockWrong)
    return problem(kCheck, Reason::ClockWrong,
                   fmt::format("this clock is {} {}: AWS refuses signatures that are five minutes "
                               "off, and from two on haagent takes and sweeps no backups, makes no "
                               "authorities or certificates and gives no requests",
                               in_seconds(off), which),
                   "see that chrony or systemd-timesyncd runs and reaches 169.254.169.123");
  if (off >= 10s)
    return warning(kCheck, Reason::ClockNotSynchronized,
                   fmt::format("this clock is {} {}", in_seconds(off), which),
                   "see that chrony or systemd-timesyncd runs and reaches 169.254.169.123");
  return ok(kCheck, "the clock agrees with AWS's");
}

Findings judge_permissions(Permissions const& asked, Role role,
                           std::vector<std::string> const& only) {
  Findings found;
  for (auto const& each : aws::kPermissions) {
    if (!(role == Role::master ? each.master : each.worker)) continue;
    if (!each.only.empty() && std::ranges::find(only, each.only) == only.end()) continue;
    auto const name = std::string(each.action);
    auto const known = asked.find(each.action);
    auto const answer = known == asked.end() ? Asked{} : known->second;
    switch (answer.answer) {
      case Asked::Answer::allowed:
        found.push_back(
            ok(name, fmt::format("{} is allowed{}", name,
                                 each.proof == aws::Proof::dry_run     ? " (dry run)"
                                 : each.proof == aws::Proof::no_effect ? " (without effect)"
                                                                       : "")));
        break;
      case Asked::Answer::denied: {
        auto const sentence = fmt::format("{} is not allowed: haagent needs it {}", name, each.why);
        auto const advice = fmt::format("give the instance's role the permission {}", name);
        // Without the hooks' permissions a node works, and its hooks run into their timeouts.
        // Without those for tokens it joins by a signed call.
        found.push_back(each.only == aws::kWithHooks || each.only == aws::kWithTokens
                            ? warning(name, Reason::PermissionDenied, sentence, advice)
                            : problem(name, Reason::PermissionDenied, sentence, advice));
        break;
      }
      case Asked::Answer::unknown:
        found.push_back(warning(
            name, Reason::NotChecked,
            fmt::format("whether {} is allowed could not be found out: {}", name, answer.why),
            "run this again once that is repaired"));
        break;
      case Asked::Answer::untried:
        found.push_back(untried(
            name,
            fmt::format("{} was not tried: {}", name,
                        answer.why.empty() ? "there is no way that changes nothing" : answer.why)));
    }
  }
  return found;
}

std::vector<aws::Volume> own_volumes(VolumeFacts const& facts) {
  std::vector<aws::Volume> own;
  for (auto const& each : facts.volumes)
    if (aws::is_owned_by(each, facts.cluster) && aws::has_etcd_tag(each)) own.push_back(each);
  return own;
}

Findings judge_room(std::vector<EtcdVolumeSpace> const& mounted) {
  Findings found;
  for (auto const& each : mounted) {
    auto const check = fmt::format("space:{}", each.mount_point);
    auto const verdict = judge_etcd_volume(each);
    if (verdict.level == SpaceLevel::critical)
      found.push_back(problem(check, verdict.message));
    else if (verdict.level == SpaceLevel::warning)
      found.push_back(warning(check, verdict.message));
    else
      found.push_back(ok(check, verdict.message.text));
  }
  return found;
}

Findings judge_volumes(VolumeFacts const& facts) {
  Findings found;
  std::map<EtcdCluster, std::vector<std::string>> here;
  for (auto cluster : kEtcdClusters) {
    auto const check = fmt::format("volume-{}", to_string(cluster));
    auto const tag_name = etcd_tag_name(cluster);
    // Before anybody makes a blank one beside it.
    for (auto const& near : volumes::near_matches(facts.volumes, facts.cluster, cluster))
      found.push_back(warning(check, Reason::VolumeNearlyTagged,
                              fmt::format("{} in {} nearly fits: {}", near.volume_id, near.zone,
                                          joined(near.differences)),
                              near.tags_to_give.empty()
                                  ? std::string("put its tags right if it is this cluster's")
                                  : fmt::format("if it is this cluster's, run: {}",
                                                volumes::tag_command(facts.region, near.volume_id,
                                                                     near.tags_to_give))));
    std::vector<Member> members;
    bool tags_good = true;
    for (auto const& volume : facts.volumes) {
      if (!volume.tags.contains(tag_name)) continue;
      if (!aws::is_owned_by(volume, facts.cluster)) continue;
      auto tag = aws::parse_etcd_tag(volume.tag(tag_name));
      if (!tag) {
        tags_good = false;
        found.push_back(problem(check, Reason::VolumeTagsInvalid,
                                fmt::format("the tag {} of {} is wrong: {}", tag_name, volume.id,
                                            tag.error().message.sentence()),
                                tag_advice(cluster, facts.cluster)));
        continue;
      }
      if (volume.zone == facts.zone) here[cluster].push_back(tag->member);
      members.push_back({&volume, *std::move(tag)});
    }
    if (members.empty()) {
      if (tags_good)
        found.push_back(
            problem(check, Reason::VolumeMissing,
                    fmt::format("this account and region have no volume of etcd {} of {}",
                                to_string(cluster), facts.cluster),
                    fmt::format("make one a zone, each with its own member's letter; this one's "
                                "of three members: run: {}",
                                volumes::create_volume_command(volumes::volume_to_make(
                                    facts.region, facts.zone, facts.cluster, cluster, "", {})))));
      continue;
    }
    if (here[cluster].empty() && tags_good)
      found.push_back(
          problem(check, Reason::VolumeMissing,
                  fmt::format("{} has no volume of etcd {}: a master there waits for "
                              "ever",
                              facts.zone, to_string(cluster)),
                  fmt::format("make one in {}, or start masters in {} alone", facts.zone, [&] {
                    std::set<std::string> zones;
                    for (auto const& each : members) zones.insert(each.volume->zone);
                    return in_words({zones.begin(), zones.end()});
                  }())));
    for (auto const& each : members) judge_one(cluster, *each.volume, facts, found);
    judge_sizes(cluster, members, facts, found);
    if (tags_good) judge_members(cluster, members, found);
  }
  judge_make(own_volumes(facts), found);
  auto sorted = [&](EtcdCluster cluster) {
    auto names = here[cluster];
    std::ranges::sort(names);
    return names;
  };
  auto const main = sorted(EtcdCluster::main), events = sorted(EtcdCluster::events);
  if (!main.empty() && !events.empty() && main != events)
    found.push_back(
        problem("volume-pairs", Reason::VolumeInAnotherZone,
                fmt::format("{} has the volumes of etcd main's {} and of etcd events' {}: "
                            "a master takes both of one member",
                            facts.zone, in_words(main), in_words(events)),
                "put both volumes of each member into one zone"));
  return found;
}

Findings judge_group(GroupFacts const& facts, Role role, std::string const& launching,
                     std::string const& terminating) {
  if (!facts.member)
    return {warning("group", Reason::GroupMissing,
                    "no auto-scaling group has this instance, so that none replaces it",
                    "start it from an auto-scaling group")};
  auto const& group = facts.member->group;
  Findings found = {
      ok("group", fmt::format("{} has this instance as {}", group, facts.member->state))};
  auto hook = [&](std::string const& name, std::string_view transition) {
    auto const check = transition == aws::kLaunching ? "hook-launching" : "hook-terminating";
    for (auto const& each : facts.hooks) {
      if (each.name != name) continue;
      if (each.transition != transition) {
        found.push_back(
            problem(check, Reason::HookMisnamed,
                    fmt::format("the hook {} of {} is one of {}", name, group, each.transition),
                    fmt::format("make it one of {}", transition)));
        return;
      }
      found.push_back(
          ok(check, fmt::format("{} has the hook {} ({})", group, name, in_seconds(each.timeout))));
      return;
    }
    // Others of that transition are held by nobody that haagent knows.
    for (auto const& each : facts.hooks) {
      if (each.transition != transition) continue;
      found.push_back(warning(
          check, Reason::HookMisnamed,
          fmt::format("{} has the hook {}, and haagent completes {}", group, each.name, name),
          fmt::format("name it in lifecycle.{} if haagent is to complete it",
                      transition == aws::kLaunching ? "launchingHook" : "terminatingHook")));
      return;
    }
    if (transition == aws::kTerminating && role == Role::master)
      found.push_back(
          warning(check, Reason::HookMissing,
                  fmt::format("{} has no hook {}: a master that it ends has the time of "
                              "a shutdown alone to hand over",
                              group, name),
                  "give the group that hook, with a timeout of five minutes"));
    else
      found.push_back(ok(check, fmt::format("{} has no hook {}, and needs none", group, name)));
  };
  hook(launching, aws::kLaunching);
  hook(terminating, aws::kTerminating);
  return found;
}

Findings judge_endpoint(EndpointFacts const& facts) {
  constexpr auto kCheck = "endpoint-name";
  if (!facts.resolve_trouble.empty())
    return {problem(kCheck, Reason::EndpointUnresolved,
                    fmt::format("{} does not resolve here: {}", facts.host, facts.resolve_trouble),
                    "put the load balancer's DNS name into cluster.endpoint, and see that this "
                    "network has DNS")};
  Findings found;
  for (auto const& address : facts.addresses) {
    if (auto const placeholder = placeholder_of(address); !placeholder.empty())
      found.push_back(problem(kCheck, Reason::EndpointMisdirected,
                              fmt::format("{} leads to {}", facts.host, placeholder),
                              "let the name lead to the load balancer, or put the load balancer's "
                              "own name into cluster.endpoint"));
    else if (is_loopback(address))
      found.push_back(
          problem(kCheck, Reason::EndpointMisdirected,
                  fmt::format("{} leads to {}, which is each machine itself", facts.host, address),
                  "let the name lead to the load balancer"));
  }
  if (!found.empty()) return found;
  found.push_back(
      ok(kCheck, facts.addresses == std::vector{facts.host}
                     ? fmt::format("the endpoint is the address {}", facts.host)
                     : fmt::format("{} resolves to {}", facts.host, joined(facts.addresses))));
  judge_reach(facts, found);
  judge_api(facts, found);
  return found;
}

Finding judge_peer(PeerFacts const& peer) {
  auto const check = "peer:" + peer.instance_id;
  std::vector<std::string> silent, refused;
  std::string address;
  for (auto const& each : peer.reached) {
    address = each.address;
    if (each.how == Reached::How::refused)
      refused.push_back(std::to_string(each.port));
    else if (each.how != Reached::How::connected)
      silent.push_back(std::to_string(each.port));
  }
  auto const who = fmt::format("{} ({})", peer.instance_id, address);
  if (!silent.empty())
    return problem(check, Reason::PeerUnreachable,
                   fmt::format("{} does not answer at {}", who, in_words(silent)),
                   "let the masters' security group pass the ports 2379 to 2391 and 3999 between "
                   "masters; else that machine is down");
  if (!refused.empty())
    return ok(check,
              fmt::format("{} can be reached; nothing listens at {} yet", who, in_words(refused)));
  return ok(check, fmt::format("etcd and agent of {} can be reached", who));
}

Findings judge_store(StoreFacts const& facts) {
  Findings found;
  if (facts.folder) {
    if (!facts.folder_exists)
      return {problem("state", Reason::StoreUnfit, fmt::format("{} is not there", facts.where),
                      "mount the file system that all masters share there, or name a bucket in "
                      "cluster.state")};
    return {warning("state", Reason::StoreUnfit,
                    fmt::format("{} is a folder: every master must see the same one", facts.where),
                    "name a bucket in cluster.state")};
  }
  if (facts.takes_false_writes)
    found.push_back(problem("state", Reason::StoreUnfit,
                            fmt::format("{} carries out a write whose condition does not hold: two "
                                        "masters would overwrite each other's authorities",
                                        facts.where),
                            "use S3, or a store that knows If-Match and If-None-Match"));
  if (!facts.bucket_region.empty() && facts.bucket_region != facts.region)
    found.push_back(warning("state-region", Reason::StoreInAnotherRegion,
                            fmt::format("the bucket of {} is in {}, and this instance in {}: it "
                                        "depends on two regions",
                                        facts.where, facts.bucket_region, facts.region),
                            "keep the state in a bucket of the cluster's own region"));
  return found;
}

}  // namespace haagent::preflight
