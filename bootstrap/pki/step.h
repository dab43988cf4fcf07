#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/row_names.h"
#include "agent/base/state_store.h"
#include "agent/base/step.h"
#include "agent/base/store_clock.h"
#include "agent/base/units.h"
#include "bootstrap/pki/apiserver_watch.h"
#include "bootstrap/pki/leaf.h"
#include "bootstrap/pki/leaves.h"
#include "bootstrap/pki/restart_turn.h"
#include "bootstrap/pki/rotation.h"

namespace haagent::bootstrap::pki {

// What the step works with. All of it outlives the step.
struct PkiDeps {
  NodeConfig const& config;
  Root root;
  StateStore& store;
  Clock& clock;
  // After the boot the store is asked so often, and at each look while a rotation is under way.
  Duration ask_every{20'000};
  // Whom etcd runs as, to whom two of the keys are shown. Unset: as the agent does.
  std::function<Result<UnitUser>()> etcd_user = {};
  // Shared by all of a boot. Unset: the step makes its own.
  std::shared_ptr<StoreClock> time = {};
};

// The step `pki`: authorities in the state store, trusted certificates and leaves on the disk. The
// store is asked only where something must be made, and now and then after the boot: a reboot
// whose leaves are good needs it not at all. Comes after volume-main, whose member's name stands in
// the certificates. Sets the fact pki.
//
// What is good, and what is made, goes by the store's time as far as it is known. Authorities and
// leaves are made only while this machine's clock agrees with it (store_clock.h): others would
// refuse what begins in their future.
//
// Once the node is up it does its part of a rotation (rotation.h). The members' restarts are the
// step etcd's, to whom the fact says when.
class PkiStep final : public Step {
 public:
  explicit PkiStep(PkiDeps deps);
  std::string_view name() const override { return row_names::kPki; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  // Not for long while a rotation gets on: every master waits for every other.
  bool rest(Clock& clock, Duration at_most, std::stop_token stop) override;

 private:
  struct Task {
    Leaf leaf;
    Issue issue;
  };
  // What was made for one, not on the disk yet.
  struct Issued {
    Task const* task = nullptr;
    Secret key;
    std::string certificate;
    FileMode key_mode;
  };
  // Of a document in the store.
  struct Change {
    std::string key;
    std::string bytes;
    std::string version;  // that it was decided on; empty: there was no document
  };
  // What of the disk is not as it should be.
  struct Plan {
    std::vector<TrustFile const*> trust;
    std::vector<Task> leaves;
    bool serves = true;   // the disk as it is will do for now
    UtcTime first_end{};  // of what is to be issued, and serves for now
    PkiFacts told;
    bool clean() const { return trust.empty() && leaves.empty(); }
  };

  Result<Plan> plan(Facts& facts);
  Result<void> plan_trust(Plan& plan) const;
  Result<void> plan_leaf(Plan& plan, Leaf const& leaf);
  Result<LeafOnDisk> read_leaf(Leaf const& leaf) const;
  Result<FileMode> key_mode(Leaf const& leaf) const;
  Result<void> read_store(bool everything, std::stop_token stop);
  Result<void> may_make(TrustFile const& file, Facts& facts) const;
  Result<void> check(Bundle const& bundle, TrustFile const& file) const;
  Result<void> record(Plan const& plan) const;
  void add_trust(std::vector<PairedFile>& files, TrustFile const& file) const;
  Result<Issued> issue(Task const& task) const;
  Result<void> write_files(std::vector<PairedFile> files, std::vector<Issued> const& issued) const;
  Result<void> make_missing(Result<UtcTime> const& now, std::stop_token const& stop);
  Result<Finding> cannot_make(Plan plan, Error const& error, Facts& facts);
  Finding done(Plan plan, Facts& facts, std::optional<Message> warning,
               std::optional<Message> const& rotation = {});
  Result<Finding> rotate(Facts& facts, Plan plan);
  bool is_rotating(Facts& facts) const;
  bool is_changing(Facts& facts) const;  // and that gets on
  std::optional<Change> change_by(RotationMove const& move, RotationInputs const& in) const;
  Result<void> change_document(Change const& change, std::stop_token stop);
  Result<void> write(Facts& facts, std::stop_token stop);

  PkiDeps deps_;
  LeafMemory leaf_memory_;
  ApiserverWatch apiserver_;
  std::map<std::string_view, Bundle> bundles_;  // as the store has them, by authority
  std::map<std::string_view, std::string> versions_;
  StoredTurn turn_;
  std::optional<Message> turn_trouble_;  // why it could not be read
  std::map<std::string_view, std::string> seen_versions_;
  SteadyTime got_on_;  // when one of them was last another
  bool changing_ = false;
  std::optional<SteadyTime> asked_;
  std::optional<Message> trouble_;  // of the last question to the store
  bool settled_ = false;            // has been done once
};

// How often the step is due: often enough for the shortest of lives.
Duration pki_period(NodeConfig const& config);

}  // namespace haagent::bootstrap::pki
