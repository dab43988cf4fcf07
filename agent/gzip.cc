#include "agent/gzip.h"

#include <zlib.h>

#include <array>
#include <memory>

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
      // Another member may follow; anything else behind the last one is passed over, as gzip does.
      std::string_view rest(reinterpret_cast<char const*>(stream.next_in), stream.avail_in);
      if (!is_gzip(rest)) return out;
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

}  // namespace haagent
