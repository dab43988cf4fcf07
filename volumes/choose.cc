#include "volumes/choose.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/messages.h"
#include "volumes/advice.h"
#include "volumes/device_name.h"
#include "volumes/near_match.h"

namespace haagent::volumes {
namespace {

// A volume that carries the etcd tag of one cluster.
struct Candidate {
  aws::Volume const* volume;
  EtcdCluster cluster;
  // What its tags and EC2 say. Where it has a tag_error it must not be touched, and names no
  // member.
  EtcdVolume etcd;
  std::vector<aws::Attachment> attachments;  // live ones, ours as we believe them

  std::string const& id() const { return volume->id; }
};

// "vol-1 (main, member a)"
std::string name_of(Candidate const& each) {
  return each.etcd.tag_error.empty() ? fmt::format("{} ({}, member {})", each.id(),
                                                   to_string(each.cluster), each.etcd.member)
                                     : fmt::format("{} ({})", each.id(), to_string(each.cluster));
}

std::string names_of(std::vector<Candidate const*> const& all) {
  std::vector<std::string> names;
  for (auto const* each : all) names.push_back(name_of(*each));
  return fmt::format("{}", fmt::join(names, " and "));
}

std::string ids_of(std::vector<Candidate const*> const& all) {
  std::vector<std::string> ids;
  for (auto const* each : all) ids.push_back(each->id());
  return fmt::format("{}", fmt::join(ids, " "));
}

class Chooser {
 public:
  Chooser(Observed const& observed, Remembered const& remembered)
      : observed_(observed), remembered_(remembered) {
    for (auto cluster : kEtcdClusters)
      for (auto const& volume : observed_.volumes) add(volume, cluster);
  }

  Plan choose() {
    for (auto cluster : kEtcdClusters) settle_held(cluster);
    auto member = settle_member();
    if (!done(EtcdCluster::main)) plan_.main = choose_main(member);
    if (!done(EtcdCluster::events)) plan_.events = choose_events(member);
    share_device_names();
    return std::move(plan_);
  }

 private:
  using Candidates = std::vector<Candidate const*>;

  // --- What there is.

  void add(aws::Volume const& volume, EtcdCluster cluster) {
    auto etcd = aws::etcd_volume_of(volume, cluster);
    if (!etcd || !aws::is_owned_by(volume, observed_.cluster)) return;
    if (volume.state == "deleting" || volume.state == "deleted") return;
    auto const of_both = std::ranges::all_of(
        kEtcdClusters, [&](auto c) { return volume.tags.contains(etcd_tag_name(c)); });
    auto& tag_error = etcd->tag_error;
    if (tag_error.empty() && of_both) tag_error = "it is tagged for main and for events";
    if (tag_error.empty() && !aws::has_master_role(volume))
      tag_error = "it lacks the tag k8s.io/role/control-plane=1";
    if (!tag_error.empty()) {
      etcd->member.clear();
      etcd->members.clear();
    }
    candidates_.push_back({.volume = &volume,
                           .cluster = cluster,
                           .etcd = *std::move(etcd),
                           .attachments = attachments_of(volume)});
  }

  // Ours is believed before what a describe shows: the answer to AttachVolume is the lock.
  std::vector<aws::Attachment> attachments_of(aws::Volume const& volume) const {
    std::vector<aws::Attachment> live;
    bool here = false;
    for (auto const& each : volume.attachments) {
      if (each.state == "detached") continue;
      here = here || each.instance_id == observed_.instance_id;
      live.push_back(each);
      if (remembered_.letting_go.contains(volume.id) && each.state != "busy")
        live.back().state = "detaching";
    }
    if (here) return live;
    aws::Attachment ours{.instance_id = observed_.instance_id,
                         .device = {},
                         .state = "attaching",
                         .attach_time = {},
                         .delete_on_termination = false};
    if (auto belief = remembered_.beliefs.find(volume.id); belief != remembered_.beliefs.end()) {
      ours.device = belief->second.device;
      return {ours};
    }
    if (live.empty() && observed_.present.contains(volume.id) &&
        !remembered_.free_for_long.contains(volume.id))
      return {ours};
    return live;
  }

