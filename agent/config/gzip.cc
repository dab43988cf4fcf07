#include "agent/config/gzip.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>

#include "agent/base/file_descriptor.h"
#include "agent/config/unpack.h"
#include "agent/config/zip_directory.h"

namespace haagent {

bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

Result<std::string> gunzip(std::string_view bytes, std::size_t cap) {
  z_stream stream{};
  // 16: expect gzip's header and checksum.
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
    return fail(Kind::internal, "zlib cannot start");
  }
  std::unique_ptr<z_stream, int (*)(z_stream*)> const owner(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());

  std::string out;
  std::array<char, 16384> block;
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = block.size();
    int status = inflate(&stream, Z_NO_FLUSH);
    out.append(block.data(), block.size() - stream.avail_out);
    if (out.size() > cap) return fail(Kind::invalid, "unpacks to more than {} bytes", cap);
    if (status == Z_STREAM_END) {
      // Another member may follow, zeros that fill a block, or the line end of a message's part.
      std::string_view rest(reinterpret_cast<char const*>(stream.next_in), stream.avail_in);
      using namespace std::string_view_literals;
      if (rest.find_first_not_of("\0 \t\r\n"sv) == rest.npos) return out;
      if (!is_gzip(rest)) {
        return fail(Kind::invalid, "{} bytes that are no gzip follow behind the stream",
                    rest.size());
      }
      inflateReset(&stream);
    } else if (status == Z_BUF_ERROR ||
               (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      return fail(Kind::invalid, "the gzip stream is cut off after {} bytes", out.size());
    } else if (status != Z_OK) {
      return fail(Kind::invalid, "the gzip stream is broken: {}",
                  stream.msg ? stream.msg : zError(status));
    }
  }
}

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 256u << 10u;

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto const put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "writing what is unpacked");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

struct Source {
  int fd;
  std::uint64_t at;
  std::uint64_t left;
  // Empty at the end.
  Result<std::string> next() {
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, left)), '\0');
    auto const got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (got < 0) return fail_errno(errno, "reading what is packed");
    bytes.resize(static_cast<std::size_t>(got));
    at += bytes.size();
    left -= bytes.size();
    return bytes;
  }
  void give_back(std::size_t bytes) {
    at -= bytes;
    left += bytes;
  }
};

struct Sum {
  std::uint32_t crc = 0;
  std::uint64_t size = 0;
};

Result<void> keep(std::string_view bytes, int to, std::uint64_t most, Sum& sum) {
  sum.crc = static_cast<std::uint32_t>(crc32(sum.crc, reinterpret_cast<Bytef const*>(bytes.data()),
                                             static_cast<uInt>(bytes.size())));
  sum.size += bytes.size();
  if (sum.size > most) return fail(Kind::invalid, "it unpacks to more than {} bytes", most);
  return write_all(to, bytes);
}

// Of gzip all members, with their own sums.
Result<Sum> inflate_all(Source source, bool gzip, int to, std::uint64_t most,
                        std::stop_token const& stop) {
  z_stream stream{};
  if (inflateInit2(&stream, gzip ? 16 + MAX_WBITS : -MAX_WBITS) != Z_OK)
    return fail(Kind::internal, "zlib cannot start");
  std::unique_ptr<z_stream, int (*)(z_stream*)> const owner(&stream, inflateEnd);
  std::string block(kPiece, '\0');
  Sum sum;
  bool ended = false;
  for (;;) {
    if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
    auto packed = TRY(source.next());
    if (packed.empty()) {
      if (ended) return sum;
      return fail(Kind::invalid, "what is packed is cut off");
    }
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    do {
      if (ended) {
        std::string_view const rest(reinterpret_cast<char const*>(stream.next_in), stream.avail_in);
        if (gzip && rest.size() < 2 && source.left > 0) {
          source.give_back(rest.size());
          break;
        }
        // Another member, or padding, which gzip passes over.
        if (!gzip || !is_gzip(rest)) return sum;
        inflateReset(&stream);
        ended = false;
      }
      stream.next_out = reinterpret_cast<Bytef*>(block.data());
      stream.avail_out = static_cast<uInt>(block.size());
      int const status = inflate(&stream, Z_NO_FLUSH);
      if (status == Z_BUF_ERROR) break;  // it wants more
      if (status != Z_OK && status != Z_STREAM_END)
        return fail(Kind::invalid, "what is packed is damaged: {}",
                    stream.msg ? stream.msg : zError(status));
      TRY(keep(std::string_view(block).substr(0, block.size() - stream.avail_out), to, most, sum));
      ended = status == Z_STREAM_END;
    } while (stream.avail_in > 0 || (!ended && stream.avail_out == 0));
  }
}

Result<Sum> copy_all(Source source, int to, std::uint64_t most, std::stop_token const& stop) {
  Sum sum;
  for (;;) {
    if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
    auto const bytes = TRY(source.next());
    if (bytes.empty()) return sum;
    TRY(keep(bytes, to, most, sum));
  }
}

struct Opened {
  FileDescriptor fd;
  std::uint64_t size = 0;
};
Result<Opened> open_file(fs::path const& path) {
  Opened opened{FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC))};
  struct stat status{};
  if (!opened.fd || ::fstat(opened.fd.get(), &status) != 0)
    return fail_errno(errno, "opening " + path.string());
  if (!S_ISREG(status.st_mode)) return fail(Kind::invalid, "{} is no file", path.string());
  opened.size = static_cast<std::uint64_t>(status.st_size);
  return opened;
}

Result<void> unpack_into(int to, fs::path const& from, Packed how, std::uint64_t most,
                         std::stop_token const& stop) {
  auto const opened = TRY(open_file(from));
  auto const fd = opened.fd.get();
  if (how == Packed::gzip) {
    TRY(inflate_all({fd, 0, opened.size}, /*gzip=*/true, to, most, stop));
    return {};
  }
  auto const file = TRY(only_file_of_zip(fd, opened.size));
  Source const source{fd, file.begin, file.packed};
  auto const sum = TRY(file.deflated ? inflate_all(source, /*gzip=*/false, to, most, stop)
                                     : copy_all(source, to, most, stop));
  if (sum.size != file.size || sum.crc != file.crc)
    return fail(Kind::invalid, "the zip archive is damaged: what it holds has another checksum");
  return {};
}

}  // namespace

Result<Packed> how_packed(fs::path const& path) {
  auto const opened = TRY(open_file(path));
  auto const head = TRY(Source{opened.fd.get(), 0, 4}.next());
  if (is_gzip(head)) return Packed::gzip;
  return head == "PK\x03\x04" ? Packed::zip : Packed::no;
}

Result<std::uint64_t> unpacked_size(fs::path const& path, Packed how) {
  auto const opened = TRY(open_file(path));
  if (how != Packed::zip) return opened.size;
  auto const file = TRY(only_file_of_zip(opened.fd.get(), opened.size));
  return file.size;
}

Result<void> unpack(fs::path const& from, Packed how, fs::path const& to, std::uint64_t most,
                    std::stop_token stop) {
  FileDescriptor const target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) return fail_errno(errno, "making " + to.string());
  auto done = unpack_into(target.get(), from, how, most, stop);
  if (done) return done;
  std::error_code ignored;
  fs::remove(to, ignored);
  return fail(done.error(), "unpacking {}", from.string());
}

}  // namespace haagent
