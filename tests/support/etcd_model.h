// etcd as its clients and its volumes see it: members that form, join, vote, learn and leave, on
// machines that find each other by their own /etc/hosts. It reads the real configuration file and
// writes a real log's head into the data directory, and answers etcd's JSON gateway.
//
// What must never happen is noted in violations(): a member that comes back under its id without
// its data, and a second cluster.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/tree.h"
#include "bootstrap/etcd/disk/wal.h"
#include "bootstrap/layout/names.h"
#include "tests/support/etcd_keys.h"

namespace haagent::test {

class EtcdModel {
 public:
  explicit EtcdModel(Clock& clock) : clock_(clock) {}

  // A machine on the network. The root holds its /etc/hosts.
  void connect(std::string const& address, Root const& root);
  // With all that runs on it.
  void disconnect(std::string const& address);

  // Runs etcd with that configuration file. Its last words where it ends at once.
  std::optional<std::string> start(std::string const& address,
                                   std::filesystem::path const& config_file);
  void stop(std::string const& address, std::filesystem::path const& config_file);
  // All that runs has run for long: the members know each other well.
  void settle_in();
  // Nothing while it runs; its last words where it has ended by itself.
  std::optional<std::string> ended(std::string const& address,
                                   std::filesystem::path const& config_file);

  // What etcd's tool makes of a snapshot: a member of a new cluster, in a folder that is not there.
  static bootstrap::WalIdentity restored_as(std::string const& name,
                                            std::vector<bootstrap::InitialMember> const& members,
                                            std::string const& token);
  void restore(std::filesystem::path const& data_dir, std::string const& name,
               std::vector<bootstrap::InitialMember> const& members, std::string const& token);

  Result<HttpResponse> send(std::string const& from, HttpRequest const& request);
  // Whether it changes the cluster.
  static bool is_change(HttpRequest const& request);

  struct Member {
    std::uint64_t id = 0;
    std::string name;
    std::vector<std::string> peer_urls;
    std::vector<std::string> client_urls;
    bool learner = false;
  };
  // The one cluster that was formed under this token; nothing where there is none.
  std::optional<std::vector<Member>> members(std::string const& token);
  std::uint64_t cluster_id(std::string const& token);
  // What that cluster stores; one must have been formed.
  EtcdKeys& keys(std::string const& token);
  // Who leads the cluster under this token: whoever was last told to while it runs, else any.
  void lead(std::string const& token, std::string const& name);
  std::string leader(std::string const& token);
  std::vector<std::string> violations() const;

 private:
  struct Process {
    std::string address;
    std::filesystem::path config_file;
    std::string name, token, peer_url, client_url;
    int client_port = 0, peer_port = 0;
    std::uint64_t cluster_id = 0;
    std::uint64_t member_id = 0;
    UtcTime started;
    bool serves = false;  // has had a quorum since it was started
    std::optional<std::string> last_words;
  };
  struct Cluster {
    std::string token;
    std::vector<Member> members;
    std::set<std::uint64_t> removed;
    std::uint64_t index = 5;
    std::uint64_t leader = 0;  // as it was last moved
    bool formed = false;
    EtcdKeys keys = {};
    Member* find(std::uint64_t id);
  };
  struct Start;

  void settle();
  bool reaches(Process const& one, Process const& other) const;
  std::string resolve(Process const& asking, std::string const& url) const;
  void read_hosts();
  bool has_quorum(Process const& process);
  bool takes_members(Process const& process);
  std::uint64_t leader_of(std::uint64_t cluster);
  Process* process_of(std::uint64_t cluster, std::uint64_t member);
  std::optional<std::string> begin(Process& process, Tree const& config);
  std::optional<std::string> join(Process& process, Start const& start);
  void note(std::string violation);
  Result<HttpResponse> answer(Process& process, std::string const& path, Tree const& body);
  Tree header(Process const& process, Cluster const& cluster) const;

  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Root> machines_;
  std::map<std::string, std::map<std::string, std::string>> hosts_;  // of each, by its address
  std::vector<Process> processes_;
  std::map<std::uint64_t, Cluster> clusters_;
  std::set<std::uint64_t> with_data_;  // members that have had a log
  std::set<std::uint64_t> have_run_;   // on a log
  std::vector<std::string> violations_;
};

}  // namespace haagent::test
