#include "agent/config/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "agent/config/node_document.h"
#include "agent/config/unread_files.h"
#include "agent/config/user_data.h"

namespace haagent {
namespace {

constexpr auto kDefaults = "/usr/share/haagent/defaults.yaml";
constexpr auto kMain = "/etc/haagent/haagent.yaml";
constexpr auto kDropIns = "/etc/haagent/conf.d";

class Gatherer {
 public:
  ConfigSources take() { return std::move(gathered_); }
  bool empty() const { return gathered_.sources.empty() && gathered_.problems.empty(); }

  // A file of the machine: may be missing.
  void machine_file(std::filesystem::path const& path) {
    auto bytes = read_file(path);
    if (!bytes) return trouble(bytes.error().message.sentence());
    if (!*bytes) return;
    auto note = read(**bytes, path.string(), /*file=*/true);
    if (!note.empty()) trouble(note, "what is for cloud-init stands in user-data");
  }

  void drop_ins(std::filesystem::path const& folder) {
    std::error_code error;
    std::vector<std::filesystem::path> files;
    std::filesystem::directory_iterator entries(folder, error);
    if (error == std::errc::no_such_file_or_directory) return;
    while (!error && entries != std::filesystem::directory_iterator()) {
      files.push_back(entries->path());
      entries.increment(error);
    }
    if (error) return trouble(fmt::format("reading {}: {}", folder.string(), error.message()));
    std::ranges::sort(files);
    for (auto const& file : files) {
      if (file.filename().string().starts_with('.')) continue;
      if (file.extension() == ".yaml") machine_file(file);
    }
  }

  void unread_files(Root const& root) {
    auto found = look_for_unread_files(root);
    std::ranges::move(found.misnamed, std::back_inserter(gathered_.problems));
    std::ranges::move(found.leftovers, std::back_inserter(gathered_.passed_over));
  }

  void asked_file(std::filesystem::path const& path, bool alone) {
    auto bytes = read_file(path);
    if (!bytes) return trouble(bytes.error().message.sentence());
    if (!*bytes) return trouble(fmt::format("{} does not exist", path.string()));
    auto said = read(**bytes, path.string(), /*file=*/true);
    if (said.empty()) return;
    // Beside a configuration it is what user-data would be: legal, and not for haagent.
    if (alone) return trouble(said, "no NodeConfig is in it");
    note(std::move(said));
  }

  void user_data(std::string_view bytes) { note(read(bytes, "user-data", /*file=*/false)); }

  void note(std::string text) {
    if (!text.empty()) gathered_.notes.push_back(std::move(text));
  }

  void setting(std::string text) {
    gathered_.sources.push_back({"--set", std::move(text), ConfigSource::Form::setting});
  }

 private:
  // Returns what is there and not for haagent.
  std::string read(std::string_view bytes, std::string_view name, bool file) {
    auto found = read_user_data(bytes, name, file);
    for (auto& each : found.documents) {
      gathered_.sources.push_back(
          {std::move(each.name), std::move(each.text), ConfigSource::Form::document});
    }
    std::ranges::move(found.problems, std::back_inserter(gathered_.problems));
    std::ranges::move(found.passed_over, std::back_inserter(gathered_.passed_over));
    return std::move(found.note);
  }
  void trouble(std::string what, std::string hint = {}) {
    gathered_.problems.push_back({std::move(what), std::move(hint), Severity::error});
  }

  ConfigSources gathered_;
};

}  // namespace

bool says_nothing(ConfigSources const& gathered) {
  return gathered.problems.empty() &&
         std::ranges::all_of(gathered.sources, [](ConfigSource const& source) {
           return source.form == ConfigSource::Form::document &&
                  read_node_document(source.text).is == NodeDocument::Is::nothing;
         });
}

ConfigSources gather_config(Root const& root, ConfigRequest const& request) {
  Gatherer gatherer;
  if (request.files.empty()) {
    gatherer.machine_file(root(kDefaults));
    gatherer.machine_file(root(kMain));
    gatherer.drop_ins(root(kDropIns));
    gatherer.unread_files(root);
    if (request.user_data) gatherer.user_data(*request.user_data);
    if (gatherer.empty()) {
      gatherer.note(fmt::format("nothing was found in {}, {}, {}/*.yaml and user-data",
                                root(kDefaults).string(), root(kMain).string(),
                                root(kDropIns).string()));
    }
  } else {
    bool const alone = request.files.size() == 1 && !request.user_data;
    for (auto const& file : request.files) gatherer.asked_file(file, alone);
    if (request.user_data) gatherer.user_data(*request.user_data);
  }
  for (auto const& setting : request.settings) gatherer.setting(setting);
  return gatherer.take();
}

}  // namespace haagent
