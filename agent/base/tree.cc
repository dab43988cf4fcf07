#include "agent/base/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace haagent {
namespace {

template <class T>
std::optional<T> parse_number(std::string const& text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

// Here, where Entry is complete: a vector of an incomplete type can be declared, not destroyed.
Tree::Tree() = default;
Tree::Tree(Tree const&) = default;
Tree::Tree(Tree&&) noexcept = default;
Tree& Tree::operator=(Tree const&) = default;
Tree& Tree::operator=(Tree&&) noexcept = default;
Tree::~Tree() = default;

Tree::Tree(std::string text) : type_(Type::string), text_(std::move(text)) {}
Tree::Tree(bool value) : type_(Type::boolean), text_(value ? "true" : "false") {}
Tree::Tree(std::int64_t value) : type_(Type::number), text_(std::to_string(value)) {}
Tree::Tree(std::uint64_t value) : type_(Type::number), text_(std::to_string(value)) {}
Tree::Tree(double value) : type_(Type::number), text_(fmt::format("{}", value)) {}

Tree Tree::map(std::initializer_list<std::pair<std::string_view, Tree>> entries) {
  Tree tree;
  tree.type_ = Type::map;
  for (auto const& [key, value] : entries) tree[key] = value;
  return tree;
}

Tree Tree::list(std::vector<Tree> items) {
  Tree tree;
  tree.type_ = Type::list;
  tree.items_ = std::move(items);
  return tree;
}

Tree Tree::scalar(Type type, std::string text, Mark mark) {
  Tree tree;
  tree.type_ = type;
  tree.text_ = std::move(text);
  tree.mark_ = mark;
  return tree;
}

std::optional<std::int64_t> Tree::as_integer() const {
  return parse_number<std::int64_t>(text_);
}

std::optional<std::uint64_t> Tree::as_unsigned() const {
  return parse_number<std::uint64_t>(text_);
}

std::optional<bool> Tree::as_boolean() const {
  if (type_ != Type::boolean) return std::nullopt;
  return text_ == "true";
}

Tree const* Tree::find(std::string_view key) const {
  auto entry = std::ranges::find(entries_, key, &Entry::key);
  return entry == entries_.end() ? nullptr : &entry->value;
}

Tree* Tree::find(std::string_view key) {
  return const_cast<Tree*>(std::as_const(*this).find(key));
}

Tree& Tree::operator[](std::string_view key) {
  if (is_null()) type_ = Type::map;
  if (auto* found = find(key)) return *found;
  return entries_.emplace_back(Entry{std::string(key), {}, {}}).value;
}

void Tree::erase(std::string_view key) {
  std::erase_if(entries_, [&](Entry const& entry) { return entry.key == key; });
}

Tree const* Tree::at_path(std::string_view path) const {
  auto const* tree = this;
  while (tree && !path.empty()) {
    auto dot = path.find('.');
    tree = tree->find(path.substr(0, dot));
    path = dot == path.npos ? "" : path.substr(dot + 1);
  }
  return tree;
}

std::string Tree::text_at(std::string_view key, std::string_view fallback) const {
  auto const* found = find(key);
  return found && found->is_scalar() ? found->text() : std::string(fallback);
}

bool Tree::operator==(Tree const& other) const {
  auto same_entry = [](Entry const& a, Entry const& b) {
    return a.key == b.key && a.value == b.value;
  };
  return type_ == other.type_ && text_ == other.text_ && items_ == other.items_ &&
         std::ranges::equal(entries_, other.entries_, same_entry);
}

Tree merge(Tree under, Tree const& over) {
  if (!under.is_map() || !over.is_map()) return over;
  for (auto const& entry : over.entries()) {
    if (entry.value.is_null()) {
      under.erase(entry.key);
    } else if (auto* existing = under.find(entry.key)) {
      *existing = merge(std::move(*existing), entry.value);
    } else {
      under[entry.key] = merge(entry.value.is_map() ? Tree::map() : Tree(), entry.value);
    }
  }
  return under;
}

std::string describe(Tree const& value) {
  constexpr std::size_t kMaxQuoted = 60;
  switch (value.type()) {
    case Tree::Type::null:
      return "nothing";
    case Tree::Type::boolean:
      return value.text();
    case Tree::Type::number:
      return fmt::format("the number {}", value.text());
    case Tree::Type::string:
      return value.text().size() <= kMaxQuoted
                 ? fmt::format("the text '{}'", value.text())
                 : fmt::format("the text '{}...'", value.text().substr(0, kMaxQuoted));
    case Tree::Type::list:
      return "a list";
    case Tree::Type::map:
      return "a map";
  }
  return "nothing";
}

}  // namespace haagent
