#include "bootstrap/etcd/disk/wal.h"

#include <algorithm>
#include <tuple>

namespace haagent::bootstrap {
namespace {

constexpr std::uint64_t kMetadataRecord = 1;
constexpr std::uint64_t kEntryRecord = 2;
constexpr std::uint64_t kStateRecord = 3;
constexpr std::uint64_t kSnapshotRecord = 5;
constexpr std::uint64_t kNormalEntry = 0;

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

struct Record {
  std::uint64_t type = 0;
  std::string_view data;
};

// The next record, taken off the front; nothing at the end or where the bytes are no log's.
std::optional<Record> next_record(std::string_view& bytes) {
  if (bytes.size() < 8) return std::nullopt;
  std::uint64_t frame = 0;
  for (unsigned i = 0; i < 8; ++i)
    frame |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  bytes.remove_prefix(8);
  // The top byte holds the number of padding bytes, marked by its highest bit.
  auto const length = frame & 0x00ff'ffff'ffff'ffffu;
  auto const padding = frame >> 63u ? (frame >> 56u) & 7u : 0u;
  if (length == 0 || length > bytes.size()) return std::nullopt;
  Record record;
  Protobuf message(bytes.substr(0, length));
  while (auto field = message.field()) {
    if (field->number == 1) record.type = field->value;
    if (field->number == 3) record.data = field->bytes;
  }
  bytes.remove_prefix(std::min<std::size_t>(length + padding, bytes.size()));
  return record;
}

bool is_of_members(std::string_view method, std::string_view path) {
  if (method != "PUT") return false;
  return path == "/0/version" || (path.starts_with("/0/members/") && path.ends_with("/attributes"));
}

// A new request holds an old one, if any, in its field 2, where an old one by itself has its
// method.
OldRequests kind_of(std::string_view request) {
  std::string_view method, path, wrapped;
  Protobuf message(request);
  while (auto field = message.field()) {
    if (field->number == 2) method = wrapped = field->bytes;
    if (field->number == 3) path = field->bytes;
  }
  if (method.empty()) return OldRequests::none;
  auto const is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (!std::ranges::all_of(method, is_upper)) {
    method = path = {};
    Protobuf inner(wrapped);
    while (auto field = inner.field()) {
      if (field->number == 2) method = field->bytes;
      if (field->number == 3) path = field->bytes;
    }
  }
  return is_of_members(method, path) ? OldRequests::of_members : OldRequests::others;
}

}  // namespace

std::optional<WalIdentity> wal_identity(std::string_view bytes) {
  while (auto record = next_record(bytes)) {
    if (record->type != kMetadataRecord) continue;
    auto identity = identity_of(record->data);
    if (identity.member_id == 0 || identity.cluster_id == 0) return std::nullopt;
    return identity;
  }
  return std::nullopt;
}

void note_old_requests(std::string_view bytes, std::uint64_t after,
                       std::map<std::uint64_t, OldRequests>& found) {
  while (auto record = next_record(bytes)) {
    if (record->type != kEntryRecord) continue;
    std::uint64_t type = kNormalEntry;
    std::uint64_t index = 0;
    std::string_view request;
    Protobuf entry(record->data);
    while (auto field = entry.field()) {
      if (field->number == 1) type = field->value;
      if (field->number == 3) index = field->value;
      if (field->number == 4) request = field->bytes;
    }
    found.erase(found.lower_bound(index), found.end());
    if (index <= after || type != kNormalEntry) continue;
    if (auto kind = kind_of(request); kind != OldRequests::none) found.emplace(index, kind);
  }
}

EtcdLogEnd wal_end(std::string_view bytes, EtcdLogEnd const& before) {
  EtcdLogEnd end = before;
  end.cluster_id = 0;
  std::uint64_t snapshot_index = 0;
  std::uint64_t snapshot_term = 0;
  while (auto record = next_record(bytes)) {
    Protobuf message(record->data);
    if (record->type == kMetadataRecord) {
      end.cluster_id = identity_of(record->data).cluster_id;
    } else if (record->type == kEntryRecord) {
      // Whatever stood from its place on is overwritten, so that the last one written is the last.
      end.term = end.index = 0;
      while (auto field = message.field()) {
        if (field->number == 2) end.term = field->value;
        if (field->number == 3) end.index = field->value;
      }
    } else if (record->type == kStateRecord) {
      end.committed = 0;
      while (auto field = message.field())
        if (field->number == 3) end.committed = field->value;
    } else if (record->type == kSnapshotRecord) {
      snapshot_index = snapshot_term = 0;
      while (auto field = message.field()) {
        if (field->number == 1) snapshot_index = field->value;
        if (field->number == 2) snapshot_term = field->value;
      }
    }
  }
  // A leader's snapshot takes the place of a log that is behind it. One beyond what is committed
  // was begun and never taken: etcd passes it over too.
  if (snapshot_index > end.index && snapshot_index <= end.committed) {
    end.index = snapshot_index;
    end.term = snapshot_term;
  }
  return end;
}

bool goes_further(EtcdLogEnd const& one, EtcdLogEnd const& other) {
  return std::tie(one.term, one.index) > std::tie(other.term, other.index);
}

}  // namespace haagent::bootstrap
