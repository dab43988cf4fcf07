// What the apiserver of this machine has read of the documents, seen from outside: from its
// manifest and from the age of its process.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/file_age.h"
#include "agent/base/files.h"
#include "bootstrap/pki/bundle.h"
#include "bootstrap/pki/rotation.h"

namespace haagent::bootstrap::pki {

// Remembers since when it has seen what: an apiserver is given time to read. `clock` outlives it.
class ApiserverWatch {
 public:
  ApiserverWatch(Root root, Clock& clock) : root_(std::move(root)), clock_(clock) {}
  // What it has not read yet of the authority's document, and what to do. Nothing: it has all of
  // it, or this machine has none. `me` is this master's member, `instance` this machine.
  Result<std::optional<Message>> lacks(std::string_view authority, Bundle const& bundle,
                                       std::string const& me, std::string const& instance);

 private:
  struct Seen {
    ApiserverProcess process;
    UtcTime now{};  // of the same scale as its times
  };
  struct Since {
    std::string text;
    SteadyTime since;
  };
  Result<Seen> look_at(std::filesystem::path const& manifest);
  bool settled(std::string_view authority, std::string const& text, Duration patience);

  Root root_;
  Clock& clock_;
  FileAge manifest_;
  std::map<std::string_view, Since> loaded_since_;  // by authority
};

}  // namespace haagent::bootstrap::pki
