// etcd's own tools on snapshots: etcdctl saves (3.4 to 3.7), etcdutl looks and restores where it is
// installed (from 3.5 on), else etcdctl. And what can be said of a snapshot without them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/http.h"
#include "agent/base/process.h"
#include "bootstrap/etcd/client/version.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {

// Of a whole snapshot file: a bolt database, whose length is a multiple of 512, and behind it the
// SHA-256 of it, which etcd sends last.
struct SnapshotFile {
  std::uint64_t size = 0;  // bytes of the file
  std::string sha256;      // of the file, hexadecimal
};
// Errors: invalid where the file is cut off, or its bytes are not those that etcd sent.
Result<SnapshotFile> check_snapshot_file(std::filesystem::path const& file);

struct SnapshotContent {
  std::uint64_t revision = 0;
  std::uint64_t total_keys = 0;
};
// What `snapshot status -w json` prints.
Result<SnapshotContent> parse_snapshot_status(std::string_view text);

// How long a tool may take with so many bytes: etcd's own disks and networks do 20 MB/s on a bad
// day.
Duration snapshot_deadline(std::uint64_t bytes);

struct RestoreSpec {
  std::string name;                    // "etcd-a"
  std::vector<InitialMember> members;  // all of the new cluster
  std::string token;                   // of the new cluster, never that of the old one
  std::filesystem::path data_dir;      // does not exist yet
  // Revisions go on behind whatever a client may have seen, and older ones are marked compacted, so
  // that Kubernetes' watches start over. Only where SnapshotTools::bumps().
  bool bump = false;
};

class SnapshotTools {
 public:
  // `directory` holds etcdctl and, it may be, etcdutl.
  SnapshotTools(Process& process, std::filesystem::path directory, HttpTls tls);

  // From one member, a follower or a learner too. The file must not exist; no half of it is left.
  Result<void> save(std::string const& endpoint, std::filesystem::path const& file,
                    std::uint64_t expected_size, std::stop_token stop);
  Result<SnapshotContent> status(std::filesystem::path const& file, std::stop_token stop);
  Result<void> restore(std::filesystem::path const& file, RestoreSpec const& spec,
                       std::stop_token stop);
  // Of the tool that restores.
  Result<EtcdVersion> version(std::stop_token stop);

  std::string restorer() const;  // "/usr/bin/etcdutl"

 private:
  Result<ProcessOutcome> run(std::vector<std::string> argv, std::string_view doing,
                             Duration deadline, std::stop_token stop);
  Process& process_;
  std::filesystem::path directory_;
  HttpTls tls_;
};

// --bump-revision and --mark-compacted: from 3.4.27, 3.5.10 and 3.6 on.
bool can_bump_revision(EtcdVersion version);

}  // namespace haagent::bootstrap
