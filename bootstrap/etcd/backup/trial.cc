#include "bootstrap/etcd/backup/trial.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "agent/base/last_words.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

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

// Until it serves, has ended, or the time is over.
Result<void> wait_for_it(BackupDeps const& deps, EtcdClient& client, Duration deadline,
                         std::atomic<bool> const& gone, std::stop_token const& stop) {
  auto const end = deps.clock.steady() + deadline;
  for (;;) {
    // A linearizable read: the restored member leads, and has applied its log.
    auto found = client.get("haagent-trial", Consistency::linearizable, stop);
    if (found) return {};
    if (gone) return fail(Kind::transient, "etcd has ended");
    if (deps.clock.steady() >= end)
      return fail(Kind::transient, "etcd does not serve after {}: {}", to_words(deadline),
                  found.error().message.sentence());
    if (!deps.clock.sleep(100ms, stop)) return fail(Kind::interrupted, "stopped");
  }
}

}  // namespace

Result<std::string> free_peer_url() {
  auto port = TRY(free_port());
  return fmt::format("http://127.0.0.1:{}", port);
}

// With the cluster's own certificates where it has some: the data is no less secret here.
Result<void> serve_on_trial(BackupDeps const& deps, TrialCluster const& cluster,
                            std::function<Result<void>(EtcdClient&)> const& ask,
                            std::stop_token stop) {
  auto port = TRY(free_port());
  auto const tls = etcd_client_tls(deps.root);
  bool const secured = !tls.ca_file.empty();
  auto const url = fmt::format("{}://127.0.0.1:{}", secured ? "https" : "http", port);
  std::vector<std::string> argv = {
      deps.config.etcd.binary,
      "--name=" + cluster.name,
      "--data-dir=" + cluster.data_dir.string(),
      "--listen-client-urls=" + url,
      "--advertise-client-urls=" + url,
      "--listen-peer-urls=" + cluster.peer_url,
      "--initial-advertise-peer-urls=" + cluster.peer_url,
      fmt::format("--initial-cluster={}={}", cluster.name, cluster.peer_url)};
  if (secured) {
    auto const pki = std::filesystem::path(tls.ca_file).parent_path();
    argv.insert(argv.end(), {"--trusted-ca-file=" + tls.ca_file, "--client-cert-auth=true",
                             "--cert-file=" + (pki / "server.crt").string(),
                             "--key-file=" + (pki / "server.key").string()});
  }
  auto const deadline = snapshot_deadline(cluster.size);
  Result<ProcessOutcome> ended = ProcessOutcome{};
  std::atomic<bool> gone = false;
  std::stop_source ending;
  std::jthread etcd([&] {
    ended =
        deps.process.run({.argv = argv, .environment = {}, .input = {}, .deadline = deadline + 30s},
                         ending.get_token());
    gone = true;
  });
  EtcdClient client(deps.http, {url}, tls);
  auto answered = wait_for_it(deps, client, deadline, gone, stop);
  if (answered) answered = ask(client);
  ending.request_stop();
  etcd.join();
  if (answered) return {};
  if (ended && ended->exit_code != 0) {
    return fail(Kind::transient, "etcd ended with {}: {}", ended->exit_code,
                last_words(ended->said()));
  }
  return answered;
}

}  // namespace haagent::bootstrap
