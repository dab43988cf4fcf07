// The fields of a document that stands in the state store: somebody else's bytes, each of which is
// looked at before it is used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap {

// What may stand in a page, in an argument or in a file's name.
bool is_plain_text(std::string_view text);

// "20260115T101500.123Z": a time that sorts, in names.
std::string time_in_name(UtcTime time);

// Reads fields one after the other and keeps the first complaint. The tree outlives it.
class StoredFields {
 public:
  explicit StoredFields(Tree const& tree) : tree_(tree) {}
  std::string text(std::string_view key);                   // plain
  std::string hex(std::string_view key, std::size_t most);  // of at most so many digits
  std::uint64_t number(std::string_view key);
  bool boolean(std::string_view key);
  UtcTime time(std::string_view key);                                     // RFC 3339
  std::vector<Tree> const& list(std::string_view key, std::size_t most);  // of one at least
  void complain(std::string_view key, std::string_view what);
  std::string const& complaint() const { return complaint_; }  // empty: none

 private:
  Tree const& tree_;
  std::string complaint_;
};

}  // namespace haagent::bootstrap
