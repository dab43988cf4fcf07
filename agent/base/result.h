// Errors are values. Each carries a Kind, which answers the only question that the runner asks: try
// again, give up, or refuse. No library's exception crosses one of our headers.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "agent/base/message.h"

namespace haagent {

enum class Kind {
  transient,  // may go away by itself: throttling, a timeout, a 503. The only kind that is retried.
  conflict,   // somebody else holds it, or the world moved under us: look again.
  denied,     // a missing permission or credential. Says which; retrying does not help.
  invalid,    // wrong input: config, tags, an answer that does not parse.
  refused,    // a risk to data. Never retried, never overridden by a default.
  interrupted,  // the stop token was pulled.
  internal,     // a bug, or a machine that lacks what it must have.
};

std::string_view to_string(Kind kind);
// Nothing where the text is none of these words.
std::optional<Kind> parse_kind(std::string_view text);

// Of an error of which nothing more particular is known.
Reason reason_of(Kind kind);

struct Error {
  Kind kind = Kind::internal;
  Message message;
  std::error_code code;  // errno where there was one
  // Of a transient error that is known to pass within moments: no pause before the next try is
  // longer than this, however often it was tried.
  std::optional<std::chrono::milliseconds> retry_cap = {};

  Error() : Error(Kind::internal, std::string()) {}
  Error(Kind k, std::string text, std::error_code c = {})
      : Error(k, Message(reason_of(k), std::move(text)), c) {}
  Error(Kind k, char const* text, std::error_code c = {}) : Error(k, std::string(text), c) {}
  Error(Kind k, Message m, std::error_code c = {}) : kind(k), message(std::move(m)), code(c) {}

  // Adds what we were doing (which is what it is about, where nothing else is), once a layer, so
  // that the message reads from outside in: "mounting vol-1 at /var/lib/haagent-etcd/main:
  // Structure needs cleaning".
  Error during(std::string_view doing) && {
    message.text = fmt::format("{}: {}", worded(std::string(doing)), message.text);
    if (message.subject.empty()) message.subject = doing;
    return std::move(*this);
  }
  Error during(std::string_view doing) const& { return Error(*this).during(doing); }
};

template <class T>
using Result = std::expected<T, Error>;

// return fail(Kind::invalid, "no zone in '{}'", text);
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(Kind kind, fmt::format_string<Args...> format,
                                          Args&&... args) {
  return std::unexpected(Error{kind, fmt::format(format, std::forward<Args>(args)...), {}});
}

// return fail(Kind::refused, Reason::DiskNotBlank, "{} holds {}", device, what);
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(Kind kind, Reason reason,
                                          fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(
      Error{kind, Message(reason, fmt::format(format, std::forward<Args>(args)...))});
}

// An errno as an Error: EINTR, EAGAIN, ENOMEM, and ENOSPC and EDQUOT (somebody makes room) are
// transient, EACCES and EPERM are denied, the rest internal unless the caller knows better.
[[nodiscard]] Error errno_error(int number, std::string_view doing);
[[nodiscard]] std::unexpected<Error> fail_errno(int number, std::string_view doing);

// Passes an error up with what we were doing: if (!r) return fail(r.error(), "reading {}", path);
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(Error const& inner, fmt::format_string<Args...> doing,
                                          Args&&... args) {
  return std::unexpected(inner.during(fmt::format(doing, std::forward<Args>(args)...)));
}

}  // namespace haagent

// The value of an expression that gives a Result; its error is returned to the caller of this
// function: auto bytes = TRY(read_file(path));
#define TRY(...) HAAGENT_TRY_AS(HAAGENT_JOIN(haagent_tried_, __COUNTER__), (__VA_ARGS__))
// The same, saying what we were doing: TRY_DURING(read_file(path), "reading {}", path).
#define TRY_DURING(expression, ...) \
  HAAGENT_TRY_DURING_AS(HAAGENT_JOIN(haagent_tried_, __COUNTER__), (expression), __VA_ARGS__)

#define HAAGENT_JOIN(a, b) HAAGENT_JOIN_NOW(a, b)
#define HAAGENT_JOIN_NOW(a, b) a##b
#define HAAGENT_TRY_AS(tried, expression)                                             \
  ({                                                                                  \
    auto&& tried = expression;                                                        \
    if (!tried) return std::unexpected(std::forward<decltype(tried)>(tried).error()); \
    *std::forward<decltype(tried)>(tried);                                            \
  })
#define HAAGENT_TRY_DURING_AS(tried, expression, ...)               \
  ({                                                                \
    auto&& tried = expression;                                      \
    if (!tried) return ::haagent::fail(tried.error(), __VA_ARGS__); \
    *std::forward<decltype(tried)>(tried);                          \
  })
