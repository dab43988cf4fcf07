#include "bootstrap/version_skew/kubelets.h"

#include <algorithm>

namespace haagent::bootstrap::version_skew {

Result<KubeletPage> read_page(Tree const& table) {
  auto const* columns = table.find("columnDefinitions");
  auto const* rows = table.find("rows");
  if (!columns) return fail(Kind::invalid, "the list of nodes is no table");
  auto place = [&](std::string_view name) {
    auto const& all = columns->items();
    return static_cast<std::size_t>(
        std::ranges::find_if(all, [&](Tree const& each) { return each.text_at("name") == name; }) -
        all.begin());
  };
  auto const name = place("Name");
  auto const version = place("Version");
  if (std::max(name, version) >= columns->items().size())
    return fail(Kind::invalid, "the table of nodes has no names or no versions");
  KubeletPage page;
  // A Table without any may have null.
  for (auto const& row : rows ? rows->items() : std::vector<Tree>()) {
    auto const* cells = row.find("cells");
    if (!cells || cells->items().size() <= std::max(name, version))
      return fail(Kind::invalid, "a row of the table of nodes is too short");
    page.kubelets.push_back(
        {.node = cells->items()[name].text(), .version = cells->items()[version].text()});
  }
  if (auto const* next = table.at_path("metadata.continue")) page.next = next->text();
  return page;
}

Result<std::vector<Kubelet>> ask_kubelets(ApiserverClient apiserver, Duration patience,
                                          std::stop_token stop, int nodes_of_a_page) {
  std::vector<Kubelet> all;
  for (std::string next;;) {
    auto path = fmt::format("/api/v1/nodes?includeObject=None&limit={}", nodes_of_a_page);
    if (!next.empty()) path += "&continue=" + next;
    auto const answer = TRY(apiserver.ask({.path = std::move(path),
                                           .accept = "application/json;as=Table;v=v1;g=meta.k8s.io",
                                           .timeout = patience},
                                          stop));
    if (answer.status != 200)
      return fail(Kind::transient, "asking the apiserver for nodes: {}",
                  status_text(answer.status, answer.body));
    auto page = TRY(read_page(answer.body));
    std::ranges::move(page.kubelets, std::back_inserter(all));
    next = std::move(page.next);
    if (next.empty()) return all;
  }
}

}  // namespace haagent::bootstrap::version_skew