  bool here(Candidate const& each) const {
    return std::ranges::any_of(
        each.attachments, [&](auto const& a) { return a.instance_id == observed_.instance_id; });
  }
  bool elsewhere(Candidate const& each) const { return !each.attachments.empty() && !here(each); }
  bool free(Candidate const& each) const {
    return each.attachments.empty() && each.volume->state == "available";
  }
  bool in_my_zone(Candidate const& each) const { return each.volume->zone == observed_.zone; }

  Candidates find(EtcdCluster cluster, auto const& wanted) const {
    Candidates found;
    for (auto const& each : candidates_)
      if (each.cluster == cluster && wanted(each)) found.push_back(&each);
    std::ranges::sort(found, {}, [](auto const* each) { return each->id(); });
    return found;
  }
  Candidates of_member(EtcdCluster cluster, std::string const& member) const {
    return find(cluster, [&](auto const& each) {
      return each.etcd.tag_error.empty() && each.etcd.member == member;
    });
  }
  // The volume of that member in my zone; the first where there are two, which `judge` refuses.
  Candidate const* in_zone(EtcdCluster cluster, std::string const& member) const {
    for (auto const* each : of_member(cluster, member))
      if (in_my_zone(*each)) return each;
    return nullptr;
  }

  // --- What I hold.

  bool leaving(Candidate const& each) const {
    auto const& state = each.attachments[0].state;
    return state == "detaching" || state == "busy";
  }

  bool recorded(Candidate const& each) const {
    auto found = observed_.recorded.find(each.cluster);
    return found != observed_.recorded.end() && found->second == each.id();
  }
  // Its disk is mounted here: it stays, whatever else is true.
  bool in_use(Candidate const& each) const { return observed_.in_use.contains(each.id()); }

  bool done(EtcdCluster cluster) const { return settled_.contains(cluster); }
  void settle(EtcdCluster cluster, Choice choice) {
    plan_.of(cluster) = std::move(choice);
    settled_.insert(cluster);
  }

  // One volume of a cluster at most. A second one goes back, where it is plain which one that is.
  void settle_held(EtcdCluster cluster) {
    auto held = find(cluster, [&](auto const& each) { return here(each); });
    if (held.empty()) return;
    if (std::ranges::any_of(held, [&](auto const* each) { return !leaving(*each); }))
      std::erase_if(held, [&](auto const* each) { return leaving(*each); });
    if (held.size() == 1) {
      held_[cluster] = held[0];
      return;
    }
    auto const* keep = the_one_to_keep(cluster, held);
    if (!keep)
      return settle(cluster,
                    Refuse{Message(Reason::VolumesAmbiguous,
                                   fmt::format("{} are both attached to this instance, and nothing "
                                               "tells which one is right",
                                               names_of(held)),
                                   "detach the wrong one")
                               .about(ids_of(held))});
    held_[cluster] = keep;
    for (auto const* each : held) {
      if (each == keep) continue;
      if (in_use(*each))
        return settle(cluster,
                      Refuse{Message(Reason::VolumesAmbiguous,
                                     fmt::format("{} is mounted on this instance beside {}",
                                                 name_of(*each), name_of(*keep)),
                                     "unmount and detach the wrong one")
                                 .about(ids_of({each, keep}))});
      return settle(cluster,
                    give_back(*each, fmt::format("it is attached here beside {}", name_of(*keep))));
    }
  }

  Candidate const* the_one_to_keep(EtcdCluster cluster, Candidates const& held) const {
    auto only = [&](auto const& wanted) -> Candidate const* {
      Candidates found;
      std::ranges::copy_if(held, std::back_inserter(found), wanted);
      return found.size() == 1 ? found[0] : nullptr;
    };
    if (auto const* each = only([&](auto const* c) { return in_use(*c); })) return each;
    if (auto const* each = only([&](auto const* c) { return recorded(*c); })) return each;
    // Two of one member: one is a copy, and a wrong guess serves old data.
    for (auto const* each : held) {
      if (!each->etcd.tag_error.empty()) return nullptr;
      auto same =
          std::ranges::count(held, each->etcd.member,
                             [](auto const* c) -> std::string const& { return c->etcd.member; });
      if (same > 1) return nullptr;
    }
    auto other = cluster == EtcdCluster::main ? EtcdCluster::events : EtcdCluster::main;
    auto pair = find(other, [&](auto const& each) { return here(each); });
    if (auto const* each = only([&](auto const* c) {
          return pair.size() == 1 && c->etcd.member == pair[0]->etcd.member;
        }))
      return each;
    return *std::ranges::min_element(held, {}, [](auto const* c) {
      auto const& time = c->attachments.front().attach_time;
      return std::pair(time.empty(), time);  // what is only believed is the latest
    });
  }

