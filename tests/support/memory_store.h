// A state store in memory, for any number of masters at once, with failures and lost answers on
// demand. Versions never repeat. Safe to use from several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/state_store.h"

namespace haagent::test {

class MemoryStore final : public StateStore {
 public:
  enum class Call { get, create, replace, upload, download, list, remove };

  explicit MemoryStore(Clock& clock) : clock_(clock) {}

  // The world, for the test to set and to look at; not counted as calls.
  void put(std::string const& key, std::string const& bytes);
  // The same, stored at another time than now by the store's clock.
  void put_at(UtcTime stored, std::string const& key, std::string const& bytes);
  void erase(std::string const& key);
  std::map<std::string, std::string> objects() const;  // key to bytes

  // The next calls of that kind do nothing and end in this error.
  void fail_next(Call call, Kind kind, int times = 1);
  // Every call ends so, until it is told otherwise: nothing where the store answers again.
  void fail_all(std::optional<Kind> kind);
  // The next calls of that kind are carried out, and end in a transient error all the same.
  void lose_next_answer(Call call, int times = 1);
  // Called at the start of each call, outside the lock: may change the world, and so play the other
  // master who is a moment ahead.
  std::function<void(Call call, std::string const& key)> on_call;

  int calls_of(Call call) const;
  int writes() const;  // creates, replaces, uploads and removes that changed something

  std::string where() const override { return "memory://state"; }
  Result<std::optional<StoredObject>> get(std::string const& key, std::stop_token stop) override;
  Result<bool> create(std::string const& key, std::string const& bytes,
                      std::stop_token stop) override;
  Result<bool> replace(std::string const& key, std::string const& bytes, std::string const& version,
                       std::stop_token stop) override;
  Result<void> upload(std::string const& key, std::filesystem::path const& file,
                      std::stop_token stop) override;
  Result<void> download(std::string const& key, std::filesystem::path const& file,
                        std::stop_token stop) override;
  Result<std::vector<StoredEntry>> list(std::string const& prefix, std::stop_token stop) override;
  Result<void> remove(std::string const& key, std::stop_token stop) override;
  // Nothing but fail_all() keeps it from answering.
  Result<UtcTime> now(std::stop_token stop) override;

 private:
  struct Object {
    std::string bytes;
    std::uint64_t version = 0;
    UtcTime modified{};
  };
  struct Faults {
    std::vector<Kind> failures;  // the first comes next
    int lost_answers = 0;
    int calls = 0;
  };

  Result<void> begin(Call call, std::string const& key, std::stop_token const& stop);
  Result<void> answer(Call call);  // after the call: is the answer lost?
  void write(std::string const& key, std::string bytes);

  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::map<Call, Faults> faults_;
  std::optional<Kind> all_fail_;
  std::uint64_t versions_ = 0;
  int writes_ = 0;
};

}  // namespace haagent::test
