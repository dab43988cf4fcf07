#include "agent/base/result.h"

#include <cerrno>

namespace haagent {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::transient:
      return "transient";
    case Kind::conflict:
      return "conflict";
    case Kind::denied:
      return "denied";
    case Kind::invalid:
      return "invalid";
    case Kind::refused:
      return "refused";
    case Kind::interrupted:
      return "interrupted";
    case Kind::internal:
      return "internal";
  }
  return "internal";
}

std::optional<Kind> parse_kind(std::string_view text) {
  for (auto kind : {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid, Kind::refused,
                    Kind::interrupted, Kind::internal})
    if (text == to_string(kind)) return kind;
  return std::nullopt;
}

Reason reason_of(Kind kind) {
  switch (kind) {
    case Kind::transient:
      return Reason::Unavailable;
    case Kind::conflict:
      return Reason::Conflict;
    case Kind::denied:
      return Reason::PermissionDenied;
    case Kind::invalid:
      return Reason::InvalidInput;
    case Kind::refused:
      return Reason::DataAtRisk;
    case Kind::interrupted:
      return Reason::Interrupted;
    case Kind::internal:
      return Reason::InternalError;
  }
  return Reason::InternalError;
}

Error errno_error(int number, std::string_view doing) {
  Kind kind = Kind::internal;
  if (number == EINTR || number == EAGAIN || number == ENOMEM || number == ENOSPC ||
      number == EDQUOT)
    kind = Kind::transient;
  if (number == EACCES || number == EPERM) kind = Kind::denied;
  std::error_code code(number, std::generic_category());
  return {kind,
          Message(reason_of(kind), fmt::format("{}: {}", doing, code.message()))
              .about(std::string(doing)),
          code};
}

std::unexpected<Error> fail_errno(int number, std::string_view doing) {
  return std::unexpected(errno_error(number, doing));
}

}  // namespace haagent
