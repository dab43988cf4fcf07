#include "bootstrap/etcd/member/sentence.h"

#include "bootstrap/etcd/member/obstacles.h"

namespace haagent::bootstrap {
namespace {

std::string after_failure(MemberInputs const& in) {
  if (in.etcd.failed_starts == 0) return "";
  auto const todo = crash_todo(in);
  return fmt::format(" (try {}; before: {}){}{}", in.etcd.failed_starts + 1, in.etcd.unit_detail,
                     todo.empty() ? "" : "; ", todo);
}

// One for each alternative: a new one that has no words does not compile.
class Words {
 public:
  explicit Words(MemberInputs const& inputs) : in_(inputs), name_(inputs.me.self.name) {}

  std::string operator()(WriteHosts const& move) const {
    return "write to /etc/hosts: " + move.change.sentence;
  }
  std::string operator()(LetEtcdIn const& move) const {
    return fmt::format("let {} at {}, which it is shut out of", member(), move.shut_out.path);
  }
  std::string operator()(StartAsIs const&) const {
    return fmt::format("start {} on its data{}", name_, after_failure(in_));
  }
  std::string operator()(FormNew const& move) const {
    std::vector<std::string> names;
    for (auto const& each : move.initial) names.push_back(each.name);
    return fmt::format("form a new cluster of {}{}", in_words(names), after_failure(in_));
  }
  std::string operator()(StartJoined const&) const {
    return fmt::format("start {} as a learner{}", name_, after_failure(in_));
  }
  std::string operator()(SetAside const& move) const {
    return fmt::format("set the data of {} aside: {}", name_, move.why);
  }
  std::string operator()(StopUnit const& move) const {
    return fmt::format("stop {}: {}", name_, move.why);
  }
  std::string operator()(RemoveStale const& move) const {
    return removes(name_, move.id, move.why);
  }
  std::string operator()(RemoveMember const& move) const {
    return removes(move.name, move.id, move.why);
  }
  std::string operator()(AddLearner const&) const {
    return fmt::format("add {} to the cluster as a learner", name_);
  }
  std::string operator()(Promote const& move) const {
    return fmt::format("promote {} ({:x})", name_, move.id);
  }
  std::string operator()(UpdatePeerUrl const& move) const {
    return fmt::format("set the peer URL of {} ({:x}) to {}", name_, move.id, in_.me.self.peer_url);
  }
  std::string operator()(TagVolume const& move) const {
    return fmt::format("tag the volume of {} with cluster {:x}", name_, move.id);
  }
  std::string operator()(MarkVolume const& move) const {
    return fmt::format("write cluster {:x} to the volume of {}", move.id, name_);
  }
  std::string operator()(MoveLeader const& move) const {
    return fmt::format("move the lead from {} to {}: {}", name_, move.name, move.why);
  }
  std::string operator()(RestoreData const& move) const {
    return move.but_for_its_place ? fmt::format("put the restored data of {} in place", name_)
                                  : fmt::format("restore {} from the backup {}, as ordered", name_,
                                                in_.store.order->backup);
  }
  std::string operator()(ForceAlone const&) const {
    return fmt::format("make {} a cluster of its own, with its data, as ordered", name_);
  }
  std::string operator()(AdoptCluster const& move) const {
    return fmt::format("give the volume of {} to the restored cluster {:x}", name_, move.id);
  }
  std::string operator()(WriteVersion const& move) const {
    return fmt::format("write to the volume of {} that etcd {} serves on it, at {}", member(),
                       move.served.server, move.served.data);
  }
  std::string operator()(EraseLeases const&) const {
    return "take the leases of apiservers from before the restore away";
  }
  std::string operator()(DropLeftovers const&) const {
    return fmt::format("take away what a restore or a backup of {} has left", member());
  }
  std::string operator()(PassLead const& move) const {
    return fmt::format("move the leader to {} before {} restarts{}", move.name, member(),
                       move.again ? ", once more" : "");
  }
  std::string operator()(RestartEtcd const& move) const {
    return fmt::format("restart {} with {}", member(), move.with);
  }
  std::string operator()(Wait const& wait) const {
    return fmt::format("{}: {}", wait.what, wait.todo);
  }
  std::string operator()(StartLater const& later) const { return later.what; }
  std::string operator()(ChangeLater const& later) const { return later.what; }
  std::string operator()(Refuse const& refuse) const {
    return fmt::format("{}: {}", refuse.why, refuse.todo);
  }
  std::string operator()(Unreadable const& unreadable) const {
    return unreadable.error.message.text;
  }
  std::string operator()(Serving const& serving) const { return serving.what; }

 private:
  std::string member() const { return etcd_member_name(in_.me.cluster, in_.me.member); }
  static std::string removes(std::string const& name, std::uint64_t id, std::string const& why) {
    return fmt::format("remove {} ({:x}) from the cluster: {}", name, id, why);
  }

  MemberInputs const& in_;
  std::string const& name_;
};

}  // namespace

std::string sentence_of(Decision const& decision, MemberInputs const& inputs) {
  return std::visit(Words(inputs), decision);
}

}  // namespace haagent::bootstrap
