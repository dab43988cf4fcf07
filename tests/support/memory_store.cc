#include "tests/support/memory_store.h"

#include "agent/base/files.h"

namespace haagent::test {
namespace {

std::string_view name_of(MemoryStore::Call call) {
  using enum MemoryStore::Call;
  switch (call) {
    case get:
      return "reading";
    case create:
      return "creating";
    case replace:
      return "replacing";
    case upload:
      return "uploading";
    case download:
      return "downloading";
    case list:
      return "listing";
    case remove:
      return "removing";
  }
  return "?";
}

}  // namespace

void MemoryStore::put(std::string const& key, std::string const& bytes) {
  std::lock_guard lock(mutex_);
  objects_[key] = {bytes, ++versions_, clock_.utc()};
}

void MemoryStore::put_at(UtcTime stored, std::string const& key, std::string const& bytes) {
  std::lock_guard lock(mutex_);
  objects_[key] = {bytes, ++versions_, stored};
}

void MemoryStore::erase(std::string const& key) {
  std::lock_guard lock(mutex_);
  objects_.erase(key);
}

std::map<std::string, std::string> MemoryStore::objects() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, std::string> all;
  for (auto const& [key, object] : objects_) all[key] = object.bytes;
  return all;
}

void MemoryStore::fail_next(Call call, Kind kind, int times) {
  std::lock_guard lock(mutex_);
  auto& failures = faults_[call].failures;
  failures.insert(failures.end(), static_cast<std::size_t>(times), kind);
}

void MemoryStore::fail_all(std::optional<Kind> kind) {
  std::lock_guard lock(mutex_);
  all_fail_ = kind;
}

void MemoryStore::lose_next_answer(Call call, int times) {
  std::lock_guard lock(mutex_);
  faults_[call].lost_answers += times;
}

int MemoryStore::calls_of(Call call) const {
  std::lock_guard lock(mutex_);
  auto found = faults_.find(call);
  return found == faults_.end() ? 0 : found->second.calls;
}

int MemoryStore::writes() const {
  std::lock_guard lock(mutex_);
  return writes_;
}

Result<void> MemoryStore::begin(Call call, std::string const& key, std::stop_token const& stop) {
  if (on_call) on_call(call, key);
  std::lock_guard lock(mutex_);
  auto& faults = faults_[call];
  ++faults.calls;
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  auto kind = all_fail_;
  if (!kind && !faults.failures.empty()) {
    kind = faults.failures.front();
    faults.failures.erase(faults.failures.begin());
  }
  if (kind) return fail(*kind, "{} {} in {}: as the test wants it", name_of(call), key, where());
  return {};
}

Result<void> MemoryStore::answer(Call call) {
  auto& faults = faults_[call];
  if (faults.lost_answers == 0) return {};
  --faults.lost_answers;
  return fail(Kind::transient, "{}: the answer of {} is lost", where(), name_of(call));
}

void MemoryStore::write(std::string const& key, std::string bytes) {
  objects_[key] = {std::move(bytes), ++versions_, clock_.utc()};
  ++writes_;
}

Result<std::optional<StoredObject>> MemoryStore::get(std::string const& key, std::stop_token stop) {
  if (auto good = check_key(key); !good) return std::unexpected(good.error());
  if (auto began = begin(Call::get, key, stop); !began) return std::unexpected(began.error());
  std::lock_guard lock(mutex_);
  if (auto heard = answer(Call::get); !heard) return std::unexpected(heard.error());
  auto found = objects_.find(key);
  if (found == objects_.end()) return std::nullopt;
  if (found->second.bytes.size() > kMostOfGet)
    return fail(Kind::invalid, "{} in {} is larger than 8 MiB", key, where());
  return StoredObject{found->second.bytes, fmt::format("{}", found->second.version),
                      found->second.modified};
}

Result<bool> MemoryStore::create(std::string const& key, std::string const& bytes,
                                 std::stop_token stop) {
  if (auto good = check_key(key); !good) return std::unexpected(good.error());
  if (auto began = begin(Call::create, key, stop); !began) return std::unexpected(began.error());
  std::lock_guard lock(mutex_);
  auto const created = !objects_.contains(key);
  if (created) write(key, bytes);
  if (auto heard = answer(Call::create); !heard) return std::unexpected(heard.error());
  return created;
}

Result<bool> MemoryStore::replace(std::string const& key, std::string const& bytes,
                                  std::string const& version, std::stop_token stop) {
  if (auto good = check_key(key); !good) return std::unexpected(good.error());
  if (auto began = begin(Call::replace, key, stop); !began) return std::unexpected(began.error());
  std::lock_guard lock(mutex_);
  auto found = objects_.find(key);
  auto const same = found != objects_.end() && fmt::format("{}", found->second.version) == version;
  if (same) write(key, bytes);
  if (auto heard = answer(Call::replace); !heard) return std::unexpected(heard.error());
  return same;
}

Result<void> MemoryStore::upload(std::string const& key, std::filesystem::path const& file,
                                 std::stop_token stop) {
  if (auto good = check_key(key); !good) return good;
  if (auto began = begin(Call::upload, key, stop); !began) return began;
  auto bytes = read_file(file, std::size_t{1} << 30u);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return fail(Kind::invalid, "{} is not there to be uploaded", file.string());
  std::lock_guard lock(mutex_);
  write(key, std::move(**bytes));
  return answer(Call::upload);
}

Result<void> MemoryStore::download(std::string const& key, std::filesystem::path const& file,
                                   std::stop_token stop) {
  if (auto good = check_key(key); !good) return good;
  if (auto began = begin(Call::download, key, stop); !began) return began;
  std::lock_guard lock(mutex_);
  auto found = objects_.find(key);
  if (found == objects_.end()) return fail(Kind::invalid, "{} holds no {}", where(), key);
  if (auto heard = answer(Call::download); !heard) return heard;
  return replace_file(file, found->second.bytes, {.mode = 0600});
}

Result<std::vector<StoredEntry>> MemoryStore::list(std::string const& prefix,
                                                   std::stop_token stop) {
  if (auto began = begin(Call::list, prefix, stop); !began) return std::unexpected(began.error());
  std::lock_guard lock(mutex_);
  if (auto heard = answer(Call::list); !heard) return std::unexpected(heard.error());
  std::vector<StoredEntry> entries;
  for (auto const& [key, object] : objects_) {
    if (key.starts_with(prefix)) entries.push_back({key, object.bytes.size(), object.modified});
  }
  return entries;
}

Result<void> MemoryStore::remove(std::string const& key, std::stop_token stop) {
  if (auto good = check_key(key); !good) return good;
  if (auto began = begin(Call::remove, key, stop); !began) return began;
  std::lock_guard lock(mutex_);
  if (objects_.erase(key) > 0) ++writes_;
  return answer(Call::remove);
}

Result<UtcTime> MemoryStore::now(std::stop_token) {
  std::lock_guard lock(mutex_);
  if (all_fail_) return fail(*all_fail_, "{}: as the test wants it", where());
  return clock_.utc();
}

}  // namespace haagent::test
