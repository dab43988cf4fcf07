#include "agent/config/unread_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/config/text_lines.h"

namespace haagent {
namespace {

namespace fs = std::filesystem;
using text::lower;

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](auto end) { return name.ends_with(end); });
}

// Switched off by its name, or an example: nobody expects it to be read.
bool is_meant_to_rest(std::string_view low) {
  return low.starts_with('.') ||
         ends_with_any(low, {".disabled", ".off", ".example", ".sample", ".md"});
}

bool is_leftover(std::string_view low) {
  return ends_with_any(low, {".dpkg-dist", ".dpkg-new", ".dpkg-old", ".dpkg-bak", ".dpkg-tmp",
                             ".ucf-dist", ".ucf-new", ".ucf-old", ".rpmnew", ".rpmsave", ".bak",
                             ".orig", ".old", ".save", ".swp", "~"});
}

bool is_like_a_document(std::string_view low) {
  return low.contains(".yaml") || low.contains(".yml") || low.contains(".json") ||
         low.ends_with(".conf");
}

bool is_like_a_folder_of_drop_ins(std::string_view low) {
  return ends_with_any(low, {".d", "confd", "conf"});
}

class Look {
 public:
  explicit Look(Root const& root) : root_(root) {}

  void config_folder() {
    each("/etc/haagent", [&](fs::directory_entry const& entry, std::string const& name) {
      std::error_code ignored;
      bool const folder = entry.is_directory(ignored);
      if (folder && name != "conf.d" && is_like_a_folder_of_drop_ins(lower(name))) {
        misnamed(entry.path(), "name it /etc/haagent/conf.d");
      } else if (!folder && name == "conf.d") {
        misnamed(entry.path(), "make a directory of it, with *.yaml in it");
      } else if (!folder && name != "haagent.yaml") {
        file(entry.path(), "name it /etc/haagent/haagent.yaml, or put it into /etc/haagent/conf.d");
      }
    });
  }
  void drop_ins() {
    each("/etc/haagent/conf.d", [&](fs::directory_entry const& entry, std::string const& name) {
      if (!name.ends_with(".yaml")) file(entry.path(), "drop-ins end in .yaml");
    });
  }
  void beside() {
    for (auto const* path : {"/etc/haagent.yaml", "/etc/haagent.yml"}) {
      std::error_code ignored;
      if (fs::is_regular_file(root_(path), ignored))
        misnamed(root_(path), "move it to /etc/haagent/haagent.yaml");
    }
  }

  UnreadFiles take() {
    for (auto* list : {&found_.misnamed, &found_.leftovers})
      std::ranges::sort(*list, {}, &Problem::message);
    return std::move(found_);
  }

 private:
  // What cannot be listed is reported where the files are read.
  template <class Judge>
  void each(char const* folder, Judge judge) {
    std::error_code error;
    fs::directory_iterator entries(root_(folder), error);
    while (!error && entries != fs::directory_iterator()) {
      judge(*entries, entries->path().filename().string());
      entries.increment(error);
    }
  }
  void file(fs::path const& path, char const* what_to_do) {
    auto const low = lower(path.filename().string());
    if (is_meant_to_rest(low) || !is_like_a_document(low)) return;
    if (is_leftover(low)) {
      found_.leftovers.push_back({fmt::format("{} is not read", path.string()),
                                  "take over what you need of it, and delete it",
                                  Severity::warning});
    } else {
      misnamed(path, what_to_do);
    }
  }
  void misnamed(fs::path const& path, char const* what_to_do) {
    found_.misnamed.push_back(
        {fmt::format("{} is not read", path.string()), what_to_do, Severity::warning});
  }

  Root const& root_;
  UnreadFiles found_;
};

}  // namespace

UnreadFiles look_for_unread_files(Root const& root) {
  Look look(root);
  look.config_folder();
  look.drop_ins();
  look.beside();
  return look.take();
}

}  // namespace haagent
