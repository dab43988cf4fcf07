// packaging/prometheus and packaging/grafana against what they speak of: the table of reasons, and
// the page of metrics. What Prometheus itself says of them is asked in tests/monitoring and in the
// integration tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "agent/base/json.h"
#include "agent/base/reason.h"
#include "agent/base/yaml.h"
#include "tests/support/golden.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

std::string packaged(std::string const& file) {
  return test::bytes_of(test::source_dir() / "packaging" / file);
}

std::set<std::string> found_in(std::string const& text, char const* pattern) {
  std::set<std::string> all;
  std::regex const expression(pattern);
  for (std::sregex_iterator each(text.begin(), text.end(), expression), end; each != end; ++each)
    all.insert((*each)[1].str());
  return all;
}

std::vector<Tree> alerts() {
  std::vector<Tree> all;
  auto const rules = yaml::parse(packaged("prometheus/haagent.rules.yaml"));
  if (!rules) {
    ADD_FAILURE() << rules.error().what;
    return all;
  }
  for (auto const& group : rules->find("groups")->items())
    for (auto const& rule : group.find("rules")->items()) all.push_back(rule);
  return all;
}

std::vector<std::string> expressions() {
  std::vector<std::string> all;
  for (auto const& each : alerts()) all.push_back(each.text_at("expr"));
  auto const dashboard = json::parse(packaged("grafana/haagent.json"));
  if (!dashboard) {
    ADD_FAILURE() << dashboard.error().message.text;
    return all;
  }
  for (auto const& panel : dashboard->find("panels")->items())
    if (auto const* targets = panel.find("targets"))
      for (auto const& each : targets->items()) all.push_back(each.text_at("expr"));
  return all;
}

TEST(Alerts, EachSaysHowBadItIsWhatIsSoAndWhatToDo) {
  auto const all = alerts();
  EXPECT_GT(all.size(), 30u);
  for (auto const& alert : all) {
    SCOPED_TRACE(alert.text_at("alert"));
    auto const* severity = alert.at_path("labels.severity");
    ASSERT_TRUE(severity);
    EXPECT_TRUE(severity->text() == "warning" || severity->text() == "critical");
    EXPECT_NE(alert.text_at("for"), "") << "how long the daemon has to mend it";
    auto const* annotations = alert.find("annotations");
    ASSERT_TRUE(annotations);
    for (auto const* name : {"summary", "description", "action"})
      EXPECT_TRUE(annotations->text_at(name).ends_with('.')) << name;
    EXPECT_NE(annotations->text_at("runbook"), "");
  }
}

TEST(Alerts, OneOfAReasonGivesTheAdviceOfHaagentExplain) {
  constexpr std::string_view kExplain = "haagent explain ";
  int held = 0;
  for (auto const& alert : alerts()) {
    SCOPED_TRACE(alert.text_at("alert"));
    auto const runbook = alert.at_path("annotations.runbook")->text();
    if (!runbook.starts_with(kExplain)) continue;
    auto const name = runbook.substr(kExplain.size());
    if (name == "{{ $labels.reason }}") {
      EXPECT_TRUE(alert.text_at("expr").contains("reason"));
      continue;
    }
    auto const reason = parse_reason(name);
    ASSERT_TRUE(reason) << name;
    EXPECT_EQ(alert.at_path("annotations.action")->text(), explanation_of(*reason).operator_does);
    ++held;
  }
  EXPECT_GT(held, 15);
}

TEST(Alerts, ReasonsThatAreNamedExist) {
  int named = 0;
  for (auto const& expression : expressions())
    for (auto const& value : found_in(expression, R"re(reason!?=~?"([^"]*)")re"))
      for (auto const& name : found_in(value, R"((\w+))")) {
        EXPECT_TRUE(parse_reason(name)) << name << " in " << expression;
        ++named;
      }
  EXPECT_GT(named, 30);
}

// The page of a node that has everything.
TEST(Alerts, MetricsThatAreNamedAreExported) {
  auto const page = test::bytes_of(test::golden_path("status/metrics.txt"));
  auto const exported = found_in(page, R"(# TYPE (\w+) )");
  std::set<std::string> named;
  for (auto const& expression : expressions())
    for (auto name : found_in(expression, R"((haagent_\w+))")) {
      if (name.ends_with("_bucket")) name.resize(name.size() - std::string_view("_bucket").size());
      EXPECT_TRUE(exported.contains(name)) << name << " in " << expression;
      named.insert(name);
    }
  EXPECT_GT(named.size(), 30u);
}

// A state that nobody is ever in would never fire.
TEST(Alerts, ValuesOfStatesAndPhasesThatAreNamedAreExported) {
  auto const page = test::bytes_of(test::golden_path("status/metrics.txt"));
  for (auto const* label : {"phase", "state", "role", "cause", "authority", "etcd"})
    for (auto const& expression : expressions()) {
      auto const named =
          found_in(expression, (std::string("\\b") + label + R"re(!?=~?"([\w| ]+)")re").c_str());
      for (auto const& values : named)
        for (auto const& value : found_in(values, R"(([^|]+))")) {
          if (value == "firing" || value == "worker")
            continue;  // of ALERTS; of another node's page
          EXPECT_TRUE(page.contains(std::string(label) + "=\"" + value + '"'))
              << label << ' ' << value << " in " << expression;
        }
    }
}

}  // namespace
}  // namespace haagent
