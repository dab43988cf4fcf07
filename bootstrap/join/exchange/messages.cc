#include "bootstrap/join/exchange/messages.h"

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/one_line.h"

namespace haagent::bootstrap::join {
namespace {

constexpr int kSchema = 1;
constexpr std::size_t kPemCap = 16u << 10u;
constexpr std::size_t kWordCap = 253;  // of a DNS name
constexpr std::size_t kSentenceCap = 1024;
constexpr std::size_t kTokenCap = 8u << 10u;

bool is_printable(std::string_view text, std::string_view more = "") {
  return std::ranges::all_of(text,
                             [&](char c) { return (c >= ' ' && c < '\x7f') || more.contains(c); });
}

// Takes a message apart, value by value; what is left at the end is one too many. The first thing
// that is wrong stays.
class Reader {
 public:
  Reader(std::string_view what, std::string_view text) : what_(what) {
    auto tree = json::parse_strict(text.substr(0, kGrantCap));
    if (text.size() > kGrantCap)
      refuse(fmt::format("it has {} bytes", text.size()));
    else if (!tree || !tree->is_map())
      refuse(tree ? "it is no object" : tree.error().message.text);
    else
      tree_ = *std::move(tree);
    auto const* schema = take("schema");
    if (!schema || schema->as_integer() != kSchema) refuse("its schema is not 1");
  }
  // A part of another, which it belongs to.
  Reader part(std::string_view key) {
    auto const* value = take(key);
    if (value && value->is_map()) return {what_, *value};
    refuse(fmt::format("'{}' is no object", key));
    return {what_, Tree::map()};
  }
  void join(Reader const& inner) {
    if (problem_.empty()) problem_ = inner.end_problem();
  }

  std::string string(std::string_view key, std::size_t cap, std::string_view more = "",
                     bool may_be_empty = false) {
    auto const* value = take(key);
    if (!value && may_be_empty) return {};
    if (!value || !value->is_string()) {
      refuse(fmt::format("'{}' is no text", key));
      return {};
    }
    if ((value->text().empty() && !may_be_empty) || value->text().size() > cap ||
        !is_printable(value->text(), more)) {
      refuse(fmt::format("'{}' is empty, too long or not printable", key));
      return {};
    }
    return value->text();
  }
  std::string word(std::string_view key) { return string(key, kWordCap); }
  std::string pem(std::string_view key) { return string(key, kPemCap, "\n"); }
  std::string hash(std::string_view key) {
    auto text = word(key);
    if (!is_hash(text)) refuse(fmt::format("'{}' is no SHA-256", key));
    return text;
  }
  bool flag(std::string_view key) {
    auto const* value = take(key);
    auto const read = value ? value->as_boolean() : std::nullopt;
    if (!read) refuse(fmt::format("'{}' is neither true nor false", key));
    return read.value_or(false);
  }
  bool has(std::string_view key) const { return tree_.find(key) != nullptr; }
  void refuse(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
  }

  template <class T>
  Result<T> end(T value) const {
    if (auto const problem = end_problem(); !problem.empty())
      return fail(Kind::invalid, "{}: {}", what_, problem);
    return value;
  }

 private:
  Reader(std::string what, Tree tree) : what_(std::move(what)), tree_(std::move(tree)) {}
  std::string end_problem() const {
    if (!problem_.empty() || tree_.entries().empty()) return problem_;
    return fmt::format("'{}' does not belong there", one_line(tree_.entries().front().key, 40));
  }
  Tree const* take(std::string_view key) {
    auto const* value = tree_.find(key);
    if (!value) return nullptr;
    taken_ = *value;
    tree_.erase(key);
    return &taken_;
  }

