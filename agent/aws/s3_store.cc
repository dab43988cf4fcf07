#include "agent/aws/s3_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>

#include "agent/base/file_descriptor.h"
#include "agent/base/new_file.h"
#include "agent/base/progress.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

constexpr Backoff kBackoff{.base = 200ms, .cap = 5s};
constexpr std::uint64_t kMostParts = 10'000;
constexpr std::size_t kMostPages = 1'000;
// An object that each cluster has, of whatever use it is here.
constexpr char kAskedForTime[] = "pki/etcd.json";

// 128 bits that nobody else has.
std::string name_of_a_write() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// Exactly so many bytes from there.
Result<std::string> read_piece(int file, std::string const& name, std::uint64_t offset,
                               std::size_t length) {
  std::string bytes(length, '\0');
  for (std::size_t done = 0; done < length;) {
    auto got = ::pread(file, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "reading " + name);
    if (got == 0) return fail(Kind::invalid, "{} became shorter while it was uploaded", name);
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

// Again while it is transient.
template <class Call>
auto S3Store::patiently(std::stop_token const& stop, Call call) -> decltype(call()) {
  Jitter jitter;
  for (int tries = 0;; ++tries) {
    auto answer = call();
    if (answer || !worth_retrying(answer.error()) || tries + 1 >= kTries) return answer;
    if (!clock_.sleep(jitter.pause(kBackoff, tries), stop))
      return fail(Kind::interrupted, "stopped; {}", answer.error().message.sentence());
    if (counts_) counts_->retried("s3");
  }
}

std::string S3Store::where() const {
  return fmt::format("s3://{}{}{}", s3_->bucket(), prefix_.empty() ? "" : "/",
                     prefix_.substr(0, prefix_.empty() ? 0 : prefix_.size() - 1));
}

Result<std::optional<StoredObject>> S3Store::get(std::string const& key, std::stop_token stop) {
  TRY(check_key(key));
  auto object = TRY(patiently(stop, [&] { return s3_->get(prefix_ + key, {}, "", stop); }));
  if (!object) return std::nullopt;
  return StoredObject{std::move(object->bytes), std::move(object->etag), object->modified};
}

Result<bool> S3Store::write(std::string const& key, std::string const& bytes, S3Condition condition,
                            std::stop_token const& stop) {
  TRY(check_key(key));
  if (bytes.size() > kMostOfGet)
    return fail(Kind::invalid, "{} is larger than 8 MiB: it must be uploaded", key);
  condition.writer = name_of_a_write();
  auto written = patiently(stop, [&] { return s3_->put(prefix_ + key, bytes, condition, stop); });
  if (!written || *written) return written;
  // Refused: by what another has written, or by an earlier sending of our own.
  auto there = TRY(patiently(stop, [&] { return s3_->head(prefix_ + key, stop); }));
  return there && there->writer == condition.writer;
}

Result<bool> S3Store::create(std::string const& key, std::string const& bytes,
                             std::stop_token stop) {
  return write(key, bytes, {.absent = true}, stop);
}

Result<bool> S3Store::replace(std::string const& key, std::string const& bytes,
                              std::string const& version, std::stop_token stop) {
  if (version.empty()) return fail(Kind::internal, "{} is to be replaced, of no version", key);
  return write(key, bytes, {.etag = version}, stop);
}

Result<void> S3Store::upload(std::string const& key, std::filesystem::path const& file,
                             std::stop_token stop) {
  TRY(check_key(key));
  auto const name = file.string();
  FileDescriptor fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return fail_errno(errno, "reading " + name);
  auto const size = static_cast<std::uint64_t>(status.st_size);
  if (size > kPart) return upload_parts(key, name, fd.get(), size, stop);
  TRY(patiently(stop, [&]() -> Result<bool> {
    auto bytes = TRY(read_piece(fd.get(), name, 0, size));
    return s3_->put(prefix_ + key, std::move(bytes), {}, stop);
  }));
  return {};
}

Result<std::vector<S3Part>> S3Store::send_parts(std::string const& key, std::string const& upload,
                                                std::string const& name, int file,
                                                std::uint64_t size, std::stop_token const& stop) {
  std::vector<S3Part> parts;
  for (std::uint64_t offset = 0; offset < size; offset += kPart) {
    auto const length = static_cast<std::size_t>(std::min<std::uint64_t>(kPart, size - offset));
    auto const number = static_cast<int>(parts.size()) + 1;
    auto part = TRY(patiently(stop, [&]() -> Result<S3Part> {
      // Read again for each try: what is kept for one would be memory all the time.
      auto bytes = TRY(read_piece(file, name, offset, length));
      return s3_->upload_part(prefix_ + key, upload, number, std::move(bytes), stop);
    }));
    parts.push_back(std::move(part));
    Work::advance(length);
  }
  return parts;
}

Result<void> S3Store::upload_parts(std::string const& key, std::string const& name, int file,
                                   std::uint64_t size, std::stop_token const& stop) {
  if (size > kMostParts * kPart)
    return fail(Kind::invalid, "{} is larger than {} GiB, the most that is uploaded", name,
                kMostParts * kPart >> 30u);
  auto upload = TRY(patiently(stop, [&] { return s3_->begin_upload(prefix_ + key, stop); }));
  // The parts of an upload that nobody ends are paid for until it is. In a stop, too: one request
  // with a deadline of its own.
  auto give_up = [&](Error error) -> Result<void> {
    (void)s3_->abort_upload(prefix_ + key, upload, {});
    return std::unexpected(std::move(error));
  };
  auto parts = send_parts(key, upload, name, file, size, stop);
  if (!parts) return give_up(parts.error());
  auto completed =
      patiently(stop, [&] { return s3_->complete_upload(prefix_ + key, upload, *parts, stop); });
  if (!completed) return give_up(completed.error());
  if (*completed) return {};
  // The upload is gone. By an earlier try of ours, where the object has these parts.
  auto head = TRY(patiently(stop, [&] { return s3_->head(prefix_ + key, stop); }));
  if (head && head->size == size && head->checksum_sha256 == s3_checksum_of(*parts)) return {};
  return fail(Kind::transient, "the upload of {} to {} was ended by another program", key, where());
}

Result<void> S3Store::download(std::string const& key, std::filesystem::path const& file,
                               std::stop_token stop) {
  TRY(check_key(key));
  auto to = TRY(NewFile::beside(file, 0600));
  std::string etag;
  std::uint64_t size = 0;
  std::uint64_t done = 0;
  do {
    auto piece = patiently(stop, [&]() -> Result<std::optional<S3Object>> {
      auto got = s3_->get(prefix_ + key, S3Range{done, kRange}, etag, stop);
      // There is no range in nothing.
      if (!got && done == 0 && got.error().kind == Kind::conflict)
        return s3_->get(prefix_ + key, {}, "", stop);
      return got;
    });
    auto const changed = [&] {
      return fail(Kind::transient, "{} in {} was replaced while it was downloaded", key, where());
    };
    if (!piece && piece.error().kind == Kind::conflict) return changed();
    if (!piece) return std::unexpected(piece.error());
    if (!*piece && etag.empty()) return fail(Kind::invalid, "{} holds no {}", where(), key);
    if (!*piece) return changed();
    auto const& got = **piece;
    if (etag.empty()) {
      etag = got.etag;
      size = got.size;
    }
    auto const expected = std::min<std::uint64_t>(kRange, size - done);
    if (got.size != size || got.bytes.size() != expected) return changed();
    TRY(to.append(got.bytes));
    done += got.bytes.size();
    Work::reached(done);
  } while (done < size);
  return to.replace_target();
}

Result<std::vector<StoredEntry>> S3Store::list(std::string const& prefix, std::stop_token stop) {
  std::vector<StoredEntry> entries;
  std::string token;
  std::set<std::string> seen;
  do {
    auto page = TRY(patiently(stop, [&] { return s3_->list(prefix_ + prefix, token, stop); }));
    for (auto& each : page.entries) {
      if (!each.key.starts_with(prefix_)) continue;
      auto key = each.key.substr(prefix_.size());
      // What the console makes of "folders", and whatever else is no key of ours.
      if (!check_key(key)) continue;
      entries.push_back({std::move(key), each.size, each.modified});
    }
    token = std::move(page.next_token);
    if (!token.empty() && (!seen.insert(token).second || seen.size() >= kMostPages))
      return fail(Kind::transient, "listing {}: the same page comes again and again", where());
  } while (!token.empty());
  std::ranges::sort(entries, {}, &StoredEntry::key);  // as S3 gives them; others may not
  return entries;
}

Result<void> S3Store::remove(std::string const& key, std::stop_token stop) {
  TRY(check_key(key));
  return patiently(stop, [&] { return s3_->remove(prefix_ + key, stop); });
}

Result<UtcTime> S3Store::now(std::stop_token stop) {
  if (auto const known = s3_->now()) return *known;
  // Any answer has the time, a refusal too.
  auto const asked = patiently(stop, [&] { return s3_->head(prefix_ + kAskedForTime, stop); });
  if (auto const known = s3_->now()) return *known;
  if (!asked) return std::unexpected(asked.error());
  return fail(Kind::transient, "{} answers without a Date that says when", where());
}

}  // namespace haagent::aws
