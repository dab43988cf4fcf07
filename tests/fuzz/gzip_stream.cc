// gzip streams, bombs among them.
#include "agent/config/gzip.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/gzip.h"

namespace haagent::fuzz {

void gzip_stream(std::string_view bytes) {
  for (std::size_t cap : {0u, 100u, 1u << 20u}) {
    auto unpacked = gunzip(bytes, cap);
    if (!unpacked) {
      hold_error(unpacked.error(), {Kind::invalid});
    } else {
      hold(unpacked->size() <= cap, "what is unpacked stays below the cap");
    }
  }
  auto packed = test::gzipped(bytes);
  auto back = gunzip(packed, bytes.size());
  hold(back && *back == bytes, "what was packed comes back");
  if (!bytes.empty()) hold(!gunzip(packed, bytes.size() - 1), "one byte over the cap is too much");
  packed.pop_back();
  hold(!gunzip(packed, bytes.size()), "a stream that is cut off is told");
}

}  // namespace haagent::fuzz