  // The member whose pair is mine or that I am about to take; empty where there is none.
  std::string settle_member() {
    auto const* main = held_[EtcdCluster::main];
    auto const* events = held_[EtcdCluster::events];
    if (events && leaving(*events) && (!main || events->etcd.member != main->etcd.member))
      events = held_[EtcdCluster::events] = nullptr;
    if (main && !main->etcd.tag_error.empty()) main = nullptr;
    if (events && !events->etcd.tag_error.empty()) events = nullptr;
    if (done(EtcdCluster::main) && !main) return "";
    if (!main && events) {
      auto const* wanted = in_zone(EtcdCluster::main, events->etcd.member);
      if (in_use(*events) || recorded(*events) || !wanted || !held_by_the_living(*wanted))
        return events->etcd.member;
      if (!done(EtcdCluster::events))
        settle(EtcdCluster::events,
               give_back(*events,
                         fmt::format("{} is held by {}, and both volumes of a member go to "
                                     "one master",
                                     name_of(*wanted), wanted->attachments.front().instance_id)));
      return select();
    }
    if (!main) return select();
    if (events && events->etcd.member != main->etcd.member && !done(EtcdCluster::events)) {
      if (in_use(*events))
        settle(EtcdCluster::events,
               Refuse{Message(Reason::VolumesAmbiguous,
                              fmt::format("{} and {} are both in use here, but belong to two "
                                          "members",
                                          name_of(*main), name_of(*events)),
                              "detach the wrong one")
                          .about(ids_of({main, events}))});
      else
        settle(
            EtcdCluster::events,
            give_back(*events, fmt::format("this instance holds {}, and both volumes of a member "
                                           "go to one master",
                                           name_of(*main))));
    }
    return main->etcd.member;
  }

  // The member to take: a whole free pair first, then a free main volume whose events volume is
  // still to come, by name. Empty where no main volume is free.
  std::string select() {
    auto free_here = [&](EtcdCluster cluster, std::string const& member) {
      auto const* each = in_zone(cluster, member);
      return each && free(*each);
    };
    // It may be ours already: a second one must not be taken before that is known.
    if (!find(EtcdCluster::main, [&](auto const& c) {
           return in_my_zone(c) && c.attachments.empty() && remembered_.unsettled.contains(c.id());
         }).empty())
      return "";
    std::set<std::string> members;
    for (auto const* each : find(EtcdCluster::main, [&](auto const& c) {
           return c.etcd.tag_error.empty() && in_my_zone(c) && free(c);
         }))
      members.insert(each->etcd.member);
    for (auto const& member : members)
      if (free_here(EtcdCluster::events, member)) return member;
    return members.empty() ? "" : *members.begin();
  }

  // --- What becomes of each.

  Choice choose_main(std::string const& member) {
    auto const* held = held_[EtcdCluster::main];
    if (held) return judge(*held);
    if (auto refusal = unreadable_tags(EtcdCluster::main)) return *std::move(refusal);
    if (!member.empty()) {
      auto const* each = in_zone(EtcdCluster::main, member);
      return each ? judge(*each) : missing(EtcdCluster::main, member);
    }
    auto here = find(EtcdCluster::main, [&](auto const& c) { return in_my_zone(c); });
    if (here.empty()) return missing(EtcdCluster::main, "");
    // None is to be had now: say why, and take the first that a terminated owner leaves.
    std::vector<Message> messages;
    for (auto const* each : here) {
      auto choice = judge(*each);
      if (std::holds_alternative<Attach>(choice))
        messages.push_back(Message(Reason::VolumeFree, fmt::format("{} is free", name_of(*each)))
                               .about(each->id()));
      else if (auto* wait = std::get_if<Wait>(&choice))
        messages.push_back(std::move(wait->message));
      else
        return choice;
    }
    // One is free only where another may be ours already, which is why it is waited for.
    std::ranges::stable_partition(
        messages, [](auto const& each) { return each.reason != Reason::VolumeFree; });
    return Wait{together(messages)};
  }

