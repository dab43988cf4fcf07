// A master's certificates, made for the first time and renewed, with the power cut at each effect.
#include <gtest/gtest.h>

#include <iostream>

#include "bootstrap/pki/kubelet_pair.h"
#include "bootstrap/pki/step.h"
#include "tests/power_cut/cut_disk.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/pki_documents.h"

namespace haagent::bootstrap::pki {
namespace {

using test::Journal;
using namespace std::chrono_literals;

class Certificates : public testing::Test {
 protected:
  void SetUp() override {
    if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
    disk_.emplace();
    test::add_authorities(store_);
  }

  // What a boot's row does: looks, and acts until nothing is needed.
  test::Found boot() {
    Facts facts;
    facts.identity.set(identity_);
    facts.main.volume.set({.volume_id = "vol-a", .member = "a"});
    PkiStep step(
        {.config = config_, .root = Root(disk_->root()), .store = store_, .clock = clock_});
    test::Found found;
    for (int i = 0; i < 3; ++i) {
      auto looked = step.look(facts, {});
      found = test::found(looked);
      if (found.as != test::Found::As::needed) break;
      if (auto acted = test::act_on(looked); !acted) return test::found(acted);
    }
    return found;
  }

  std::vector<Leaf> leaves() const {
    return leaves_of({.config = config_, .identity = identity_, .members = {"a"}}).value();
  }
  std::string text(std::string const& path) const {
    return read_file(Root(disk_->root())(path)).value().value_or("");
  }
  bool is_there(std::string const& path) const {
    return std::filesystem::exists(Root(disk_->root())(path));
  }

  // A file is whole or not there; of all pairs at most one is of two ages, since two names change
  // one after the other.
  void expect_whole_files(Journal journal) const {
    int torn = 0;
    for (auto const& leaf : leaves()) {
      if (leaf.certificate == leaf.key) {
        auto const pair = read_pair(Root(disk_->root())(leaf.certificate), clock_.utc()).value();
        EXPECT_TRUE(!pair || is_for_key(pair->certificates, pair->key)) << leaf.name;
        continue;
      }
      EXPECT_TRUE(!is_there(leaf.key) || public_key_of(Secret(text(leaf.key)))) << leaf.key;
      EXPECT_TRUE(!is_there(leaf.certificate) || parse_certificate(text(leaf.certificate)))
          << leaf.certificate;
      bool const both = is_there(leaf.key) && is_there(leaf.certificate);
      if (both ? !is_for_key(text(leaf.certificate), Secret(text(leaf.key)))
               : is_there(leaf.key) || is_there(leaf.certificate))
        ++torn;
    }
    EXPECT_LE(torn, journal == Journal::lost ? 0 : 1);
  }

  void expect_good() {
    auto const found = boot();
    EXPECT_EQ(found.as, test::Found::As::done) << found.said();
    for (auto const& leaf : leaves()) {
      if (leaf.certificate == leaf.key) continue;
      EXPECT_TRUE(is_for_key(text(leaf.certificate), Secret(text(leaf.key)))) << leaf.name;
    }
  }

  int cut_everywhere() {
    int cuts = 0;
    for (auto journal : {Journal::lost, Journal::kept})
      for (int effect = 1;; ++effect) {
        SCOPED_TRACE(testing::Message() << "effect " << effect << (journal == Journal::kept));
        if (!disk_->cut(effect, journal, [&] { (void)boot(); })) break;
        ++cuts;
        expect_whole_files(journal);
        expect_good();
        if (HasFailure()) return cuts;
      }
    expect_good();
    return cuts;
  }

  test::FakeClock clock_;
  test::MemoryStore store_{clock_};
  NodeConfig config_ = test::kube_master();
  Identity identity_ = test::kube_identity();
  std::optional<test::CutDisk> disk_;
};

TEST_F(Certificates, ThatAreMadeAreWholeOrNotThereAtEachPoint) {
  std::cout << cut_everywhere() << " cuts\n";
}

TEST_F(Certificates, ThatAreRenewedAreTheOldOrTheNewOnesAtEachPoint) {
  ASSERT_EQ(boot().as, test::Found::As::done);
  disk_->keep();
  clock_.advance(config_.pki.leaf_lifetime * 9 / 10);
  std::cout << cut_everywhere() << " cuts\n";
}

}  // namespace
}  // namespace haagent::bootstrap::pki
