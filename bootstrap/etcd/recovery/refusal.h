#pragma once

#include <expected>
#include <string>
#include <utility>

#include "agent/base/result.h"

namespace haagent::bootstrap {

// Why a command does not go on, and what the operator does instead, mostly a command or a flag.
[[nodiscard]] inline std::unexpected<Error> refuse(Reason why, std::string text,
                                                   std::string advice = {}) {
  return std::unexpected(Error(Kind::refused, Message(why, std::move(text), std::move(advice))));
}

}  // namespace haagent::bootstrap
