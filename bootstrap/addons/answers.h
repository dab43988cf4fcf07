// What the apiserver's answers to an apply mean: who owns the field that we want otherwise, and
// what an apply would change.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/addons/object.h"
#include "bootstrap/apiserver/client.h"

namespace haagent::bootstrap::addons {

struct FieldConflict {
  std::string field;    // ".spec.replicas"
  std::string manager;  // "kubectl-edit"
  bool operator==(FieldConflict const&) const = default;
};
// Of a Status of 409, each field and who owns it. Errors (invalid): it is another 409, or says it
// otherwise than is known.
Result<std::vector<FieldConflict>> read_conflicts(Tree const& status);
// ".spec.replicas (kubectl-edit), .spec.paused (kubectl-edit)"
std::string to_string(std::vector<FieldConflict> const& conflicts);

// The reason of a Status: "AlreadyExists", "NotFound"; empty where the answer is none.
std::string status_reason(ApiAnswer const& answer);
// What it says, in one line.
std::string status_text(ApiAnswer const& answer);

// Where `after` an apply the object says something else than `before`, without what the apiserver
// counts and dates: ".spec.template.spec.containers[0].image". ".metadata.managedFields" where the
// fields that haagent owns differ. The first few.
inline constexpr std::size_t kMostDifferences = 8;
std::vector<std::string> differences(Tree const& before, Tree const& after);

// Whether haagent owns a field of the object by an apply.
bool is_applied_by_us(Tree const& object);

std::string uid_of(Tree const& object);
std::string resource_version_of(Tree const& object);
bool is_being_deleted(Tree const& object);
// Of a definition of custom resources: whether the apiserver serves them.
bool is_established(Tree const& definition);

}  // namespace haagent::bootstrap::addons
