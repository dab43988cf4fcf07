#include "bootstrap/hosts/announcement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

UtcTime const kNow{1768472100s};

Announcement announcement_of_a() {
  return {.cluster = "x.example",
          .main = "a",
          .events = "a",
          .instance_id = "i-2",
          .address = "10.0.0.9",
          .since = kNow};
}

TEST(AnnouncementText, ReadsAsWhatWasSaid) {
  auto announcement = announcement_of_a();
  EXPECT_EQ(parse_announcement(announcement_text(announcement)).value(), announcement);
  announcement.events.clear();
  announcement.address = "fd00::9";
  EXPECT_EQ(parse_announcement(announcement_text(announcement)).value(), announcement);
}

TEST(AnnouncementText, OfANewerHaagentIsRead) {
  auto const read = parse_announcement(
      R"({"schema": 2, "cluster": "x", "members": {"main": "a", "logs": "b"}, "instanceId": "i-2",)"
      R"( "address": "fd00:0::9", "since": "2026-01-15T10:15:00Z", "zone": "eu-west-1a"})");
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->main, "a");
  EXPECT_EQ(read->address, "fd00::9");
}

struct Malformed {
  char const* name;
  std::string text;
  std::string says;
};

class AnnouncementIsMalformed : public testing::TestWithParam<Malformed> {};

TEST_P(AnnouncementIsMalformed, AndToldForWhat) {
  auto const read = parse_announcement(GetParam().text);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, Kind::invalid);
  EXPECT_EQ(read.error().message.reason, Reason::InvalidInput);
  EXPECT_THAT(read.error().message.text, HasSubstr(GetParam().says));
}

