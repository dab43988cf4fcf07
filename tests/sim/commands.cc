#include "tests/sim/commands.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tests/sim/document_signer.h"
#include "tests/sim/durations.h"

namespace haagent::sim {
namespace {

using Type = Argument::Kind;
using Power = Region::PowerAction;

Error as_error(ApiError const& error) {
  return {Kind::invalid, fmt::format("{}: {}", error.code, error.message), {}};
}

Tree sentence(std::string text) {
  return Tree::map({{"sentence", std::move(text)}});
}

// People name a master by its group: "masters-a" is its only living member.
Result<std::string> instance_id(Region& region, std::string const& name) {
  auto const view = region.view();
  if (view.instances.contains(name)) return name;
  std::vector<std::string> members;
  for (auto const& [id, instance] : view.instances) {
    if (instance.group == name && instance.is_alive()) members.push_back(id);
  }
  if (members.size() == 1) return members.front();
  if (members.empty()) {
    return fail(Kind::invalid,
                "'{}' is no instance, nor a group with one that lives; `haagent-sim state` lists "
                "them",
                name);
  }
  return fail(Kind::invalid, "group {} has {} living instances: {}; name one", name, members.size(),
              fmt::join(members, " "));
}

Result<std::string> volume_id(Region& region, std::string const& name) {
  auto const view = region.view();
  if (view.volumes.contains(name)) return name;
  for (auto const& [id, volume] : view.volumes) {
    if (!volume.name.empty() && volume.name == name) return id;
  }
  return fail(Kind::invalid, "'{}' is no volume; `haagent-sim state` lists them", name);
}

Result<Tree> power(CommandContext& context, Arguments const& arguments, Power action,
                   std::string_view done) {
  std::vector<std::string> ids;
  for (auto const& name : arguments.list("instances")) {
    auto id = instance_id(context.region, name);
    if (!id) return std::unexpected(id.error());
    ids.push_back(*id);
  }
  auto const changes =
      context.region.change_power(ids, action, fmt::format("Client.Command: {}", done));
  if (!changes) return std::unexpected(as_error(changes.error()));
  return sentence(fmt::format("{} {}", fmt::join(ids, " "), done));
}

Command power_command(std::string name, std::string help, Power action, std::string_view done) {
  return {std::move(name),
          std::move(help),
          {{"instances", Type::list, "ids, or names of groups with one instance", true, true}},
          [action, done](CommandContext& context, Arguments const& arguments) {
            return power(context, arguments, action, done);
          }};
}

Command delay_command(std::string name, std::string help, Duration Delays::* member) {
  return {name,
          std::move(help),
          // A negative one would look like an option where it stands by itself.
          {{"delay", Type::duration, "how long", true, member != &Delays::device}},
          [name, member](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
            auto const delay = arguments.duration("delay");
            if (delay < Duration(0) && member != &Delays::device) {
              return fail(Kind::invalid, "{} cannot be negative", name);
            }
            context.region.set_delays([&](Delays& delays) { delays.*member = delay; });
            return sentence(fmt::format("{} is {} from now on", name, to_words(delay)));
          }};
}

Result<Tree> api_fault(CommandContext& context, Arguments const& arguments) {
  auto& region = context.region;
  bool const is_imds = arguments.text("service", "api") == "imds";
  auto& faults = is_imds ? region.imds_faults() : region.api_faults();
  auto const what = arguments.text("what");
  auto const who = is_imds ? "instance metadata" : "the API";
  if (what == "ok") {
    faults.clear();
    if (!is_imds) region.set_clock_skew(Duration(0));
    region.timeline().add(who, "", "well again");
    return sentence(fmt::format("{} is well again", who));
  }
  if (what == "slow") {
    if (!arguments.has("by")) {
      return fail(Kind::invalid, "how slow? `api slow --by 2s`");
    }
    faults.set_latency(arguments.duration("by"));
    region.timeline().add(who, "", "slow", "by " + to_words(arguments.duration("by")));
    return sentence(fmt::format("{} answers {} late", who, to_words(arguments.duration("by"))));
  }
  auto const actions = arguments.list("action");
  if (what == "deny") {
    if (is_imds || actions.empty()) {
      return fail(Kind::invalid,
                  "which actions? `api deny --action AttachVolume --action 'ec2:Describe*'`");
    }
    faults.deny(actions);
    region.timeline().add(who, "", "denies", fmt::format("{}", fmt::join(actions, " ")));
    return sentence(fmt::format("instances may not {} any more", fmt::join(actions, ", ")));
  }
  auto const kind = fault_kind(what);
  if (!kind) return std::unexpected(kind.error());
  Fault fault{arguments.number("next", -1), arguments.fraction("probability", 1), actions};
  if (fault.next == 0 || fault.next < -1) {
    return fail(Kind::invalid, "--next must be 1 or more; without it every call is hit");
  }
  if (fault.probability <= 0 || fault.probability > 1) {
    return fail(Kind::invalid, "--probability must be above 0 and at most 1");
  }
  auto const detail = fmt::format("{}{}", fault.next > 0 ? fmt::format("next {} ", fault.next) : "",
                                  fmt::join(actions, " "));
  faults.set(*kind, std::move(fault));
  region.timeline().add(who, "", std::string(to_string(*kind)), detail);
  return sentence(fmt::format("{}: {} {}", who, to_string(*kind), detail));
}

Result<Tree> imds_options(CommandContext& context, Arguments const& arguments) {
  auto const id = instance_id(context.region, arguments.text("instance"));
  if (!id) return std::unexpected(id.error());
  auto const done = context.region.set_metadata(*id, [&](MetadataOptions& options) {
    if (arguments.has("tokens")) options.tokens_required = arguments.text("tokens") == "required";
    if (arguments.has("endpoint")) options.enabled = arguments.text("endpoint") == "on";
    if (arguments.has("tags")) options.tags = arguments.text("tags") == "on";
    options.hop_limit = arguments.number("hop-limit", options.hop_limit);
    options.hops = arguments.number("hops", options.hops);
    if (arguments.has("credentials-lifetime")) {
      options.credentials_lifetime = arguments.duration("credentials-lifetime");
    }
    static constexpr std::pair<std::string_view, RoleAnswer> kRoles[] = {
        {"ok", RoleAnswer::ok},
        {"none", RoleAnswer::none},
        {"failed", RoleAnswer::failed},
        {"expired", RoleAnswer::expired}};
    for (auto const& [name, role] : kRoles) {
      if (arguments.text("role") == name) options.role = role;
    }
  });
  if (!done) return std::unexpected(done.error());
  return sentence(fmt::format("metadata options of {} are changed", *id));
}

Result<Tree> web_identity(CommandContext& context, Arguments const& arguments) {
  auto& region = context.region;
  auto& issuer = region.token_issuer();
  auto const what = arguments.text("what");
  if (what == "rotate") {
    issuer.rotate_keys();
    region.timeline().add("the token issuer", "", "new keys");
    return sentence("web identity tokens are signed with new keys; the old ones are gone");
  }
  issuer.set_enabled(what == "on");
  region.timeline().add("the token issuer", "", what);
  return sentence(
      fmt::format("web identity federation is {}; its issuer is {}", what, issuer.url()));
}

Tree tags_tree(Tags const& tags) {
  auto tree = Tree::map();
  for (auto const& [key, value] : tags) tree.set(key, value);
  return tree;
}

Tree used_tree(Region& region) {
  auto tree = Tree::map();
  for (auto const& [role, uses] : region.permissions().used()) {
    auto list = Tree::list();
    for (auto const& use : uses) list.push_back(use);
    tree.set(role, std::move(list));
  }
  return tree;
}

Tree calls_tree(Region& region) {
  auto tree = Tree::map();
  for (auto const& [caller, actions] : region.calls().counts()) {
    auto& of_caller = tree[caller] = Tree::map();
    for (auto const& [action, count] : actions) {
      auto codes = Tree::map();
      for (auto const& [code, times] : count.codes) codes.set(code, times);
      of_caller.set(action, Tree::map({{"calls", count.calls},
                                       {"errors", count.errors},
                                       {"codes", std::move(codes)}}));
    }
  }
  return tree;
}

Result<Tree> create_volume(CommandContext& context, Arguments const& arguments) {
  CreateVolume request;
  request.zone = arguments.text("zone");
  request.size_gib = static_cast<std::uint64_t>(std::max(0, arguments.number("size", 0)));
  request.snapshot_id = arguments.text("snapshot");
  for (auto const& tag : arguments.list("tag")) {
    auto const equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Kind::invalid, "'{}' is no tag; write key=value", tag);
    }
    request.tags[tag.substr(0, equals)] = tag.substr(equals + 1);
  }
  auto const volume = context.region.create_volume(request);
  if (!volume) return std::unexpected(as_error(volume.error()));
  auto answer = sentence(fmt::format("{} is being created", volume->id));
  answer.set("volume", volume->id);
  return answer;
}

