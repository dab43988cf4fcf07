// A .tar.zst, made as it is written: POSIX' ustar, which every tar reads, through zstd.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent::bundle {

class Archive {
 public:
  using Sink = std::function<Result<void>(std::string_view)>;
  explicit Archive(Sink sink);
  ~Archive();

  // A file that only its owner reads. A path of more than 255 bytes is an error (invalid).
  Result<void> add(std::string const& path, std::string_view bytes, UtcTime modified);
  Result<void> finish();

 private:
  struct Stream;
  Result<void> write(std::string_view bytes, bool end);
  Sink sink_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace haagent::bundle
