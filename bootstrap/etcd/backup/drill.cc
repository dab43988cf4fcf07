#include "bootstrap/etcd/backup/drill.h"

#include <filesystem>

#include "bootstrap/etcd/backup/trial.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

constexpr char const* kName = "drill";

class Drill {
 public:
  Drill(EtcdCluster cluster, BackupDeps const& deps, BackupManifest const& manifest,
        fs::path folder)
      : deps_(deps), backups_(cluster, deps), manifest_(manifest), folder_(std::move(folder)) {
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
    auto const began = deps_.clock.steady();
    auto done = carry_out();
    if (!done) {
      report_.failure = fmt::format("{}: {}", what, done.error().message.sentence());
      return false;
    }
    report_.stages.push_back(
        {std::string(what), std::chrono::duration_cast<Duration>(deps_.clock.steady() - began)});
    return true;
  }

  Result<void> restore(std::stop_token stop) {
    auto peer = TRY(free_peer_url());
    peer_url_ = std::move(peer);
    return backups_.tools().restore(file(),
                                    {.name = kName,
                                     .members = {{.name = kName, .peer_url = peer_url_}},
                                     .token = kName,
                                     .data_dir = data(),
                                     .bump = false},
                                    std::move(stop));
  }

  Result<void> serve(std::stop_token stop) {
    return serve_on_trial(
        deps_, {.name = kName, .data_dir = data(), .peer_url = peer_url_, .size = manifest_.size},
        [&](EtcdClient& client) -> Result<void> {
          auto status = TRY(client.status(stop));
          report_.revision = status.header.revision;
          report_.db_size = status.db_size;
          if (status.header.revision >= manifest_.revision) return {};
          return fail(Kind::invalid, "it serves revision {}, and the backup was taken at {}",
                      status.header.revision, manifest_.revision);
        },
        stop);
  }

  BackupDeps const& deps_;
  Backups backups_;
  BackupManifest const& manifest_;
  fs::path const folder_;
  std::string peer_url_;
  DrillReport report_;
};

}  // namespace

Duration DrillReport::took() const {
  Duration sum{0};
  for (auto const& stage : stages) sum += stage.took;
  return sum;
}

Result<DrillReport> restore_drill(EtcdCluster cluster, BackupDeps const& deps,
                                  BackupManifest const& manifest, std::stop_token stop) {
  auto folder = TRY(Backups(cluster, deps).scratch("drill", restore_space(manifest.size)));
  return Drill(cluster, deps, manifest, folder.path()).run(std::move(stop));
}

}  // namespace haagent::bootstrap
