// What answers on etcd's client port: its JSON gateway, or anything else.
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/member/ask.h"
#include "bootstrap/etcd/member/member_facts.h"
#include "bootstrap/etcd/member/message.h"
#include "tests/fuzz/answers.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;

template <class Call>
auto ask(std::string_view bytes, Call call) {
  Answers http(bytes);
  EtcdClient etcd(http, {"http://10.0.0.10:2379", "http://10.0.0.11:2379"}, {});
  auto answer = call(etcd);
  if (!answer)
    hold_error(answer.error(), {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid,
                                Kind::refused, Kind::internal});
  return answer;
}

// A member a of three whose disk is blank hears these answers: whatever they are, it may not form a
// second cluster beside one that has told of itself.
void hold_decision(std::string_view bytes) {
  Answers http(bytes);
  std::vector<AskedMember> asked = {{"a", "http://10.0.0.10:2379"}};
  MemberInputs inputs;
  inputs.me.member = "a";
  inputs.me.expected_members = {"a", "b", "c"};
  for (auto const& member : inputs.me.expected_members)
    inputs.me.expected.push_back({"etcd-" + member, "http://etcd-" + member + ":2380"});
  inputs.me.version = "3.5.32";
  inputs.etcd.own.member = "a";
  inputs.others.peers.push_back(
      ask_members(http, {{"b", "http://10.0.0.11:2379"}}, {}, {}).front());
  inputs.others.peers.push_back({.member = "c"});
  inputs.ec2.volumes.emplace();
  for (auto const& member : inputs.me.expected_members)
    inputs.ec2.volumes->push_back({"vol-" + member, member, inputs.me.expected_members, "", true});
  auto const& peer = inputs.others.peers.front();
  hold(peer.reach == MemberAnswer::Reach::answers || !peer.why.empty(), "silence has a reason");
  auto decision = decide(inputs);
  hold(!sentence_of(decision, inputs).empty(), "a decision has a sentence");
  hold(!std::holds_alternative<FormNew>(decision) || peer.reach == MemberAnswer::Reach::unreachable,
       "no cluster is formed beside one that answers");
  inputs.etcd.own = peer;
  member_facts(EtcdCluster::main, inputs, 1u << 30u);
  hold(!sentence_of(decide(inputs), inputs).empty(), "a decision has a sentence");
}

}  // namespace

void etcd_answers(std::string_view bytes) {
  if (auto members = ask(
          bytes, [](EtcdClient& etcd) { return etcd.members(Consistency::linearizable, {}); })) {
    hold(!members->members.empty(), "a list of members has members");
  }
  if (auto added = ask(bytes, [](EtcdClient& etcd) { return etcd.add_learner("http://b", {}); }))
    hold(added->id != 0, "a member that was added has an id");
  ask(bytes, [](EtcdClient& etcd) { return etcd.promote(1, {}); });
  ask(bytes, [](EtcdClient& etcd) { return etcd.remove(1, {}); });
  ask(bytes, [](EtcdClient& etcd) { return etcd.status({}); });
  ask(bytes, [](EtcdClient& etcd) { return etcd.alarms({}); });
  ask(bytes, [](EtcdClient& etcd) { return etcd.versions({}); });
  ask(bytes, [](EtcdClient& etcd) { return etcd.get("key", Consistency::local, {}); });
  ask(bytes, [](EtcdClient& etcd) { return etcd.erase("key", {}); });
  if (auto health = ask(bytes, [](EtcdClient& etcd) { return etcd.health({}); }))
    hold(health->healthy || !health->reason.empty(), "who is not well says why");
  hold_decision(bytes);
}

}  // namespace haagent::fuzz
