// What a node's logs, documents and answers hold, as a support bundle shows it: whatever stands
// around a secret, it is not in what is shown.
#include "agent/bundle/last_net.h"
#include "agent/bundle/redactor.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void support_bundle(std::string_view bytes) {
  using namespace bundle;
  constexpr std::string_view secret = "kGz3Qv0bWcT8yLr5NnXeHu2J";
  Redactor const fresh("salt");
  Redactor taught("salt");
  taught.hide(secret);
  auto const half = bytes.size() / 2;
  auto const before = std::string(bytes.substr(0, half));
  auto const behind = std::string(bytes.substr(half));
  auto const apart = before + " " + std::string(secret) + " " + behind;
  auto const within = before + std::string(secret) + behind;
  auto const hidden = [&](Shown const& shown) {
    hold(!shown.bytes().contains(secret), "a secret is not shown");
    hold(shown.bytes().size() <= 64 * (within.size() + 64), "what is shown has a bound");
  };
  for (auto const& text : {apart, within}) {
    hidden(taught.text(text));
    hidden(taught.json(text, own_keys()));
    hidden(taught.yaml(text, kubernetes_keys()));
    hidden(taught.metrics(text));
    hidden(taught.settings(text, unit_keys()));
    hidden(taught.flags(text));
  }
  hidden(fresh.text(apart));
  hidden(fresh.metrics(apart));
  hidden(fresh.settings(apart, unit_keys()));
  hidden(fresh.flags(apart));
  hold(!fresh.name(apart).contains(secret), "no file is named by a secret");
  {
    auto const whole = fresh.text(bytes);
    auto newest = whole, first = whole;
    newest.keep_newest(half);
    first.keep_first(half);
    hold(newest.bytes().size() <= half && whole.bytes().ends_with(newest.bytes()),
         "what is cut is the end, and as short as it shall be");
    hold(first.bytes().size() <= half && whole.bytes().starts_with(first.bytes()),
         "what is cut is the begin, and as short as it shall be");
  }
  auto const caught = last_net(std::string(bytes));
  hold(!caught.contains("-----BEGIN PRIVATE KEY-----"), "no private key is shown");
}

}  // namespace haagent::fuzz
