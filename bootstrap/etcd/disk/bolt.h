// Reads single values out of a bbolt database, the file behind an etcd member and in every
// snapshot. Only what can be told without etcd's own tools: is it one, is all of it there, of which
// etcd is it.
//
// The format, of go.etcd.io/bbolt (db.go, page.go, bucket.go), all little-endian: pages, each with
// a header {id u64, flags u16, count u16, overflow u32}. Pages 0 and 1 are meta: {magic u32,
// version u32, page size u32, flags u32, root bucket {page u64, sequence u64}, freelist u64,
// high-water mark u64, transaction u64, FNV-1a of these u64}; the valid one of the later
// transaction counts. A branch has elements {position u32, key size u32, page u64}, a leaf {flags
// u32, position u32, key size u32, value size u32}, positions from the element itself. A bucket is
// a leaf's value: {page u64, sequence u64}, and where the page is 0, the page itself behind it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/file_descriptor.h"
#include "agent/base/result.h"

namespace haagent::bootstrap {

class BoltFile {
 public:
  // Errors: invalid where the file is no such database, where both meta pages are damaged, or where
  // the file ends before the database does.
  static Result<BoltFile> open(std::filesystem::path const& file);

  // The value of a key in a bucket of the root; nothing where there is no such. Errors: invalid
  // where a page makes no sense.
  Result<std::optional<std::string>> get(std::string_view bucket, std::string_view key) const;
  // The last key of a bucket of the root; nothing where there is no such bucket, or it is empty.
  Result<std::optional<std::string>> last_key(std::string_view bucket) const;
  std::uint64_t size() const { return pages_ * page_size_; }  // bytes of the database

 private:
  BoltFile() = default;
  Result<std::string> page(std::uint64_t id) const;
  // The raw value and whether it is a bucket.
  struct Value {
    std::string bytes;
    bool is_bucket = false;
  };
  Result<std::optional<Value>> find(std::string page, std::string_view key) const;
  Result<std::optional<std::string>> first_page(std::string_view bucket) const;

  FileDescriptor fd_;
  std::uint64_t page_size_ = 0;
  std::uint64_t pages_ = 0;  // the high-water mark
  std::uint64_t root_ = 0;
};

// Whether bytes from the beginning of a file are those of such a database.
bool is_bolt(std::string_view first_bytes);

}  // namespace haagent::bootstrap