// A good one, with one thing replaced.
std::string with(std::string const& what, std::string const& by) {
  auto text = announcement_text(announcement_of_a());
  auto const at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

INSTANTIATE_TEST_SUITE_P(
    Text, AnnouncementIsMalformed,
    testing::Values(
        Malformed{"empty", "", "JSON"}, Malformed{"cut_off", "{\"cluster\": \"x", "JSON"},
        Malformed{"a_list", "[]", "JSON"},
        Malformed{"no_cluster", with("\"cluster\"", "\"other\""), "'cluster'"},
        Malformed{"no_member", with("\"main\"", "\"other\""), "'members.main'"},
        Malformed{"a_number_as_member", with("\"main\":\"a\"", "\"main\":1"), "'members.main'"},
        Malformed{"a_line_end_in_a_member", with("\"main\":\"a\"", R"("main":"a\n10.0.0.1 b")"),
                  "'members.main'"},
        Malformed{"an_empty_events_member", with("\"events\":\"a\"", "\"events\":\"\""),
                  "'members.events'"},
        Malformed{"a_blank_in_the_instance", with("i-2", "i 2"), "'instanceId'"},
        Malformed{"a_name_as_address", with("10.0.0.9", "localhost"), "'localhost'"},
        Malformed{"two_addresses", with("10.0.0.9", "10.0.0.9,10.0.0.8"), "'10.0.0.9,10.0.0.8'"},
        Malformed{"no_time", with("\"since\"", "\"before\""), "'since'"},
        Malformed{"too_long", with("i-2", std::string(300, 'i')), "'instanceId'"},
        Malformed{"over_the_cap", with("i-2", std::string(kAnnouncementCap, 'i')),
                  fmt::format(" {} ", kAnnouncementCap)}),
    [](auto const& each) { return std::string(each.param.name); });

struct Claim {
  char const* name;
  void (*change)(Announcement&, Announcer&);
  char const* says;  // null: it may
};

class AnnouncementClaim : public testing::TestWithParam<Claim> {};

TEST_P(AnnouncementClaim, IsHeldAgainstTheCertificateAndTheConnection) {
  NodeConfig config;
  config.cluster.name = "x.example";
  auto announcement = announcement_of_a();
  Announcer caller{.names = {"etcd-a.internal.x.example", "ip-10-0-0-9"},
                   .addresses = {"10.0.0.9"},
                   .address = "10.0.0.9"};
  GetParam().change(announcement, caller);
  auto const may = check_announcement(config, announcement, caller);
  if (!GetParam().says) {
    EXPECT_TRUE(may) << may.error().message.text;
    return;
  }
  ASSERT_FALSE(may);
  EXPECT_EQ(may.error().kind, Kind::denied);
  EXPECT_EQ(may.error().message.reason, Reason::AnnouncementNotProven);
  EXPECT_THAT(may.error().message.text, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Claims, AnnouncementClaim,
    testing::Values(
        Claim{"its_own", [](Announcement&, Announcer&) {}, nullptr},
        Claim{"before_its_events_volume_is_there",
              [](Announcement& h, Announcer&) { h.events = ""; }, nullptr},
        Claim{"the_same_address_in_other_words",
              [](Announcement& h, Announcer& c) {
                h.address = c.addresses[0] = "fd00::9";
                c.address = "fd00:0:0::9";
              },
              nullptr},
        Claim{"another_members", [](Announcement& h, Announcer&) { h.main = "b"; },
              "etcd-b.internal.x.example"},
        Claim{"another_members_events", [](Announcement& h, Announcer&) { h.events = "b"; },
              "etcd-b.internal.x.example"},
        Claim{"a_workers", [](Announcement&, Announcer& c) { c.names = {"ip-10-0-0-9"}; },
              "etcd-a.internal.x.example"},
        Claim{"nobodys", [](Announcement&, Announcer& c) { c.names.clear(); },
              "etcd-a.internal.x.example"},
        Claim{"another_clusters", [](Announcement& h, Announcer&) { h.cluster = "y.example"; },
              "y.example"},
        Claim{"the_same_member_of_another_cluster",
              [](Announcement&, Announcer& c) { c.names = {"etcd-a.internal.y.example"}; },
              "etcd-a.internal.x.example"},
        Claim{"from_elsewhere", [](Announcement&, Announcer& c) { c.address = "10.0.0.8"; },
              "10.0.0.8"},
        Claim{"for_somebody_else", [](Announcement& h, Announcer&) { h.address = "10.0.0.8"; },
              "10.0.0.9"},
        Claim{"with_a_certificate_for_elsewhere",
              [](Announcement&, Announcer& c) { c.addresses = {"10.0.0.8"}; }, "10.0.0.9"}),
    [](auto const& each) { return std::string(each.param.name); });

using What = AnnouncementVerdict::What;

struct Case {
  char const* name;
  std::optional<PeerLocation> known;
  PeerLocation told;
  What what;
};

class DecideAnnouncement : public testing::TestWithParam<Case> {};

TEST_P(DecideAnnouncement, Decides) {
  auto const verdict = decide_announcement(GetParam().known, GetParam().told, kNow);
  EXPECT_EQ(verdict.what, GetParam().what);
  EXPECT_NE(verdict.sentence, "");
}

INSTANTIATE_TEST_SUITE_P(
    Table, DecideAnnouncement,
    testing::Values(Case{"nothing_is_known", {}, {"i-2", "10.0.0.9", kNow}, What::take},
                    Case{"the_block_has_an_address_alone",
                         PeerLocation{"", "10.0.0.1", {}},
                         {"i-2", "10.0.0.9", kNow},
                         What::take},
                    Case{"the_block_has_the_same_address",
                         PeerLocation{"", "10.0.0.9", {}},
                         {"i-2", "10.0.0.9", kNow},
                         What::take},
                    Case{"a_successor",
                         PeerLocation{"i-1", "10.0.0.1", kNow - 1h},
                         {"i-2", "10.0.0.9", kNow},
                         What::take},
                    Case{"a_successor_at_its_predecessors_address",
                         PeerLocation{"i-1", "10.0.0.9", kNow - 1h},
                         {"i-2", "10.0.0.9", kNow},
                         What::take},
                    Case{"a_predecessor_that_is_late",
                         PeerLocation{"i-2", "10.0.0.9", kNow - 1min},
                         {"i-1", "10.0.0.1", kNow - 1h},
                         What::stale},
                    Case{"of_two_at_once_the_first_stays",
                         PeerLocation{"i-2", "10.0.0.9", kNow},
                         {"i-1", "10.0.0.1", kNow},
                         What::stale},
                    Case{"a_predecessor_that_took_it_back",
                         PeerLocation{"i-2", "10.0.0.9", kNow - 1min},
                         {"i-1", "10.0.0.1", kNow},
                         What::take},
                    Case{"the_same_again",
                         PeerLocation{"i-2", "10.0.0.9", kNow},
                         {"i-2", "10.0.0.9", kNow},
                         What::same},
                    Case{"the_same_from_before_ec2_said_it",
                         PeerLocation{"i-2", "10.0.0.9", kNow},
                         {"i-2", "10.0.0.9", kNow - 1s},
                         What::same},
                    Case{"the_same_after_its_agent_began_anew",
                         PeerLocation{"i-2", "10.0.0.9", kNow - 1h},
                         {"i-2", "10.0.0.9", kNow},
                         What::take},
                    Case{"the_same_elsewhere",
                         PeerLocation{"i-2", "10.0.0.9", kNow - 1h},
                         {"i-2", "10.0.0.7", kNow},
                         What::take},
                    Case{"the_same_where_it_was_before",
                         PeerLocation{"i-2", "10.0.0.7", kNow},
                         {"i-2", "10.0.0.9", kNow - 1h},
                         What::stale},
                    Case{"a_clock_a_little_ahead",
                         PeerLocation{"i-1", "10.0.0.1", kNow - 1h},
                         {"i-2", "10.0.0.9", kNow + kClockAhead},
                         What::take},
                    Case{"a_clock_far_ahead",
                         PeerLocation{"i-1", "10.0.0.1", kNow - 1h},
                         {"i-2", "10.0.0.9", kNow + kClockAhead + 1s},
                         What::ahead},
                    Case{"a_clock_far_ahead_and_nothing_known",
                         {},
                         {"i-2", "10.0.0.9", kNow + 1h},
                         What::ahead}),
    [](auto const& each) { return std::string(each.param.name); });

struct Ec2Case {
  char const* name;
  std::optional<PeerLocation> known;
  std::optional<Duration> heard_ago;
  PeerLocation word;
  bool wins;
};

class DecideEc2 : public testing::TestWithParam<Ec2Case> {};

TEST_P(DecideEc2, Decides) {
  EXPECT_EQ(decide_ec2(GetParam().known, GetParam().heard_ago, GetParam().word), GetParam().wins);
}

INSTANTIATE_TEST_SUITE_P(
    Table, DecideEc2,
    testing::Values(Ec2Case{"nothing_is_known", {}, {}, {"i-1", "10.0.0.1", kNow}, true},
                    Ec2Case{"the_block_gives_way",
                            PeerLocation{"", "10.0.0.1", {}},
                            {},
                            {"i-2", "10.0.0.9", {}},
                            true},
                    Ec2Case{"its_own_word_gives_way",
                            PeerLocation{"i-2", "10.0.0.9", kNow},
                            {},
                            {"i-1", "10.0.0.1", kNow - 1h},
                            true},
                    Ec2Case{"it_lags_behind_a_hello",
                            PeerLocation{"i-2", "10.0.0.9", kNow},
                            1s,
                            {"i-1", "10.0.0.1", kNow - 1h},
                            false},
                    Ec2Case{"it_lags_and_says_not_since_when",
                            PeerLocation{"i-2", "10.0.0.9", kNow},
                            1s,
                            {"i-1", "10.0.0.1", {}},
                            false},
                    Ec2Case{"it_confirms_a_hello",
                            PeerLocation{"i-2", "10.0.0.9", kNow},
                            1s,
                            {"i-2", "10.0.0.9", kNow - 2s},
                            true},
                    Ec2Case{"it_is_newer_than_a_hello",
                            PeerLocation{"i-2", "10.0.0.9", kNow - 1min},
                            1s,
                            {"i-3", "10.0.0.5", kNow},
                            true},
                    Ec2Case{"it_has_the_last_word",
                            PeerLocation{"i-2", "10.0.0.9", kNow},
                            kEc2Lag,
                            {"i-1", "10.0.0.1", kNow - 1h},
                            true}),
    [](auto const& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace haagent::bootstrap