  Choice choose_events(std::string const& member) {
    auto const* held = held_[EtcdCluster::events];
    if (held &&
        (held->etcd.tag_error.empty() ? held->etcd.member == member || member.empty() : true))
      return judge(*held);
    if (auto refusal = unreadable_tags(EtcdCluster::events)) return *std::move(refusal);
    auto const* main = member.empty() ? nullptr : in_zone(EtcdCluster::main, member);
    bool main_is_mine = !std::holds_alternative<Refuse>(plan_.main) &&
                        (std::holds_alternative<Attach>(plan_.main) || (main && here(*main)));
    auto const* each = member.empty() ? nullptr : in_zone(EtcdCluster::events, member);
    if (!main_is_mine) {
      // A missing volume is said even now: the operator can make it while main is waited for.
      if (find(EtcdCluster::events, [&](auto const& c) { return in_my_zone(c); }).empty())
        return missing(EtcdCluster::events, member);
      return Wait{{Reason::MainVolumeNotHeld,
                   "the events volume goes to the master that holds the main volume of the same "
                   "member; this instance holds none yet that it may use"}};
    }
    if (!each) return missing(EtcdCluster::events, member);
    return judge(*each);
  }

  std::optional<Choice> unreadable_tags(EtcdCluster cluster) const {
    auto bad = find(cluster, [&](auto const& c) {
      return in_my_zone(c) && !c.etcd.tag_error.empty() && !elsewhere(c);
    });
    if (bad.empty()) return std::nullopt;
    return Refuse{
        Message(Reason::VolumeTagsInvalid,
                fmt::format("{} must not be taken: {}", bad[0]->id(), bad[0]->etcd.tag_error))
            .about(bad[0]->id())};
  }

  // Nothing is made beside a volume that was meant: first those that nearly fit, then those of
  // other zones, and only where there is neither, how to make one.
  Choice missing(EtcdCluster cluster, std::string const& member) {
    plan_.looks_wider = true;
    auto const which = fmt::format("{}{} in {}", to_string(cluster),
                                   member.empty() ? "" : " of " + member, observed_.zone);
    auto text = fmt::format("no volume tagged {}{} and {}=owned in {}", etcd_tag_name(cluster),
                            member.empty() ? "" : fmt::format("={}/...", member),
                            ownership_tag_name(observed_.cluster), observed_.zone);
    if (auto near = message_of(near_matches(observed_.wider, observed_.cluster, cluster),
                               observed_.region)) {
      near->text = fmt::format("{}; {}", worded(std::move(text)), near->text);
      return Wait{*std::move(near)};
    }
    std::vector<EtcdVolumeInEc2> own;
    Candidates elsewhere;
    for (auto const* each : find(cluster, [](auto const& c) { return c.etcd.tag_error.empty(); })) {
      own.push_back({each->etcd, each->volume->type});
      if (!in_my_zone(*each) && (member.empty() || each->etcd.member == member))
        elsewhere.push_back(each);
    }
    auto const make =
        volume_to_make(observed_.region, observed_.zone, observed_.cluster, cluster, member, own);
    bool const has_one = std::ranges::any_of(
        own, [&](auto const& each) { return each.volume.member == make.member; });
    std::vector<std::string> places;
    for (auto const* each : elsewhere)
      places.push_back(fmt::format("{} is in {}", name_of(*each), each->volume->zone));
    if (!places.empty()) text += fmt::format("; {}", fmt::join(places, ", "));
    if (has_one)
      return Wait{
          Message(Reason::VolumeInAnotherZone, std::move(text),
                  member.empty()
                      ? "every member has its volume, so that a master is of use in those zones "
                        "alone"
                      : "both volumes of a member belong into one zone: bring this one here as a "
                        "copy from a snapshot, with its tags, and take the tags off the other")
              .about(which)};
    return Wait{Message(Reason::VolumeMissing, std::move(text),
                        fmt::format("if it still exists, restore its tags; if it was deleted, or "
                                    "there never was one, run: {}",
                                    create_volume_command(make)))
                    .about(which)};
  }

