#include "bootstrap/etcd/disk/bolt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstring>

#include "agent/base/files.h"

namespace haagent::bootstrap {
namespace {

constexpr std::uint32_t kMagic = 0xed0cdaed;
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeader = 16;
constexpr std::size_t kMetaSize = 56;  // without its checksum
constexpr std::uint16_t kBranch = 0x01;
constexpr std::uint16_t kLeaf = 0x02;
constexpr std::uint32_t kIsBucket = 0x01;
constexpr std::size_t kElement = 16;
constexpr std::uint64_t kLargestPage = 64u << 10u;
constexpr std::uint64_t kLargestRun = 64u << 20u;  // of one page and its overflow
constexpr int kDeepest = 32;

static_assert(std::endian::native == std::endian::little, "as the file is");

template <class T>
T number(std::string_view bytes, std::size_t at) {
  T value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char const c : bytes) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

constexpr auto kReading = "reading the database";

struct Meta {
  std::uint64_t page_size, root, pages, transaction;
};

std::optional<Meta> parse_meta(std::string_view page) {
  if (page.size() < kHeader + kMetaSize + 8) return std::nullopt;
  auto const meta = page.substr(kHeader);
  if (number<std::uint32_t>(meta, 0) != kMagic || number<std::uint32_t>(meta, 4) != kVersion)
    return std::nullopt;
  if (number<std::uint64_t>(meta, kMetaSize) != fnv1a(meta.substr(0, kMetaSize)))
    return std::nullopt;
  return Meta{.page_size = number<std::uint32_t>(meta, 8),
              .root = number<std::uint64_t>(meta, 16),
              .pages = number<std::uint64_t>(meta, 40),
              .transaction = number<std::uint64_t>(meta, 48)};
}

std::unexpected<Error> nonsense(std::string_view what) {
  return fail(Kind::invalid, "the database is damaged: {}", what);
}

Result<std::size_t> element_count(std::string_view page) {
  if (page.size() < kHeader) return nonsense("a page is too short");
  std::size_t const count = number<std::uint16_t>(page, 10);
  if (kHeader + count * kElement > page.size()) return nonsense("a page has too many elements");
  return count;
}

Result<bool> is_leaf(std::string_view page) {
  auto const flags = number<std::uint16_t>(page, 8);
  bool const leaf = (flags & kLeaf) != 0;
  if (!leaf && (flags & kBranch) == 0) return nonsense("a page is of no kind");
  return leaf;
}

struct Element {  // views into its page
  bool is_leaf = false;
  bool is_bucket = false;  // of a leaf, as `value`
  std::string_view key;
  std::string_view value;
  std::uint64_t child = 0;  // of a branch: a page
};
// `i` is below the page's element_count().
Result<Element> element_of(std::string_view page, std::size_t i) {
  auto const leaf = TRY(is_leaf(page));
  auto const at = kHeader + i * kElement;
  std::uint64_t const position = at + number<std::uint32_t>(page, at + (leaf ? 4 : 0));
  std::uint64_t const key_size = number<std::uint32_t>(page, at + (leaf ? 8 : 4));
  std::uint64_t const value_size = leaf ? number<std::uint32_t>(page, at + 12) : 0;
  if (position + key_size + value_size > page.size()) return nonsense("an element");
  return Element{.is_leaf = leaf,
                 .is_bucket = leaf && (number<std::uint32_t>(page, at) & kIsBucket) != 0,
                 .key = page.substr(position, key_size),
                 .value = page.substr(position + key_size, value_size),
                 .child = leaf ? 0 : number<std::uint64_t>(page, at + 8)};
}

}  // namespace

bool is_bolt(std::string_view first_bytes) {
  return first_bytes.size() >= kHeader + 8 && number<std::uint32_t>(first_bytes, kHeader) == kMagic;
}

Result<BoltFile> BoltFile::open(std::filesystem::path const& path) {
  BoltFile file;
  file.fd_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!file.fd_ || ::fstat(file.fd_.get(), &status) != 0)
    return fail_errno(errno, "opening " + path.string());
  auto const size = static_cast<std::uint64_t>(status.st_size);
  std::optional<Meta> found;
  // Where the second one stands the first one says, and where that is damaged it is tried.
  for (std::uint64_t at = 0; at <= kLargestPage; at = at == 0 ? 1024 : at * 2) {
    auto const bytes = TRY(read_at(file.fd_.get(), at, kHeader + kMetaSize + 8, kReading));
    auto const meta = parse_meta(bytes);
    if (!meta || (at != 0 && meta->page_size != at)) continue;
    if (!found || meta->transaction > found->transaction) found = meta;
  }
  if (!found)
    return fail(Kind::invalid, "it is no database of etcd's, or its first pages are damaged");
  auto const good = found->page_size >= 1024 && found->page_size <= kLargestPage &&
                    std::has_single_bit(found->page_size) && found->pages >= 3 &&
                    found->root < found->pages && found->pages < (1ull << 48u);
  if (!good) return nonsense("its meta page");
  file.page_size_ = found->page_size;
  file.pages_ = found->pages;
  file.root_ = found->root;
  if (size < file.size())
    return fail(Kind::invalid, "it is cut off: the database has {} bytes, and the file {}",
                file.size(), size);
  return file;
}

