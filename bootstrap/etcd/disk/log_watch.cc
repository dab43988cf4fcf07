#include "bootstrap/etcd/disk/log_watch.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

// A file that was written this short a while ago may be written again under the same time.
constexpr auto kSettled = std::chrono::seconds(1);

// Which files the log has, and which writes; empty where that cannot be said, or not yet.
std::string stamp_of(fs::path const& folder, UtcTime now) {
  std::vector<std::string> stamps;
  std::error_code error;
  fs::directory_iterator each(folder, error);
  for (; !error && each != fs::directory_iterator(); each.increment(error)) {
    struct stat file = {};
    if (each->path().extension() != ".wal") continue;
    if (::stat(each->path().c_str(), &file) != 0) return {};
    auto const written = utc_time(file.st_mtim);
    if (now - written < kSettled) return {};
    stamps.push_back(fmt::format("{} {} {} {}.{}", each->path().filename().string(), file.st_ino,
                                 file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec));
  }
  struct stat where = {};
  if (error || ::stat(folder.c_str(), &where) != 0) return {};
  std::ranges::sort(stamps);
  // By the folder itself: the same may be reached by another path the next time.
  return fmt::format("{}.{}: {}", where.st_dev, where.st_ino, fmt::join(stamps, ", "));
}

}  // namespace

Result<EtcdLogEnd> LogWatch::look(fs::path const& mount_point, UtcTime now) {
  // Before the reading: what is written meanwhile is seen by the next look.
  auto stamp = stamp_of(etcd_data_dir(mount_point) / "member" / "wal", now);
  if (!stamp.empty() && stamp == stamp_) return end_;
  stamp_.clear();
  auto end = TRY(log_end(mount_point));
  stamp_ = std::move(stamp);
  end_ = end;
  return end;
}

}  // namespace haagent::bootstrap
