#include "tests/sim/iam_policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "agent/base/json.h"

namespace haagent::sim {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::vector<std::string> const* find(IamRequest const& request, std::string_view key) {
  auto const wanted = lower(key);
  for (auto const& [name, values] : request.context) {
    if (lower(name) == wanted) return &values;
  }
  return nullptr;
}

// A pattern in pieces: a character to be there, or one of the two wildcards.
struct Piece {
  enum class Is { literal, any_run, any_one } is;
  char literal = 0;
};

std::optional<std::vector<Piece>> pieces_of(std::string_view pattern, IamRequest const& request) {
  std::vector<Piece> pieces;
  auto const add_literal = [&](std::string_view text) {
    for (char c : text) pieces.push_back({Piece::Is::literal, c});
  };
  while (!pattern.empty()) {
    if (pattern.starts_with("${")) {
      auto const end = pattern.find('}');
      if (end == std::string_view::npos) return std::nullopt;
      auto const name = pattern.substr(2, end - 2);
      pattern.remove_prefix(end + 1);
      if (name == "*" || name == "?" || name == "$") {
        add_literal(name);
        continue;
      }
      auto const* values = find(request, name);
      if (!values || values->size() != 1) return std::nullopt;
      add_literal(values->front());
      continue;
    }
    if (pattern.front() == '*') {
      pieces.push_back({Piece::Is::any_run});
    } else if (pattern.front() == '?') {
      pieces.push_back({Piece::Is::any_one});
    } else {
      add_literal(pattern.substr(0, 1));
    }
    pattern.remove_prefix(1);
  }
  return pieces;
}

bool matches(std::string_view text, std::vector<Piece> const& pieces) {
  // Greedy with one point to come back to.
  std::size_t t = 0, p = 0;
  std::optional<std::size_t> star;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pieces.size() && pieces[p].is == Piece::Is::any_run) {
      star = p++;
      star_text = t;
    } else if (p < pieces.size() &&
               (pieces[p].is == Piece::Is::any_one || pieces[p].literal == text[t])) {
      ++p;
      ++t;
    } else if (star) {
      p = *star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pieces.size() && pieces[p].is == Piece::Is::any_run) ++p;
  return p == pieces.size();
}

constexpr std::size_t kArnParts = 6;

