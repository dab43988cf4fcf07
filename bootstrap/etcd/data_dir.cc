#include "bootstrap/etcd/data_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "agent/base/file_descriptor.h"
#include "agent/base/volume_marker.h"
#include "bootstrap/etcd/names.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMetadataRecord = 1;

// The few wire types that a log record uses: varints and length-prefixed bytes.
class Protobuf {
 public:
  explicit Protobuf(std::string_view bytes) : left_(bytes) {}

  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      auto const byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7fu) << shift;
      if (byte < 0x80u) return value;
    }
    return std::nullopt;
  }

  struct Field {
    std::uint64_t number = 0;
    std::uint64_t value = 0;  // of a varint
    std::string_view bytes;
  };
  // The next field; nothing at the end or where the bytes are no message.
  std::optional<Field> field() {
    auto tag = varint();
    if (!tag) return std::nullopt;
    Field field{.number = *tag >> 3u, .value = 0, .bytes = {}};
    auto value = varint();
    if (!value) return std::nullopt;
    if ((*tag & 7u) == 0) {
      field.value = *value;
      return field;
    }
    if ((*tag & 7u) != 2 || *value > left_.size()) return std::nullopt;
    field.bytes = left_.substr(0, *value);
    left_.remove_prefix(*value);
    return field;
  }

 private:
  std::string_view left_;
};

WalIdentity identity_of(std::string_view metadata) {
  WalIdentity identity;
  Protobuf message(metadata);
  while (auto field = message.field()) {
    if (field->number == 1) identity.member_id = field->value;
    if (field->number == 2) identity.cluster_id = field->value;
  }
  return identity;
}

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
    return fail(Kind::refused, "{} cannot be read ({}), and what cannot be read is never blank",
                folder.string(), error.message());
  std::ranges::sort(names);
  return names;
}

Result<std::string> head_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(1024, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad() || !file.is_open()) return fail(Kind::refused, "{} cannot be read", path.string());
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

}  // namespace

std::optional<WalIdentity> wal_identity(std::string_view bytes) {
  while (bytes.size() >= 8) {
    std::uint64_t frame = 0;
    for (unsigned i = 0; i < 8; ++i)
      frame |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    bytes.remove_prefix(8);
    // The top byte holds the number of padding bytes, marked by its highest bit.
    auto const length = frame & 0x00ff'ffff'ffff'ffffu;
    auto const padding = frame >> 63u ? (frame >> 56u) & 7u : 0u;
    if (length == 0 || length > bytes.size()) return std::nullopt;

    std::uint64_t type = 0;
    std::string_view data;
    Protobuf record(bytes.substr(0, length));
    while (auto field = record.field()) {
      if (field->number == 1) type = field->value;
      if (field->number == 3) data = field->bytes;
    }
    if (type == kMetadataRecord) {
      auto identity = identity_of(data);
      if (identity.member_id == 0 || identity.cluster_id == 0) return std::nullopt;
      return identity;
    }
    bytes.remove_prefix(std::min<std::size_t>(length + padding, bytes.size()));
  }
  return std::nullopt;
}

Result<DataDir> inspect_data_dir(std::filesystem::path const& mount_point) {
  DataDir found;
  auto volume = names_in(mount_point);
  if (!volume) return std::unexpected(volume.error());
  if (!*volume)
    return fail(Kind::refused, "{} does not exist, so nobody can say what the volume holds",
                mount_point.string());
  auto const data = etcd_data_dir(mount_point);
  auto const marker = volume_marker_path(mount_point).filename().string();
  for (auto const& name : **volume) {
    if (name == data.filename() || name == marker || name == "lost+found") continue;
    if (name.starts_with(data.filename().string() + ".")) {
      found.set_aside.push_back(name);
    } else if (!name.starts_with("." + marker)) {  // half-written, beside the marker
      found.foreign.push_back(name);
    }
  }

  auto inside = names_in(data);
  if (!inside) return std::unexpected(inside.error());
  if (!*inside || (*inside)->empty()) return found;
  found.state = DataDir::State::unfinished;
  for (auto const& name : **inside)
    if (name != "member" && name != ".touch") found.foreign.push_back("data/" + name);

  auto logs = names_in(data / "member" / "wal");
  if (!logs) return std::unexpected(logs.error());
  if (!*logs) return found;
  auto const log =
      std::ranges::find_if(**logs, [](std::string const& name) { return name.ends_with(".wal"); });
  if (log == (*logs)->end()) return found;
  found.state = DataDir::State::member;
  auto head = head_of(data / "member" / "wal" / *log);
  if (!head) return std::unexpected(head.error());
  found.identity = wal_identity(*head).value_or(WalIdentity{});
  return found;
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
