// Finds the texts that the config is read from. Decides nothing about what they say.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <system_error>

#include "agent/config.h"
#include "agent/user_data.h"

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
    auto text = read_file(path);
    if (!text) return trouble(text.error().what);
    if (*text) add(path.string(), **text);
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
      if (file.extension() == ".yaml") {
        machine_file(file);
      } else if (file.extension() == ".yml" || file.extension() == ".json") {
        gathered_.problems.push_back({fmt::format("{} is not read", file.string()),
                                      "drop-ins end in .yaml", Severity::warning});
      }
    }
  }

  void asked_file(std::filesystem::path const& path) {
    auto bytes = read_file(path);
    if (!bytes) return trouble(bytes.error().what);
    if (!*bytes) return trouble(fmt::format("{} does not exist", path.string()));
    auto read = user_data(**bytes, path.string());
    if (!read || !read->documents.empty()) return;
    if (!read->unmarked && !read->note.empty()) return trouble(read->note);
    add(path.string(), **bytes);
  }

  // Nothing where it is broken, which is told.
  std::optional<UserData> user_data(std::string_view bytes, std::string_view name) {
    auto read = read_user_data(bytes, name);
    if (!read) {
      trouble(read.error().what);
      return {};
    }
    for (auto const& document : read->documents) add(document.name, document.text);
    return *std::move(read);
  }

  void note(std::string text) {
    if (!text.empty()) gathered_.notes.push_back(std::move(text));
  }

  void setting(std::string text) {
    gathered_.sources.push_back({"--set", std::move(text), ConfigSource::Form::setting});
  }

 private:
  void add(std::string name, std::string text) {
    gathered_.sources.push_back({std::move(name), std::move(text), ConfigSource::Form::document});
  }
  void trouble(std::string what) { gathered_.problems.push_back({std::move(what), {}, {}}); }

  ConfigSources gathered_;
};

bool is_comment(std::string_view line) {
  auto const begin = line.find_first_not_of(" \t\r");
  return begin == line.npos || line[begin] == '#' || line.substr(begin).starts_with("---");
}

}  // namespace

bool says_nothing(ConfigSources const& gathered) {
  auto is_silent = [](ConfigSource const& source) {
    if (source.form != ConfigSource::Form::document) return false;
    std::istringstream text(source.text);
    for (std::string line; std::getline(text, line);)
      if (!is_comment(line)) return false;
    return true;
  };
  return gathered.problems.empty() && std::ranges::all_of(gathered.sources, is_silent);
}

ConfigSources gather_config(Root const& root, ConfigRequest const& request) {
  Gatherer gatherer;
  if (request.files.empty()) {
    gatherer.machine_file(root(kDefaults));
    gatherer.machine_file(root(kMain));
    gatherer.drop_ins(root(kDropIns));
    if (request.user_data) {
      auto read = gatherer.user_data(*request.user_data, "user-data");
      if (read) gatherer.note(read->note);
    }
    if (gatherer.empty()) {
      gatherer.note(fmt::format("nothing was found in {}, {}, {}/*.yaml and user-data",
                                root(kDefaults).string(), root(kMain).string(),
                                root(kDropIns).string()));
    }
  }
  for (auto const& file : request.files) gatherer.asked_file(file);
  for (auto const& setting : request.settings) gatherer.setting(setting);
  return gatherer.take();
}

}  // namespace haagent
