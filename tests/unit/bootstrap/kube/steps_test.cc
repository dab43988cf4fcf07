#include "bootstrap/kube/steps.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <map>
#include <set>

#include "agent/base/file_descriptor.h"
#include "agent/base/yaml.h"
#include "bootstrap/kube/render.h"
#include "bootstrap/layout/paths.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::kube {
namespace {

namespace fs = std::filesystem;
using test::Found;
using test::IsAbout;
using test::IsDone;
using test::IsError;
using test::IsNeeded;
using test::Says;
using testing::AllOf;
using testing::HasSubstr;

struct Stamp {
  ino_t inode;
  std::int64_t seconds, nanoseconds;
  bool operator==(Stamp const&) const = default;
};

class KubeSteps : public testing::Test {
 protected:
  KubeSteps() { facts_.identity.set(test::kube_identity()); }

  // What the runner does: looks, acts, looks again, until it is done. What it found first.
  Found converge(Step& step) {
    auto found = look(step);
    auto const first = test::found(found);
    for (int acts = 0; acts < 3 && std::holds_alternative<Needed>(found); ++acts) {
      auto acted = std::get<Needed>(found).act({});
      EXPECT_TRUE(acted) << (acted ? "" : acted.error().message.text);
      found = look(step);
    }
    EXPECT_TRUE(std::holds_alternative<Done>(found)) << sentence_of(found);
    return first;
  }
  void converge_as_far_as_it_goes(Step& step) {
    for (int looks = 0; looks < 4; ++looks) {
      auto found = look(step);
      if (!std::holds_alternative<Needed>(found)) return;
      auto acted = std::get<Needed>(found).act({});
      EXPECT_TRUE(acted) << (acted ? "" : acted.error().message.text);
    }
    ADD_FAILURE() << "it never ends";
  }
  Finding look(Step& step) {
    auto found = step.look(facts_, {});
    EXPECT_TRUE(found) << (found ? "" : found.error().message.text);
    return std::move(found).value_or(Finding(Waiting{}));
  }
  std::map<std::string, Stamp> world() {
    std::map<std::string, Stamp> stamps;
    for (auto const& entry : fs::recursive_directory_iterator(directory_.path())) {
      struct stat status{};
      EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0);
      stamps[entry.path()] = {status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
    }
    return stamps;
  }
  std::set<std::string> manifests() {
    std::set<std::string> names;
    for (auto const& entry : fs::directory_iterator(root_("/etc/kubernetes/manifests"))) {
      names.insert(entry.path().filename());
    }
    return names;
  }
  // It reads its config when it starts, and never again.
  void restart_agent() {
    std::destroy_at(&node_files_);
    std::construct_at(&node_files_, config_);
  }
  mode_t mode_of(std::string const& path) {
    struct stat status{};
    EXPECT_EQ(::stat(root_(path).c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }

  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  Facts facts_;
  NodeConfig config_ = test::kube_master();
  NodeFiles node_files_{config_};
  KubeFiles kube_files_{config_, root_, node_files_};
  KubeProxy kube_proxy_{config_, root_, node_files_};
  ControlPlane control_plane_{config_, root_, node_files_};

  // As the step pki does it on a master, and people do on a worker.
  void bring_certificate() {
    for (auto const* path : {kCa, kKubeProxyClient.cert, kKubeProxyClient.key})
      test::write_bytes(root_(path), "pem");
  }
};

TEST_F(KubeSteps, WriteWhatIsRenderedWithItsModes) {
  test::write_bytes(root_(kEncryptionConfig), "as the step encryption writes it\n");
  EXPECT_THAT(converge(kube_files_),
              AllOf(IsNeeded(Reason::KubernetesFilesDiffer),
                    IsAbout("/var/lib/kubelet/config.yaml, "), Says(" 13 ")));
  bring_certificate();
  converge(kube_proxy_);
  EXPECT_EQ(manifests(), std::set<std::string>{"kube-proxy.yaml"});
  converge(control_plane_);
  auto const files = render(config_, test::kube_identity());
  for (auto const& file : *files) {
    EXPECT_EQ(test::bytes_of(root_(file.path)), file.bytes);
    EXPECT_EQ(mode_of(file.path), file.mode) << file.path;
  }
  EXPECT_EQ(mode_of("/etc/kubernetes/kubelet.conf"), 0600u);
  EXPECT_EQ(mode_of("/etc/kubernetes/manifests"), 0700u);
  EXPECT_EQ(mode_of("/etc/kubernetes"), 0755u);
  EXPECT_EQ(mode_of("/var/lib/kubelet"), 0750u);
  EXPECT_THAT(test::found(look(kube_files_)),
              AllOf(IsDone(Reason::KubernetesFilesWritten), Says("13 ")));
  EXPECT_THAT(test::found(look(kube_proxy_)), IsDone(Reason::KubernetesFilesWritten));
  EXPECT_THAT(test::found(look(control_plane_)),
              AllOf(IsDone(Reason::KubernetesFilesWritten), Says("3 ")));
}

// Its pod mounts them, and a kubelet starts no pod whose mounts are missing.
TEST_F(KubeSteps, ReleaseKubeProxyOnlyWithItsCertificate) {
  for (auto role : {Role::master, Role::worker}) {
    SCOPED_TRACE(role == Role::master ? "master" : "worker");
    fs::remove_all(root_("/etc"));
    fs::remove_all(root_("/var"));
    config_.role = role;
    converge(kube_files_);
    converge_as_far_as_it_goes(kube_proxy_);
    EXPECT_TRUE(manifests().empty());
    EXPECT_TRUE(fs::is_directory(root_("/etc/kubernetes/pki/kube-proxy"))) << "who fills it?";
    for (auto const* path : {kCa, kKubeProxyClient.cert, kKubeProxyClient.key}) {
      auto const found = look(kube_proxy_);
      // A worker's boot ends without: it may have a kube-proxy of another kind.
      EXPECT_EQ(std::holds_alternative<Done>(found), role == Role::worker);
      EXPECT_EQ(message_of(found).reason, Reason::KubeProxyCertificateMissing);
      EXPECT_THAT(message_of(found).subject, HasSubstr(path));
      test::write_bytes(root_(path), "pem");
      EXPECT_TRUE(manifests().empty());
    }
    converge(kube_proxy_);
    EXPECT_EQ(manifests(), std::set<std::string>{"kube-proxy.yaml"});
    // One that goes again takes no running kube-proxy away.
    fs::remove(root_(kKubeProxyClient.key));
    converge_as_far_as_it_goes(kube_proxy_);
    converge(kube_files_);
    EXPECT_EQ(manifests(), std::set<std::string>{"kube-proxy.yaml"});
  }
}

// Trap: the kubelet of 1.35 does not start on cgroup v1, and nobody would say why.
TEST_F(KubeSteps, SayThatTheKubeletDoesNotStartOnCgroupV1) {
  struct {
    char const* version;
    char const* overlay;
    bool v1, starts;
  } const rows[] = {{"1.34.9", "{}", true, true},
                    {"1.35.0", "{}", true, false},
                    {"1.37.0", "{}", true, false},
                    {"1.35.0", "failCgroupV1: false", true, true},
                    {"1.34.9", "failCgroupV1: true", true, false},
                    {"1.35.0", "{}", false, true},
                    {"1.34.9", "singleProcessOOMKill: false", true, false},
                    {"1.34.9", "singleProcessOOMKill: true", true, true},
                    {"1.34.9", "singleProcessOOMKill: false", false, true},
                    {"1.36.0", "{failCgroupV1: false, singleProcessOOMKill: false}", true, false},
                    {"1.31.0", "singleProcessOOMKill: false", true, true}};  // not known there
  for (auto const& row : rows) {
    SCOPED_TRACE(fmt::format("{} {} {}", row.version, row.overlay, row.v1));
    fs::remove_all(root_("/sys/fs/cgroup"));
    test::write_bytes(
        root_(row.v1 ? "/sys/fs/cgroup/memory/tasks" : "/sys/fs/cgroup/cgroup.controllers"), "");
    config_.kubernetes.version = row.version;
    config_.kubelet.config = yaml::parse(row.overlay).value();
    auto found = kube_files_.look(facts_, {});
    ASSERT_EQ(found.has_value(), row.starts) << "whether this kubelet starts";
    if (row.starts) continue;
    EXPECT_THAT(test::found(found), IsError(Reason::KubeletWouldNotStart));
    EXPECT_EQ(found.error().kind, Kind::invalid);
    EXPECT_THAT(found.error().message.sentence(),
                HasSubstr(std::string_view(row.overlay).contains("singleProcessOOMKill")
                              ? "singleProcessOOMKill"
                              : "failCgroupV1"));
  }
}

TEST_F(KubeSteps, TouchNothingTheSecondTime) {
  converge(kube_files_);
  converge(control_plane_);
  auto before = world();
  EXPECT_TRUE(std::holds_alternative<Done>(look(kube_files_)));
  EXPECT_TRUE(std::holds_alternative<Done>(look(control_plane_)));
  EXPECT_EQ(world(), before);
}

TEST_F(KubeSteps, LookingNeverWrites) {
  look(kube_files_);
  look(control_plane_);
  EXPECT_TRUE(world().empty());
}

TEST_F(KubeSteps, WriteOnlyWhatChanged) {
  converge(kube_files_);
  converge(control_plane_);
  auto before = world();
  config_.scheduler.endpoint = EndpointMode::replicated;
  restart_agent();
  EXPECT_EQ(converge(kube_files_).message.subject, "/etc/kubernetes/scheduler.conf");
  EXPECT_EQ(converge(control_plane_).message.subject,
            "/etc/kubernetes/manifests/kube-scheduler.yaml");
  auto after = world();
  for (auto const& [path, stamp] : before) {
    bool changed = path.ends_with("/scheduler.conf") || path.ends_with("/kube-scheduler.yaml") ||
                   path.ends_with("/kube-files.json");
    if (fs::is_directory(path) || (changed && !path.ends_with("kubernetes/kube-scheduler.yaml"))) {
      continue;
    }
    EXPECT_EQ(after[path], stamp) << path;
  }
}

TEST_F(KubeSteps, PutBackWhatSomebodyChanged) {
  converge(kube_files_);
  auto const path = root_("/etc/kubernetes/kubelet.conf");
  auto const bytes = test::bytes_of(path);
  test::write_bytes(path, "server: https://elsewhere\n");
  EXPECT_EQ(converge(kube_files_).message.subject, "/etc/kubernetes/kubelet.conf");
  EXPECT_EQ(test::bytes_of(path), bytes);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(converge(kube_files_).message.subject, "/etc/kubernetes/kubelet.conf");
  EXPECT_EQ(mode_of("/etc/kubernetes/kubelet.conf"), 0600u);
}

TEST_F(KubeSteps, ClearAwayWhatAnEarlierRoleLeftButNothingOfOthers) {
  converge(kube_files_);
  bring_certificate();
  converge(kube_proxy_);
  converge(control_plane_);
  test::write_bytes(root_("/etc/kubernetes/manifests/node-exporter.yaml"), "theirs\n");
  test::write_bytes(root_("/etc/kubernetes/scheduler.conf"), "edited by hand\n");
  config_.role = Role::worker;
  restart_agent();
  EXPECT_THAT(converge(kube_files_),
              AllOf(IsNeeded(Reason::KubernetesFilesDiffer),
                    IsAbout("no /etc/kubernetes/manifests/kube-apiserver.yaml")));
  EXPECT_EQ(manifests(), (std::set<std::string>{"kube-proxy.yaml", "node-exporter.yaml"}));
  EXPECT_FALSE(fs::exists(root_("/etc/kubernetes/controller-manager.conf")));
  EXPECT_EQ(test::bytes_of(root_("/etc/kubernetes/scheduler.conf")), "edited by hand\n");
  EXPECT_THAT(test::found(look(kube_files_)),
              AllOf(IsDone(Reason::KubernetesConfigDoubtful),
                    IsAbout("/etc/kubernetes/scheduler.conf, this machine (1)"), Says("7 ")));
  fs::remove(root_("/etc/kubernetes/manifests/node-exporter.yaml"));
  EXPECT_THAT(test::found(look(kube_files_)), AllOf(IsDone(Reason::KubernetesFilesLeft),
                                                    IsAbout("/etc/kubernetes/scheduler.conf")));
}

TEST_F(KubeSteps, RemoveNothingThatTheyHaveNotWritten) {
  // A kubeadm master, made a worker: no record, so its control plane is somebody else's.
  auto const path = root_("/etc/kubernetes/manifests/kube-apiserver.yaml");
  test::write_bytes(path, "kind: Pod\n");
  config_.role = Role::worker;
  converge(kube_files_);
  EXPECT_EQ(test::bytes_of(path), "kind: Pod\n");
}

// The kubelet runs whatever does not begin with a dot.
TEST_F(KubeSteps, NeverShowTheKubeletAnythingButManifests) {
  converge(kube_files_);
  bring_certificate();
  converge(kube_proxy_);
  converge(control_plane_);
  FileDescriptor watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), root_("/etc/kubernetes/manifests").c_str(),
                                IN_CREATE | IN_MOVED_TO | IN_MODIFY),
            0);
  config_.kubernetes.version = "1.34.1";
  restart_agent();
  converge(kube_files_);
  converge(kube_proxy_);
  converge(control_plane_);
  std::multiset<std::string> shown;
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  for (ssize_t got; (got = ::read(watch.get(), buffer.data(), buffer.size())) > 0;) {
    for (char const* at = buffer.data(); at < buffer.data() + got;) {
      auto const* event = reinterpret_cast<inotify_event const*>(at);
      if (event->name[0] != '.') {
        EXPECT_TRUE(event->mask & IN_MOVED_TO) << event->name << " is written in place";
        shown.insert(event->name);
      }
      at += sizeof *event + event->len;
    }
  }
  EXPECT_EQ(shown,
            (std::multiset<std::string>{"kube-apiserver.yaml", "kube-controller-manager.yaml",
                                        "kube-proxy.yaml", "kube-scheduler.yaml"}));
  EXPECT_EQ(manifests(),
            (std::set<std::string>{"kube-apiserver.yaml", "kube-controller-manager.yaml",
                                   "kube-proxy.yaml", "kube-scheduler.yaml"}));
}