  // What a volume must not be, no matter who holds it.
  std::optional<Message> unfit(Candidate const& each) const {
    auto const& volume = *each.volume;
    auto const because = [&](Reason reason, std::string_view why, std::string what_to_do = {}) {
      return Message(reason, fmt::format("{} must not be used: {}", name_of(each), why),
                     std::move(what_to_do))
          .about(each.id());
    };
    if (!each.etcd.tag_error.empty())
      return because(Reason::VolumeTagsInvalid, each.etcd.tag_error);
    if (volume.multi_attach)
      return because(Reason::VolumeUnfit,
                     "multi-attach is enabled, and nothing fences two writers");
    if (each.attachments.size() > 1)
      return because(Reason::VolumeUnfit,
                     fmt::format("it is attached to {} and {} at once",
                                 each.attachments[0].instance_id, each.attachments[1].instance_id));
    if (volume.state == "error")
      return because(Reason::VolumeUnfit, "EC2 shows it in the state error");
    if (here(each)) {
      auto const& attachment = each.attachments[0];
      auto self = observed_.instances.find(observed_.instance_id);
      auto root = self == observed_.instances.end() ? "" : self->second.root_device;
      bool named_as_root = !root.empty() && !attachment.device.empty() &&
                           device_letter(root) == device_letter(attachment.device);
      if (is_root_device_name(attachment.device) || named_as_root)
        return because(Reason::VolumeUnfit,
                       fmt::format("it is this instance's root device ({})", attachment.device));
      if (attachment.delete_on_termination)
        return because(Reason::VolumeUnfit, "it would be deleted with this instance",
                       fmt::format("set DeleteOnTermination of {} on {} to false",
                                   attachment.device, observed_.instance_id));
    }
    bool known = !volume.tag(kFormattedAtTag).empty() || !volume.tag(kEtcdClusterIdTag).empty() ||
                 recorded(each);
    if (!volume.snapshot_id.empty() && !known)
      return because(
          Reason::VolumeFromSnapshot,
          fmt::format("it was made from the snapshot {} and nothing says what it holds",
                      volume.snapshot_id),
          fmt::format("if it is the data of member {}, tag it {}=<time>, and it is taken for an "
                      "older copy; else create a blank volume",
                      each.etcd.member, kFormattedAtTag));
    return std::nullopt;
  }

  // Others that claim to be the same member, wherever they are: one of them is a copy.
  Candidates rivals(Candidate const& each) const {
    if (recorded(each) || in_use(each)) return {};
    auto same = of_member(each.cluster, each.etcd.member);
    return same.size() > 1 ? same : Candidates{};
  }

  Choice judge(Candidate const& each) {
    if (auto why = unfit(each)) return Refuse{*std::move(why)};
    if (auto all = rivals(each); !all.empty())
      return Refuse{Message(Reason::VolumesAmbiguous,
                            fmt::format("{} are two candidates for one member", names_of(all)),
                            "take the tags off the wrong one")
                        .about(ids_of(all))};
    if (here(each)) return held_here(each);
    if (elsewhere(each)) return held_elsewhere(each);
    if (auto unsettled = remembered_.unsettled.find(each.id());
        unsettled != remembered_.unsettled.end())
      return Wait{Message(unsettled->second.reason,
                          fmt::format("{}: {}", name_of(each), unsettled->second.text),
                          unsettled->second.advice)
                      .about(each.id())};
    if (each.volume->state != "available") return changing(each, each.volume->state, "");
    // The name is given in share_device_names, for both volumes at once.
    return Attach{each.etcd, ""};
  }

  // `is`: EC2's word for what happens to it.
  Wait changing(Candidate const& each, std::string_view is, std::string_view how) const {
    return {Message(Reason::VolumeChanging, fmt::format("{} is {}{}", name_of(each), is, how))
                .about(fmt::format("{} {}", each.id(), is))};
  }

  Choice held_here(Candidate const& each) {
    auto const& attachment = each.attachments[0];
    if (attachment.state == "attached") {
      auto volume = each.etcd;
      volume.instance_id = observed_.instance_id;
      return Mine{std::move(volume)};
    }
    if (attachment.state != "attaching")
      return changing(each, attachment.state == "busy" ? "busy detaching" : attachment.state,
                      " from this instance: waiting for EC2 to let it go");
    auto since = remembered_.attaching_since.find(each.id());
    if (since != remembered_.attaching_since.end() &&
        observed_.now - since->second >= kStuckAttaching)
      return Detach{
          .volume_id = each.id(),
          .instance_id = observed_.instance_id,
          .device = attachment.device,
          .force = false,
          .why = Message(Reason::VolumeStuckAttaching,
                         fmt::format("{} is stuck attaching as {} for more than {}: it is given "
                                     "up, and another name is tried",
                                     name_of(each), attachment.device, to_words(kStuckAttaching)))
                     .about(fmt::format("{} as {}", each.id(), attachment.device))};
    if (attachment.device.empty())
      return changing(each, "here", ", but EC2 does not show the attachment yet");
    return changing(each, "attaching", " as " + attachment.device);
  }

