#include "bootstrap/addons/choice.h"

#include <algorithm>
#include <charconv>

namespace haagent::bootstrap::addons {
namespace {

constexpr std::size_t kLongestAddonName = 50;

// The minor of "1.36"; nothing for anything else.
std::optional<int> minor_of(std::string_view text) {
  if (!text.starts_with("1.")) return std::nullopt;
  text.remove_prefix(2);
  int minor = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), minor);
  if (error != std::errc() || end != text.data() + text.size() || minor < 0) return std::nullopt;
  return minor;
}

// Nothing where the name says no range.
std::optional<bool> is_for(std::string_view file, int minor) {
  if (!file.ends_with(".yaml")) return std::nullopt;
  file.remove_suffix(5);
  auto const dash = file.find('-');
  auto const from = minor_of(file.substr(0, dash));
  if (!from) return std::nullopt;
  if (dash == file.npos) return minor == *from;
  auto const rest = file.substr(dash + 1);
  if (rest.empty()) return minor >= *from;
  auto const to = minor_of(rest);
  if (!to) return std::nullopt;
  return minor >= *from && minor <= *to;
}

Choice missing(std::string const& name, std::string_view where) {
  return {
      .origin = Origin::gone,
      .trouble = Message(Reason::AddonMissing, fmt::format("{} has no add-on '{}'", where, name))
                     .about(name)};
}

Choice unread(std::string const& name) {
  return {.origin = Origin::gone,
          .trouble =
              Message(Reason::AddonUnreadable,
                      fmt::format("whether the state store has an add-on '{}' is not known", name))
                  .about(name)};
}

Choice from_store(std::string const& name, Offers const& offers) {
  if (!offers.store) return unread(name);
  return offers.store->contains(name) ? Choice{.origin = Origin::store}
                                      : missing(name, "the state store");
}

Choice from_package(std::string const& name, Offers const& offers) {
  return offers.packaged.contains(name) || offers.networks.contains(name)
             ? Choice{.origin = Origin::packaged}
             : missing(name, "the package");
}

// What is uploaded replaces what is packaged.
Choice by_itself(std::string const& name, Offers const& offers, bool is_network) {
  if (!offers.store) return unread(name);
  if (offers.store->contains(name)) return {.origin = Origin::store};
  if (offers.packaged.contains(name)) return {.origin = Origin::packaged};
  if (!is_network) return {.origin = Origin::off};  // a pod network that was not chosen
  return offers.networks.contains(name) ? Choice{.origin = Origin::packaged}
                                        : missing(name, "neither the package nor the state store");
}

}  // namespace

bool is_addon_name(std::string_view name) {
  auto const is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  // Of haagent's own objects, and of the folder of pod networks.
  if (name == "core" || name == "network") return false;
  return !name.empty() && name.size() <= kLongestAddonName && is_word(name.front()) &&
         is_word(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return is_word(c) || c == '-'; });
}

Result<std::optional<std::string>> file_for(std::vector<std::string> const& files, int minor) {
  std::optional<std::string> found;
  for (auto const& file : files) {
    if (!is_for(file, minor).value_or(false)) continue;
    if (found)
      return fail(Kind::invalid, Reason::AddonInvalid, "{} and {} are both for Kubernetes 1.{}",
                  *found, file, minor);
    found = file;
  }
  return found;
}

Result<std::string> image_for(Tree const& images, int minor) {
  std::optional<int> from;
  std::string image;
  for (auto const& [key, mark, value] : images.entries()) {
    auto const each = minor_of(key);
    if (!each || !value.is_string() || value.text().empty())
      return fail(Kind::invalid, Reason::AddonInvalid,
                  "line {} of the images names no minor of Kubernetes and its image", mark.line);
    if (*each > minor || (from && *each < *from)) continue;
    from = each;
    image = value.text();
  }
  if (!from)
    return fail(Kind::invalid, Reason::AddonMissing, "there is no image for Kubernetes 1.{}",
                minor);
  return image;
}

std::map<std::string, Choice> choose(NodeConfig const& config, Offers const& offers) {
  auto const& network = config.cluster.pod_network;
  std::set<std::string> names = offers.packaged;
  names.insert(offers.networks.begin(), offers.networks.end());
  if (offers.store) names.insert(offers.store->begin(), offers.store->end());
  if (network != kOwnPodNetwork && network != kNoPodNetwork) names.insert(network);
  for (auto const& [name, said] : config.addons) names.insert(name);

  std::map<std::string, Choice> choices;
  for (auto const& name : names) {
    auto const said =
        std::ranges::find(config.addons, name, &std::pair<std::string, std::string>::first);
    auto const word = said == config.addons.end() ? std::string() : said->second;
    choices[name] = word == "off"        ? Choice{.origin = Origin::off}
                    : word == "store"    ? from_store(name, offers)
                    : word == "packaged" ? from_package(name, offers)
                                         : by_itself(name, offers, name == network);
  }
  return choices;
}

}  // namespace haagent::bootstrap::addons