TEST_F(KubeSteps, StopBetweenFilesAndGoOnLater) {
  std::stop_source stop;
  stop.request_stop();
  auto acted = test::look_and_act(kube_files_, facts_, stop.get_token());
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::interrupted);
  converge(kube_files_);
  // What was recorded before it was written is still ours to clear away.
  config_.role = Role::worker;
  restart_agent();
  EXPECT_THAT(converge(kube_files_), IsAbout("/etc/kubernetes/admin.conf"));
}

TEST_F(KubeSteps, SayWhatIsWrongWithTheRecord) {
  test::write_bytes(root_(kRecord), "{\"files\": [}");
  auto found = kube_files_.look(facts_, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Kind::invalid);
  EXPECT_THAT(found.error().message.text, HasSubstr("kube-files.json"));
}

TEST_F(KubeSteps, PassOnWhatTheConfigGetsWrong) {
  config_.apiserver.extra_args = {{"cloud-provider", "aws"}};
  for (Step* step : std::initializer_list<Step*>{&kube_files_, &control_plane_}) {
    auto found = step->look(facts_, {});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, Kind::invalid);
  }
  EXPECT_TRUE(world().empty());
}

// What an apiserver is told of and does not find would make it crash-loop.
TEST_F(KubeSteps, HoldTheApiserverBackUntilItsFilesAreThere) {
  config_.apiserver.extra_args = {{"audit-policy-file", "/etc/kubernetes/audit/policy.yaml"}};
  converge(kube_files_);
  auto const found = control_plane_.look(facts_, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Kind::invalid);
  EXPECT_THAT(test::found(found), AllOf(IsError(Reason::HostFileMissing),
                                        IsAbout("apiserver.extraArgs.audit-policy-file"),
                                        Says("/etc/kubernetes/audit/policy.yaml")));
  EXPECT_FALSE(fs::exists(root_("/etc/kubernetes/manifests/kube-apiserver.yaml")));
  test::write_bytes(root_("/etc/kubernetes/audit/policy.yaml"), "kind: Policy\n");
  converge(control_plane_);
  EXPECT_THAT(test::bytes_of(root_("/etc/kubernetes/manifests/kube-apiserver.yaml")),
              HasSubstr("mountPath: /etc/kubernetes/audit\n"));
  // One that goes again takes no running apiserver away.
  fs::remove(root_("/etc/kubernetes/audit/policy.yaml"));
  EXPECT_FALSE(control_plane_.look(facts_, {}));
  EXPECT_TRUE(fs::exists(root_("/etc/kubernetes/manifests/kube-apiserver.yaml")));
  EXPECT_TRUE(std::holds_alternative<Done>(look(kube_files_)));
}