  std::string what_;
  Tree tree_ = Tree::map();
  Tree taken_;
  std::string problem_;
};

Tree tree_of(aws::SignedCall const& call) {
  return Tree::map({{"accessKeyId", call.access_key_id},
                    {"time", call.time},
                    {"sessionToken", call.session_token},
                    {"signature", call.signature}});
}

aws::SignedCall call_at(Reader& reader, std::string_view key) {
  auto part = reader.part(key);
  aws::SignedCall call{.access_key_id = part.word("accessKeyId"),
                       .time = part.word("time"),
                       .session_token = part.string("sessionToken", kTokenCap, "", true),
                       .signature = part.word("signature")};
  if (auto fits = aws::check_signed_call(call); !fits) part.refuse(fits.error().message.text);
  reader.join(part);
  return call;
}

Tree tree_of(NodeCertificates const& certificates) {
  return Tree::map({{"kubelet", certificates.kubelet},
                    {"kubeletServing", certificates.kubelet_serving},
                    {"kubeProxy", certificates.kube_proxy}});
}

NodeCertificates certificates_at(Reader& reader, std::string_view key) {
  auto part = reader.part(key);
  NodeCertificates certificates{.kubelet = part.pem("kubelet"),
                                .kubelet_serving = part.pem("kubeletServing"),
                                .kube_proxy = part.pem("kubeProxy")};
  reader.join(part);
  return certificates;
}

std::string printed(Tree tree) {
  tree.set("schema", kSchema);
  return json::print(tree);
}

}  // namespace

bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string callback_text(std::string_view nonce) {
  return fmt::format("haagent join callback 1\n{}\n", nonce);
}

std::string text_of(Offer const& offer) {
  return printed(Tree::map({{"nonce", offer.nonce},
                            {"serverKey", offer.server_key},
                            {"certificate", offer.certificate},
                            {"ca", offer.ca},
                            {"time", to_rfc3339(offer.time)},
                            {"takesTokens", offer.takes_tokens},
                            {"proof", tree_of(offer.proof)}}));
}

Result<Offer> read_offer(std::string_view text) {
  Reader reader("the master's offer", text);
  Offer offer{.nonce = reader.hash("nonce"),
              .server_key = reader.hash("serverKey"),
              .certificate = reader.pem("certificate"),
              .ca = reader.pem("ca")};
  auto const time = parse_rfc3339(reader.word("time"));
  if (time)
    offer.time = *time;
  else
    reader.refuse("'time' is no time");
  offer.takes_tokens = reader.flag("takesTokens");
  offer.proof = call_at(reader, "proof");
  return reader.end(std::move(offer));
}

std::string text_of(Ask const& ask) {
  auto tree = Tree::map({{"cluster", ask.cluster},
                         {"nonce", ask.nonce},
                         {"serverKey", ask.server_key},
                         {"document", ask.document},
                         {"requests", tree_of(ask.requests)}});
  if (ask.proof) tree.set("proof", tree_of(*ask.proof));
  if (!ask.token.empty()) tree.set("token", ask.token);
  return printed(std::move(tree));
}

Result<Ask> read_ask(std::string_view text) {
  Reader reader("the request to join", text);
  Ask ask{.cluster = reader.word("cluster"),
          .nonce = reader.hash("nonce"),
          .server_key = reader.hash("serverKey"),
          .document = reader.string("document", kPemCap, "\n"),
          .requests = certificates_at(reader, "requests"),
          .proof = {},
          .token = {}};
  if (reader.has("proof") == reader.has("token"))
    reader.refuse("it has not one of 'proof' and 'token'");
  else if (reader.has("proof"))
    ask.proof = call_at(reader, "proof");
  else
    ask.token = reader.string("token", kTokenCap);
  return reader.end(std::move(ask));
}

std::string text_of(Grant const& grant) {
  return printed(Tree::map({{"node", grant.node},
                            {"ca", grant.ca},
                            {"certificates", tree_of(grant.certificates)},
                            {"endpoint", grant.endpoint},
                            {"clusterDNS", grant.cluster_dns},
                            {"kubernetesVersion", grant.kubernetes_version}}));
}

Result<Grant> read_grant(std::string_view text) {
  Reader reader("the master's answer", text);
  Grant grant{.node = reader.word("node"),
              .ca = reader.pem("ca"),
              .certificates = certificates_at(reader, "certificates"),
              .endpoint = reader.word("endpoint"),
              .cluster_dns = reader.word("clusterDNS"),
              .kubernetes_version = reader.word("kubernetesVersion")};
  return reader.end(std::move(grant));
}

std::string text_of(RenewAsk const& ask) {
  return printed(Tree::map({{"cluster", ask.cluster},
                            {"instanceId", ask.instance_id},
                            {"kubeletServing", ask.kubelet_serving},
                            {"kubeProxy", ask.kube_proxy}}));
}

Result<RenewAsk> read_renew_ask(std::string_view text) {
  Reader reader("the request to renew", text);
  RenewAsk ask{.cluster = reader.word("cluster"),
               .instance_id = reader.word("instanceId"),
               .kubelet_serving = reader.pem("kubeletServing"),
               .kube_proxy = reader.pem("kubeProxy")};
  return reader.end(std::move(ask));
}

std::string text_of(Renewal const& renewal) {
  return printed(Tree::map({{"ca", renewal.ca},
                            {"kubeletServing", renewal.kubelet_serving},
                            {"kubeProxy", renewal.kube_proxy}}));
}

Result<Renewal> read_renewal(std::string_view text) {
  Reader reader("the master's answer", text);
  Renewal renewal{.ca = reader.pem("ca"),
                  .kubelet_serving = reader.pem("kubeletServing"),
                  .kube_proxy = reader.pem("kubeProxy")};
  return reader.end(std::move(renewal));
}

std::string text_of(Refusal const& refusal) {
  return printed(Tree::map({{"reason", to_string(refusal.reason)}, {"message", refusal.text}}));
}

Result<Refusal> read_refusal(std::string_view text) {
  Reader reader("the master's refusal", text);
  // A newer master may know reasons that are not known here.
  Refusal refusal{.reason = parse_reason(reader.word("reason")).value_or(Reason::PermissionDenied),
                  .text = reader.string("message", kSentenceCap)};
  return reader.end(std::move(refusal));
}

std::string text_of(Callback const& callback) {
  return printed(Tree::map({{"signature", callback.signature}}));
}

Result<Callback> read_callback(std::string_view text) {
  Reader reader("the answer to the callback", text);
  Callback callback{.signature = reader.word("signature")};
  return reader.end(std::move(callback));
}

}  // namespace haagent::bootstrap::join
