#include "bootstrap/pki/leaf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;

constexpr UtcTime kNow{std::chrono::seconds(1768472100)};
constexpr Duration kLife = 300h;

KeyPair const& authority() {
  static KeyPair const made = make_ca({"etcd-ca", ""}, kNow, 10'000h).value();
  return made;
}
KeyPair const& other_authority() {
  static KeyPair const made = make_ca({"etcd-ca", ""}, kNow, 10'000h).value();
  return made;
}
Secret const& key() {
  static Secret const made = make_key().value();
  return made;
}

LeafSpec const kSpec{.common_name = "node-a",
                     .organization = {},
                     .dns_names = {"etcd-a", "localhost"},
                     .addresses = {"10.0.0.10", "fd00::1"},
                     .server = true,
                     .client = true};

struct World {
  LeafSpec on_disk = kSpec;
  LeafOnDisk disk;
  LeafWanted wanted{
      .spec = kSpec, .trust = authority().certificate, .signer_id = {}, .lifetime = kLife};
  UtcTime now = kNow;
};

struct Case {
  std::string name;
  std::function<void(World&)> change;
  std::optional<Flaw> flaw;  // nothing: keep
  bool new_key = true;
  bool usable = false;
};

void PrintTo(Case const& tested, std::ostream* out) {
  *out << tested.name;
}

std::string signed_by(KeyPair const& ca, LeafSpec const& spec, Duration life = kLife) {
  return make_leaf(spec, key(), ca, kNow, life).value();
}

class DecideLeaf : public testing::TestWithParam<Case> {};

TEST_P(DecideLeaf, Decides) {
  World world;
  world.disk = {.certificate = signed_by(authority(), kSpec), .key = key()};
  GetParam().change(world);
  auto const decision = decide_leaf(world.disk, world.wanted, world.now);
  auto const* issue = std::get_if<Issue>(&decision);
  ASSERT_EQ(issue ? std::optional(issue->flaw) : std::nullopt, GetParam().flaw);
  if (!issue) return;
  EXPECT_NE(issue->because, "");
  EXPECT_EQ(issue->new_key, GetParam().new_key);
  EXPECT_EQ(issue->usable, GetParam().usable);
}

std::string on_signer_id() {
  return parse_certificate(authority().certificate)->key_id;
}

INSTANTIATE_TEST_SUITE_P(
    All, DecideLeaf,
    testing::Values(
        Case{"a_good_one", [](World&) {}, {}},
        Case{"signed_by_who_signs", [](World& w) { w.wanted.signer_id = on_signer_id(); }, {}},
        Case{"a_minute_before_two_thirds", [](World& w) { w.now = kNow + 200h - 1min; }, {}},
        Case{"two_thirds_over", [](World& w) { w.now = kNow + 200h; }, Flaw::due, false, true},
        Case{"ended", [](World& w) { w.now = kNow + 301h; }, Flaw::untrusted},
        Case{"a_clock_six_minutes_behind", [](World& w) { w.now = kNow - 6min; }, Flaw::untrusted},
        Case{"no_file", [](World& w) { w.disk.certificate.reset(); }, Flaw::missing},
        Case{"no_key", [](World& w) { w.disk.key.reset(); }, Flaw::missing},
        Case{"no_certificate", [](World& w) { w.disk.certificate = "words"; }, Flaw::unreadable},
        Case{"half_a_pair", [](World& w) { w.disk.key = make_key().value(); }, Flaw::key_differs},
        Case{"a_key_that_all_can_read", [](World& w) { w.disk.key_is_private = false; },
             Flaw::key_exposed, true, true},
        Case{"of_another_authority",
             [](World& w) { w.disk.certificate = signed_by(other_authority(), kSpec); },
             Flaw::untrusted},
        Case{"both_trusted_the_other_signs",
             [](World& w) {
               w.wanted.trust += other_authority().certificate;
               w.wanted.signer_id = parse_certificate(other_authority().certificate)->key_id;
             },
             Flaw::other_signer, true, true},
        Case{"no_authority_known", [](World& w) { w.wanted.trust.clear(); }, Flaw::untrusted},
        Case{"a_new_address", [](World& w) { w.wanted.spec.addresses[0] = "10.0.0.11"; },
             Flaw::other_names, false, true},
        Case{"addresses_in_other_words_and_order",
             [](World& w) { w.wanted.spec.addresses = {"fd00:0:0::1", "10.0.0.10", "10.0.0.10"}; },
             {}},
        Case{"a_new_name", [](World& w) { w.wanted.spec.dns_names.push_back("etcd-b"); },
             Flaw::other_names, false, true},
        Case{"not_for_a_client",
             [](World& w) {
               auto spec = kSpec;
               spec.client = false;
               w.disk.certificate = signed_by(authority(), spec);
             },
             Flaw::other_use, false, false},
        Case{"of_another_node", [](World& w) { w.wanted.spec.common_name = "node-b"; },
             Flaw::other_use, false, false},
        Case{"a_shorter_life_is_wanted", [](World& w) { w.wanted.lifetime = 1h; },
             Flaw::lives_too_long, false, true},
        // Issuing it again would not make it live longer, and never end.
        Case{"ends_with_its_authority",
             [](World& w) {
               w.wanted.lifetime = 20'000h;
               w.disk.certificate = signed_by(authority(), kSpec, 20'000h);
               w.now = kNow + 9'000h;
             },
             {}}),
    [](auto const& tested) { return tested.param.name; });

TEST(Leaf, IsRenewedAtTwoThirdsOfItsLife) {
  auto const decision = decide_leaf(
      {.certificate = signed_by(authority(), kSpec), .key = key()},
      {.spec = kSpec, .trust = authority().certificate, .signer_id = {}, .lifetime = kLife}, kNow);
  auto const& keep = std::get<Keep>(decision);
  EXPECT_EQ(keep.not_after, kNow + 300h);
  EXPECT_EQ(keep.renew_at, kNow + 200h);
}

// Each of the table's cases after the good one was kept: the memory says what the function says.
TEST_P(DecideLeaf, IsRememberedForTheSameAlone) {
  World world;
  world.disk = {.certificate = signed_by(authority(), kSpec), .key = key()};
  LeafMemory memory;
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(std::holds_alternative<Keep>(
        memory.decide("etcd/server", world.disk, world.wanted, world.now)));
  GetParam().change(world);
  auto const decision = memory.decide("etcd/server", world.disk, world.wanted, world.now);
  auto const* issue = std::get_if<Issue>(&decision);
  EXPECT_EQ(issue ? std::optional(issue->flaw) : std::nullopt, GetParam().flaw);
}

// A node looks at a score of them every few seconds: decoding a key each time was a third of what
// the agent used at rest.
TEST(LeafMemory, IsMuchCheaperThanTheDecision) {
  LeafOnDisk const disk{.certificate = signed_by(authority(), kSpec), .key = key()};
  LeafWanted const wanted{
      .spec = kSpec, .trust = authority().certificate, .signer_id = {}, .lifetime = kLife};
  auto const took = [](auto const& decide) {
    auto const began = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(std::holds_alternative<Keep>(decide()));
    return std::chrono::steady_clock::now() - began;
  };
  LeafMemory memory;
  auto const plain = took([&] { return decide_leaf(disk, wanted, kNow); });
  auto const remembered = took([&] { return memory.decide("etcd/server", disk, wanted, kNow); });
  EXPECT_LT(remembered * 5, plain);
}

}  // namespace
}  // namespace haagent::bootstrap::pki
