#include "bootstrap/etcd/drill.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "agent/base/last_words.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr char const* kName = "drill";

// One that nobody listens on now. Taken in between, etcd says so and the drill fails.
Result<int> free_port() {
  FileDescriptor const fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return fail_errno(errno, "looking for a free port");
  return ntohs(address.sin_port);
}

class Drill {
 public:
  Drill(EtcdCluster cluster, BackupParts const& parts, BackupManifest const& manifest,
        fs::path folder)
      : parts_(parts),
        backups_(cluster, parts),
        manifest_(manifest),
        folder_(std::move(folder)),
        tls_(etcd_client_tls(parts.root)) {
    report_.name = manifest.name;
  }

  DrillReport run(std::stop_token stop) {
    stage("download and compare", [&] { return backups_.fetch(manifest_, file(), stop); }) &&
        stage("restore", [&] { return restore(stop); }) &&
        stage("start etcd and read", [&] { return serve(stop); });
    return std::move(report_);
  }

 private:
  fs::path file() const { return folder_ / "snapshot.db"; }
  fs::path data() const { return folder_ / "data"; }

  template <class Do>
  bool stage(std::string_view what, Do&& carry_out) {
    auto const began = parts_.clock.steady();
    auto done = carry_out();
    if (!done) {
      report_.failure = fmt::format("{}: {}", what, done.error().what);
      return false;
    }
    report_.stages.push_back(
        {std::string(what), std::chrono::duration_cast<Duration>(parts_.clock.steady() - began)});
    return true;
  }

  Result<void> restore(std::stop_token stop) {
    auto peer = free_port();
    if (!peer) return std::unexpected(peer.error());
    peer_url_ = fmt::format("http://127.0.0.1:{}", *peer);
    return backups_.tools().restore(file(),
                                    {.name = kName,
                                     .members = {{.name = kName, .peer_url = peer_url_}},
                                     .token = kName,
                                     .data_dir = data(),
                                     .bump = false},
                                    std::move(stop));
  }

  // With the cluster's own certificates where it has some: the data is no less secret here.
  Result<void> serve(std::stop_token stop) {
    auto port = free_port();
    if (!port) return std::unexpected(port.error());
    bool const secured = !tls_.ca_file.empty();
    auto const url = fmt::format("{}://127.0.0.1:{}", secured ? "https" : "http", *port);
    std::vector<std::string> argv = {parts_.config.etcd.binary,
                                     fmt::format("--name={}", kName),
                                     "--data-dir=" + data().string(),
                                     "--listen-client-urls=" + url,
                                     "--advertise-client-urls=" + url,
                                     "--listen-peer-urls=" + peer_url_,
                                     "--initial-advertise-peer-urls=" + peer_url_,
                                     fmt::format("--initial-cluster={}={}", kName, peer_url_)};
    if (secured) {
      auto const pki = fs::path(tls_.ca_file).parent_path();
      argv.insert(argv.end(), {"--trusted-ca-file=" + tls_.ca_file, "--client-cert-auth=true",
                               "--cert-file=" + (pki / "server.crt").string(),
                               "--key-file=" + (pki / "server.key").string()});
    }
    auto const deadline = snapshot_deadline(manifest_.size);
    Result<ProcessOutcome> ended = ProcessOutcome{};
    std::atomic<bool> gone = false;
    std::stop_source ending;
    std::jthread etcd([&] {
      ended = parts_.process.run(
          {.argv = argv, .environment = {}, .input = {}, .deadline = deadline + 30s},
          ending.get_token());
      gone = true;
    });
    auto const answered = read(url, deadline, gone, stop);
    ending.request_stop();
    etcd.join();
    if (answered) return {};
    if (ended && ended->exit_code != 0) {
      return fail(Kind::transient, "etcd ended with {}: {}", ended->exit_code,
                  last_words(ended->err));
    }
    return answered;
  }

  Result<void> read(std::string const& url, Duration deadline, std::atomic<bool> const& gone,
                    std::stop_token stop) {
    EtcdClient client(parts_.http, {url}, tls_);
    auto const end = parts_.clock.steady() + deadline;
    for (;;) {
      // A linearizable read: the restored member leads, and has applied its log.
      auto found = client.get("haagent-drill", Consistency::linearizable, stop);
      auto status =
          found ? client.status(stop) : Result<EtcdStatus>(std::unexpected(found.error()));
      if (status) {
        report_.revision = status->header.revision;
        report_.db_size = status->db_size;
        if (status->header.revision >= manifest_.revision) return {};
        return fail(Kind::invalid, "it serves revision {}, and the backup was taken at {}",
                    status->header.revision, manifest_.revision);
      }
      if (gone) return fail(Kind::transient, "etcd has ended");
      if (parts_.clock.steady() >= end)
        return fail(Kind::transient, "etcd does not serve after {}: {}", to_words(deadline),
                    status.error().what);
      if (!parts_.clock.sleep(100ms, stop)) return fail(Kind::interrupted, "stopped");
    }
  }

  BackupParts const& parts_;
  Backups backups_;
  BackupManifest const& manifest_;
  fs::path const folder_;
  HttpTls const tls_;
  std::string peer_url_;
  DrillReport report_;
};

}  // namespace

Duration DrillReport::took() const {
  Duration sum{0};
  for (auto const& stage : stages) sum += stage.took;
  return sum;
}

Result<DrillReport> restore_drill(EtcdCluster cluster, BackupParts const& parts,
                                  BackupManifest const& manifest, std::stop_token stop) {
  auto folder = Backups(cluster, parts).scratch("drill", restore_space(manifest.size));
  if (!folder) return std::unexpected(folder.error());
  return Drill(cluster, parts, manifest, folder->path()).run(std::move(stop));
}

}  // namespace haagent::bootstrap
