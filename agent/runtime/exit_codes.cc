#include "agent/runtime/exit_codes.h"

#include <iostream>

namespace haagent {

int exit_code_of(Error const& error) {
  if (error.kind == Kind::refused) return kExitRefused;
  return error.message.reason == Reason::ConfigurationInvalid ? kExitBadConfig : kExitFailed;
}

std::string in_full(Error const& error) {
  auto page = fmt::format("haagent: {}\n", error.message.sentence());
  if (error.message.reason != reason_of(error.kind))
    page += fmt::format("'haagent explain {}' says more.\n", to_string(error.message.reason));
  return page;
}

int end_with(Error const& error) {
  std::cerr << in_full(error);
  return exit_code_of(error);
}

}  // namespace haagent
