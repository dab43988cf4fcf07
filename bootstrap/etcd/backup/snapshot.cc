#include "bootstrap/etcd/backup/snapshot.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "agent/base/file_descriptor.h"
#include "agent/base/json.h"
#include "agent/base/last_words.h"
#include "agent/base/progress.h"
#include "agent/base/sha256.h"
#include "agent/base/wait_accounting.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::size_t kHash = 32;
constexpr std::size_t kPage = 512;
constexpr std::uint64_t kBytesPerSecond = 20'000'000;
// Beyond what ten years of writes come to; the same as etcd's documentation uses.
constexpr std::uint64_t kBump = 1'000'000'000;

std::optional<std::uint64_t> size_of(fs::path const& file) {
  std::error_code error;
  auto const size = fs::file_size(file, error);
  return error ? std::nullopt : std::optional<std::uint64_t>(size);
}

}  // namespace

Result<SnapshotFile> check_snapshot_file(fs::path const& file) {
  FileDescriptor const fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, fmt::format("opening {}", file.string()));
  Sha256 whole, database;
  std::uint64_t size = 0;
  std::string held;  // the last 32 bytes so far: the hash, if the file ends here
  std::string buffer(1u << 20u, '\0');
  for (;;) {
    auto const got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, fmt::format("reading {}", file.string()));
    if (got == 0) break;
    AccountedWait::restart_own_time();  // it gets on, however slow the machine is
    std::string_view const bytes(buffer.data(), static_cast<std::size_t>(got));
    size += bytes.size();
    whole.add(bytes);
    held += bytes;
    if (held.size() > kHash) {
      database.add(std::string_view(held).substr(0, held.size() - kHash));
      held.erase(0, held.size() - kHash);
    }
  }
  if (size <= kHash || size % kPage != kHash)
    return fail(Kind::invalid, Reason::BackupDamaged,
                "the snapshot is cut off: {} bytes are no whole database and its hash", size);
  if (auto const hash = database.digest(); hash != held)
    return fail(Kind::invalid, Reason::BackupDamaged,
                "the snapshot is damaged: its bytes have the hash {}, and etcd sent {}",
                to_hex(hash), to_hex(held));
  return SnapshotFile{.size = size, .sha256 = to_hex(whole.digest())};
}

Result<SnapshotContent> parse_snapshot_status(std::string_view text) {
  auto tree = TRY_DURING(json::parse(text), "reading etcd's word on a snapshot");
  auto const* revision = tree.find("revision");
  auto const* keys = tree.find("totalKey");
  auto const r = revision ? revision->as_unsigned() : std::nullopt;
  auto const k = keys ? keys->as_unsigned() : std::nullopt;
  if (!r || !k)
    return fail(Kind::invalid, "etcd's word on a snapshot has no 'revision' or no 'totalKey'");
  return SnapshotContent{.revision = *r, .total_keys = *k};
}

Duration snapshot_deadline(std::uint64_t bytes) {
  return 60s + std::chrono::seconds(bytes / kBytesPerSecond);
}

bool can_bump_revision(EtcdVersion version) {
  if (version < EtcdVersion{3, 4, 27}) return false;
  return version >= EtcdVersion{3, 5, 10} || version < EtcdVersion{3, 5, 0};
}

SnapshotTools::SnapshotTools(Process& process, fs::path directory, HttpTls tls)
    : process_(process), directory_(std::move(directory)), tls_(std::move(tls)) {}

std::string SnapshotTools::restorer() const {
  auto const utl = directory_ / "etcdutl";
  return (access(utl.c_str(), X_OK) == 0 ? utl : directory_ / "etcdctl").string();
}

// The environment is clean: an ETCDCTL_ENDPOINTS of the operator's would conflict with ours.
Result<ProcessOutcome> SnapshotTools::run(std::vector<std::string> argv, std::string_view doing,
                                          Duration deadline, std::stop_token stop) {
  ProcessSpec spec{
      .argv = std::move(argv), .environment = {"ETCDCTL_API=3"}, .input = {}, .deadline = deadline};
  auto ran = process_.run(spec, std::move(stop));
  if (!ran) {
    if (ran.error().code == std::errc::no_such_file_or_directory)
      return fail(Kind::invalid,
                  "{}: {} is not installed; install it beside etcd, or say where it is with "
                  "etcd.backups.tools",
                  doing, spec.argv.front());
    return fail(ran.error(), "{}", doing);
  }
  if (ran->exit_code != 0)
    return fail(Kind::transient, "{}: {} ended with {}: {}", doing, spec.argv.front(),
                ran->exit_code, last_words(ran->said()));
  return ran;
}

