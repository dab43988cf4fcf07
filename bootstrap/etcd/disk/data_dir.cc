#include "bootstrap/etcd/disk/data_dir.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>

#include "agent/base/file_descriptor.h"
#include "agent/base/volume_marker.h"
#include "bootstrap/etcd/disk/bolt.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

// Sorted names in a folder; nothing where there is no such folder.
Result<std::optional<std::vector<std::string>>> names_in(fs::path const& folder) {
  std::error_code error;
  fs::directory_iterator each(folder, error);
  if (error == std::errc::no_such_file_or_directory) return std::nullopt;
  std::vector<std::string> names;
  while (!error && each != fs::directory_iterator()) {
    names.push_back(each->path().filename());
    each.increment(error);
  }
  if (error)
    return fail(Kind::refused, Reason::DataUnreadable,
                "{} cannot be read ({}), and what cannot be read is never blank", folder.string(),
                error.message());
  std::ranges::sort(names);
  return names;
}

Result<std::string> head_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(1024, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad() || !file.is_open())
    return fail(Kind::refused, Reason::DataUnreadable, "{} cannot be read", path.string());
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

// What etcd keeps is on the volume itself. A symlink, or a filesystem that is mounted there, leads
// to another disk, of which nothing that is known of this volume is true.
Result<void> stays_on_volume(fs::path const& mount_point) {
  struct stat volume{};
  if (::stat(mount_point.c_str(), &volume) != 0) return {};  // told by who lists it
  auto const data = etcd_data_dir(mount_point);
  auto const member = data / "member";
  for (auto const& folder : {data, member, member / "wal", member / "snap"}) {
    struct stat link{}, there{};
    if (::lstat(folder.c_str(), &link) != 0) continue;
    if (::stat(folder.c_str(), &there) != 0 || there.st_dev != volume.st_dev)
      return fail(Kind::refused, Reason::DataUnreadable,
                  "{} leads away from the volume that it should be on: put the folder itself there",
                  folder.string());
  }
  return {};
}

}  // namespace

Result<DataDir> inspect_data_dir(std::filesystem::path const& mount_point) {
  DataDir found;
  auto volume = TRY(names_in(mount_point));
  if (!volume)
    return fail(Kind::refused, Reason::DataUnreadable,
                "{} does not exist, so that it is not known what the volume holds",
                mount_point.string());
  TRY(stays_on_volume(mount_point));
  auto const data = etcd_data_dir(mount_point);
  auto const marker = volume_marker_path(mount_point).filename().string();
  for (auto const& name : *volume) {
    if (name == data.filename() || name == marker || name == "lost+found") continue;
    if (name == etcd_restored_dir(mount_point).filename()) {
      found.restored = true;
      continue;
    }
    if (name.starts_with(data.filename().string() + ".")) {
      found.set_aside.push_back(name);
    } else if (!name.starts_with("." + marker)) {  // half-written, beside the marker
      found.foreign.push_back(name);
    }
  }

  auto inside = TRY(names_in(data));
  if (!inside || inside->empty()) return found;
  found.state = DataDir::State::unfinished;
  for (auto const& name : *inside)
    if (name != "member" && name != ".touch") found.foreign.push_back("data/" + name);

  auto logs = TRY(names_in(data / "member" / "wal"));
  if (!logs) return found;
  auto const log =
      std::ranges::find_if(*logs, [](std::string const& name) { return name.ends_with(".wal"); });
  if (log == logs->end()) return found;
  found.state = DataDir::State::member;
  auto head = TRY(head_of(data / "member" / "wal" / *log));
  found.identity = wal_identity(head).value_or(WalIdentity{});
  return found;
}

Result<WalIdentity> data_identity(fs::path const& data_dir) {
  auto const folder = data_dir / "member" / "wal";
  auto logs = TRY(names_in(folder));
  for (auto const& name : logs.value_or(std::vector<std::string>{})) {
    if (!name.ends_with(".wal")) continue;
    auto head = TRY(head_of(folder / name));
    if (auto identity = wal_identity(head)) return *identity;
    break;
  }
  return fail(Kind::invalid, "{} holds no log of a member", data_dir.string());
}

namespace {

// Of one file of the log; etcd makes them 64 MiB long. Read, not mapped: a disk that fails is an
// error then, and not a SIGBUS.
constexpr std::size_t kLongestLog = 1u << 30u;

Result<std::string> log_bytes(fs::path const& path) {
  auto bytes = TRY(read_file(path, kLongestLog));
  if (!bytes || bytes->empty())
    return fail(Kind::refused, Reason::DataUnreadable, "{} cannot be read", path.string());
  return *std::move(bytes);
}

// "0000000000000003-00000000000186a0.snap" is of entry 100000.
std::optional<std::uint64_t> index_of(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  auto const dash = name.find('-');
  if (dash == name.npos) return std::nullopt;
  std::uint64_t index = 0;
  auto const [end, error] =
      std::from_chars(name.data() + dash + 1, name.data() + name.size(), index, 16);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return index;
}

}  // namespace

