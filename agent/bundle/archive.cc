#include "agent/bundle/archive.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace haagent::bundle {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameSize = 100;
constexpr int kLevel = 6;  // 32 MiB of logs in half a second, to a tenth

struct Header {
  std::array<char, kBlock> bytes{};
  void put(std::size_t at, std::string_view text) {
    std::memcpy(bytes.data() + at, text.data(), text.size());
  }
};

// name, or prefix/name where it is long
bool put_path(Header& header, std::string const& path) {
  if (path.size() <= kNameSize) {
    header.put(0, path);
    return true;
  }
  auto const cut = path.find('/', path.size() - kNameSize - 1);
  if (cut == path.npos || cut == 0 || cut > 155) return false;
  header.put(0, std::string_view(path).substr(cut + 1));
  header.put(345, std::string_view(path).substr(0, cut));
  return true;
}

}  // namespace

struct Archive::Stream {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::vector<char> out = std::vector<char>(ZSTD_CStreamOutSize());
};

Archive::Archive(Sink sink) : sink_(std::move(sink)), stream_(std::make_unique<Stream>()) {
  ZSTD_CCtx_setParameter(stream_->context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(stream_->context.get(), ZSTD_c_checksumFlag, 1);
}

Archive::~Archive() = default;

Result<void> Archive::write(std::string_view bytes, bool end) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (;;) {
    ZSTD_outBuffer out{stream_->out.data(), stream_->out.size(), 0};
    auto const left =
        ZSTD_compressStream2(stream_->context.get(), &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left)) return fail(Kind::internal, "zstd: {}", ZSTD_getErrorName(left));
    if (out.pos > 0) TRY(sink_({stream_->out.data(), out.pos}));
    if (end ? left == 0 : in.pos == in.size) return {};
  }
}

Result<void> Archive::add(std::string const& path, std::string_view bytes, UtcTime modified) {
  Header header;
  if (!put_path(header, path))
    return fail(Kind::invalid, "the path {} is too long for an archive", path);
  header.put(100, "0000600");
  header.put(108, "0000000");
  header.put(116, "0000000");
  header.put(124, fmt::format("{:011o}", bytes.size()));
  auto const seconds =
      std::chrono::duration_cast<std::chrono::seconds>(modified.time_since_epoch()).count();
  header.put(136, fmt::format("{:011o}", std::max<std::int64_t>(seconds, 0)));
  header.put(148, "        ");
  header.put(156, "0");
  header.put(257, std::string_view("ustar\0"
                                   "00",
                                   8));
  header.put(265, "root");
  header.put(297, "root");
  unsigned sum = 0;
  for (char c : header.bytes) sum += static_cast<unsigned char>(c);
  header.put(148, fmt::format("{:06o}", sum));
  header.bytes[154] = '\0';
  TRY(write({header.bytes.data(), kBlock}, false));
  TRY(write(bytes, false));
  static constexpr std::array<char, kBlock> zeros{};
  if (auto const rest = bytes.size() % kBlock; rest > 0)
    TRY(write({zeros.data(), kBlock - rest}, false));
  return {};
}

Result<void> Archive::finish() {
  static constexpr std::array<char, 2 * kBlock> zeros{};
  return write({zeros.data(), zeros.size()}, true);
}

}  // namespace haagent::bundle
