#include "agent/aws/query_errors.h"

#include <fmt/format.h>

#include "agent/aws/denial.h"

namespace haagent::aws {

Error query_error(ServiceErrors const& table, std::string_view action, std::string_view code,
                  std::string_view message, int status) {
  auto const call = fmt::format("{}:{}", table.name(), action);
  auto const* rule = table.find(code, message);
  auto what = fmt::format("{} answered {}", call, code);
  if (!message.empty()) what += fmt::format(": {}", message);
  auto about_call = [&](Error error) {
    error.message.subject = fmt::format("{} {}", call, code.substr(0, 60));
    return error;
  };
  if (!rule) return about_call(Error(kind_of_status(status), std::move(what)));
  if (rule->kind == Kind::denied && rule->means == Remedy::none && rule->advice.empty())
    what = fmt::format("{} is not allowed: {}{}", call, denial_advice(call, message),
                       message.empty() ? "" : fmt::format(" ({})", message));
  if (!rule->advice.empty()) what += fmt::format("; {}", rule->advice);
  return about_call(table.error(*rule, std::move(what)));
}

}  // namespace haagent::aws