  // The owner's state where it is known; where it is not, it is asked for.
  std::string state_of_owner(std::string const& id) {
    plan_.owners.insert(id);
    auto found = observed_.instances.find(id);
    return found == observed_.instances.end() ? "" : found->second.state;
  }

  bool held_by_the_living(Candidate const& each) {
    if (!elsewhere(each)) return false;
    auto state = state_of_owner(each.attachments[0].instance_id);
    return state == "running" || state == "pending";
  }

  Choice held_elsewhere(Candidate const& each) {
    auto const& attachment = each.attachments[0];
    auto state = state_of_owner(attachment.instance_id);
    if (state == "terminated" && observed_.force_detach_terminated &&
        attachment.state != "detaching")
      return Detach{.volume_id = each.id(),
                    .instance_id = attachment.instance_id,
                    .device = attachment.device,
                    .force = true,
                    .why = Message(Reason::VolumeLeftAttached,
                                   fmt::format("{} is still attached to {}, which is terminated",
                                               name_of(each), attachment.instance_id))
                               .about(each.id() + " from " + attachment.instance_id)};
    auto const owner = fmt::format(
        "{} {} {} ({})", attachment.state, attachment.state == "detaching" ? "from" : "to",
        attachment.instance_id, state.empty() ? "state not known" : state);
    auto text = fmt::format("{} is {}", name_of(each), owner);
    if (!attachment.attach_time.empty()) text += fmt::format(" since {}", attachment.attach_time);
    std::string advice;
    if (state == "running" || state == "pending")
      advice =
          "it is never taken from there; terminate that instance, or detach the volume "
          "once nothing uses it";
    else if (state == "stopped")
      advice = "terminate or start that instance, or detach the volume";
    return Wait{Message(Reason::VolumeHeldElsewhere, std::move(text), std::move(advice))
                    .about(each.id() + ' ' + owner)};
  }

  Choice give_back(Candidate const& each, std::string_view why) const {
    return Detach{
        .volume_id = each.id(),
        .instance_id = observed_.instance_id,
        .device = each.attachments.front().device,
        .force = false,
        .why = Message(Reason::VolumeMisplaced, fmt::format("{} goes back: {}", name_of(each), why))
                   .about(each.id())};
  }

  // --- Names, for both volumes at once: they must never race for one.

  void share_device_names() {
    std::vector<std::string> taken = observed_.local_names;
    for (auto const& each : observed_.volumes)
      for (auto const& attachment : each.attachments)
        if (attachment.instance_id == observed_.instance_id && attachment.state != "detached")
          taken.push_back(attachment.device);
    for (auto const& [id, belief] : remembered_.beliefs) taken.push_back(belief.device);
    if (auto self = observed_.instances.find(observed_.instance_id);
        self != observed_.instances.end())
      for (auto const& each : self->second.block_devices) taken.push_back(each.device);

    for (auto cluster : kEtcdClusters) {
      auto* attach = std::get_if<Attach>(&plan_.of(cluster));
      if (!attach) continue;
      if (auto name = free_device_name(taken, remembered_.tried_names)) {
        attach->device = *name;
        taken.push_back(*name);
      } else {
        auto const id = attach->volume.volume_id;
        plan_.of(cluster) = Wait{
            Message(Reason::DeviceNamesExhausted,
                    "every name from /dev/sdf to /dev/sdp is taken on this instance",
                    fmt::format("detach what does not belong here, so that {} can be attached", id))
                .about(id)};
      }
    }
  }

  Observed const& observed_;
  Remembered const& remembered_;
  std::vector<Candidate> candidates_;
  std::map<EtcdCluster, Candidate const*> held_;
  std::set<EtcdCluster> settled_;
  Plan plan_;
};

}  // namespace

Plan choose(Observed const& observed, Remembered const& remembered) {
  return Chooser(observed, remembered).choose();
}

}  // namespace haagent::volumes
