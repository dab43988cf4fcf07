#include "agent/config_step.h"

#include "agent/own_user_data.h"

namespace haagent {
namespace {

class ConfigStep final : public Step {
 public:
  ConfigStep(Root root, ConfigRequest request, aws::Imds& imds, Fact<NodeConfig>& into, bool waits)
      : root_(std::move(root)),
        request_(std::move(request)),
        imds_(imds),
        into_(into),
        waits_(waits) {}

  std::string_view name() const override { return "config"; }

  Result<Finding> look(Facts&, std::stop_token stop) override {
    auto request = with_own_user_data(request_, imds_, std::move(stop));
    if (!request) return std::unexpected(request.error());
    auto gathered = gather_config(root_, *request);
    if (waits_ && says_nothing(gathered))
      return Waiting{
          "nobody has said what this node is: there is nothing in /etc/haagent/haagent.yaml, "
          "/etc/haagent/conf.d/*.yaml and user-data; what is written there is found"};
    auto loaded = read_config(gathered);
    if (!loaded.ok()) {
      auto page = loaded.page();
      for (auto const& note : gathered.notes) page += "note: " + note + '\n';
      while (!page.empty() && page.back() == '\n') page.pop_back();
      return fail(Kind::invalid, "the configuration has errors:\n{}", page);
    }
    auto const& config = loaded.config;
    auto sentence =
        fmt::format("{} of {}, Kubernetes {}", config.role == Role::master ? "master" : "worker",
                    config.cluster.name, config.kubernetes.version);
    into_.set(std::move(loaded.config));
    return Done{sentence};
  }

  // look() never says Needed.
  Result<void> act(Facts&, std::stop_token) override { return {}; }

 private:
  Root root_;
  ConfigRequest request_;
  aws::Imds& imds_;
  Fact<NodeConfig>& into_;
  bool const waits_;
};

}  // namespace

std::unique_ptr<Step> config_step(Root const& root, ConfigRequest request, aws::Imds& imds,
                                  Fact<NodeConfig>& into, bool waits) {
  return std::make_unique<ConfigStep>(root, std::move(request), imds, into, waits);
}

}  // namespace haagent
