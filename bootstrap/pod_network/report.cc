#include "bootstrap/pod_network/report.h"

#include "agent/base/json.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::pod_network {

Result<void> write_report(Root const& root, Report const& report) {
  auto const path = root(kube::kPodNetworkReport);
  TRY(make_directories(path.parent_path()));
  return replace_file(path, json::print(Tree::map({{"reason", to_string(report.message.reason)},
                                                   {"text", report.message.text},
                                                   {"advice", report.message.advice},
                                                   {"subject", report.message.subject},
                                                   {"at", to_rfc3339(report.at)}})) +
                                "\n");
}

std::optional<Report> read_report(Root const& root) {
  auto const bytes = read_file(root(kube::kPodNetworkReport), 64u << 10u);
  if (!bytes || !*bytes) return std::nullopt;
  auto const tree = json::parse(**bytes);
  if (!tree) return std::nullopt;
  auto const at = parse_rfc3339(tree->text_at("at"));
  auto const reason = parse_reason(tree->text_at("reason"));
  if (!at || !reason) return std::nullopt;
  Report report{.message = {}, .at = *at};
  report.message.reason = *reason;
  report.message.text = tree->text_at("text");
  report.message.advice = tree->text_at("advice");
  report.message.subject = tree->text_at("subject");
  return report;
}

}  // namespace haagent::bootstrap::pod_network
