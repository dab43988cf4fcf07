// A machine that asks to join, and a master that decides, with a region and a cluster in memory.
//
// The input is a patch (RFC 7396) of what an honest worker asks; with "prove" beside the rest, the
// worker proves what comes of it with its own credentials, as one that was broken into can. With
// "renew", its value is the patch of what a node asks to renew. What is no JSON is sent as it is.
#include "agent/base/json.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/bootstrap/join/master/world.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;
using namespace bootstrap::join;
using testing_world::kId;
using testing_world::kNode;

void patch(Tree& tree, Tree const& by) {
  for (auto const& entry : by.entries()) {
    if (entry.value.is_null()) {
      tree.erase(entry.key);
    } else if (auto* const inner = entry.value.is_map() ? tree.find(entry.key) : nullptr;
               inner && inner->is_map()) {
      patch(*inner, entry.value);
    } else {
      tree.set(entry.key, entry.value);
    }
  }
}

class World : public testing_world::JoinWorld {
 public:
  World() : good_(good()), now_(clock_.utc()) {
    JoinService service = fresh();
    auto const granted = service.join(text_of(good_), connection_, {});
    first_ = read_grant(granted.body).value();
    record_ = registry_.records;
  }
  void TestBody() override {}

  void run(std::string_view bytes) {
    auto changes = json::parse(bytes);
    if (!changes || !changes->is_map()) return join(std::string(bytes), /*proves=*/false);
    if (auto const* const renewal = changes->find("renew")) return renew(*renewal);
    bool const proves = changes->find("prove") != nullptr;
    changes->erase("prove");
    auto tree = json::parse(text_of(good_)).value();
    patch(tree, *changes);
    auto text = json::print(tree);
    if (proves)
      if (auto const ask = read_ask(text); ask && ask->proof) text = text_of(proven(*ask, worker_));
    join(text, proves);
  }

 private:
  JoinService fresh() {
    told_.clear();
    sts_.asked = 0;
    return JoinService(settings(), deps(network_));
  }

  void hold_refusal(Reply const& reply) {
    hold(reply.status == 400 || reply.status == 403 || reply.status == 503, "a status that fits");
    hold((reply.status == 503) == reply.retry_after.has_value(), "who may come again hears when");
    auto const refusal = read_refusal(reply.body);
    hold(refusal.has_value(), "a worker can read why it is refused");
    hold(refusal->reason != Reason::InternalError, "each refusal has a reason");
    hold(told_.size() == 1 && told_.front().message.reason == refusal->reason,
         "the journal has the same");
    hold(told_.front().message.text.size() < 2000, "a line of the journal is short");
    hold(told_.front().instance_id.empty() || is_instance_id(told_.front().instance_id),
         "an instance that is named is one");
  }

  // For the key that was asked for, and for what EC2 says of the instance.
  void hold_certificate(std::string const& pem, std::string const& request,
                        pki::LeafSpec const& spec) {
    auto const leaf = pki::parse_certificate(pem);
    auto const asked = pki::read_request(request);
    hold(leaf && asked && leaf->key_hash == asked->key_hash, "a certificate is for its own key");
    hold(pki::spec_of(*leaf) == spec && !leaf->authority, "and says what EC2 says");
    hold(pki::verify(pem, ca_.certificate, now_).has_value(), "and is signed");
  }

  void join(std::string const& body, bool proves) {
    registry_.records.clear();
    auto service = fresh();
    auto const reply = service.join(body, connection_, {});
    hold(sts_.asked <= 1, "one question to STS at the most");
    if (reply.status != 200) {
      hold_refusal(reply);
      return hold(registry_.records.empty(), "who is refused leaves nothing behind");
    }
    auto const ask = read_ask(body);
    auto const grant = read_grant(reply.body);
    hold(ask && grant, "what is granted was asked for, and can be read");
    hold(proves || *ask == good_, "a proof is good for one request");
    hold(ask->cluster == "prod.example.com" && ask->nonce == connection_.nonce &&
             ask->server_key == connection_.server_key,
         "the request is meant for this master");
    hold(read_identity_document(ask->document, {region_.certificate})->instance_id == kId,
         "it is of the instance that asks");
    hold(sts_.asked == 1, "STS has said who asks");
    auto const specs = specs_of(ec2_.instance(kId));
    hold(grant->node == kNode, "a node's name is EC2's");
    hold_certificate(grant->certificates.kubelet, ask->requests.kubelet, specs.kubelet);
    hold_certificate(grant->certificates.kubelet_serving, ask->requests.kubelet_serving,
                     specs.kubelet_serving);
    hold_certificate(grant->certificates.kube_proxy, ask->requests.kube_proxy, specs.kube_proxy);
    auto const& record = registry_.records[kId].record;
    hold(
        record && record->key_hash == pki::parse_certificate(grant->certificates.kubelet)->key_hash,
        "the key is written down");
    auto const again = service.join(body, connection_, {});
    hold(read_refusal(again.body)->reason == Reason::JoinProofReplayed, "a proof is good once");
  }

  void renew(Tree const& changes) {
    registry_.records = record_;
    RenewAsk const honest{.cluster = "prod.example.com",
                          .instance_id = kId,
                          .kubelet_serving = good_.requests.kubelet_serving,
                          .kube_proxy = good_.requests.kube_proxy};
    auto tree = json::parse(text_of(honest)).value();
    if (changes.is_map()) patch(tree, changes);
    auto const body = changes.is_map() ? json::print(tree) : json::print(changes);
    auto service = fresh();
    auto const reply = service.renew(body, first_.certificates.kubelet, connection_, {});
    hold(sts_.asked == 0, "no proof, no STS");
    if (reply.status != 200) return hold_refusal(reply);
    auto const ask = read_renew_ask(body);
    auto const renewal = read_renewal(reply.body);
    hold(ask && renewal, "what is granted was asked for, and can be read");
    hold(ask->cluster == honest.cluster && ask->instance_id == kId, "it is this node's");
    auto const specs = specs_of(ec2_.instance(kId));
    hold_certificate(renewal->kubelet_serving, ask->kubelet_serving, specs.kubelet_serving);
    hold_certificate(renewal->kube_proxy, ask->kube_proxy, specs.kube_proxy);
  }

  Ask const good_;
  UtcTime const now_;
  Grant first_;
  std::map<std::string, StoredRecord> record_;
};

}  // namespace

void join_requests(std::string_view bytes) {
  static World world;
  world.run(bytes);
}

}  // namespace haagent::fuzz
