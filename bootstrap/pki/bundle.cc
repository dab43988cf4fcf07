#include "bootstrap/pki/bundle.h"

#include <algorithm>

#include "agent/base/json.h"

namespace haagent::bootstrap::pki {
namespace {

constexpr int kSchema = 1;
constexpr std::size_t kMostCas = 2;

// Of a text that anybody may have written, what fits into a sentence.
std::string brief(std::string const& text) {
  return text.size() <= 40 ? text : text.substr(0, 40) + "...";
}

bool is_made_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == text.npos;
}

bool is_id(std::string_view text) {
  return text.size() == 40 && is_made_of(text, "0123456789abcdef");
}

Result<Ca> parse_ca(Tree const& tree) {
  if (!is_id(tree.text_at("id"))) return fail(Kind::invalid, "an authority has no id");
  Ca ca{.id = tree.text_at("id"),
        .pair = {tree.text_at("certificate"), Secret(tree.text_at("key"))}};
  auto certificate = TRY_DURING(parse_certificate(ca.pair.certificate), "authority '{}'", ca.id);
  if (!certificate.authority) return fail(Kind::invalid, "'{}' is no certificate authority", ca.id);
  if (certificate.key_id != ca.id)
    return fail(Kind::invalid, "authority '{}' has another one's certificate", ca.id);
  if (!is_for_key(ca.pair.certificate, ca.pair.key))
    return fail(Kind::invalid, "authority '{}' has another one's key", ca.id);
  auto created = parse_rfc3339(tree.text_at("createdAt"));
  if (!created) return fail(Kind::invalid, "authority '{}' says not when it was made", ca.id);
  ca.created = *created;
  return ca;
}

Result<Stage> parse_stage(std::string const& text) {
  for (auto stage :
       {Stage::stable, Stage::trusting_new, Stage::signing_with_new, Stage::dropping_old})
    if (text == to_string(stage)) return stage;
  return fail(Kind::invalid, "'{}' is no stage of a rotation", brief(text));
}

bool fits_together(Bundle const& bundle) {
  auto const count = bundle.cas.size();
  switch (bundle.stage) {
    case Stage::stable:
    case Stage::dropping_old:
      return count == 1 && bundle.signing == bundle.cas[0].id;
    case Stage::trusting_new:
      return count == kMostCas && bundle.signing == bundle.cas[0].id;
    case Stage::signing_with_new:
      return count == kMostCas && bundle.signing == bundle.cas[1].id;
  }
  return false;
}

}  // namespace

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::stable:
      return "stable";
    case Stage::trusting_new:
      return "trusting new";
    case Stage::signing_with_new:
      return "signing with new";
    case Stage::dropping_old:
      return "dropping old";
  }
  return "stable";
}

bool is_master_name(std::string_view text) {
  return text.size() <= 63 && is_made_of(text, "abcdefghijklmnopqrstuvwxyz0123456789-.");
}

bool is_under_way(Bundle const& bundle) {
  return bundle.stage != Stage::stable;
}

Ca const& signing_ca(Bundle const& bundle) {
  auto found = std::ranges::find(bundle.cas, bundle.signing, &Ca::id);
  return found == bundle.cas.end() ? bundle.cas.back() : *found;
}

std::string trust_of(Bundle const& bundle) {
  std::string text;
  for (auto const& ca : bundle.cas) text += ca.pair.certificate;
  return text;
}

std::string loaded_text(Bundle const& bundle) {
  std::string text;
  for (auto const& ca : bundle.cas) text += (text.empty() ? "" : "+") + ca.id;
  return text + "/" + bundle.signing;
}

std::string to_text(Bundle const& bundle) {
  Tree tree = Tree::map(
      {{"schema", kSchema}, {"stage", to_string(bundle.stage)}, {"signing", bundle.signing}});
  auto cas = Tree::list();
  for (auto const& ca : bundle.cas)
    cas.push_back(Tree::map({{"id", ca.id},
                             {"createdAt", to_rfc3339(ca.created)},
                             {"certificate", ca.pair.certificate},
                             {"key", ca.pair.key.reveal()}}));
  tree.set("authorities", std::move(cas));
  tree.set("loaded", Tree::map());
  for (auto const& [master, what] : bundle.loaded) tree["loaded"].set(master, what);
  return json::print(tree, /*indent=*/2);
}

Result<Bundle> parse_bundle(std::string_view text) {
  auto tree = TRY(json::parse(text));
  if (tree.text_at("schema") != std::to_string(kSchema))
    return fail(Kind::invalid, "schema '{}' is none that this version of haagent reads",
                brief(tree.text_at("schema")));
  Bundle bundle;
  auto stage = TRY(parse_stage(tree.text_at("stage")));
  bundle.stage = stage;
  bundle.signing = tree.text_at("signing");
  auto const* cas = tree.find("authorities");
  if (!cas || cas->items().empty() || cas->items().size() > kMostCas)
    return fail(Kind::invalid, "it has not one authority, nor two");
  for (auto const& each : cas->items()) {
    auto ca = TRY(parse_ca(each));
    bundle.cas.push_back(std::move(ca));
  }
  if (auto const* loaded = tree.find("loaded"))
    for (auto const& entry : loaded->entries()) {
      if (!is_master_name(entry.key))
        return fail(Kind::invalid, "'{}' is no master", brief(entry.key));
      bundle.loaded[entry.key] = entry.value.text();
    }
  if (!fits_together(bundle))
    return fail(Kind::invalid, "stage '{}' does not fit its authorities", to_string(bundle.stage));
  return bundle;
}

}  // namespace haagent::bootstrap::pki
