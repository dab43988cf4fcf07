// How far the log on the volume goes, for who looks every second or two: read again only where it
// has changed, since a look costs up to two files of 64 MiB.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/result.h"

namespace haagent::bootstrap {

class LogWatch {
 public:
  // As log_end() of data_dir.h, with its errors; `now` is the time by the clock of files.
  Result<EtcdLogEnd> look(std::filesystem::path const& mount_point, UtcTime now);

 private:
  std::string stamp_;  // of the log's files when it was read; empty: it is read again
  EtcdLogEnd end_;
};

}  // namespace haagent::bootstrap
