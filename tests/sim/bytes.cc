#include "tests/sim/bytes.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

namespace haagent::sim {
namespace {

constexpr std::size_t kPiece = 64u << 10u;

Result<FileDescriptor> nameless_file(std::filesystem::path const& folder) {
  FileDescriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // Not every file system knows files without a name.
  auto path = (folder / "haagent-sim-XXXXXX").string();
  FileDescriptor named(::mkostemp(path.data(), O_CLOEXEC));
  if (!named) return fail_errno(errno, "making a file in " + folder.string());
  ::unlink(path.c_str());
  return named;
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto const done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno(errno, "writing the bytes of an object");
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

struct Digest {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  explicit Digest(EVP_MD const* kind) : context(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context.get(), kind, nullptr);
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()); }
  std::string end() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
    unsigned int length = 0;
    EVP_DigestFinal_ex(context.get(), value.data(), &length);
    return {reinterpret_cast<char const*>(value.data()), length};
  }
  std::unique_ptr<EVP_MD_CTX, Free> context;
};

std::string digest(EVP_MD const* kind, Bytes const& bytes) {
  Digest digest(kind);
  (void)bytes.each(0, bytes.size(), [&](std::string_view piece) {
    digest.add(piece);
    return true;
  });
  return digest.end();
}

constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    auto value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1u) ^ ((value & 1u) ? 0xedb88320u : 0u);
    table[i] = value;
  }
  return table;
}();

}  // namespace

std::filesystem::path folder_for_bytes() {
  std::filesystem::path const disk = "/var/tmp";
  return ::access(disk.c_str(), W_OK) == 0 ? disk : std::filesystem::temp_directory_path();
}

Result<void> Bytes::append(std::string_view more) {
  if (!file_ && size_ + more.size() <= kMostInMemory) {
    memory_ += more;
    size_ += more.size();
    return {};
  }
  if (!file_) {
    auto file = nameless_file(folder_);
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
    if (auto moved = write_all(file_.get(), memory_); !moved) return moved;
    memory_ = std::string();
  }
  if (auto written = write_all(file_.get(), more); !written) return written;
  size_ += more.size();
  return {};
}

Result<void> Bytes::append(Bytes const& other) {
  Result<void> done;
  auto read = other.each(0, other.size(), [&](std::string_view piece) {
    done = append(piece);
    return done.has_value();
  });
  return done ? read : done;
}

Result<void> Bytes::each(std::uint64_t offset, std::uint64_t length,
                         std::function<bool(std::string_view)> const& piece) const {
  if (offset >= size_) return {};
  length = std::min(length, size_ - offset);
  if (!file_) {
    piece(std::string_view(memory_).substr(offset, length));
    return {};
  }
  std::string buffer(std::min<std::uint64_t>(kPiece, length), '\0');
  while (length > 0) {
    auto const want = std::min<std::uint64_t>(buffer.size(), length);
    auto const got = ::pread(file_.get(), buffer.data(), want, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno(got < 0 ? errno : EIO, "reading the bytes of an object");
    if (!piece(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)))) return {};
    offset += static_cast<std::uint64_t>(got);
    length -= static_cast<std::uint64_t>(got);
  }
  return {};
}

std::string Bytes::text() const {
  std::string all;
  (void)each(0, size_, [&](std::string_view piece) {
    all += piece;
    return true;
  });
  return all;
}

std::string Bytes::md5() const {
  return digest(EVP_md5(), *this);
}

std::string Bytes::sha256() const {
  return digest(EVP_sha256(), *this);
}

std::uint32_t Bytes::crc32() const {
  std::uint32_t value = 0xffffffffu;
  (void)each(0, size_, [&](std::string_view piece) {
    for (unsigned char c : piece) value = kCrcTable[(value ^ c) & 0xffu] ^ (value >> 8u);
    return true;
  });
  return value ^ 0xffffffffu;
}

std::string md5(std::string_view bytes) {
  Digest digest(EVP_md5());
  digest.add(bytes);
  return digest.end();
}

}  // namespace haagent::sim
