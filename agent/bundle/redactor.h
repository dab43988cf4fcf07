// What may be read in a support bundle. Everything that goes into one passes through here, and
// nothing else can make a Shown: text word by word against known shapes (word_shapes.h), documents
// key by key against a table (allowed_keys.h), and then the last net (last_net.h).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/tree.h"
#include "agent/bundle/allowed_keys.h"
#include "agent/config/schema.h"

namespace haagent::bundle {

// Content that was redacted.
class Shown {
 public:
  std::string const& bytes() const { return bytes_; }
  // The newest `most` bytes in whole lines, or of a document, whose end says nothing alone, the
  // first.
  void keep_newest(std::size_t most);
  void keep_first(std::size_t most);

 private:
  friend class Redactor;
  explicit Shown(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

class Redactor {
 public:
  // The salt makes stand-ins that nobody can look up; the same value has the same one in a bundle.
  explicit Redactor(std::string salt) : salt_(std::move(salt)) {}

  // A name of this node or cluster, of a field that has only such: shown, though it looks random.
  void know(std::string_view name);
  // A value that stands where secrets do: hidden wherever else it is, in any spelling. Before
  // anything is shown.
  void hide(std::string_view value);
  // The same for all that a configuration has where nobody says that it may be shown.
  void hide_secrets_of(Tree const& config, ConfigKeys const& keys);

  Shown text(std::string_view bytes) const;  // logs, tables, pages: line by line
  Shown json(std::string_view bytes, Keys keys) const;
  Shown yaml(std::string_view bytes, Keys keys) const;  // with several documents
  Shown tree(Tree const& tree, Keys keys) const;        // as JSON
  Shown config(Tree const& config, ConfigKeys const& keys, Tree const& origins) const;  // as YAML
  Shown metrics(std::string_view bytes) const;              // of Prometheus
  Shown settings(std::string_view bytes, Keys keys) const;  // NAME=value, a line each
  Shown flags(std::string_view bytes) const;      // a command line a line; words between NULs
  std::string name(std::string_view word) const;  // of a file

 private:
  std::string stand_in(std::string_view value) const;
  Shown done(std::string bytes) const;
  std::string line(std::string_view text) const;
  std::string log_line(std::string_view text) const;
  std::string word(std::string_view text) const;
  std::string path(std::string_view text) const;
  std::string url(std::string_view text) const;
  std::string pairs(std::string_view text) const;
  std::string value_of(std::string_view key, std::string_view value) const;
  std::string flag(std::string_view text) const;
  std::string flag_value(std::string_view name, std::string_view value) const;
  Tree shown(Tree const& tree, Keys keys) const;
  Tree shown_value(Tree const& value, KeyKind kind, std::string_view key, Keys keys) const;
  Tree names_of(Tree const& tree) const;
  Tree flags_of(Tree const& tree) const;
  Tree config_of(Tree const& tree, ConfigKeys const& keys, std::string const& path) const;
  void find_secrets(Tree const& tree, std::string_view key, Keys keys);

  std::string salt_;
  std::set<std::string, std::less<>> known_;
  std::vector<std::pair<std::string, std::string>> hidden_;  // a spelling, its stand-in
  std::set<std::string, std::less<>> hidden_values_;
};

}  // namespace haagent::bundle