Result<void> SnapshotTools::save(std::string const& endpoint, fs::path const& file,
                                 std::uint64_t expected_size, std::stop_token stop) {
  auto const deadline = snapshot_deadline(expected_size);
  std::vector<std::string> argv = {
      (directory_ / "etcdctl").string(), "--endpoints=" + endpoint, "--dial-timeout=5s",
      fmt::format("--command-timeout={}s", deadline / std::chrono::seconds(1))};
  if (!tls_.ca_file.empty()) {
    argv.push_back("--cacert=" + tls_.ca_file);
    argv.push_back("--cert=" + tls_.cert_file);
    argv.push_back("--key=" + tls_.key_file);
  }
  argv.insert(argv.end(), {"snapshot", "save", file.string()});
  fs::path const part(file.string() + ".part");
  SampledWork const work("snapshot of " + endpoint, Progress::Unit::bytes, expected_size,
                         [&] { return size_of(part); });
  auto ran = run(std::move(argv), fmt::format("saving a snapshot from {}", endpoint), deadline + 5s,
                 std::move(stop));
  if (ran) return {};
  std::error_code ignored;
  fs::remove(file, ignored);
  fs::remove(part, ignored);
  return std::unexpected(ran.error());
}

Result<SnapshotContent> SnapshotTools::status(fs::path const& file, std::stop_token stop) {
  std::error_code error;
  auto const size = fs::file_size(file, error);
  auto ran = TRY(run({restorer(), "snapshot", "status", file.string(), "-w", "json"},
                     "reading the snapshot", snapshot_deadline(error ? 0 : size), std::move(stop)));
  return parse_snapshot_status(ran.out);
}

Result<void> SnapshotTools::restore(fs::path const& file, RestoreSpec const& spec,
                                    std::stop_token stop) {
  std::error_code error;
  auto const size = fs::file_size(file, error);
  auto const mine = std::ranges::find(spec.members, spec.name, &InitialMember::name);
  if (mine == spec.members.end())
    return fail(Kind::internal, "{} is not among the members to restore", spec.name);
  std::vector<std::string> argv = {restorer(),
                                   "snapshot",
                                   "restore",
                                   file.string(),
                                   "--name=" + spec.name,
                                   "--data-dir=" + spec.data_dir.string(),
                                   "--initial-cluster=" + initial_cluster_text(spec.members),
                                   "--initial-cluster-token=" + spec.token,
                                   "--initial-advertise-peer-urls=" + mine->peer_url};
  if (spec.bump) {
    argv.push_back(fmt::format("--bump-revision={}", kBump));
    argv.emplace_back("--mark-compacted");
  }
  SampledWork const work("restore of the snapshot", Progress::Unit::bytes, error ? 0 : size,
                         [&] { return size_of(spec.data_dir / "member" / "snap" / "db"); });
  auto ran = TRY(run(std::move(argv), "restoring the snapshot",
                     snapshot_deadline(error ? 0 : 2 * size), std::move(stop)));
  return {};
}

Result<EtcdVersion> SnapshotTools::version(std::stop_token stop) {
  auto ran =
      TRY(run({restorer(), "version"}, "asking for the tool's version", 10s, std::move(stop)));
  // "etcdctl version: 3.4.23", "etcdutl version: 3.5.30", each on a first line of its own.
  auto line = std::string_view(ran.out).substr(0, ran.out.find('\n'));
  if (auto at = line.rfind(' '); at != std::string_view::npos) line.remove_prefix(at + 1);
  auto version = parse_etcd_version(line);
  if (!version) return fail(Kind::invalid, "'{} version' does not say which it is", restorer());
  return *version;
}

}  // namespace haagent::bootstrap
