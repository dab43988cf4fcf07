// What the processes of a run tell each other: memory that all of them have, made before the first
// fork, so that what a master has counted is still there after it was killed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/aws/credentials.h"
#include "agent/base/reason.h"

namespace haagent::bench {

inline constexpr char kCluster[] = "load.example.com";
inline constexpr char kRegion[] = "eu-west-1";
inline constexpr char kAccount[] = "123456789012";
inline constexpr std::size_t kMasters = 3;
inline constexpr std::size_t kMostWorkers = 10'000;
inline constexpr std::size_t kAlone = 10;  // joins one after the other, before the many
inline constexpr std::size_t kReasons = 1024;

// Into what a join is split. The first three are a worker's view.
enum class Part : std::uint8_t {
  offered,   // connection, TLS, the offer
  believed,  // the worker's question to STS
  joined,    // the join request
  // A master's, of a join request that was granted.
  offer,      // making one
  check,      // reading the request, the document and three certificate requests
  record,     // etcd: two reads and a write
  apiserver,  // whether the node is Ready
  sts,
  ec2,       // until EC2's word on this instance is there
  callback,  // TLS to the worker
  signing,   // three certificates, and the answer's text
  answered,  // all of it
  count
};
inline constexpr auto kParts = static_cast<std::size_t>(Part::count);

struct Split {
  float ms[kParts] = {};
  float& operator[](Part part) { return ms[static_cast<std::size_t>(part)]; }
  float operator[](Part part) const { return ms[static_cast<std::size_t>(part)]; }
};

struct OfMaster {
  std::atomic<std::uint32_t> granted, offers, requests;  // counted up in that order of splits
  Split splits[kMostWorkers + kAlone];                   // of the granted
  float offer_ms[kMostWorkers + kAlone];                 // of the offers that were made
};

struct OfWorker {
  std::atomic<bool> joined;
  float took_ms;  // from its beginning
  std::uint32_t tries;
  Split split;        // of its last try
  char key_hash[65];  // of its certificate
};

struct Shared {
  std::atomic<std::int64_t> go_ns;   // on the monotonic clock; 0: not yet
  std::atomic<std::uint32_t> ready;  // processes
  std::atomic<std::uint32_t> joined, began;
  std::atomic<std::uint16_t> sts_port, ec2_port, apiserver_port;
  // By whose signature: a worker asks STS with a master's, and a master with a worker's.
  std::atomic<std::uint32_t> sts_by_workers, sts_by_masters, ec2_by_masters, ec2_by_workers,
      refused_by_aws;
  struct Refusals {
    std::atomic<std::uint32_t> count;
    char text[200];  // of the first
  };
  Refusals refusals[kReasons];  // by reason, as the workers got them
  std::atomic<std::uint32_t> unanswered_offers, unanswered_joins;
  OfMaster masters[kMasters];
  OfWorker workers[kMostWorkers + kAlone];
};

// Of a run.
struct Plan {
  std::filesystem::path disk;    // etcd's data
  std::filesystem::path memory;  // everything else
  std::size_t workers = 5'000;
  std::chrono::seconds within{10};  // they begin
  std::chrono::seconds deadline{900};
  std::size_t all() const { return workers + kAlone; }
};

struct Machine {
  std::string id, address;
  aws::Credentials credentials;
  std::string document;  // as metadata's item rsa2048; empty: a master's
};
// Masters first, then the workers; the first kAlone of these are those that join alone.
std::vector<Machine> read_machines(Plan const& plan);

class FixedCredentials final : public aws::CredentialSource {
 public:
  explicit FixedCredentials(aws::Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<aws::Credentials> credentials(std::stop_token) override { return credentials_; }

 private:
  aws::Credentials const credentials_;
};

inline float milliseconds_since(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<float, std::milli>(std::chrono::steady_clock::now() - since).count();
}

// The processes. None of them returns; each is killed.
[[noreturn]] void be_aws(Plan const& plan, Shared& shared);
[[noreturn]] void be_master(Plan const& plan, Shared& shared, std::size_t which);
// Workers `first` to `last`: at random moments, or one after the other.
enum class Begin { together, one_by_one };
[[noreturn]] void be_workers(Plan const& plan, Shared& shared, std::size_t first, std::size_t last,
                             Begin begin);

// Files of all masters, before there is any process: the cluster's authority, the join port's
// certificates.
void make_masters_disks(Plan const& plan);
std::filesystem::path master_disk(Plan const& plan, std::size_t which);

// Says what is wrong and ends the process.
[[noreturn]] void give_up(std::string const& why);
template <class T>
T need(Result<T> result, std::string_view doing) {
  if (!result) give_up(std::string(doing) + ": " + result.error().message.text);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
void wait_for_ever();

}  // namespace haagent::bench
