#include "bootstrap/addons/manifest.h"

#include <algorithm>
#include <set>

#include "agent/base/json.h"
#include "agent/base/sha256.h"
#include "agent/base/yaml.h"
#include "agent/base/yaml_kubernetes.h"

namespace haagent::bootstrap::addons {
namespace {

constexpr std::size_t kLongestName = 253;

// What becomes a part of a path at the apiserver.
bool fits_a_path(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && text != "." && text != ".." &&
         std::ranges::all_of(text, [](char c) {
           return c > 0x20 && c < 0x7f && !std::string_view("/%?#\\\"<>").contains(c);
         });
}

bool is_word_of_api(std::string_view text, std::string_view others) {
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.contains(c);
  });
}

// Of YAML's numbers, JSON has not all.
bool is_json_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.front() >= '0' && text.front() <= '9' && text.back() != '.' &&
         !text.contains(".e") && !text.contains(".E");
}

struct Reader {
  int document = 0;
  std::vector<WantedObject> objects;
  std::set<ObjectId> seen;

  template <class... Args>
  std::unexpected<Error> wrong(Tree const& at, fmt::format_string<Args...> format, Args&&... args) {
    auto const line = at.mark().line;
    return fail(Kind::invalid, Reason::AddonInvalid, "document {}{}: {}", document,
                line > 0 ? fmt::format(", line {}", line) : "",
                fmt::format(format, std::forward<Args>(args)...));
  }

  Result<void> check_numbers(Tree const& tree) {
    if (tree.type() == Tree::Type::number && !is_json_number(tree.text()))
      return wrong(tree, "the number '{}' is written as JSON cannot hold it", tree.text());
    for (auto const& entry : tree.entries()) TRY(check_numbers(entry.value));
    for (auto const& item : tree.items()) TRY(check_numbers(item));
    return {};
  }

  Result<void> read_id(Tree const& object, WantedObject& wanted) {
    auto const api = object.text_at("apiVersion");
    auto const slash = api.find('/');
    wanted.id.group = slash == api.npos ? "" : api.substr(0, slash);
    wanted.version = slash == api.npos ? api : api.substr(slash + 1);
    wanted.id.kind = object.text_at("kind");
    bool const has_group = slash != api.npos;
    if (!is_word_of_api(wanted.version, "") ||
        (has_group && !is_word_of_api(wanted.id.group, "-.")))
      return wrong(object, "the object has no apiVersion such as v1 or apps/v1");
    if (!is_word_of_api(wanted.id.kind, "")) return wrong(object, "the object has no kind");
    auto const* metadata = object.find("metadata");
    if (metadata && metadata->find("generateName"))
      return wrong(*metadata, "{} has generateName: an object that is kept has a name",
                   wanted.id.kind);
    wanted.id.name = metadata ? metadata->text_at("name") : "";
    wanted.id.space = metadata ? metadata->text_at("namespace") : "";
    for (auto const* key : {"name", "namespace"})
      if (auto const* text = metadata ? metadata->find(key) : nullptr;
          text && !text->is_null() && !text->is_string())
        return wrong(*text, "metadata.{} is {}; put it in quotes", key, describe(*text));
    for (auto const* key : {"labels", "annotations"})
      if (auto const* map = metadata ? metadata->find(key) : nullptr;
          map && !map->is_null() && !map->is_map())
        return wrong(*map, "metadata.{} is {}", key, describe(*map));
    if (!fits_a_path(wanted.id.name))
      return wrong(object, "{} has no metadata.name that an object may have", wanted.id.kind);
    if (!wanted.id.space.empty() && !fits_a_path(wanted.id.space))
      return wrong(object, "{} has no namespace that there may be", to_string(wanted.id));
    return {};
  }

  Result<void> read_mode(Tree const& object, WantedObject& wanted) {
    auto const* annotations = object.at_path("metadata.annotations");
    auto const* mode = annotations ? annotations->find(kModeAnnotation) : nullptr;
    if (!mode || mode->text() == "Reconcile") return {};
    if (mode->text() != "EnsureExists")
      return wrong(*mode, "{} says {}: {}; it may be Reconcile or EnsureExists",
                   to_string(wanted.id), kModeAnnotation, describe(*mode));
    wanted.mode = Mode::ensure_exists;
    return {};
  }

  Result<void> read_object(Tree object) {
    WantedObject wanted{.id = {}, .version = {}, .object = {}, .digest = {}, .document = document};
    wanted.line = object.mark().line;
    TRY(read_id(object, wanted));
    TRY(read_mode(object, wanted));
    TRY(check_numbers(object));
    // The server fills these; a file that was copied from a cluster still has them.
    auto& metadata = object["metadata"];
    for (auto const* key : {"uid", "resourceVersion", "managedFields", "selfLink", "generation"})
      if (metadata.find(key))
        return wrong(metadata, "{} has metadata.{}, which the apiserver alone sets",
                     to_string(wanted.id), key);
    metadata.erase("creationTimestamp");
    object.erase("status");
    if (!seen.insert(wanted.id).second)
      return wrong(object, "{} stands twice", to_string(wanted.id));
    if (objects.size() >= kMostObjects)
      return wrong(object, "more than {} objects; make several add-ons of them", kMostObjects);
    wanted.digest = sha256_hex(json::print(object));
    wanted.object = std::move(object);
    objects.push_back(std::move(wanted));
    return {};
  }

  Result<void> read(Tree tree) {
    if (!tree.is_map()) return wrong(tree, "expected an object, found {}", describe(tree));
    if (tree.text_at("kind") != "List" || tree.text_at("apiVersion") != "v1")
      return read_object(std::move(tree));
    auto* items = tree.find("items");
    if (!items || !items->is_list()) return wrong(tree, "the List has no items");
    for (auto& item : items->items()) {
      if (!item.is_map()) return wrong(item, "expected an object, found {}", describe(item));
      TRY(read_object(std::move(item)));
    }
    return {};
  }
};

bool is_json(std::string_view text) {
  auto const first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{';
}

}  // namespace

Result<std::vector<WantedObject>> parse_manifest(std::string_view text, Values const& values) {
  if (text.size() > kLongestManifest)
    return fail(Kind::invalid, Reason::AddonInvalid, "it is larger than {} MiB",
                kLongestManifest >> 20u);
  std::vector<Tree> documents;
  // What begins as JSON does may still be YAML in flow style.
  auto whole = is_json(text) ? std::optional(json::parse_strict(text)) : std::nullopt;
  if (whole && *whole) {
    documents.push_back(**std::move(whole));
  } else {
    auto parsed = yaml::parse_documents(text);
    if (!parsed)
      return fail(Kind::invalid, Reason::AddonInvalid, "line {}: {}", parsed.error().mark.line,
                  parsed.error().what);
    documents = *std::move(parsed);
  }
  Reader reader;
  for (auto& document : documents) {
    ++reader.document;
    if (document.is_null()) continue;
    yaml::read_as_kubernetes(document);
    // Afterwards: what is filled in is a text, whatever it reads like.
    if (auto filled = fill_in(document, values); !filled)
      return reader.wrong(document, "{}", filled.error().message.text);
    TRY(reader.read(std::move(document)));
  }
  return std::move(reader.objects);
}

}  // namespace haagent::bootstrap::addons
