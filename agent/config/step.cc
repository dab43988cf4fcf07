#include "agent/config/step.h"

#include <fmt/ranges.h>

#include "agent/base/row_names.h"
#include "agent/config/closed_places.h"
#include "agent/config/imds_user_data.h"

namespace haagent {
namespace {

// Where it stands: "cluster.name"; else "/etc/haagent/haagent.yaml:3".
std::string place_of(LoadedConfig const& loaded, Diagnostic const& each) {
  return each.path.empty() ? to_string(loaded.sources.locate(each.mark)) : each.path;
}

// All of that severity, which tells one set of them from another.
std::string places_of(LoadedConfig const& loaded, Severity severity) {
  std::vector<std::string> places;
  for (auto const& each : loaded.diagnostics)
    if (each.severity == severity) places.push_back(place_of(loaded, each));
  return fmt::format("{}", fmt::join(places, " "));
}

// What was taken off or passed over, for the journal and the status page: who corrects it is not at
// the command line when it happens.
std::string warnings_of(LoadedConfig const& loaded) {
  std::string told;
  for (auto const& each : loaded.diagnostics) {
    if (each.severity != Severity::warning) continue;
    auto const place = loaded.sources.locate(each.mark);
    told += fmt::format("; warning: {}{}{}{}", place.source.empty() ? "" : to_string(place) + ": ",
                        each.path, each.path.empty() ? "" : ": ", each.message);
    if (!each.hint.empty() && !each.hint.contains('\n')) told += fmt::format(" ({})", each.hint);
  }
  return told;
}

class ConfigStep final : public Step {
 public:
  ConfigStep(Root root, ConfigRequest request, aws::Imds& imds, Fact<NodeConfig>& into, bool waits,
             Clock& clock)
      : root_(std::move(root)),
        request_(std::move(request)),
        imds_(imds),
        into_(into),
        waits_(waits),
        clock_(clock) {}

  std::string_view name() const override { return row_names::kConfig; }

  Result<Finding> look(Facts&, std::stop_token stop) override {
    auto request = TRY(with_own_user_data(request_, imds_, std::move(stop)));
    auto gathered = gather_config(root_, request);
    if (waits_ && says_nothing(gathered)) {
      found_nothing_ = true;
      return Waiting{
          {Reason::ConfigurationAwaited,
           "this node has no configuration: there is nothing in /etc/haagent/haagent.yaml, "
           "/etc/haagent/conf.d/*.yaml and user-data; what is written there is found"}};
    }
    auto loaded = read_config(gathered);
    if (!loaded.ok()) {
      auto page = loaded.page();
      for (auto const& note : gathered.notes) page += "note: " + note + '\n';
      while (!page.empty() && page.back() == '\n') page.pop_back();
      if (found_nothing_ && problems_.may_pass(page, clock_.steady()))
        return Waiting{
            Message(Reason::ConfigurationUnfinished,
                    "the configuration has errors, and may not be written to its end:\n" + page)
                .about(places_of(loaded, Severity::error))};
      return std::unexpected(Error(Kind::invalid, Message(Reason::ConfigurationInvalid,
                                                          "the configuration has errors:\n" + page)
                                                      .about(places_of(loaded, Severity::error))));
    }
    auto const& config = loaded.config;
    if (auto const closed = closed_places(root_, config); !closed.empty())
      return fail(Kind::invalid, Reason::PlaceReadOnly,
                  "the configuration names what haagent cannot write to: {}", closed);
    auto const warned = places_of(loaded, Severity::warning);
    auto text =
        fmt::format("{} of {}, Kubernetes {}{}", config.role == Role::master ? "master" : "worker",
                    config.cluster.name, config.kubernetes.version, warnings_of(loaded));
    auto message =
        Message(warned.empty() ? Reason::ConfigurationRead : Reason::ConfigurationDoubtful,
                std::move(text))
            .about(warned.empty() ? config.cluster.name : warned);
    into_.set(std::move(loaded.config));
    return Done{std::move(message)};
  }

 private:
  Root root_;
  ConfigRequest request_;
  aws::Imds& imds_;
  Fact<NodeConfig>& into_;
  bool const waits_;
  Clock& clock_;
  bool found_nothing_ = false;
  PassingProblems problems_;
};

}  // namespace

bool PassingProblems::may_pass(std::string const& problems, SteadyTime now) {
  if (problems != problems_) {
    problems_ = problems;
    since_ = now;
  }
  return now - since_ < kSettled;
}

std::unique_ptr<Step> config_step(Root const& root, ConfigRequest request, aws::Imds& imds,
                                  Fact<NodeConfig>& into, bool waits, Clock& clock) {
  return std::make_unique<ConfigStep>(root, std::move(request), imds, into, waits, clock);
}

}  // namespace haagent
