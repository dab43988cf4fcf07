#include "bootstrap/addons/answers.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/one_line.h"

namespace haagent::bootstrap::addons {
namespace {

constexpr std::size_t kMostOfAText = 400;

// The manager of `conflict with "kubectl-edit" using apps/v1 at 2026-01-15T10:15:00Z`, whose name
// Go has quoted: as JSON does, for every name that a client may give itself.
Result<std::string> manager_of(std::string_view message) {
  constexpr std::string_view kBegin = "conflict with ";
  auto const strange = [&] {
    return fail(Kind::invalid, "the apiserver says a conflict in other words: {}",
                one_line(message, kMostOfAText));
  };
  if (!message.starts_with(kBegin)) return strange();
  message.remove_prefix(kBegin.size());
  if (!message.starts_with('"')) return strange();
  std::size_t end = 1;
  while (end < message.size() && message[end] != '"') end += message[end] == '\\' ? 2 : 1;
  if (end >= message.size()) return strange();
  auto const rest = message.substr(end + 1);
  if (!rest.empty() && !rest.starts_with(' ') && !rest.starts_with(':')) return strange();
  auto const name = json::parse(message.substr(0, end + 1));
  if (!name || name->text().empty()) return strange();
  return one_line(name->text(), kMostOfAText);
}

bool is_ours(Tree const& managed) {
  return managed.text_at("manager") == kFieldManager && managed.text_at("operation") == "Apply" &&
         managed.text_at("subresource").empty();
}

Tree const* our_fields(Tree const& object) {
  auto const* all = object.at_path("metadata.managedFields");
  if (!all) return nullptr;
  auto const ours = std::ranges::find_if(all->items(), is_ours);
  return ours == all->items().end() ? nullptr : ours->find("fieldsV1");
}

void compare(Tree const* before, Tree const* after, std::string const& path,
             std::vector<std::string>& out) {
  if (out.size() >= kMostDifferences) return;
  if (!before || !after || before->type() != after->type() || before->text() != after->text()) {
    out.push_back(path);
    return;
  }
  if (before->items().size() != after->items().size()) {
    out.push_back(path);
    return;
  }
  for (std::size_t i = 0; i < before->items().size(); ++i)
    compare(&before->items()[i], &after->items()[i], fmt::format("{}[{}]", path, i), out);
  // Keys in any order.
  for (auto const& entry : before->entries())
    compare(&entry.value, after->find(entry.key), fmt::format("{}.{}", path, entry.key), out);
  for (auto const& entry : after->entries())
    if (!before->find(entry.key)) compare(nullptr, &entry.value, path + "." + entry.key, out);
}

Tree without_books(Tree object) {
  auto& metadata = object["metadata"];
  for (auto const* key : {"managedFields", "resourceVersion", "generation"}) metadata.erase(key);
  // The apiserver writes an empty map of annotations where the last one goes.
  for (auto const* key : {"annotations", "labels"})
    if (auto const* map = metadata.find(key); map && map->entries().empty()) metadata.erase(key);
  return object;
}

}  // namespace

Result<std::vector<FieldConflict>> read_conflicts(Tree const& status) {
  auto const* causes = status.at_path("details.causes");
  std::vector<FieldConflict> conflicts;
  if (causes)
    for (auto const& cause : causes->items()) {
      if (cause.text_at("reason") != "FieldManagerConflict" || cause.text_at("field").empty())
        return fail(Kind::invalid, "not every cause of the conflict is a field's manager");
      conflicts.push_back({.field = one_line(cause.text_at("field"), kMostOfAText),
                           .manager = TRY(manager_of(cause.text_at("message")))});
    }
  if (conflicts.empty()) return fail(Kind::invalid, "the conflict is not about a field");
  return conflicts;
}

std::string to_string(std::vector<FieldConflict> const& conflicts) {
  std::vector<std::string> each;
  for (auto const& [field, manager] : conflicts)
    each.push_back(fmt::format("{} ({})", field, manager));
  return fmt::format("{}", fmt::join(each, ", "));
}

std::string status_reason(ApiAnswer const& answer) {
  return answer.body.text_at("kind") == "Status" ? answer.body.text_at("reason") : "";
}

std::string status_text(ApiAnswer const& answer) {
  bool const is_status = answer.body.text_at("kind") == "Status";
  return one_line(bootstrap::status_text(answer.status, is_status ? answer.body : Tree()),
                  kMostOfAText);
}

std::vector<std::string> differences(Tree const& before, Tree const& after) {
  std::vector<std::string> out;
  auto const left = without_books(before);
  auto const right = without_books(after);
  compare(&left, &right, "", out);
  auto const* had = our_fields(before);
  auto const* has = our_fields(after);
  std::vector<std::string> owned;
  if (had || has) compare(had, has, "", owned);
  if (!owned.empty() && out.size() < kMostDifferences) out.emplace_back(".metadata.managedFields");
  return out;
}

bool is_applied_by_us(Tree const& object) {
  return our_fields(object) != nullptr;
}

std::string uid_of(Tree const& object) {
  auto const* uid = object.at_path("metadata.uid");
  return uid ? uid->text() : "";
}

std::string resource_version_of(Tree const& object) {
  auto const* version = object.at_path("metadata.resourceVersion");
  return version ? version->text() : "";
}

bool is_being_deleted(Tree const& object) {
  return object.at_path("metadata.deletionTimestamp") != nullptr;
}

bool is_established(Tree const& definition) {
  auto const* conditions = definition.at_path("status.conditions");
  return conditions && std::ranges::any_of(conditions->items(), [](Tree const& each) {
           return each.text_at("type") == "Established" && each.text_at("status") == "True";
         });
}

}  // namespace haagent::bootstrap::addons
