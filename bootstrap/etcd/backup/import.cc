#include "bootstrap/etcd/backup/import.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/file_descriptor.h"
#include "agent/base/sha256.h"
#include "bootstrap/etcd/backup/trial.h"
#include "bootstrap/etcd/disk/bolt.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kHash = 32;
constexpr std::uint64_t kSector = 512;
constexpr std::size_t kPiece = 1u << 20u;
constexpr char kName[] = "import";
constexpr std::string_view kRegistry = "/registry/";
constexpr std::string_view kBehindRegistry = "/registry0";  // '0' follows '/'

// What a file is that is no snapshot, for who has picked the wrong one.
std::string looks_like(std::string_view bytes) {
  auto begins = [&](std::string_view with) { return bytes.starts_with(with); };
  if (bytes.empty()) return "it is empty";
  if (begins("\x1f\x8b") || begins("PK\x03\x04")) return "it is packed twice";
  if (begins("\x28\xb5\x2f\xfd")) return "it is packed with zstd: unpack it first";
  if (begins("\xfd"
             "7zXZ"))
    return "it is packed with xz: unpack it first";
  if (begins("BZh")) return "it is packed with bzip2: unpack it first";
  if (bytes.size() > 262 && bytes.substr(257).starts_with("ustar"))
    return "it is a tar archive: take the snapshot out of it";
  if (begins("age-encryption.org") || begins("-----BEGIN PGP")) return "it is encrypted";
  if (begins("{") || begins("[")) return "it looks like JSON, not like a snapshot";
  if (begins("<")) return "it looks like a web page or XML: the answer of a server that said no";
  if (begins("SQLite format 3"))
    return "it is an SQLite database: k3s without etcd keeps one, and it cannot be restored into "
           "etcd";
  return "it does not begin as etcd's database does";
}

