#include "agent/bundle/archive_reader.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

namespace haagent::bundle {
namespace {

constexpr std::size_t kTarBlock = 512;
constexpr int kWindowLog = 23;  // 8 MiB, of a level far above the writer's

Result<std::string> decompressed(std::string_view bytes, std::size_t most) {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> const context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLog);
  std::string out;
  std::string piece(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    auto const before = in.pos;
    left = ZSTD_decompressStream(context.get(), &to, &in);
    if (ZSTD_isError(left)) return fail(Kind::invalid, "zstd: {}", ZSTD_getErrorName(left));
    if (out.size() + to.pos > most)
      return fail(Kind::invalid, "it has more than {} bytes unpacked", most);
    out.append(piece, 0, to.pos);
    if (left != 0 && in.pos == before && to.pos == 0)
      return fail(Kind::invalid, "it ends in the middle");
  }
  if (in.pos != in.size) return fail(Kind::invalid, "something stands behind its end");
  return out;
}

std::string_view text_at(std::string_view header, std::size_t at, std::size_t size) {
  auto const field = header.substr(at, size);
  return field.substr(0, field.find('\0'));
}

std::optional<std::uint64_t> octal(std::string_view digits) {
  while (digits.ends_with(' ') || digits.ends_with('\0')) digits.remove_suffix(1);
  if (digits.empty() || digits.size() > 11) return std::nullopt;
  std::uint64_t value = 0;
  for (char const c : digits) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

bool sum_is_right(std::string_view header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
  return octal(text_at(header, 148, 8)) == sum;
}

// "folder/kernel/disks.txt" without its folder; nothing where it leads elsewhere.
std::optional<std::string> below_folder(std::string const& path) {
  auto const slash = path.find('/');
  if (slash == path.npos || slash == 0) return std::nullopt;
  for (std::size_t at = 0; at <= path.size();) {
    auto const end = std::min(path.find('/', at), path.size());
    auto const part = std::string_view(path).substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return std::nullopt;
    at = end + 1;
  }
  if (std::ranges::any_of(path, [](char c) { return c < ' ' || c == '\x7f'; })) return std::nullopt;
  return path.substr(slash + 1);
}

}  // namespace

Result<std::vector<ArchivedFile>> read_archive(std::string_view bytes, std::size_t most) {
  return read_tar(TRY(decompressed(bytes, most)));
}

Result<std::vector<ArchivedFile>> read_tar(std::string_view tar) {
  std::vector<ArchivedFile> files;
  std::string folder;
  for (std::string_view rest = tar;;) {
    if (rest.size() < kTarBlock) return fail(Kind::invalid, "the archive ends in the middle");
    auto const header = rest.substr(0, kTarBlock);
    rest.remove_prefix(kTarBlock);
    if (header.find_first_not_of('\0') == header.npos) return files;  // the first of its last two
    auto const size = octal(text_at(header, 124, 12));
    if (!sum_is_right(header) || text_at(header, 257, 6) != "ustar" || header[156] != '0' || !size)
      return fail(Kind::invalid, "the archive holds something else than files");
    auto const prefix = text_at(header, 345, 155);
    auto path =
        std::string(prefix) + (prefix.empty() ? "" : "/") + std::string(text_at(header, 0, 100));
    auto const name = below_folder(path);
    path.resize(std::min(path.find('/'), path.size()));
    if (!name || (!folder.empty() && folder != path))
      return fail(Kind::invalid, "a file of the archive is in no folder of its own");
    folder = path;
    auto const whole = (*size + kTarBlock - 1) / kTarBlock * kTarBlock;
    if (whole > rest.size()) return fail(Kind::invalid, "the archive ends in the middle");
    files.push_back({*name, std::string(rest.substr(0, *size))});
    rest.remove_prefix(whole);
  }
}

}  // namespace haagent::bundle
