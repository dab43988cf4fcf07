// What outlives every instance: certificate authorities, the service-account key, backups. A bucket
// (s3://bucket/prefix) or a folder (file:///folder); cluster.state names it.
//
// The store has a clock of its own, which is the same for all masters: S3's, or that of the file
// system's server. What several masters write is ordered, aged and expired by it (store_clock.h).
//
// Keys are relative to it and speak in '/': "pki/etcd.json". Two masters may write at once, so what
// must not be overwritten goes through create() and replace().
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent {

struct StoredObject {
  std::string bytes;
  std::string version;  // of these bytes, for replace(); never shown
  // When they were stored, by the store's clock; nothing where the answer does not say.
  std::optional<UtcTime> modified = {};
};

struct StoredEntry {
  std::string key;
  std::uint64_t size = 0;  // bytes
  UtcTime modified{};      // when it was stored, by the store's clock
};

// Whether a text may be a key: parts of printable ASCII without '\\', joined by single '/'; none
// empty nor beginning with '.', so that no key leaves the folder or meets a store's own temporary
// file. Every store asks this before it does anything.
inline constexpr std::size_t kLongestKey = 512;  // bytes; S3 takes 1024 with the prefix
Result<void> check_key(std::string_view key);

// What get() reads at the most, and create() and replace() write.
inline constexpr std::size_t kMostOfGet = 8u << 20u;

// Errors of all: transient where the store does not answer, denied where it may not be used, with
// the missing permission named, invalid where an answer makes no sense. A call that ends in a
// transient error may have been carried out all the same.
class StateStore {
 public:
  virtual ~StateStore() = default;

  // "s3://prod-haagent/prod.example.com": for sentences.
  virtual std::string where() const = 0;

  // Nothing where the key is absent. At the most 8 MiB; larger things are downloaded.
  virtual Result<std::optional<StoredObject>> get(std::string const& key, std::stop_token stop) = 0;
  // False where the key exists. An earlier call of one's own whose answer was lost may be why, so
  // that the caller reads what stands there now.
  virtual Result<bool> create(std::string const& key, std::string const& bytes,
                              std::stop_token stop) = 0;
  // False where the key is no longer of that version, or gone.
  virtual Result<bool> replace(std::string const& key, std::string const& bytes,
                               std::string const& version, std::stop_token stop) = 0;

  // Whole files of any size. A reader sees all of an upload or nothing of it; an upload replaces
  // what the key held. A download replaces the file, with mode 0600, once all of it is there.
  virtual Result<void> upload(std::string const& key, std::filesystem::path const& file,
                              std::stop_token stop) = 0;
  virtual Result<void> download(std::string const& key, std::filesystem::path const& file,
                                std::stop_token stop) = 0;

  // All keys that begin with the prefix, in the order of their bytes.
  virtual Result<std::vector<StoredEntry>> list(std::string const& prefix,
                                                std::stop_token stop) = 0;
  // No error where it is gone already.
  virtual Result<void> remove(std::string const& key, std::stop_token stop) = 0;

  // The store's time. It is taken from the last answers where they are young enough, and asked for
  // where not. Good to some seconds.
  virtual Result<UtcTime> now(std::stop_token stop) = 0;
};

// Writes what was decided on a version: replaces it, or makes the key where `version` is empty.
// Errors also: transient (Conflict) where another master has changed it since.
Result<void> write_version(StateStore& store, std::string const& key, std::string const& bytes,
                           std::string const& version, std::stop_token stop);

}  // namespace haagent
