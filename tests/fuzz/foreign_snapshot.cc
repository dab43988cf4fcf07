// Files that `haagent etcd import` is given: databases, with a hash behind them or not, and packed.
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>

#include "agent/base/file_descriptor.h"
#include "agent/config/unpack.h"
#include "agent/config/zip_directory.h"
#include "bootstrap/etcd/backup/import.h"
#include "bootstrap/etcd/disk/bolt.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/temporary_directory.h"

namespace haagent::fuzz {

void foreign_snapshot(std::string_view bytes) {
  FileDescriptor const fd(::memfd_create("snapshot", MFD_CLOEXEC));
  hold(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
       "memory takes it");
  auto const path = fmt::format("/proc/self/fd/{}", fd.get());
  for (bool skip : {false, true}) {
    auto const seen =
        bootstrap::look_at_snapshot({.path = path, .name = "given", .skip_hash_check = skip});
    if (!seen)
      hold_error(seen.error(), {Kind::invalid});
    else
      hold(seen->database <= bytes.size(), "a database is no longer than its file");
  }
  if (auto const file = only_file_of_zip(fd.get(), bytes.size()))
    hold(file->begin <= bytes.size() && file->packed <= bytes.size() - file->begin,
         "what is packed lies in the archive");
  else
    hold_error(file.error(), {Kind::invalid});
  static test::TemporaryDirectory const folder;
  constexpr std::uint64_t kMost = 1u << 20u;
  for (auto how : {Packed::gzip, Packed::zip}) {
    auto const to = folder / "unpacked";
    auto const done = unpack(path, how, to, kMost, {});
    std::error_code ignored;
    if (!done) {
      hold_error(done.error(), {Kind::invalid});
      hold(!std::filesystem::exists(to), "no half of it is left");
    } else {
      hold(std::filesystem::file_size(to) <= kMost, "what is unpacked stays below the cap");
    }
    std::filesystem::remove(to, ignored);
  }
}

}  // namespace haagent::fuzz
