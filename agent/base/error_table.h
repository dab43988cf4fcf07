// What a service's error codes mean: to the runner, to the operator, and to the client itself. One
// table of data for each service. An Error that a row has made keeps the row's place as a number of
// the table's own category, so that its code and meaning are read back without its sentence.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "agent/base/result.h"

namespace haagent {

// Code: what the service sends, a word or a number. Means: what the client does about it.
template <class Code, class Means>
struct ErrorRule {
  Code code;              // Code{}: any
  std::string_view when;  // part of the message that the rule asks for; empty: any message
  Kind kind;
  std::string_view advice = "";  // empty: the service's own message says enough
  Means means = {};
  std::optional<std::chrono::milliseconds> retry_cap = {};  // as in Error
};

template <class Code, class Means>
class ErrorTable final : public std::error_category {
 public:
  using Rule = ErrorRule<Code, Means>;

  // Both must outlive it, and it every Error that it makes.
  ErrorTable(char const* name, std::span<Rule const> rules) : name_(name), rules_(rules) {}
  ErrorTable(ErrorTable const&) = delete;
  ErrorTable& operator=(ErrorTable const&) = delete;

  std::span<Rule const> rules() const { return rules_; }

  // The first rule that fits; null where none does.
  Rule const* find(Code code, std::string_view message) const {
    for (auto const& rule : rules_)
      if ((rule.code == Code{} || rule.code == code) && message.contains(rule.when)) return &rule;
    return nullptr;
  }

  // `rule` is one of rules(). The advice is the caller's to add to `what`.
  Error error(Rule const& rule, std::string what) const {
    Error error(rule.kind, std::move(what), {static_cast<int>(&rule - rules_.data()) + 1, *this});
    error.retry_cap = rule.retry_cap;
    return error;
  }

  // The rule that the error was made by; null where another table, or none, has made it.
  Rule const* rule_of(Error const& error) const {
    auto const place = static_cast<std::size_t>(error.code.value());
    if (error.code.category() != *this || place == 0 || place > rules_.size()) return nullptr;
    return &rules_[place - 1];
  }
  Code code_of(Error const& error) const {
    auto const* rule = rule_of(error);
    return rule ? rule->code : Code{};
  }
  Means means(Error const& error) const {
    auto const* rule = rule_of(error);
    return rule ? rule->means : Means{};
  }

  char const* name() const noexcept override { return name_; }
  std::string message(int place) const override {
    return place > 0 && static_cast<std::size_t>(place) <= rules_.size()
               ? fmt::format("{}", rules_[static_cast<std::size_t>(place) - 1].code)
               : "";
  }

 private:
  char const* name_;
  std::span<Rule const> rules_;
};

// What an answer without a rule is, by its HTTP status.
constexpr Kind kind_of_status(int status) {
  if (status >= 500 || status == 408 || status == 429) return Kind::transient;
  if (status == 401 || status == 403) return Kind::denied;
  return Kind::invalid;
}

}  // namespace haagent
