#include "agent/preflight/instance.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/base/file_descriptor.h"
#include "agent/base/volume_tags.h"
#include "agent/preflight/look_instance.h"
#include "tests/support/in_short.h"

namespace haagent::preflight {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using How = Reached::How;
using Answer = Asked::Answer;

// "volume-main VolumeMissing", a line each.
std::string told(Findings const& found, Level level) {
  std::string all;
  for (auto const& each : found) {
    auto const& message = each.message;
    if (each.level == level) all += fmt::format("{} {}\n", each.check, to_string(message.reason));
    if (each.level == Level::problem || each.level == Level::warning) {
      EXPECT_NE(message.advice, "") << message.text;
    }
    EXPECT_FALSE(message.text.ends_with('.')) << message.text;
  }
  return all;
}
// A finding of that level and reason, with that name or figure in its text.
auto Tells(Level level, Reason reason, std::string says = "") {
  using testing::Field;
  return testing::Contains(
      AllOf(Field(&Finding::level, level),
            Field(&Finding::message,
                  AllOf(Field(&Message::reason, reason), Field(&Message::text, HasSubstr(says))))));
}
std::string amiss(Findings const& found) {
  return told(found, Level::problem) + told(found, Level::warning);
}

TEST(PreflightInstance, Metadata) {
  EXPECT_EQ(judge_metadata({"required", 1}).level, Level::ok);
  EXPECT_EQ(judge_metadata({}).level, Level::ok) << "a worker cannot know more";
  EXPECT_EQ(judge_metadata({"required", 2}).message.reason, Reason::MetadataExposed);
  EXPECT_EQ(judge_metadata({"required", 2}).level, Level::warning);
  EXPECT_EQ(judge_metadata({"optional", 1}).message.reason, Reason::MetadataExposed);
}

TEST(PreflightInstance, Clock) {
  struct Row {
    std::optional<Duration> ahead;
    Level level;
    Reason reason;
    std::string says = "";
  };
  for (auto const& row :
       std::vector<Row>{{std::nullopt, Level::untried, Reason::NotChecked},
                        {Duration(800), Level::ok, Reason::CheckPassed},
                        {Duration(-9'999), Level::ok, Reason::CheckPassed},
                        {30s, Level::warning, Reason::ClockNotSynchronized, "30"},
                        {-90s, Level::warning, Reason::ClockNotSynchronized, "1 "},
                        {-4min, Level::problem, Reason::ClockWrong, "4 "},
                        {6min, Level::problem, Reason::ClockWrong, "6 "}})
    EXPECT_THAT(Findings{judge_clock(row.ahead)}, Tells(row.level, row.reason, row.says));
}

TEST(PreflightInstance, Permissions) {
  Permissions asked;
  for (auto const& each : aws::kPermissions)
    asked[std::string(each.action)] = {Answer::allowed, {}};
  EXPECT_EQ(judge_permissions(asked, Role::worker, {}).size(), 0u) << "a worker needs none";
  EXPECT_EQ(judge_permissions(asked, Role::worker, {std::string(aws::kWithHooks)}).size(), 4u);
  EXPECT_EQ(judge_permissions(asked, Role::master, {}).size(), 5u);
  std::vector<std::string> const all = {std::string(aws::kWithHooks), std::string(aws::kWithBucket),
                                        std::string(aws::kWithKey),
                                        std::string(aws::kWithCloudWatch)};
  EXPECT_EQ(amiss(judge_permissions(asked, Role::master, all)), "");
  EXPECT_EQ(judge_permissions(asked, Role::master, all).size(),
            std::ranges::count_if(aws::kPermissions, &aws::Permission::master));

  asked["ec2:AttachVolume"] = {Answer::denied, "ec2:AttachVolume is not allowed"};
  asked["autoscaling:CompleteLifecycleAction"] = {Answer::denied, ""};
  asked["s3:PutObject"] = {Answer::unknown, "the store does not answer"};
  asked.erase("s3:DeleteObject");
  auto const found = judge_permissions(asked, Role::master, all);
  EXPECT_EQ(told(found, Level::problem), "ec2:AttachVolume PermissionDenied\n");
  EXPECT_THAT(told(found, Level::warning),
              AllOf(HasSubstr("autoscaling:CompleteLifecycleAction PermissionDenied\n"),
                    HasSubstr("s3:PutObject NotChecked\n")));
  EXPECT_EQ(told(found, Level::untried), "s3:DeleteObject NotChecked\n");
}

TEST(PreflightInstance, AWorkerWithoutTokensLacksNothing) {
  Permissions const asked = {{"sts:GetWebIdentityToken", {Answer::denied, ""}},
                             {"sts:TagGetWebIdentityToken", {Answer::denied, ""}}};
  EXPECT_EQ(amiss(judge_permissions(asked, Role::worker, {})), "");
  // A caller that knows of masters which take them says so of a token that they would not get.
  EXPECT_EQ(
      told(judge_permissions(asked, Role::worker, {std::string(aws::kWithTokens)}), Level::warning),
      "sts:GetWebIdentityToken PermissionDenied\nsts:TagGetWebIdentityToken PermissionDenied\n");
}

aws::Volume volume(std::string id, EtcdCluster cluster, std::string tag, std::string zone) {
  return {.id = std::move(id),
          .zone = std::move(zone),
          .state = "available",
          .type = "gp3",
          .encrypted = true,
          .tags = {{etcd_tag_name(cluster), std::move(tag)},
                   {"kubernetes.io/cluster/prod", "owned"},
                   {"k8s.io/role/control-plane", "1"}}};
}

TEST(PreflightInstance, AVolumeThatFillsBeforeItsQuotaIsWarnedOf) {
  VolumeFacts facts{.cluster = "prod", .instance_id = "i-1", .zone = "eu-west-1a"};
  facts.region = "eu-west-1";
  for (auto cluster : kEtcdClusters) {
    facts.volumes.push_back(
        volume(fmt::format("vol-{}", to_string(cluster)), cluster, "a/a", "eu-west-1a"));
    facts.volumes.back().size_gib = 10;
  }
  facts.quota = {{EtcdCluster::main, 8ull << 30u}, {EtcdCluster::events, 2ull << 30u}};
  EXPECT_THAT(amiss(judge_volumes(facts)), Not(HasSubstr("volume-size")));
  facts.quota[EtcdCluster::main] = 16ull << 30u;
  EXPECT_THAT(judge_volumes(facts),
              AllOf(Tells(Level::warning, Reason::QuotaExceedsVolume, "vol-main"),
                    Not(Tells(Level::warning, Reason::QuotaExceedsVolume, "vol-events"))));
}

TEST(PreflightInstance, AFullVolumeIsAProblem) {
  EtcdVolumeSpace mounted{.volume_id = "vol-1",
                          .region = "eu-west-1",
                          .mount_point = "/var/lib/haagent-etcd/main",
                          .disk = 20ull << 30u,
                          .room = {.size = 20ull << 30u, .avail = 18ull << 30u},
                          .quota = 8ull << 30u};
  EXPECT_EQ(amiss(judge_room({mounted})), "");
  mounted.room.avail = 0;
  EXPECT_THAT(told(judge_room({mounted}), Level::problem),
              HasSubstr("space:/var/lib/haagent-etcd/main SpaceExhausted"));
}

VolumeFacts three() {
  VolumeFacts facts{.cluster = "prod", .instance_id = "i-1", .zone = "eu-west-1a"};
  for (std::string const member : {"a", "b", "c"})
    for (auto cluster : kEtcdClusters)
      facts.volumes.push_back(volume(fmt::format("vol-{}-{}", to_string(cluster), member), cluster,
                                     member + "/a,b,c", "eu-west-1" + member));
  return facts;
}

TEST(PreflightInstance, GoodVolumes) {
  EXPECT_EQ(amiss(judge_volumes(three())), "");
  EXPECT_EQ(told(judge_volumes(three()), Level::ok),
            "members-main CheckPassed\n"
            "members-events CheckPassed\n"
            "volume-encryption CheckPassed\n");
}

TEST(PreflightInstance, WhatVolumesCanHaveWrong) {
  struct Row {
    std::string name;
    std::function<void(VolumeFacts&)> change;
    Level level;
    Reason reason;
    std::string says = "";
  };
  auto main_a = [](VolumeFacts& facts) -> aws::Volume& { return facts.volumes[0]; };
  std::string const main_tag = "k8s.io/etcd/main";
  for (auto const& row : std::vector<Row>{
           {"no volumes", [](auto& f) { f.volumes.clear(); }, Level::problem,
            Reason::VolumeMissing},
           {"none here", [](auto& f) { f.zone = "eu-west-1d"; }, Level::problem,
            Reason::VolumeMissing, "eu-west-1d"},
           {"bad tag", [&](auto& f) { main_a(f).tags[main_tag] = "a"; }, Level::problem,
            Reason::VolumeTagsInvalid, "vol-main-a"},
           {"not owned", [&](auto& f) { main_a(f).tags.erase("kubernetes.io/cluster/prod"); },
            Level::warning, Reason::VolumeNearlyTagged, "kubernetes.io/cluster/prod=owned"},
           {"a key in other letters",
            [&](auto& f) {
              main_a(f).tags.erase(main_tag);
              main_a(f).tags["K8s.io/etcd/main"] = "a/a,b,c";
            },
            Level::warning, Reason::VolumeNearlyTagged, "'K8s.io/etcd/main'"},
           {"members differ", [&](auto& f) { main_a(f).tags[main_tag] = "a/a,b"; }, Level::problem,
            Reason::VolumeTagsInvalid, "vol-main-b"},
           {"a member without",
            [&](auto& f) {
              std::erase_if(f.volumes, [](auto const& v) { return v.id == "vol-main-c"; });
            },
            Level::problem, Reason::VolumeMissing},
           {"twice", [&](auto& f) { main_a(f).tags[main_tag] = "b/a,b,c"; }, Level::problem,
            Reason::VolumesAmbiguous, "vol-main-a, vol-main-b"},
           {"even",
            [](auto& f) {
              std::erase_if(f.volumes, [](auto const& v) { return v.id.ends_with("c"); });
              for (auto& v : f.volumes)
                for (auto& [key, value] : v.tags)
                  if (key.starts_with("k8s.io/etcd/")) value = value.substr(0, 2) + "a,b";
            },
            Level::problem, Reason::VolumeTagsInvalid},
           {"role", [&](auto& f) { main_a(f).tags.erase("k8s.io/role/control-plane"); },
            Level::problem, Reason::VolumeTagsInvalid, "k8s.io/role/control-plane=1"},
           {"multi-attach", [&](auto& f) { main_a(f).multi_attach = true; }, Level::problem,
            Reason::VolumeUnfit},
           {"deleted with it",
            [&](auto& f) {
              main_a(f).attachments = {{.instance_id = "i-1", .delete_on_termination = true}};
            },
            Level::problem, Reason::VolumeUnfit, "i-1"},
           {"snapshot", [&](auto& f) { main_a(f).snapshot_id = "snap-1"; }, Level::problem,
            Reason::VolumeFromSnapshot, "snap-1"},
           {"not encrypted", [&](auto& f) { main_a(f).encrypted = false; }, Level::warning,
            Reason::VolumeNotEncrypted, "vol-main-a"},
           {"slow type", [&](auto& f) { main_a(f).type = "st1"; }, Level::warning,
            Reason::VolumeTypeSlow, "vol-main-a"},
           {"one zone",
            [](auto& f) {
              for (auto& v : f.volumes) v.zone = f.zone;
            },
            Level::warning, Reason::MembersInOneZone, "eu-west-1a"},
           {"pairs apart", [](auto& f) { std::swap(f.volumes[1].zone, f.volumes[3].zone); },
            Level::problem, Reason::VolumeInAnotherZone},
       }) {
    SCOPED_TRACE(row.name);
    auto facts = three();
    row.change(facts);
    auto const found = judge_volumes(facts);
    EXPECT_THAT(found, Tells(row.level, row.reason, row.says));
    (void)amiss(found);
  }
}

TEST(PreflightInstance, AnotherClustersVolumesAreNoneOfOurs) {
  auto facts = three();
  facts.volumes.push_back(volume("vol-x", EtcdCluster::main, "nonsense", "eu-west-1a"));
  facts.volumes.back().tags.erase("kubernetes.io/cluster/prod");
  facts.volumes.back().tags["kubernetes.io/cluster/other"] = "owned";
  EXPECT_EQ(amiss(judge_volumes(facts)), "");
  EXPECT_EQ(own_volumes(facts).size(), 6u);
}

TEST(PreflightInstance, Group) {
  auto judged = [](GroupFacts const& facts, Role role = Role::master) {
    return judge_group(facts, role, "haagent-launching", "haagent-terminating");
  };
  aws::GroupMember const member{"masters-a", "InService"};
  aws::LifecycleHook const launching{"haagent-launching", std::string(aws::kLaunching), 300s};
  aws::LifecycleHook const terminating{"haagent-terminating", std::string(aws::kTerminating), 300s};
  EXPECT_EQ(amiss(judged({member, {launching, terminating}})), "");
  EXPECT_EQ(amiss(judged({})), "group GroupMissing\n");
  EXPECT_EQ(amiss(judged({member, {}})), "hook-terminating HookMissing\n");
  EXPECT_EQ(amiss(judged({member, {}}, Role::worker)), "");
  auto turned = launching;
  turned.transition = aws::kTerminating;
  EXPECT_THAT(told(judged({member, {turned}}), Level::problem),
              HasSubstr("hook-launching HookMisnamed"));
  auto foreign = terminating;
  foreign.name = "theirs";
  EXPECT_THAT(amiss(judged({member, {foreign}})), HasSubstr("hook-terminating HookMisnamed"));
}

EndpointFacts endpoint(std::vector<How> const& how = {How::connected, How::connected}) {
  EndpointFacts facts{.host = "api.prod.test", .port = 443};
  facts.addresses = {"10.0.0.7", "10.0.16.7"};
  for (std::size_t i = 0; i < how.size(); ++i)
    facts.reached.push_back({facts.addresses[i % 2], 443, how[i]});
  facts.master = facts.own_apiserver = true;
  facts.status = 200;
  return facts;
}

TEST(PreflightInstance, GoodEndpoint) {
  EXPECT_EQ(amiss(judge_endpoint(endpoint())), "");
  EXPECT_EQ(judge_endpoint(endpoint()).size(), 3u);
  auto refused = endpoint();
  refused.status = 401;
  EXPECT_EQ(amiss(judge_endpoint(refused)), "") << "an apiserver that asks for a certificate";
}

TEST(PreflightInstance, WhatAnEndpointCanHaveWrong) {
  struct Row {
    std::string name;
    EndpointFacts facts;
    Level level;
    Reason reason;
    std::string says = "";
  };
  auto changed = [](EndpointFacts facts, auto change) {
    change(facts);
    return facts;
  };
  auto const booting = [&](std::vector<How> const& how) {
    return changed(endpoint(how), [](auto& f) {
      f.own_apiserver = false;
      f.status.reset();
    });
  };
  for (auto const& row : std::vector<Row>{
           {"no name",
            changed(endpoint(), [](auto& f) { f.resolve_trouble = "there is no such name"; }),
            Level::problem, Reason::EndpointUnresolved},
           {"placeholder", changed(endpoint(), [](auto& f) { f.addresses = {"203.0.113.123"}; }),
            Level::problem, Reason::EndpointMisdirected, "203.0.113.123"},
           {"placeholder, IPv6",
            changed(endpoint(), [](auto& f) { f.addresses = {"2001:db8::1"}; }), Level::problem,
            Reason::EndpointMisdirected},
           {"loopback", changed(endpoint(), [](auto& f) { f.addresses = {"127.0.1.1"}; }),
            Level::problem, Reason::EndpointMisdirected, "127.0.1.1"},
           {"hairpin", endpoint({How::connected, How::timed_out, How::connected}), Level::problem,
            Reason::EndpointHairpin},
           {"hairpin of a single master", endpoint({How::timed_out, How::timed_out}),
            Level::problem, Reason::EndpointHairpin},
           {"nobody serves yet", booting({How::refused, How::refused}), Level::warning,
            Reason::EndpointUnreachable},
           {"nobody serves yet, silent", booting({How::timed_out, How::timed_out}), Level::warning,
            Reason::EndpointUnreachable, "api.prod.test:443"},
           {"a worker that is shut out",
            changed(booting({How::timed_out, How::timed_out}), [](auto& f) { f.master = false; }),
            Level::problem, Reason::EndpointUnreachable},
           {"a zone without targets", endpoint({How::connected, How::refused}), Level::warning,
            Reason::EndpointUnreachable},
           {"not ready", changed(endpoint(), [](auto& f) { f.status = 500; }), Level::warning,
            Reason::EndpointNotReady, "500"},
           {"another's certificate",
            changed(endpoint(),
                    [](auto& f) {
                      f.status.reset();
                      f.trouble = Error{Kind::denied, "unable to get local issuer certificate", {}};
                    }),
            Level::problem, Reason::EndpointMisdirected},
           {"no TLS",
            changed(endpoint(),
                    [](auto& f) {
                      f.status.reset();
                      f.trouble = Error{Kind::transient, "wrong version number", {}};
                    }),
            Level::problem, Reason::EndpointNotReady},
           {"no TLS, before the first apiserver",
            changed(endpoint(),
                    [](auto& f) {
                      f.status.reset();
                      f.own_apiserver = false;
                      f.trouble = Error{Kind::transient, "connection closed", {}};
                    }),
            Level::warning, Reason::EndpointNotReady},
           {"no authority yet",
            changed(endpoint(),
                    [](auto& f) {
                      f.status.reset();
                      f.untold = "not looked at";
                    }),
            Level::untried, Reason::NotChecked},
       }) {
    SCOPED_TRACE(row.name);
    auto const found = judge_endpoint(row.facts);
    EXPECT_THAT(found, Tells(row.level, row.reason, row.says));
    (void)amiss(found);
  }
}

TEST(PreflightInstance, Peers) {
  auto peer = [](How how) {
    return judge_peer({"i-2", {{"10.0.16.10", 2379, How::connected}, {"10.0.16.10", 2380, how}}});
  };
  EXPECT_EQ(peer(How::connected).level, Level::ok);
  EXPECT_EQ(peer(How::refused).level, Level::ok);
  EXPECT_THAT(peer(How::refused).message.text, HasSubstr("2380"));
  EXPECT_EQ(peer(How::timed_out).level, Level::problem);
  EXPECT_EQ(peer(How::timed_out).message.reason, Reason::PeerUnreachable);
  EXPECT_THAT(peer(How::timed_out).message.text,
              AllOf(HasSubstr("i-2 (10.0.16.10)"), HasSubstr("2380")));
  EXPECT_EQ(peer(How::unreachable).level, Level::problem);
}

TEST(PreflightInstance, Store) {
  StoreFacts const bucket{.where = "s3://b/p", .bucket_region = "eu-west-1", .region = "eu-west-1"};
  EXPECT_EQ(amiss(judge_store(bucket)), "");
  auto away = bucket;
  away.bucket_region = "us-east-1";
  EXPECT_THAT(judge_store(away), Tells(Level::warning, Reason::StoreInAnotherRegion, "us-east-1"));
  auto careless = bucket;
  careless.takes_false_writes = true;
  EXPECT_THAT(judge_store(careless), Tells(Level::problem, Reason::StoreUnfit));
  EXPECT_THAT(judge_store({.where = "file:///x", .folder = true}),
              Tells(Level::problem, Reason::StoreUnfit, "file:///x"));
  EXPECT_THAT(judge_store({.where = "file:///x", .folder = true, .folder_exists = true}),
              Tells(Level::warning, Reason::StoreUnfit, "file:///x"));
}

TEST(PreflightInstance, AddressesOfAName) {
  EXPECT_EQ(addresses_in("10.0.0.7        STREAM api.prod.test\n10.0.0.7        DGRAM  \n"
                         "fd00::7 STREAM x\nnonsense\n\n"),
            (std::vector<std::string>{"10.0.0.7", "fd00::7"}));
  EXPECT_TRUE(addresses_in("").empty());
}

// A socket of this machine's own, on a port that the kernel chose.
class Listener {
 public:
  explicit Listener(bool listens) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    if (listens) ::listen(socket_.get(), 4);
  }
  int port = 0;

 private:
  FileDescriptor socket_;
};

TEST(PreflightInstance, ReachTellsWhoListensFromWhoDoesNot) {
  Listener const here(true), deaf(false);
  EXPECT_EQ(reach("127.0.0.1", here.port, 5s, {})->how, How::connected);
  EXPECT_EQ(reach("127.0.0.1", deaf.port, 5s, {})->how, How::refused);
  EXPECT_EQ(reach("not an address", 1, 5s, {}).error().kind, Kind::invalid);
}

}  // namespace
}  // namespace haagent::preflight