Result<std::string> BoltFile::page(std::uint64_t id) const {
  if (id >= pages_) return nonsense("a page lies behind its end");
  auto head = TRY(read_at(fd_.get(), id * page_size_, kHeader, kReading));
  if (head.size() < kHeader || number<std::uint64_t>(head, 0) != id)
    return nonsense("a page is not the one that it should be");
  auto const run = (std::uint64_t{number<std::uint32_t>(head, 12)} + 1) * page_size_;
  if (run > kLargestRun || id * page_size_ + run > size()) return nonsense("a page is too long");
  auto bytes = TRY(read_at(fd_.get(), id * page_size_, run, kReading));
  if (bytes.size() < run) return nonsense("a page is cut off");
  return bytes;
}

Result<std::optional<BoltFile::Value>> BoltFile::find(std::string bytes,
                                                      std::string_view wanted) const {
  for (int depth = 0; depth < kDeepest; ++depth) {
    auto const count = TRY(element_count(bytes));
    std::optional<std::uint64_t> below;
    for (std::size_t i = 0; i < count; ++i) {
      auto const element = TRY(element_of(bytes, i));
      if (element.is_leaf && element.key == wanted)
        return Value{std::string(element.value), element.is_bucket};
      // The last child whose first key is not behind the wanted one.
      if (!element.is_leaf && (i == 0 || element.key <= wanted)) below = element.child;
    }
    if (!below) return std::nullopt;
    auto next = TRY(page(*below));
    bytes = std::move(next);
  }
  return nonsense("its tree is too deep");
}

// Of a bucket of the root.
Result<std::optional<std::string>> BoltFile::first_page(std::string_view bucket) const {
  auto root = TRY(page(root_));
  auto found = TRY(find(std::move(root), bucket));
  if (!found) return std::nullopt;
  auto const& header = found->bytes;
  if (!found->is_bucket || header.size() < kHeader) return nonsense("a bucket is none");
  auto const first = number<std::uint64_t>(header, 0);
  return TRY(first == 0 ? Result<std::string>(header.substr(kHeader)) : page(first));
}

Result<std::optional<std::string>> BoltFile::get(std::string_view bucket,
                                                 std::string_view key) const {
  auto bytes = first_page(bucket);
  if (!bytes || !*bytes) return bytes;
  auto value = TRY(find(**std::move(bytes), key));
  if (!value) return std::nullopt;
  return std::move(value->bytes);
}

Result<std::optional<std::string>> BoltFile::last_key(std::string_view bucket) const {
  auto bytes = first_page(bucket);
  for (int depth = 0; depth < kDeepest; ++depth) {
    if (!bytes || !*bytes) return bytes;
    auto const count = TRY(element_count(**bytes));
    if (count == 0) {
      TRY(is_leaf(**bytes));
      return std::nullopt;
    }
    auto const last = TRY(element_of(**bytes, count - 1));
    if (last.is_leaf) return std::string(last.key);
    auto next = TRY(page(last.child));
    bytes = std::move(next);
  }
  return nonsense("its tree is too deep");
}

}  // namespace haagent::bootstrap
