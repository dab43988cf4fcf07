#include "bootstrap/hosts/announcement.h"

#include <algorithm>

#include "agent/base/cidr.h"
#include "agent/base/json.h"

namespace haagent::bootstrap {
namespace {

constexpr std::size_t kWordCap = 253;  // of a DNS name, the longest of them

// What may stand in a sentence and in /etc/hosts: no blanks, nothing that moves a cursor.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kWordCap &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

Result<std::string> word_at(Tree const& tree, std::string_view path) {
  auto const* value = tree.at_path(path);
  if (!value || !value->is_string())
    return fail(Kind::invalid, "an announcement without '{}'", path);
  if (!is_word(value->text()))
    return fail(Kind::invalid, "'{}' of an announcement is empty, too long or no word", path);
  return value->text();
}

bool has(std::vector<std::string> const& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string announcement_text(Announcement const& announcement) {
  auto members = Tree::map({{"main", announcement.main}});
  if (!announcement.events.empty()) members.set("events", announcement.events);
  return json::print(Tree::map({{"schema", 1},
                                {"cluster", announcement.cluster},
                                {"members", members},
                                {"instanceId", announcement.instance_id},
                                {"address", announcement.address},
                                {"since", to_rfc3339(announcement.since, /*milliseconds=*/true)}}));
}

Result<Announcement> parse_announcement(std::string_view text) {
  if (text.size() > kAnnouncementCap)
    return fail(Kind::invalid, "an announcement has at most {} bytes", kAnnouncementCap);
  auto tree = TRY_DURING(json::parse(text), "an announcement that is no JSON");
  if (!tree.is_map()) return fail(Kind::invalid, "an announcement that is no JSON object");
  Announcement announcement;
  for (auto [path, part] : {std::pair{"cluster", &Announcement::cluster},
                            {"members.main", &Announcement::main},
                            {"instanceId", &Announcement::instance_id},
                            {"address", &Announcement::address}}) {
    auto word = TRY(word_at(tree, path));
    announcement.*part = std::move(word);
  }
  if (tree.at_path("members.events")) {
    auto word = TRY(word_at(tree, "members.events"));
    announcement.events = std::move(word);
  }
  auto const address = parse_ip(announcement.address);
  if (!address)
    return fail(Kind::invalid, "'{}' of an announcement is no IP address", announcement.address);
  announcement.address = to_string(*address);
  auto const since = parse_rfc3339(tree.text_at("since"));
  if (!since) return fail(Kind::invalid, "'since' of an announcement is no time");
  announcement.since = *since;
  return announcement;
}

Result<void> check_announcement(NodeConfig const& config, Announcement const& announcement,
                                Announcer const& caller) {
  if (announcement.cluster != config.cluster.name)
    return fail(Kind::denied, Reason::AnnouncementNotProven, "this is a master of {}, not of {}",
                config.cluster.name, announcement.cluster);
  for (auto const& member : {announcement.main, announcement.events}) {
    if (member.empty() || has(caller.names, config.etcd_host(member))) continue;
    return fail(Kind::denied, Reason::AnnouncementNotProven,
                "the caller's certificate does not name {}, so it is not member {}",
                config.etcd_host(member), member);
  }
  auto const told = parse_ip(announcement.address);
  auto is_told = [&](std::string const& address) { return told && parse_ip(address) == told; };
  if (!is_told(caller.address))
    return fail(Kind::denied, Reason::AnnouncementNotProven,
                "the announcement says {}, and comes from {}", announcement.address,
                caller.address);
  if (std::ranges::none_of(caller.addresses, is_told))
    return fail(Kind::denied, Reason::AnnouncementNotProven,
                "the caller's certificate is not for {}", announcement.address);
  return {};
}

AnnouncementVerdict decide_announcement(std::optional<PeerLocation> const& known,
                                        PeerLocation const& told, UtcTime now) {
  using What = AnnouncementVerdict::What;
  if (told.taken && *told.taken > now + kClockAhead)
    return {What::ahead,
            fmt::format("the announcement is of {}, and it is {} here: one of the clocks is wrong",
                        to_rfc3339(*told.taken), to_rfc3339(now))};
  if (!known || !known->taken) return {What::take, "now known"};
  bool const later = told.taken && *told.taken > *known->taken;
  if (known->instance_id == told.instance_id && known->address == told.address)
    return {later ? What::take : What::same, "known"};
  if (later) return {What::take, "now known"};
  return {What::stale, fmt::format("{} at {} has taken the member since: at {}", known->instance_id,
                                   known->address, to_rfc3339(*known->taken))};
}

bool decide_ec2(std::optional<PeerLocation> const& known, std::optional<Duration> heard_ago,
                PeerLocation const& word) {
  if (!known || !heard_ago) return true;
  if (known->instance_id == word.instance_id) return true;
  if (word.taken && known->taken && *word.taken > *known->taken) return true;
  return *heard_ago >= kEc2Lag;
}

}  // namespace haagent::bootstrap
