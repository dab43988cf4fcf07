#include "agent/base/json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <unordered_map>

#include "agent/base/one_line.h"

namespace haagent::json {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostOfAKey = 40;  // in an error

// Builds a Tree from nlohmann's event stream, so that numbers keep their digits and no second copy
// of the document is made.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  static constexpr std::size_t kMaxDepth = 200;

  explicit Builder(bool keys_once) : keys_once_(keys_once) {}
  Tree take() { return std::move(root_); }
  std::string const& problem() const { return problem_; }

  bool null() override { return add(Tree()); }
  bool boolean(bool value) override { return add(Tree(value)); }
  bool number_integer(number_integer_t value) override { return add(Tree(std::int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override { return add(Tree(std::uint64_t{value})); }
  bool number_float(number_float_t, string_t const& text) override {
    return add(Tree::scalar(Tree::Type::number, text, {}));
  }
  bool string(string_t& text) override { return add(Tree(std::move(text))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Tree::map()); }
  bool key(string_t& text) override {
    key_ = std::move(text);
    if (keys_once_ && open_.back().places.contains(key_)) {
      problem_ = fmt::format("the key '{}' stands twice", one_line(key_, kMostOfAKey));
      return false;
    }
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Tree::list()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, std::string const&,
                   nlohmann::detail::exception const&) override {
    problem_ = fmt::format("malformed at byte {}", position);
    return false;
  }

 private:
  struct Level {
    Tree* tree;
    // Where each key stands: looking through the entries would take the square of a long object.
    std::unordered_map<std::string, std::size_t> places{};
  };

  Tree* place(Tree value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    auto& [parent, places] = open_.back();
    if (parent->is_list()) {
      parent->push_back(std::move(value));
      return &parent->items().back();
    }
    auto& entries = parent->entries();
    auto [known, is_new] = places.try_emplace(key_, entries.size());
    if (is_new) entries.push_back({std::move(key_), {}, {}});
    auto& slot = entries[known->second].value;
    slot = std::move(value);
    return &slot;
  }
  bool add(Tree value) {
    place(std::move(value));
    return true;
  }
  bool open(Tree value) {
    if (open_.size() >= kMaxDepth) {
      problem_ = fmt::format("nested deeper than {} levels", kMaxDepth);
      return false;
    }
    open_.push_back({place(std::move(value))});
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  bool const keys_once_;
  Tree root_;
  // Pointers stay valid: a container grows only while it is the last one open.
  std::vector<Level> open_;
  std::string key_;
  std::string problem_;
};

void append_string(std::string& out, std::string const& text) {
  // nlohmann does the escaping; bytes that are no UTF-8 become U+FFFD instead of an exception.
  out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append(std::string& out, Tree const& tree, int indent, int depth) {
  auto line = [&](int level) {
    if (indent > 0) out += '\n' + std::string(static_cast<std::size_t>(indent * level), ' ');
  };
  switch (tree.type()) {
    case Tree::Type::null:
      out += "null";
      return;
    case Tree::Type::boolean:
    case Tree::Type::number:
      out += tree.text();
      return;
    case Tree::Type::string:
      append_string(out, tree.text());
      return;
    case Tree::Type::list: {
      out += '[';
      bool first = true;
      for (auto const& item : tree.items()) {
        if (!std::exchange(first, false)) out += ',';
        line(depth + 1);
        append(out, item, indent, depth + 1);
      }
      if (!first) line(depth);
      out += ']';
      return;
    }
    case Tree::Type::map: {
      out += '{';
      bool first = true;
      for (auto const& entry : tree.entries()) {
        if (!std::exchange(first, false)) out += ',';
        line(depth + 1);
        append_string(out, entry.key);
        out += indent > 0 ? ": " : ":";
        append(out, entry.value, indent, depth + 1);
      }
      if (!first) line(depth);
      out += '}';
      return;
    }
  }
}

Result<Tree> parse_with(Builder builder, std::string_view text) {
  try {
    if (Json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
  } catch (std::exception const& exception) {
    return fail(Kind::invalid, "not JSON: {}", exception.what());
  }
  return fail(Kind::invalid, "not JSON: {}", builder.problem());
}

}  // namespace

Result<Tree> parse(std::string_view text) {
  return parse_with(Builder(/*keys_once=*/false), text);
}

Result<Tree> parse_strict(std::string_view text) {
  return parse_with(Builder(/*keys_once=*/true), text);
}

std::string print(Tree const& tree, int indent) {
  std::string out;
  append(out, tree, indent, 0);
  if (indent > 0) out += '\n';
  return out;
}

}  // namespace haagent::json