Result<OldRequests> old_requests(std::filesystem::path const& mount_point) {
  auto const member = etcd_data_dir(mount_point) / "member";
  auto snapshots = TRY(names_in(member / "snap"));
  std::uint64_t after = 0;
  for (auto const& name : snapshots.value_or(std::vector<std::string>{}))
    after = std::max(after, index_of(name, ".snap").value_or(0));
  auto logs = TRY(names_in(member / "wal"));
  std::map<std::uint64_t, OldRequests> found;
  for (auto const& name : logs.value_or(std::vector<std::string>{})) {
    if (!index_of(name, ".wal")) continue;
    auto const bytes = TRY(log_bytes(member / "wal" / name));
    note_old_requests(bytes, after, found);
  }
  auto worst = OldRequests::none;
  for (auto const& [index, kind] : found) worst = std::max(worst, kind);
  return worst;
}

Result<EtcdLogEnd> log_end(std::filesystem::path const& mount_point) {
  auto const folder = etcd_data_dir(mount_point) / "member" / "wal";
  auto logs = TRY(names_in(folder));
  auto names = logs.value_or(std::vector<std::string>{});
  std::erase_if(names, [](std::string const& name) { return !index_of(name, ".wal"); });
  if (names.empty())
    return fail(Kind::refused, Reason::DataUnreadable, "{} holds no log", folder.string());
  auto read = [&](std::string const& name, EtcdLogEnd const& before) -> Result<EtcdLogEnd> {
    auto const bytes = TRY(log_bytes(folder / name));
    auto const end = wal_end(bytes, before);
    if (end.cluster_id == 0)
      return fail(Kind::refused, Reason::DataUnreadable, "{} cannot be read",
                  (folder / name).string());
    return end;
  };
  // A file's name says where its entries begin.
  auto end = read(names.back(), {});
  if (!end || end->index >= *index_of(names.back(), ".wal") || names.size() == 1) return end;
  auto const before = TRY(read(names[names.size() - 2], {}));
  return read(names.back(), before);
}

Result<UtcTime> last_write(std::filesystem::path const& mount_point) {
  auto const folder = etcd_data_dir(mount_point) / "member" / "wal";
  auto logs = TRY(names_in(folder));
  std::optional<UtcTime> last;
  for (auto const& name : logs.value_or(std::vector<std::string>{})) {
    struct stat file{};
    if (!index_of(name, ".wal") || ::stat((folder / name).c_str(), &file) != 0) continue;
    auto const written = utc_time(file.st_mtim);
    last = std::max(last.value_or(written), written);
  }
  if (!last) return fail(Kind::refused, Reason::DataUnreadable, "{} holds no log", folder.string());
  return *last;
}

Result<std::uint64_t> stored_revision(std::filesystem::path const& mount_point) {
  auto const database = TRY(BoltFile::open(etcd_data_dir(mount_point) / "member" / "snap" / "db"));
  // Keys are 8 bytes of the revision, the larger first, '_', and 8 of the place in its transaction.
  auto const key = TRY(database.last_key("key"));
  if (!key || key->size() < 17 || (*key)[8] != '_')
    return fail(Kind::invalid, "the database holds no keys");
  std::uint64_t revision = 0;
  for (unsigned char const c : key->substr(0, 8)) revision = revision << 8u | c;
  return revision;
}

EtcdCopy describe_copy(std::string of, std::filesystem::path const& mount_point) {
  return {.of = std::move(of),
          .written = last_write(mount_point).value_or(UtcTime{}),
          .revision = stored_revision(mount_point).value_or(0)};
}

Result<std::string> set_data_dir_aside(std::filesystem::path const& mount_point, UtcTime now) {
  auto stamp = to_rfc3339(now);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  auto const data = etcd_data_dir(mount_point);
  // renameat2 would say EEXIST for us, but not every filesystem has it; we hold the only mount.
  auto name = fmt::format("data.{}", stamp);
  for (int copy = 2; fs::exists(mount_point / name); ++copy)
    name = fmt::format("data.{}-{}", stamp, copy);
  std::error_code error;
  fs::rename(data, mount_point / name, error);
  if (error)
    return std::unexpected(
        Error{Kind::internal,
              fmt::format("renaming {} to {}: {}", data.string(), name, error.message()), error});
  FileDescriptor folder(::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0)
    return fail_errno(errno, fmt::format("writing {} to disk", mount_point.string()));
  return name;
}

}  // namespace haagent::bootstrap
