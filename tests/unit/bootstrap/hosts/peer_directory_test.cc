#include "bootstrap/hosts/peer_directory.h"

#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

using Members = std::set<std::string>;

EtcdVolume volume_of(std::string member, std::vector<std::string> members) {
  return {.volume_id = "vol-" + member, .member = std::move(member), .members = std::move(members)};
}

// Who the members are: each row adds one source to what my volume's tag says.
struct Row {
  char const* what;
  std::vector<EtcdVolume> shown;  // by EC2
  Members in_hosts;
  std::optional<Members> listed;  // by etcd
  Members members;
};

TEST(PeerDirectory, SettlesWhoTheMembersAre) {
  for (auto const& row : {
           Row{"EC2 was not asked: whom my own tag lists", {}, {}, Members{}, {"a", "b"}},
           Row{"EC2 shows more than my tag of the boot",
               {volume_of("a", {"a", "b", "c"})},
               {},
               Members{},
               {"a", "b", "c"}},
           Row{"and fewer", {volume_of("a", {"a"})}, {}, Members{}, {"a"}},
           Row{"a volume whose tag cannot be read names nobody",
               {volume_of("a", {"a"}), {.volume_id = "vol-x", .tag_error = "it says 'x'"}},
               {},
               Members{},
               {"a"}},
           Row{"etcd has one whom no tag lists",
               {volume_of("a", {"a"})},
               {},
               Members{"a", "b"},
               {"a", "b"}},
           Row{"a name in the block stays while etcd's list is not known",
               {volume_of("a", {"a"})},
               {"b"},
               std::nullopt,
               {"a", "b"}},
           Row{"and goes once etcd has nobody of it",
               {volume_of("a", {"a"})},
               {"b"},
               Members{"a"},
               {"a"}},
       }) {
    PeerDirectory directory;
    for (auto const& member : row.in_hosts) directory.found_in_hosts(member, "10.0.0.9");
    if (row.listed) directory.take_list(EtcdCluster::main, *row.listed);
    directory.settle({{EtcdCluster::main, volume_of("a", {"a", "b"}), row.shown}});
    EXPECT_EQ(directory.members(), row.members) << row.what;
  }
}

TEST(PeerDirectory, AnAddressThatIsMineNowIsNobodyElses) {
  PeerDirectory directory;
  directory.found_in_hosts("a", "10.0.0.9");
  directory.found_in_hosts("b", "10.0.0.2");
  directory.settle({{EtcdCluster::main, volume_of("a", {"a", "b", "c"}), {}}});
  EXPECT_EQ(directory.address_of("a", "10.0.0.1"), "10.0.0.1") << "mine is this machine's";
  EXPECT_EQ(directory.address_of("b", "10.0.0.1"), "10.0.0.2");
  EXPECT_EQ(directory.address_of("b", "10.0.0.2"), "") << "it was b's before";
  EXPECT_EQ(directory.address_of("c", "10.0.0.1"), "") << "nobody has said";
}

TEST(PeerDirectory, BelievesNoFormerHolderUntilEc2ShowsItAgain) {
  PeerDirectory directory;
  UtcTime const now{1'768'472'100s};
  directory.settle({{EtcdCluster::main, volume_of("a", {"a", "b"}), {}}});
  directory.take_ec2("b", {"i-1", "10.0.0.2", now - 1h}, SteadyTime(1s));
  directory.take_ec2("b", {"i-2", "10.0.0.3", now - 1min}, SteadyTime(200s));
  Announcement const former{.main = "b", .instance_id = "i-1", .address = "10.0.0.2", .since = now};
  EXPECT_EQ(directory.receive(former, now, SteadyTime(201s)).answer.what,
            AnnouncementAnswer::What::no);
  EXPECT_EQ(directory.address_of("b", "10.0.0.1"), "10.0.0.3");
  Announcement const next{.main = "b", .instance_id = "i-3", .address = "10.0.0.4", .since = now};
  auto const heard = directory.receive(next, now, SteadyTime(202s));
  EXPECT_EQ(heard.answer.what, AnnouncementAnswer::What::yes);
  EXPECT_TRUE(heard.moved);
  EXPECT_EQ(directory.address_of("b", "10.0.0.1"), "10.0.0.4");
  EXPECT_FALSE(directory.receive(next, now, SteadyTime(203s)).moved) << "said again";
}

}  // namespace
}  // namespace haagent::bootstrap
