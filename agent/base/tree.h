// One tree for YAML and JSON: what config, rendered files, status and etcd's answers are made of.
// Maps keep their order, so that what is written is the same byte for byte. Scalars keep their
// text, so that a 64-bit id is never rounded through a double.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/result.h"

namespace haagent {

// Where a node stood in its source, from 1; 0 where it was made by us.
struct Mark {
  int line = 0;
  int column = 0;
  bool operator==(Mark const&) const = default;
};

class Tree {
 public:
  enum class Type { null, boolean, number, string, list, map };
  struct Entry;

  Tree();  // null
  Tree(Tree const&);
  Tree(Tree&&) noexcept;
  Tree& operator=(Tree const&);
  Tree& operator=(Tree&&) noexcept;
  ~Tree();
  Tree(std::string_view text) : Tree(std::string(text)) {}
  Tree(std::string text);
  Tree(char const* text) : Tree(std::string_view(text)) {}
  Tree(bool value);
  Tree(int value) : Tree(static_cast<std::int64_t>(value)) {}
  Tree(std::int64_t value);
  Tree(std::uint64_t value);
  Tree(double value);
  // Tree::map({{"name", "a"}, {"port", 2379}}), Tree::list({"a", "b"})
  static Tree map(std::initializer_list<std::pair<std::string_view, Tree>> entries = {});
  static Tree list(std::vector<Tree> items = {});
  static Tree scalar(Type type, std::string text, Mark mark);

  Type type() const { return type_; }
  bool is_null() const { return type_ == Type::null; }
  bool is_map() const { return type_ == Type::map; }
  bool is_list() const { return type_ == Type::list; }
  bool is_string() const { return type_ == Type::string; }
  bool is_scalar() const { return !is_map() && !is_list() && !is_null(); }

  // A scalar's text as written ("8", "true", "eu-west-1a"); empty for null, lists and maps.
  std::string const& text() const { return text_; }
  std::optional<std::int64_t> as_integer() const;
  std::optional<std::uint64_t> as_unsigned() const;
  std::optional<bool> as_boolean() const;

  // Maps. find returns null where the key is missing or this is no map. operator[] makes the entry
  // (and makes a null into a map); set replaces the value and keeps the entry's place.
  Tree const* find(std::string_view key) const;
  Tree* find(std::string_view key);
  Tree& operator[](std::string_view key);
  void set(std::string_view key, Tree value) { (*this)[key] = std::move(value); }
  void erase(std::string_view key);
  std::vector<Entry> const& entries() const { return entries_; }
  std::vector<Entry>& entries() { return entries_; }
  // find by path, "a.b.c"; null where a part is missing. For keys without dots.
  Tree const* at_path(std::string_view path) const;
  // The text at the key, or the fallback where it is missing or no scalar.
  std::string text_at(std::string_view key, std::string_view fallback = "") const;

  // Lists.
  std::vector<Tree> const& items() const { return items_; }
  std::vector<Tree>& items() { return items_; }
  void push_back(Tree item) { items_.push_back(std::move(item)); }

  // A scalar that stood in YAML without quotes: other readers may give it another type.
  bool is_plain() const { return plain_; }
  void set_plain() { plain_ = true; }

  Mark mark() const { return mark_; }
  void set_mark(Mark mark) { mark_ = mark; }

  // Same type, text, entries (in the same order) and items; marks and quotes do not count.
  bool operator==(Tree const& other) const;

 private:
  Type type_ = Type::null;
  std::string text_;
  std::vector<Entry> entries_;
  std::vector<Tree> items_;
  Mark mark_;
  bool plain_ = false;
};

struct Tree::Entry {
  std::string key;
  Mark key_mark;
  Tree value;
};

// Lays `over` on `under`: maps are merged key by key, an explicit null takes a key away, everything
// else (lists too) is replaced. What Kubernetes' own drop-ins do.
Tree merge(Tree under, Tree const& over);

// "the number 8", "the text 'abc'", "a list": for messages. A long text is cut.
std::string describe(Tree const& value);

}  // namespace haagent