Tree metrics_tree(Region& region) {
  auto list = Tree::list();
  for (auto const& [metric, values] : region.metrics().all())
    list.push_back(Tree::map({{"namespace", metric.space},
                              {"name", metric.name},
                              {"dimensions", tags_tree(metric.dimensions)},
                              {"unit", values.unit},
                              {"newest", values.newest},
                              {"by", values.caller},
                              {"count", values.count}}));
  return list;
}

Result<Tree> set_devices(CommandContext& context, Arguments const& arguments) {
  if (!context.machine.set_devices) {
    return fail(Kind::invalid, "this region has no real devices: it runs with --api-only");
  }
  std::optional<bool> udev, reversed;
  std::optional<Duration> delay;
  if (arguments.has("udev")) udev = arguments.text("udev") == "on";
  if (arguments.has("order")) reversed = arguments.text("order") == "reversed";
  if (arguments.has("node-delay")) delay = arguments.duration("node-delay");
  if (auto set = context.machine.set_devices(udev, reversed, delay); !set) {
    return std::unexpected(set.error());
  }
  return sentence("devices that are plugged from now on come that way");
}

std::vector<Command> make_commands() {
  std::vector<Command> all;
  // ---- looking
  all.push_back({"state",
                 "zones, groups, instances, volumes, faults and calls",
                 {},
                 [](CommandContext& context, Arguments const&) -> Result<Tree> {
                   return state_of(context);
                 }});
  all.push_back({"timeline",
                 "what the region did, in order",
                 {{"after", Type::number, "only events after this number"}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto events = Tree::list();
                   auto const after =
                       static_cast<std::uint64_t>(std::max(0, arguments.number("after", 0)));
                   for (auto const& event : context.region.timeline().events(after)) {
                     auto tree = to_tree(event);
                     tree.set("line", to_line(event));
                     events.push_back(std::move(tree));
                   }
                   return Tree::map({{"events", std::move(events)}});
                 }});
  all.push_back({"counts",
                 "API calls by caller and action",
                 {},
                 [](CommandContext& context, Arguments const&) -> Result<Tree> {
                   return Tree::map({{"calls", calls_tree(context.region)},
                                     {"permissions-used", used_tree(context.region)}});
                 }});
  all.push_back({"metrics",
                 "what was put to CloudWatch: each metric with its newest value",
                 {},
                 [](CommandContext& context, Arguments const&) -> Result<Tree> {
                   return Tree::map({{"metrics", metrics_tree(context.region)}});
                 }});
  all.push_back({"reset-counts",
                 "count API calls from zero",
                 {},
                 [](CommandContext& context, Arguments const&) -> Result<Tree> {
                   context.region.calls().reset();
                   return sentence("calls are counted from zero");
                 }});

  // ---- instances
  all.push_back(power_command("terminate", "shut instances down in order, as TerminateInstances",
                              Power::terminate, "shutting down"));
  all.push_back(power_command("power-cut",
                              "let instances die at once; what was not flushed is lost",
                              Power::power_cut, "power-cut"));
  all.push_back(
      power_command("stop", "stop instances, volumes stay attached", Power::stop, "stopping"));
  all.push_back(power_command("start", "start stopped instances", Power::start, "starting"));
  all.push_back(
      {"reboot",
       "reboot instances: same address, same disks",
       {{"instances", Type::list, "ids, or names of groups with one instance", true, true},
        {"hard", Type::flag, "as the reset button does, without a shutdown"}},
       [](CommandContext& context, Arguments const& arguments) {
         return power(context, arguments,
                      arguments.flag("hard") ? Power::hard_reboot : Power::reboot, "rebooting");
       }});
  for (bool const frozen : {true, false}) {
    all.push_back({frozen ? "freeze" : "thaw",
                   frozen ? "hold every process of an instance" : "let a frozen instance go on",
                   {{"instance", Type::text, "id or group", true, true}},
                   [frozen](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                     auto const id = instance_id(context.region, arguments.text("instance"));
                     if (!id) return std::unexpected(id.error());
                     if (auto done = context.region.freeze(*id, frozen); !done) {
                       return std::unexpected(done.error());
                     }
                     return sentence(fmt::format("{} is {}", *id, frozen ? "frozen" : "thawed"));
                   }});
  }
  all.push_back({"replace",
                 "end an instance through its group, lifecycle hook included",
                 {{"instance", Type::text, "id or group", true, true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id = instance_id(context.region, arguments.text("instance"));
                   if (!id) return std::unexpected(id.error());
                   if (auto done = context.region.terminate_in_group(*id, false); !done) {
                     return std::unexpected(as_error(done.error()));
                   }
                   return sentence(fmt::format("{} is being replaced", *id));
                 }});
  all.push_back({"spot-notice",
                 "announce the end of a spot instance, and end it then",
                 {{"instance", Type::text, "id or group", true, true},
                  {"in", Type::duration, "how soon; 2min by default"}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id = instance_id(context.region, arguments.text("instance"));
                   if (!id) return std::unexpected(id.error());
                   auto const in = arguments.has("in") ? arguments.duration("in")
                                                       : Duration(std::chrono::minutes(2));
                   if (auto done = context.region.spot_notice(*id, in); !done) {
                     return std::unexpected(done.error());
                   }
                   return sentence(fmt::format("{} ends in {}", *id, to_words(in)));
                 }});
  all.push_back({"rebalance",
                 "recommend that a spot instance be replaced; nothing else happens",
                 {{"instance", Type::text, "id or group", true, true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id = instance_id(context.region, arguments.text("instance"));
                   if (!id) return std::unexpected(id.error());
                   if (auto done = context.region.recommend_rebalance(*id); !done) {
                     return std::unexpected(done.error());
                   }
                   return sentence(fmt::format("{} has a rebalance recommendation", *id));
                 }});
  all.push_back({"run-warm",
                 "launch one instance into the warm pool of a group",
                 {{"group", Type::text, "its group", true, true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id = context.region.run_warm(arguments.text("group"));
                   if (!id) return std::unexpected(id.error());
                   auto answer = sentence(fmt::format("{} is launched", *id));
                   answer.set("instance", *id);
                   return answer;
                 }});
  all.push_back({"leave-warm-pool",
                 "take an instance out of the warm pool into its group",
                 {{"instance", Type::text, "its id", true, true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id = instance_id(context.region, arguments.text("instance"));
                   if (!id) return std::unexpected(id.error());
                   if (auto done = context.region.leave_warm_pool(*id); !done) {
                     return std::unexpected(done.error());
                   }
                   return sentence(fmt::format("{} joins its group", *id));
                 }});
  all.push_back({"run-instance",
                 "launch one instance outside of any group",
                 {{"like", Type::text, "the group whose launch template it takes", true},
                  {"zone", Type::text, "its zone; the group's first by default"}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id =
                       context.region.run_instance(arguments.text("zone"), arguments.text("like"));
                   if (!id) return std::unexpected(id.error());
                   auto answer = sentence(fmt::format("{} is launched", *id));
                   answer.set("instance", *id);
                   return answer;
                 }});
  all.push_back({"exec",
                 "run a program inside an instance",
                 {{"instance", Type::text, "id or group", true, true},
                  {"argv", Type::rest, "the program and its arguments", true, true},
                  {"how", Type::flag, "only say by which words the region would run it"}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id = instance_id(context.region, arguments.text("instance"));
                   if (!id) return std::unexpected(id.error());
                   if (arguments.flag("how")) {
                     auto words = context.region.way_into(*id);
                     if (!words) return std::unexpected(words.error());
                     for (auto& word : arguments.list("argv")) words->push_back(word);
                     return Tree::map(
                         {{"argv", Tree::list(std::vector<Tree>(words->begin(), words->end()))}});
                   }
                   auto const output = context.region.execute(*id, arguments.list("argv"));
                   if (!output) return std::unexpected(output.error());
                   return Tree::map({{"output", *output}});
                 }});

  // ---- volumes
  all.push_back({"create-volume",
                 "create a volume",
                 {{"zone", Type::text, "its zone", true},
                  {"size", Type::number, "GiB; the snapshot's by default"},
                  {"snapshot", Type::text, "copy this one"},
                  {"tag", Type::list, "key=value, as often as needed"}},
                 create_volume});
  all.push_back({"delete-volume",
                 "delete a volume that is attached to nothing, as DeleteVolume",
                 {{"volume", Type::text, "id or name", true, true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id = volume_id(context.region, arguments.text("volume"));
                   if (!id) return std::unexpected(id.error());
                   if (auto done = context.region.delete_volume(*id); !done) {
                     return std::unexpected(as_error(done.error()));
                   }
                   return sentence(fmt::format("{} is being deleted", *id));
                 }});
  all.push_back(
      {"break-volume",
       "let a disk fail for good",
       {{"volume", Type::text, "id or name", true, true},
        {"how", Type::text, "reads fail, or reads and writes", true, true, "unreadable|dead"}},
       [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
         if (!context.machine.break_volume) {
           return fail(Kind::invalid, "this region has no real disks: it runs with --api-only");
         }
         auto const id = volume_id(context.region, arguments.text("volume"));
         if (!id) return std::unexpected(id.error());
         auto const how = arguments.text("how");
         if (auto done = context.machine.break_volume(*id, how); !done) {
           return std::unexpected(done.error());
         }
         context.region.timeline().add(*id, "", "broken", how);
         return sentence(fmt::format("{} is {}", *id, how));
       }});
  all.push_back(
      {"stuck-attach",
       "let the next attachments hang in `attaching`",
       {{"count", Type::number, "how many: 0 for none, -1 for all; 1 by default", false, true}},
       [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
         auto const count = std::max(-1, arguments.number("count", 1));
         context.region.set_stuck_attaches(count);
         return sentence(count == 0  ? std::string("attachments go through again")
                         : count < 0 ? std::string("every attachment hangs")
                                     : fmt::format("the next {} hang", count));
       }});
  all.push_back({"lag",
                 "let Describe answers lag the truth about volumes and attachments",
                 {{"by", Type::duration, "0 for none", true, true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const by = arguments.duration("by");
                   if (by < Duration(0)) {
                     return fail(Kind::invalid, "the lag cannot be negative");
                   }
                   context.region.set_describe_lag(by);
                   context.region.timeline().add("the API", "", "describe lag", to_words(by));
                   return sentence(fmt::format("Describe lags by {}", to_words(by)));
                 }});
  all.push_back({"devices",
                 "how devices come up inside instances",
                 {{"udev", Type::text, "whether udev is there", false, false, "on|off"},
                  {"order", Type::text, "NVMe numbers", false, false, "attach|reversed"},
                  {"node-delay", Type::duration, "how much later than the device the node comes"}},
                 set_devices});
  all.push_back(delay_command("attach-delay", "AttachVolume to `attached`", &Delays::attach));
  all.push_back(delay_command("device-delay",
                              "`attached` to the device in the instance; negative: before it",
                              &Delays::device));
  all.push_back(delay_command("detach-delay", "DetachVolume to `available`", &Delays::detach));
  all.push_back(
      delay_command("release-delay", "`terminated` to its volumes `available`", &Delays::release));
  all.push_back(delay_command("launch-delay", "launch to power on", &Delays::launch));
  all.push_back(delay_command("running-delay", "power on to `running`", &Delays::running));
  all.push_back(delay_command("terminate-delay", "power off to `terminated`", &Delays::terminate));
  all.push_back(delay_command("replace-delay", "a group's lack to the launch", &Delays::replace));

  // ---- zones, groups, the network
  for (bool const up : {false, true}) {
    all.push_back({up ? "zone-up" : "zone-down",
                   up ? "bring a zone back; its groups launch again"
                      : "power-cut a zone; nothing is replaced until it is up",
                   {{"zone", Type::text, "its name", true, true}},
                   [up](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                     auto const zone = arguments.text("zone");
                     if (auto done = context.region.set_zone(zone, up); !done) {
                       return std::unexpected(done.error());
                     }
                     return sentence(fmt::format("{} is {}", zone, up ? "up" : "down"));
                   }});
  }
  all.push_back({"desired",
                 "set a group's desired capacity",
                 {{"group", Type::text, "its name", true, true},
                  {"capacity", Type::number, "within min and max", true, true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const group = arguments.text("group");
                   auto const capacity = arguments.number("capacity", 0);
                   if (auto done = context.region.set_desired_capacity(group, capacity); !done) {
                     return std::unexpected(as_error(done.error()));
                   }
                   return sentence(fmt::format("{} wants {}", group, capacity));
                 }});
  all.push_back(
      {"user-data",
       "other user data for what a group launches from now on",
       {{"group", Type::text, "its name", true, true}, {"content", Type::text, "all of it", true}},
       [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
         auto const group = arguments.text("group");
         auto done = context.region.set_user_data(group, arguments.text("content"));
         if (!done) return std::unexpected(done.error());
         return sentence(fmt::format("{} has a new launch template", group));
       }});
  all.push_back(
      {"partition",
       "drop traffic between two sets of zones and instances",
       {{"one", Type::text, "zones and ids, with commas between them", true, true},
        {"other", Type::text, "the same for the other side", true, true}},
       [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
         std::vector<std::string> sides[2];
         auto const view = context.region.view();
         for (int side : {0, 1}) {
           auto rest = arguments.text(side == 0 ? "one" : "other");
           while (!rest.empty()) {
             auto const comma = rest.find(',');
             auto name = rest.substr(0, comma);
             rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
             bool const is_zone = std::any_of(view.zones.begin(), view.zones.end(),
                                              [&](auto& zone) { return zone.name == name; });
             if (!is_zone) {
               auto id = instance_id(context.region, name);
               if (!id) {
                 return fail(Kind::invalid, "'{}' is neither a zone nor an instance", name);
               }
               name = *id;
             }
             sides[side].push_back(name);
           }
         }
         if (auto done = context.region.partition(sides[0], sides[1]); !done) {
           return std::unexpected(done.error());
         }
         return sentence(fmt::format("no traffic between {} and {}", fmt::join(sides[0], ", "),
                                     fmt::join(sides[1], ", ")));
       }});
  all.push_back({"heal",
                 "undo all partitions",
                 {},
                 [](CommandContext& context, Arguments const&) -> Result<Tree> {
                   if (auto done = context.region.heal(); !done) {
                     return std::unexpected(done.error());
                   }
                   return sentence("the network is whole");
                 }});

  // ---- the services
  all.push_back(
      {"api",
       "make the API, or instance metadata, well or ill",
       {{"what", Type::text,
         "slow (--by), throttle, fail (500), unavailable (503), down (connections are closed), "
         "lose (carried out, answer lost), deny (--action), conflict (S3: 409), late-error (S3: "
         "200 "
         "with an error behind it)",
         true, true, "ok|slow|throttle|fail|unavailable|down|lose|deny|conflict|late-error"},
        {"by", Type::duration, "slow: the latency"},
        {"next", Type::number, "only the next so many calls"},
        {"probability", Type::fraction, "only this share of the calls, 0 to 1"},
        {"action", Type::list, "only these, '*' allowed: AttachVolume, 'ec2:Describe*'"},
        {"service", Type::text, "which; api by default", false, false, "api|imds"}},
       api_fault});
  all.push_back({"skew",
                 "put the API's clock off",
                 {{"by", Type::duration, "negative: behind", true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   context.region.set_clock_skew(arguments.duration("by"));
                   auto const now = to_rfc3339(context.region.api_now());
                   context.region.timeline().add("the API", "", "clock skew", "it is " + now);
                   return sentence("the API's clock says " + now);
                 }});
  all.push_back(
      {"web-identity",
       "whether sts:GetWebIdentityToken answers, and by which keys",
       {{"what", Type::text,
         "on and off: whether the account has turned it on; rotate: other keys from now on", true,
         true, "on|off|rotate"}},
       web_identity});
  all.push_back(
      {"imds",
       "change the metadata options of an instance",
       {{"instance", Type::text, "id or group", true, true},
        {"tokens", Type::text, "version 2 only, or 1 too", false, false, "required|optional"},
        {"endpoint", Type::text, "off: 403 for everything", false, false, "on|off"},
        {"hop-limit", Type::number, "how far the token's answer travels"},
        {"hops", Type::number, "how far away the asker is"},
        {"tags", Type::text, "meta-data/tags/instance", false, false, "on|off"},
        {"role", Type::text, "what the role's credentials are", false, false,
         "ok|none|failed|expired"},
        {"credentials-lifetime", Type::duration, "of new ones"}},
       imds_options});
  all.push_back({"imds-as",
                 "answer metadata for this instance to askers that are none (--api-only)",
                 {{"instance", Type::text, "id or group", true, true}},
                 [](CommandContext& context, Arguments const& arguments) -> Result<Tree> {
                   auto const id = instance_id(context.region, arguments.text("instance"));
                   if (!id) return std::unexpected(id.error());
                   if (auto done = context.region.answer_strangers_as(*id); !done) {
                     return std::unexpected(done.error());
                   }
                   return sentence(fmt::format("metadata answers as {}", *id));
                 }});
  return all;
}

bool is_choice(std::string_view choices, std::string_view text) {
  while (true) {
    auto const bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    if (bar == std::string_view::npos) return false;
    choices.remove_prefix(bar + 1);
  }
}

Result<void> check_argument(Argument const& argument, Tree const& value) {
  bool const is_list = argument.kind == Type::list || argument.kind == Type::rest;
  auto const bad = [&](std::string_view expected) {
    return fail(Kind::invalid, "{}: {} is expected", argument.name, expected);
  };
  if (is_list) {
    if (!value.is_list() || !std::all_of(value.items().begin(), value.items().end(),
                                         [](auto& item) { return item.is_scalar(); })) {
      return bad("a list of texts");
    }
    if (argument.required && value.items().empty()) return bad("at least one");
    return {};
  }
  if (!value.is_scalar()) return bad("one value");
  auto const& text = value.text();
  if (argument.kind == Type::duration) {
    if (auto parsed = parse_duration(text); !parsed) {
      return fail(parsed.error(), "{}", argument.name);
    }
  }
  if (argument.kind == Type::flag && text != "true" && text != "false") return bad("true or false");
  if (argument.kind == Type::number || argument.kind == Type::fraction) {
    double number = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool const whole = text.find_first_not_of("-0123456789") == std::string::npos;
    if (error != std::errc() || at != text.data() + text.size() ||
        (argument.kind == Type::number && (!whole || std::abs(number) > 1e9))) {
      return bad(argument.kind == Type::number ? "a whole number" : "a number");
    }
  }
  if (!argument.choices.empty() && !is_choice(argument.choices, text)) {
    return fail(Kind::invalid, "{}: '{}' is not one of {}", argument.name, text, argument.choices);
  }
  return {};
}

}  // namespace

std::vector<std::string> Arguments::list(std::string_view name) const {
  std::vector<std::string> texts;
  if (auto const* found = tree_.find(name)) {
    for (auto const& item : found->items()) texts.push_back(item.text());
  }
  return texts;
}

Duration Arguments::duration(std::string_view name) const {
  return parse_duration(text(name)).value_or(Duration(0));
}

int Arguments::number(std::string_view name, int fallback) const {
  auto const* found = tree_.find(name);
  int number = fallback;
  if (found)
    std::from_chars(found->text().data(), found->text().data() + found->text().size(), number);
  return number;
}

double Arguments::fraction(std::string_view name, double fallback) const {
  auto const* found = tree_.find(name);
  double number = fallback;
  if (found)
    std::from_chars(found->text().data(), found->text().data() + found->text().size(), number);
  return number;
}

bool Arguments::flag(std::string_view name) const {
  return text(name) == "true";
}

std::vector<Command> const& commands() {
  static std::vector<Command> const kCommands = make_commands();
  return kCommands;
}

Result<Tree> run_command(CommandContext& context, std::string_view name, Tree const& arguments) {
  auto const& all = commands();
  auto const command =
      std::find_if(all.begin(), all.end(), [&](auto const& each) { return each.name == name; });
  if (command == all.end()) {
    return fail(Kind::invalid, "there is no command '{}'; `haagent-sim --help` lists them", name);
  }
  if (!arguments.is_map() && !arguments.is_null()) {
    return fail(Kind::invalid, "{}: the arguments are a map, name to value", name);
  }
  for (auto const& entry : arguments.entries()) {
    auto const& known = command->arguments;
    auto const argument = std::find_if(known.begin(), known.end(),
                                       [&](auto const& each) { return each.name == entry.key; });
    if (argument == known.end()) {
      return fail(Kind::invalid, "{}: there is no argument '{}'", name, entry.key);
    }
    if (auto good = check_argument(*argument, entry.value); !good) {
      return fail(good.error(), "{}", name);
    }
  }
  for (auto const& argument : command->arguments) {
    if (argument.required && !arguments.find(argument.name)) {
      return fail(Kind::invalid, "{}: {} is missing: {}", name, argument.name, argument.help);
    }
  }
  return command->run(context, Arguments(arguments));
}

Tree state_of(CommandContext const& context) {
  auto& region = context.region;
  auto const view = region.view();
  auto const stamp = [](UtcTime time) { return to_rfc3339(time, /*milliseconds=*/true); };
  auto zones = Tree::list();
  for (auto const& zone : view.zones) {
    zones.push_back(Tree::map(
        {{"name", zone.name}, {"id", zone.id}, {"gateway", zone.gateway}, {"up", zone.up}}));
  }
  auto instances = Tree::list();
  for (auto const& [id, instance] : view.instances) {
    instances.push_back(Tree::map({{"id", id},
                                   {"state", to_string(instance.state)},
                                   {"frozen", instance.frozen},
                                   {"zone", instance.zone},
                                   {"group", instance.group},
                                   {"role", instance.from.role},
                                   {"lifecycle", instance.lifecycle},
                                   {"address", instance.address},
                                   {"hostname", instance.hostname},
                                   {"launch-time", stamp(instance.launch_time)},
                                   {"reason", instance.end_reason},
                                   {"tags", tags_tree(instance.tags)}}));
  }
  auto volumes = Tree::list();
  for (auto const& [id, volume] : view.volumes) {
    auto tree = Tree::map({{"id", id},
                           {"name", volume.name},
                           {"state", to_string(volume.state)},
                           {"zone", volume.zone},
                           {"size-gib", volume.size_gib},
                           {"snapshot", volume.snapshot_id},
                           {"root", volume.is_root}});
    if (auto const& attachment = volume.attachment) {
      tree.set("attachment",
               Tree::map({{"instance", attachment->instance_id},
                          {"device", attachment->device},
                          {"state", to_string(attachment->state)},
                          {"since", stamp(attachment->attach_time)},
                          {"delete-on-termination", attachment->delete_on_termination}}));
    }
    tree.set("tags", tags_tree(volume.tags));
    volumes.push_back(std::move(tree));
  }
  auto snapshots = Tree::list();
  for (auto const& [id, snapshot] : view.snapshots) {
    snapshots.push_back(Tree::map({{"id", id},
                                   {"volume", snapshot.volume_id},
                                   {"completed", snapshot.completed},
                                   {"size-gib", snapshot.size_gib}}));
  }
  auto groups = Tree::list();
  for (auto const& group : view.groups) {
    auto names = Tree::list();
    for (auto const& zone : group.zones) names.push_back(zone);
    groups.push_back(Tree::map({{"name", group.name},
                                {"role", group.launch.role},
                                {"zones", std::move(names)},
                                {"min", group.min},
                                {"max", group.max},
                                {"desired", group.desired},
                                {"load-balanced", group.balanced}}));
  }
  auto const delays = region.delays();
  auto const ms = [](Duration duration) {
    return Tree(static_cast<std::int64_t>(duration.count()));
  };
  return Tree::map({{"region", view.region},
                    {"account", view.account},
                    {"now", stamp(view.now)},
                    {"endpoints", context.endpoints},
                    {"document-certificate", region_signer().certificate},
                    {"web-identity", region.token_issuer().is_enabled()},
                    {"zones", std::move(zones)},
                    {"groups", std::move(groups)},
                    {"instances", std::move(instances)},
                    {"volumes", std::move(volumes)},
                    {"snapshots", std::move(snapshots)},
                    {"faults", Tree::map({{"api", region.api_faults().to_tree()},
                                          {"imds", region.imds_faults().to_tree()},
                                          {"describe-lag-ms", ms(region.describe_lag())},
                                          {"stuck-attaches", region.stuck_attaches()},
                                          {"api-now", stamp(region.api_now())}})},
                    {"delays-ms", Tree::map({{"launch", ms(delays.launch)},
                                             {"running", ms(delays.running)},
                                             {"terminate", ms(delays.terminate)},
                                             {"release", ms(delays.release)},
                                             {"attach", ms(delays.attach)},
                                             {"device", ms(delays.device)},
                                             {"detach", ms(delays.detach)},
                                             {"create-volume", ms(delays.create_volume)},
                                             {"replace", ms(delays.replace)}})},
                    {"calls", calls_tree(region)}});
}

}  // namespace haagent::sim
