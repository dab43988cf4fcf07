// The texts that the node's configuration is read from: found, and not yet read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/config/values.h"

namespace haagent {

// One text of configuration, in the order of merging: the later one wins.
struct ConfigSource {
  enum class Form { document, setting };
  std::string name;  // "/etc/haagent/haagent.yaml", "user-data part 2", "--set"
  std::string text;  // YAML, or path=value of a setting
  Form form = Form::document;
};

// What is asked for on the command line, beside the machine's own files.
struct ConfigRequest {
  // Given: only these, in this order, instead of the machine's files and its user-data.
  std::vector<std::filesystem::path> files;
  // Raw, as instance metadata gives it; laid over the files.
  std::optional<std::string> user_data;
  std::vector<std::string> settings;  // --set path=value
};

// The texts found, and what was wrong with finding them (a file that cannot be read, a broken MIME
// message, user-data that nobody understands). Notes say what is there and not for haagent, for the
// case that something is missing.
struct ConfigSources {
  std::vector<ConfigSource> sources;
  std::vector<Problem> problems;
  std::vector<std::string> notes{};
  // Warnings about what is probably somebody else's: a node that nobody has told anything yet
  // waits all the same.
  std::vector<Problem> passed_over{};
};

// The machine's files below the root: /usr/share/haagent/defaults.yaml, /etc/haagent/haagent.yaml
// and /etc/haagent/conf.d/*.yaml by name, where they exist, or the files asked for; then user-data,
// then the settings. Every one of them is read as user-data is (gzip, base64, a MIME message,
// indentation): the same bytes have the same verdict wherever they stand.
ConfigSources gather_config(Root const& root, ConfigRequest const& request);

// Nobody has said anything yet: no text but comments, and nothing that was wrong with finding any.
// A script of cloud-init may still write one.
bool says_nothing(ConfigSources const& gathered);

}  // namespace haagent
