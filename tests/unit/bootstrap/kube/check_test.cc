// What lint() says of some hundred pieces of configuration, held against what Kubernetes' own
// programs said of them (tests/kube).
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "agent/base/yaml.h"
#include "agent/base/yaml_kubernetes.h"
#include "bootstrap/kube/lint.h"
#include "bootstrap/kube/tables.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/source_dir.h"

namespace haagent::bootstrap::kube {
namespace {

struct Case {
  int line = 0;
  std::string program;
  std::map<int, std::string> verdicts;  // by minor
  std::string why;
  std::vector<std::string> args;
  std::string document;
};

std::vector<Case> read_cases() {
  std::ifstream file(test::source_dir() / "tests/golden/kube-check/cases.txt");
  std::vector<Case> cases;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("#") && cases.empty()) continue;
    if (!line.starts_with("=== ")) {
      auto& one = cases.at(cases.size() - 1);
      if (line.starts_with("--")) {
        one.args.push_back(line.substr(2));
      } else {
        one.document += line + '\n';
      }
      continue;
    }
    auto& one = cases.emplace_back();
    one.line = number;
    if (auto hash = line.find(" # "); hash != line.npos) {
      one.why = line.substr(hash + 3);
      line.resize(hash);
    }
    std::istringstream words(line.substr(4));
    words >> one.program;
    for (std::string word; words >> word;) {
      auto colon = word.find(':');
      auto dash = word.find('-');
      auto from = std::stoi(word);
      auto to = dash < colon ? std::stoi(word.substr(dash + 1)) : from;
      for (int minor = from; minor <= to; ++minor) one.verdicts[minor] = word.substr(colon + 1);
    }
  }
  return cases;
}

Component component_of(std::string const& program) {
  for (auto component : kComponents) {
    if (program_of(component) == program) return component;
  }
  throw std::runtime_error(program);
}

struct Said {
  std::string verdict;
  std::string what;
};

Said haagent_says(Case const& one, int minor) {
  auto config = test::kube_master();
  auto component = component_of(one.program);
  auto& settings = component == Component::kubelet      ? config.kubelet
                   : component == Component::kube_proxy ? config.kube_proxy
                   : component == Component::apiserver  ? config.apiserver
                   : component == Component::scheduler  ? config.scheduler
                                                        : config.controller_manager;
  auto document = yaml::parse(one.document);
  if (!document) return {"refused", document.error().what};
  yaml::read_as_kubernetes(*document);
  settings.config = *document;
  for (auto const& arg : one.args) {
    auto equals = arg.find('=');
    settings.extra_args.emplace_back(arg.substr(0, equals), arg.substr(equals + 1));
  }
  Said said{"ok", ""};
  for (auto const& complaint : lint(config, {minor, 0, ""})) {
    // Beside its document kube-proxy takes no notice of these, which no program says.
    if (complaint.what.starts_with("kube-proxy ignores")) continue;
    if (!complaint.is_warning) said.verdict = "refused";
    if (complaint.is_warning && said.verdict == "ok") said.verdict = "warned";
    said.what += fmt::format("\n    {}: {} ({})", complaint.path, complaint.what, complaint.hint);
  }
  return said;
}

TEST(KubeCheck, SaysWhatTheProgramsSay) {
  auto const cases = read_cases();
  ASSERT_GT(cases.size(), 400u);
  int compared = 0;
  std::map<std::string, int> by_verdict;
  for (auto const& one : cases) {
    for (auto const& [minor, verdict] : one.verdicts) {
      auto said = haagent_says(one, minor);
      ++compared;
      ++by_verdict[verdict];
      EXPECT_EQ(said.verdict, verdict)
          << "tests/golden/kube-check/cases.txt:" << one.line << ": " << one.program << " 1."
          << minor << "\n"
          << one.document << testing::PrintToString(one.args) << "\n  the program: " << one.why
          << "\n  haagent:" << said.what;
    }
  }
  // A corpus that asks of one kind alone proves nothing.
  for (auto const* verdict : {"ok", "warned", "refused"}) {
    EXPECT_GT(by_verdict[verdict], compared / 20) << verdict;
  }
}

}  // namespace
}  // namespace haagent::bootstrap::kube
