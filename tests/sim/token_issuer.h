// The issuer of an account's web identity tokens: the keys that sign them, and the two documents by
// which anybody verifies them. What a token says is up to sts_service.h.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/tree.h"

namespace haagent::sim {

enum class SigningAlgorithm { rs256, es384 };
std::string_view to_string(SigningAlgorithm algorithm);  // "RS256"

// Thread-safe.
class TokenIssuer {
 public:
  // `enabled`: whether the account has turned outbound web identity federation on.
  explicit TokenIssuer(bool enabled);

  // The issuer's URL is the API's own: AWS' has a host of its own and no path either, and user data
  // can name it before the region runs. Until it is set it is the one that instances use.
  void serve_at(std::string api_url);
  std::string url() const;

  void set_enabled(bool enabled);
  bool is_enabled() const;
  // The next tokens have new key ids; the documents forget the old ones at once.
  void rotate_keys();

  // A JWT in its compact form.
  std::string sign(SigningAlgorithm algorithm, Tree const& claims);

  // What stands at a path of the API below "/.well-known/", which is no bucket's name.
  struct Document {
    std::string action;               // what faults and counts call the request
    std::optional<std::string> json;  // nothing where there is no document
  };
  static bool is_below(std::string_view path);
  Document document(std::string_view path);

 private:
  struct Keys;
  static std::shared_ptr<Keys const> make_keys();
  std::shared_ptr<Keys const> keys();
  Tree discovery() const;
  bool is_published() const;

  mutable std::mutex mutex_;
  std::string url_;
  bool enabled_;
  // AWS keeps the documents of an account that turns the federation off: tokens of before are
  // still verified.
  bool published_;
  std::shared_ptr<Keys const> keys_;  // null: not needed so far
};

}  // namespace haagent::sim