// "arn:aws:ec2:eu-west-1:1:volume/vol-1" by its first five colons; a variable's are none.
std::vector<std::string_view> arn_parts(std::string_view arn) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  bool in_variable = false;
  for (std::size_t i = 0; i < arn.size() && parts.size() + 1 < kArnParts; ++i) {
    if (arn.substr(i).starts_with("${")) in_variable = true;
    if (arn[i] == '}') in_variable = false;
    if (arn[i] != ':' || in_variable) continue;
    parts.push_back(arn.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(arn.substr(begin));
  return parts;
}

std::optional<double> numeric_value(std::string_view text) {
  double number = 0;
  auto const end = text.data() + text.size();
  auto const read = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

bool is_numeric(IamCondition::Operator is) {
  return is >= IamCondition::Operator::number_equals &&
         is <= IamCondition::Operator::number_at_least;
}

// What is no number in a request fits no condition on numbers.
bool matches_number(IamCondition::Operator is, std::string_view text, std::string_view bound) {
  using enum IamCondition::Operator;
  auto const number = numeric_value(text), limit = numeric_value(bound);
  if (!number || !limit) return false;
  switch (is) {
    case number_below:
      return *number < *limit;
    case number_at_most:
      return *number <= *limit;
    case number_above:
      return *number > *limit;
    case number_at_least:
      return *number >= *limit;
    default:
      return *number == *limit;
  }
}

bool matches_value(IamCondition const& condition, std::string const& text,
                   std::string const& pattern, IamRequest const& request) {
  switch (condition.is) {
    case IamCondition::Operator::equals:
    case IamCondition::Operator::equals_ignoring_case: {
      // A variable counts here, a wildcard does not.
      auto const pieces = pieces_of(pattern, request);
      if (!pieces) return false;
      std::string plain;
      for (auto const& piece : *pieces) {
        plain += piece.is == Piece::Is::literal   ? piece.literal
                 : piece.is == Piece::Is::any_run ? '*'
                                                  : '?';
      }
      return condition.is == IamCondition::Operator::equals ? plain == text
                                                            : lower(plain) == lower(text);
    }
    case IamCondition::Operator::like:
      return matches_iam_pattern(text, pattern, request);
    case IamCondition::Operator::arn_like:
      return matches_arn(text, pattern, request);
    case IamCondition::Operator::number_equals:
    case IamCondition::Operator::number_below:
    case IamCondition::Operator::number_at_most:
    case IamCondition::Operator::number_above:
    case IamCondition::Operator::number_at_least:
      return matches_number(condition.is, text, pattern);
    case IamCondition::Operator::boolean:
      return lower(text) == lower(pattern);
    case IamCondition::Operator::null:
      break;
  }
  return false;
}

bool holds(IamCondition const& condition, IamRequest const& request) {
  using Of = IamCondition::Of;
  auto const* values = find(request, condition.key);
  bool const absent = !values || values->empty();
  if (condition.is == IamCondition::Operator::null) {
    return std::ranges::any_of(condition.values,
                               [&](auto const& each) { return lower(each) == "true"; }) == absent;
  }
  if (absent) return condition.if_exists || condition.negated || condition.of == Of::each;
  auto const matches_one = [&](std::string const& text) {
    bool const found = std::ranges::any_of(condition.values, [&](auto const& pattern) {
      return matches_value(condition, text, pattern, request);
    });
    return found != condition.negated;
  };
  return condition.of == Of::each ? std::ranges::all_of(*values, matches_one)
                                  : std::ranges::any_of(*values, matches_one);
}

// "ForAllValues:StringLikeIfExists"; nothing where it is none of those known here.
std::optional<IamCondition> condition_of(std::string_view name) {
  using enum IamCondition::Operator;
  struct Row {
    std::string_view name;
    IamCondition::Operator is;
    bool negated;
  };
  static constexpr Row kRows[] = {
      {"StringEquals", equals, false},
      {"StringNotEquals", equals, true},
      {"StringEqualsIgnoreCase", equals_ignoring_case, false},
      {"StringNotEqualsIgnoreCase", equals_ignoring_case, true},
      {"StringLike", like, false},
      {"StringNotLike", like, true},
      {"ArnEquals", arn_like, false},
      {"ArnLike", arn_like, false},
      {"ArnNotEquals", arn_like, true},
      {"ArnNotLike", arn_like, true},
      {"NumericEquals", number_equals, false},
      {"NumericNotEquals", number_equals, true},
      {"NumericLessThan", number_below, false},
      {"NumericLessThanEquals", number_at_most, false},
      {"NumericGreaterThan", number_above, false},
      {"NumericGreaterThanEquals", number_at_least, false},
      {"Bool", boolean, false},
      {"Null", null, false},
  };
  IamCondition condition;
  constexpr std::string_view kEach = "ForAllValues:", kAny = "ForAnyValue:";
  if (name.starts_with(kEach)) {
    condition.of = IamCondition::Of::each;
    name.remove_prefix(kEach.size());
  } else if (name.starts_with(kAny)) {
    condition.of = IamCondition::Of::any;
    name.remove_prefix(kAny.size());
  }
  constexpr std::string_view kIfExists = "IfExists";
  if (name.ends_with(kIfExists)) {
    condition.if_exists = true;
    name.remove_suffix(kIfExists.size());
  }
  for (auto const& row : kRows) {
    if (row.name != name) continue;
    condition.is = row.is;
    condition.negated = row.negated;
    return condition;
  }
  return std::nullopt;
}

// A text, or a list of them.
Result<std::vector<std::string>> texts_of(Tree const& tree, std::string_view what) {
  std::vector<std::string> texts;
  if (tree.is_scalar()) return std::vector{tree.text()};
  for (auto const& item : tree.items()) {
    if (!item.is_scalar()) return fail(Kind::invalid, "{} holds what is no text", what);
    texts.push_back(item.text());
  }
  if (texts.empty()) return fail(Kind::invalid, "{} is missing or empty", what);
  return texts;
}

Result<std::vector<IamCondition>> conditions_of(Tree const& tree) {
  std::vector<IamCondition> conditions;
  if (!tree.is_map()) return fail(Kind::invalid, "Condition must be a map");
  for (auto const& block : tree.entries()) {
    auto const kind = condition_of(block.key);
    if (!kind) {
      return fail(Kind::invalid, "Condition: the operator '{}' is not known here", block.key);
    }
    if (!block.value.is_map() || block.value.entries().empty())
      return fail(Kind::invalid, "Condition.{} must be a map of keys", block.key);
    for (auto const& entry : block.value.entries()) {
      auto values = texts_of(entry.value, fmt::format("Condition.{}.{}", block.key, entry.key));
      if (!values) return std::unexpected(values.error());
      auto const bad = std::ranges::find_if_not(
          *values, [](auto const& each) { return numeric_value(each).has_value(); });
      if (is_numeric(kind->is) && bad != values->end())
        return fail(Kind::invalid, "Condition.{}.{}: '{}' is no number", block.key, entry.key,
                    *bad);
      conditions.push_back(*kind);
      conditions.back().key = lower(entry.key);
      conditions.back().values = std::move(*values);
    }
  }
  return conditions;
}

// "*", or {"AWS": "*"}.
bool is_everybody(Tree const* principal) {
  if (principal && principal->is_map() && principal->entries().size() == 1)
    principal = principal->find("AWS");
  return principal && principal->is_scalar() && principal->text() == "*";
}

Result<IamStatement> statement_of(Tree const& tree, bool of_bucket) {
  if (!tree.is_map()) return fail(Kind::invalid, "must be a map");
  constexpr std::array kKnown = {"Sid", "Effect", "Action", "Resource", "Condition"};
  for (auto const& entry : tree.entries()) {
    if (of_bucket && entry.key == "Principal") continue;
    if (std::ranges::find(kKnown, entry.key) == kKnown.end())
      return fail(Kind::invalid, "'{}' is not known here", entry.key);
  }
  if (of_bucket && !is_everybody(tree.find("Principal")))
    return fail(Kind::invalid, "a Principal other than \"*\" is not known here");
  IamStatement statement;
  statement.sid = tree.text_at("Sid");
  auto const effect = tree.text_at("Effect");
  if (effect != "Allow" && effect != "Deny")
    return fail(Kind::invalid, "Effect must be Allow or Deny");
  statement.allows = effect == "Allow";
  auto const part = [&](char const* name) {
    auto const* found = tree.find(name);
    return texts_of(found ? *found : Tree(), name);
  };
  auto actions = part("Action");
  if (!actions) return std::unexpected(actions.error());
  statement.actions = std::move(*actions);
  auto resources = part("Resource");
  if (!resources) return std::unexpected(resources.error());
  for (auto const& resource : *resources) {
    if (resource != "*" &&
        (!resource.starts_with("arn:") || arn_parts(resource).size() < kArnParts))
      return fail(Kind::invalid, "Resource '{}' is neither an ARN nor '*'", resource);
  }
  statement.resources = std::move(*resources);
  if (auto const* tree_of_conditions = tree.find("Condition")) {
    auto conditions = conditions_of(*tree_of_conditions);
    if (!conditions) return std::unexpected(conditions.error());
    statement.conditions = std::move(*conditions);
  }
  return statement;
}

}  // namespace

bool matches_iam_pattern(std::string_view text, std::string_view pattern,
                         IamRequest const& request) {
  auto const pieces = pieces_of(pattern, request);
  return pieces && matches(text, *pieces);
}

bool matches_arn(std::string_view text, std::string_view pattern, IamRequest const& request) {
  if (pattern == "*") return true;
  auto const parts = arn_parts(text), patterns = arn_parts(pattern);
  if (parts.size() != patterns.size()) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!matches_iam_pattern(parts[i], patterns[i], request)) return false;
  }
  return true;
}