Result<std::string> read_piece(int fd, std::uint64_t offset, std::size_t most) {
  std::string bytes(most, '\0');
  auto const got = ::pread(fd, bytes.data(), most, static_cast<off_t>(offset));
  if (got < 0) return fail_errno(errno, "reading the snapshot");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

// The later of what the database says of the cluster's version and of its own.
Result<std::string> version_in(fs::path const& path) {
  auto const database = TRY(BoltFile::open(path));
  std::optional<EtcdVersion> latest;
  for (auto const& [bucket, key] :
       {std::pair("cluster", "clusterVersion"), std::pair("meta", "storageVersion")}) {
    auto const value = TRY(database.get(bucket, key));
    auto const version = value ? parse_etcd_version(*value) : std::nullopt;
    if (version && (!latest || *version > *latest)) latest = version;
  }
  return latest ? to_string(*latest) : std::string();
}

// The database, and the hash behind it as etcd has it.
Result<void> copy_with_hash(fs::path const& from, std::uint64_t length, fs::path const& to,
                            std::stop_token const& stop) {
  FileDescriptor const source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  FileDescriptor const target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!source || !target) return fail_errno(errno, "copying " + from.string());
  auto write = [&](std::string_view bytes) -> Result<void> {
    while (!bytes.empty()) {
      auto const put = ::write(target.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail_errno(errno, "writing " + to.string());
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  };
  Sha256 hash;
  for (std::uint64_t done = 0; done < length;) {
    if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
    auto const bytes =
        TRY(read_piece(source.get(), done, std::min<std::uint64_t>(kPiece, length - done)));
    if (bytes.empty()) return fail(Kind::invalid, "{} became shorter meanwhile", from.string());
    hash.add(bytes);
    TRY(write(bytes));
    done += bytes.size();
  }
  return write(hash.digest());
}

std::unexpected<Error> unfit(Error const& error, std::string_view file,
                             std::string_view otherwise = {}) {
  auto refused = error.during(
      fmt::format("{} cannot be taken; copy it again, or take another one{}", file, otherwise));
  if (error.kind == Kind::invalid) refused.message.reason = Reason::SnapshotDamaged;
  return std::unexpected(std::move(refused));
}

}  // namespace

Result<ForeignSnapshot> look_at_snapshot(ImportFile const& file) {
  FileDescriptor const fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  std::error_code error;
  auto const size = fs::file_size(file.path, error);
  if (!fd || error) return fail_errno(fd ? error.value() : errno, "opening " + file.path.string());
  auto const head = TRY(read_piece(fd.get(), 0, 1024));
  if (!is_bolt(head))
    return fail(Kind::invalid, Reason::SnapshotDamaged, "{} is no snapshot of etcd: {}", file.name,
                looks_like(head));
  auto const database = BoltFile::open(file.path);
  if (!database) return unfit(database.error(), file.name);
  ForeignSnapshot found{.has_hash = false, .database = size, .etcd_version = {}};
  if (size % kSector == kHash) {
    auto const checked = check_snapshot_file(file.path);
    if (!checked && !file.skip_hash_check)
      return unfit(checked.error(), file.name,
                   "; if there is none: --skip-hash-check takes it as it is, and the trial shows "
                   "whether etcd can");
    found.has_hash = checked.has_value();
    found.database = size - kHash;
  } else if (size % kSector != 0) {
    return fail(
        Kind::invalid, Reason::SnapshotDamaged,
        "{} is cut off, or has more behind it: {} bytes are neither a database nor one with "
        "its hash; copy it again",
        file.name, size);
  } else if (!file.skip_hash_check) {
    return fail(Kind::invalid, Reason::SnapshotWithoutHash,
                "{} has no hash at its end, so that haagent cannot tell whether it is complete: it "
                "is a copy of member/snap/db, which lacks what etcd had only in its log, or its "
                "end is lost. "
                "Take one with 'etcdctl snapshot save' where that etcd still runs; if there is no "
                "other: --skip-hash-check",
                file.name);
  }
  auto version = version_in(file.path);
  if (!version) return unfit(version.error(), file.name);
  found.etcd_version = *std::move(version);
  return found;
}

Result<Imported> import_snapshot(EtcdCluster cluster, BackupDeps const& deps,
                                 ImportFile const& file, std::stop_token stop) {
  auto const seen = TRY(look_at_snapshot(file));
  Backups backups(cluster, deps);
  auto const now = TRY_DURING(backups.time().agreed(stop), "nothing is imported");
  auto tool = backups.tools();
  auto const installed = TRY(tool.version(stop));
  auto const taken = parse_etcd_version(seen.etcd_version);
  if (taken && std::pair(taken->major, taken->minor) > std::pair(installed.major, installed.minor))
    return std::unexpected(Error(
        Kind::refused,
        Message(
            Reason::EtcdVersionUnfit,
            fmt::format("{} is of an etcd {}.{}, and {} here is {}", file.name, taken->major,
                        taken->minor, tool.restorer(), to_string(installed)),
            fmt::format("install etcd {}.{} on all masters first", taken->major, taken->minor))));

  (void)drop_abandoned_scratch(backups.scratch_place(), cluster);
  auto folder = TRY(backups.scratch(kName, restore_space(seen.database)));
  auto const saved = folder.path() / "saved.db";
  TRY(copy_with_hash(file.path, seen.database, saved, stop));
  auto const whole = TRY(check_snapshot_file(saved));
  auto const content =
      TRY_DURING(tool.status(saved, stop), "{} cannot be read by etcd's own tool", file.name);

  Imported imported{
      .manifest = {.name = import_name(std::chrono::floor<Duration>(now), file.name),
                   .cluster = deps.config.cluster.name,
                   .etcd = cluster,
                   .cluster_id = "0",  // not known: a restore makes another one anyway
                   .member = kName,
                   .revision = content.revision,
                   .total_keys = content.total_keys,
                   .size = whole.size,
                   .sha256 = whole.sha256,
                   .etcd_version = taken ? seen.etcd_version : to_string(installed),
                   .haagent_version = deps.haagent_version,
                   .created_at = std::chrono::floor<Duration>(now),
                   .reason = BackupReason::imported},
      .registry_keys = 0,
      .hash_checked = seen.has_hash};
  auto const peer = TRY(free_peer_url());
  TrialCluster const trial{
      .name = kName, .data_dir = folder.path() / "trial", .peer_url = peer, .size = whole.size};
  auto tried = tool.restore(saved,
                            {.name = trial.name,
                             .members = {{.name = trial.name, .peer_url = trial.peer_url}},
                             .token = trial.name,
                             .data_dir = trial.data_dir,
                             .bump = false},
                            stop);
  if (tried)
    tried = serve_on_trial(
        deps, trial,
        [&](EtcdClient& client) -> Result<void> {
          auto const status = TRY(client.status(stop));
          if (status.header.revision < content.revision)
            return fail(Kind::invalid, Reason::RestoreDiffers,
                        "it serves revision {}, and the snapshot is at {}", status.header.revision,
                        content.revision);
          auto const keys = TRY(client.count(kRegistry, kBehindRegistry, stop));
          imported.registry_keys = keys;
          return {};
        },
        stop);
  if (!tried) return fail(tried.error(), "{}, restored on trial", file.name);
  if (cluster == EtcdCluster::main && imported.registry_keys == 0)
    return fail(Kind::refused, Reason::SnapshotForeign,
                "{} holds {} keys and none below {}: it is not of the etcd that a Kubernetes "
                "apiserver keeps its objects in",
                file.name, content.total_keys, kRegistry);
  std::error_code ignored;
  fs::remove_all(trial.data_dir, ignored);
  auto kept = TRY(backups.keep(std::move(imported.manifest), saved, folder, std::move(stop)));
  imported.manifest = std::move(kept);
  return imported;
}

}  // namespace haagent::bootstrap
