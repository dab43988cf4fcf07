#include "bootstrap/etcd/member/message.h"

#include "bootstrap/etcd/member/obstacles.h"
#include "bootstrap/etcd/member/standing.h"

namespace haagent::bootstrap {
namespace {

std::string after_failure(MemberInputs const& in) {
  if (in.etcd.failed_starts == 0) return "";
  auto const todo = crash_todo(in);
  return fmt::format(" (try {}; before: {}){}{}", in.etcd.failed_starts + 1, in.etcd.unit_detail,
                     todo.empty() ? "" : "; ", todo);
}

// One for each alternative: a new one that has no message does not compile.
class Messages {
 public:
  explicit Messages(MemberInputs const& inputs) : in_(inputs), name_(inputs.me.self.name) {}

  Message operator()(WriteHosts const& move) const {
    std::vector<std::string> entries;
    for (auto const& each : move.change.entries) entries.push_back(each.name + "=" + each.address);
    return Message(Reason::HostsDiffer, "write to /etc/hosts: " + move.change.sentence)
        .about(joined(entries));
  }
  Message operator()(LetEtcdIn const& move) const {
    return Message(Reason::EtcdShutOut, fmt::format("let {} at {}, which it is shut out of",
                                                    member(), move.shut_out.path))
        .about(move.shut_out.path);
  }
  Message operator()(StartAsIs const&) const {
    return start(Reason::EtcdStopped, fmt::format("start {} on its data", name_));
  }
  Message operator()(FormNew const& move) const {
    std::vector<std::string> names;
    for (auto const& each : move.initial) names.push_back(each.name);
    return start(Reason::ClusterToForm, fmt::format("form a new cluster of {}", in_words(names)));
  }
  Message operator()(StartJoined const&) const {
    return start(Reason::LearnerToStart, fmt::format("start {} as a learner", name_));
  }
  Message operator()(SetAside const& move) const {
    return Message(Reason::DataToSetAside,
                   fmt::format("set the data of {} aside: {}", name_, move.why))
        .about(name_);
  }
  Message operator()(StopUnit const& move) const {
    return Message(Reason::EtcdToStop, fmt::format("stop {}: {}", name_, move.why)).about(name_);
  }
  Message operator()(RemoveStale const& move) const { return remove(name_, move.id, move.why); }
  Message operator()(RemoveMember const& move) const {
    return remove(move.name, move.id, move.why);
  }
  Message operator()(AddLearner const&) const {
    return Message(Reason::LearnerToAdd, fmt::format("add {} to the cluster as a learner", name_))
        .about(name_);
  }
  Message operator()(Promote const& move) const {
    return Message(Reason::LearnerToPromote, fmt::format("promote {} ({:x})", name_, move.id))
        .about(etcd_id_text(move.id));
  }
  Message operator()(UpdatePeerUrl const& move) const {
    return Message(Reason::PeerUrlDiffers, fmt::format("set the peer URL of {} ({:x}) to {}", name_,
                                                       move.id, in_.me.self.peer_url))
        .about(in_.me.self.peer_url);
  }
  Message operator()(TagVolume const& move) const {
    return Message(Reason::ClusterIdToTag,
                   fmt::format("tag the volume of {} with cluster {:x}", name_, move.id))
        .about(etcd_id_text(move.id));
  }
  Message operator()(MarkVolume const& move) const {
    return Message(Reason::ClusterIdToRecord,
                   fmt::format("write cluster {:x} to the volume of {}", move.id, name_))
        .about(etcd_id_text(move.id));
  }
  Message operator()(MoveLeader const& move) const {
    return Message(Reason::LeaderToMove,
                   fmt::format("move the leadership from {} to {}: {}", name_, move.name, move.why))
        .about(move.name);
  }
  Message operator()(RestoreData const& move) const {
    return move.but_for_its_place
               ? Message(Reason::RestoreRequested,
                         fmt::format("put the restored data of {} in place", name_))
                     .about("in place")
               : Message(Reason::RestoreRequested,
                         fmt::format("restore {} from the backup {}, as requested", name_,
                                     in_.store.request->backup))
                     .about(in_.store.request->id);
  }
  Message operator()(ForceAlone const&) const {
    return Message(Reason::RecoveryRequested,
                   fmt::format("make {} a cluster of its own, with its data, as requested", name_))
        .about(name_);
  }
  Message operator()(AdoptCluster const& move) const {
    return Message(
               Reason::ClusterToAdopt,
               fmt::format("give the volume of {} to the restored cluster {:x}", name_, move.id))
        .about(etcd_id_text(move.id));
  }
  Message operator()(WriteVersion const& move) const {
    return Message(Reason::EtcdVersionToRecord,
                   fmt::format("write to the volume of {} that etcd {} serves on it, at {}",
                               member(), move.served.server, move.served.data))
        .about(move.served.server + "/" + move.served.data);
  }
  Message operator()(EraseLeases const&) const {
    return {Reason::ApiserverLeasesStale,
            "take the leases of apiservers from before the restore away"};
  }
  Message operator()(DropLeftovers const&) const {
    return {Reason::LeftoversToRemove,
            fmt::format("remove what a restore or a backup of {} has left", member())};
  }
  Message operator()(PassLead const& move) const {
    return Message(Reason::LeaderToMove,
                   fmt::format("move the leader to {} before {} restarts{}", move.name, member(),
                               move.again ? ", once more" : ""))
        .about(move.name + (move.again ? " before restart, again" : " before restart"));
  }
  Message operator()(RestartEtcd const& move) const {
    return Message(Reason::EtcdToRestart,
                   fmt::format("restart {} with {}", member(), move.restart.with))
        .about(move.restart.what == RestartFor::version ? in_.me.version
               : move.restart.what == RestartFor::trust ? "authorities"
                                                        : "configuration");
  }
  Message operator()(Wait const& wait) const { return wait.message; }
  Message operator()(StartLater const& later) const { return later.message; }
  Message operator()(ChangeLater const& later) const { return later.message; }
  Message operator()(Refuse const& refuse) const { return refuse.message; }
  Message operator()(Unreadable const& unreadable) const { return unreadable.error.message; }
  Message operator()(Serving const& serving) const { return serving.message; }

 private:
  std::string member() const { return etcd_member_name(in_.me.cluster, in_.me.member); }
  // Each try is a move of its own.
  Message start(Reason reason, std::string const& text) const {
    return Message(reason, text + after_failure(in_))
        .about(fmt::format("{} {}", name_, in_.etcd.failed_starts + 1));
  }
  static Message remove(std::string const& name, std::uint64_t id, std::string const& why) {
    return Message(Reason::MemberToRemove,
                   fmt::format("remove {} ({:x}) from the cluster: {}", name, id, why))
        .about(etcd_id_text(id));
  }

  MemberInputs const& in_;
  std::string const& name_;
};

}  // namespace

Message message_of(Decision const& decision, MemberInputs const& inputs) {
  return std::visit(Messages(inputs), decision);
}

std::string sentence_of(Decision const& decision, MemberInputs const& inputs) {
  return message_of(decision, inputs).sentence();
}

}  // namespace haagent::bootstrap