bool IamStatement::applies_to(IamRequest const& request) const {
  auto const action = lower(request.action);
  return std::ranges::any_of(
             actions,
             [&](auto const& each) { return matches_iam_pattern(action, lower(each), request); }) &&
         std::ranges::any_of(
             resources,
             [&](auto const& each) { return matches_arn(request.resource, each, request); }) &&
         std::ranges::all_of(conditions, [&](auto const& each) { return holds(each, request); });
}

Result<IamPolicy> IamPolicy::parse(std::string_view text) {
  return parse_of(text, /*of_bucket=*/false);
}

Result<IamPolicy> IamPolicy::parse_of_bucket(std::string_view text) {
  return parse_of(text, /*of_bucket=*/true);
}

Result<IamPolicy> IamPolicy::parse_of(std::string_view text, bool of_bucket) {
  auto const tree = json::parse(text);
  if (!tree) return std::unexpected(tree.error());
  if (!tree->is_map()) return fail(Kind::invalid, "a policy is a map");
  for (auto const& entry : tree->entries()) {
    if (entry.key != "Version" && entry.key != "Id" && entry.key != "Statement")
      return fail(Kind::invalid, "'{}' is not known here", entry.key);
  }
  // Variables in policies are of this version.
  if (tree->text_at("Version") != "2012-10-17")
    return fail(Kind::invalid, "Version must be \"2012-10-17\"");
  auto const* statements = tree->find("Statement");
  if (!statements || (statements->is_list() && statements->items().empty()))
    return fail(Kind::invalid, "Statement is missing or empty");
  IamPolicy policy;
  auto const add = [&](Tree const& each) -> Result<void> {
    auto const number = policy.statements_.size();
    auto statement = statement_of(each, of_bucket);
    if (!statement) {
      auto const sid = each.text_at("Sid");
      return fail(statement.error(), "Statement[{}]{}", number, sid.empty() ? "" : " " + sid);
    }
    policy.statements_.push_back(std::move(*statement));
    return {};
  };
  if (!statements->is_list()) {
    if (auto added = add(*statements); !added) return std::unexpected(added.error());
  }
  for (auto const& each : statements->items()) {
    if (auto added = add(each); !added) return std::unexpected(added.error());
  }
  return policy;
}

IamStatement const* IamPolicy::allowing(IamRequest const& request) const {
  IamStatement const* found = nullptr;
  for (auto const& statement : statements_) {
    if (!statement.applies_to(request)) continue;
    if (!statement.allows) return nullptr;
    if (!found) found = &statement;
  }
  return found;
}

IamStatement const* IamPolicy::denying(IamRequest const& request) const {
  for (auto const& statement : statements_)
    if (!statement.allows && statement.applies_to(request)) return &statement;
  return nullptr;
}

}  // namespace haagent::sim