// A person may read the node's status without having run `config check`.
TEST_F(KubeSteps, SayWhatMakesAnotherNodeThanWasMeant) {
  config_.apiserver.extra_args = {{"authorization-mode", "RBAC"}};
  converge(kube_files_);
  EXPECT_THAT(test::found(look(kube_files_)),
              AllOf(IsDone(Reason::KubernetesConfigDoubtful),
                    IsAbout("apiserver.extraArgs.authorization-mode")));
  config_.apiserver.extra_args = {};
  restart_agent();
  EXPECT_THAT(test::found(look(kube_files_)), IsDone(Reason::KubernetesFilesWritten));
}

// systemd-resolved's stub listens where no pod is.
TEST_F(KubeSteps, GivePodsTheServersBehindTheStub) {
  test::write_bytes(root_("/etc/resolv.conf"), "nameserver 127.0.0.53\n");
  test::write_bytes(root_("/run/systemd/resolve/resolv.conf"), "nameserver 10.0.0.2\n");
  converge(kube_files_);
  EXPECT_THAT(test::bytes_of(root_("/var/lib/kubelet/config.yaml")),
              HasSubstr("resolvConf: /run/systemd/resolve/resolv.conf\n"));
  config_.kubelet.config = yaml::parse("resolvConf: /etc/own.conf").value();
  restart_agent();
  converge(kube_files_);
  EXPECT_THAT(test::bytes_of(root_("/var/lib/kubelet/config.yaml")),
              HasSubstr("resolvConf: /etc/own.conf\n"));
}

TEST_F(KubeSteps, NeedTheIdentity) {
  facts_.identity.clear();
  auto found = kube_files_.look(facts_, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Kind::internal);
}

TEST_F(KubeSteps, ComeBackWithTheSameBytesOnAnotherBoot) {
  converge(kube_files_);
  KubeFiles second(config_, root_, node_files_);
  EXPECT_TRUE(std::holds_alternative<Done>(look(second)));
}

}  // namespace
}  // namespace haagent::bootstrap::kube
