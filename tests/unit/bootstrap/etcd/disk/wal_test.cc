#include "bootstrap/etcd/disk/wal.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/etcd_log_bytes.h"

namespace haagent::bootstrap {
namespace {

using namespace test::etcd_log;

std::string entry(std::uint64_t index, std::string const& request, std::uint64_t type = 0) {
  return framed(number(1, 2) + number(2, 0xabcd) +
                text(3, number(1, type) + number(2, 7) + number(3, index) + text(4, request)));
}

std::string old_request(std::string const& method, std::string const& path) {
  return number(1, 77) + text(2, method) + text(3, path) + text(4, "{}");
}

std::string const kPublish = old_request("PUT", "/0/members/8e9e05c52164694d/attributes");
std::string const kVersion = old_request("PUT", "/0/version");
std::string const kHealth = old_request("QGET", "");
// A put of today's API: its header is field 100.
std::string const kPut = text(100, number(1, 99)) + text(4, text(1, "k") + text(2, "v"));

using Found = std::map<std::uint64_t, OldRequests>;

Found note(std::string const& log, std::uint64_t after = 0) {
  Found found;
  note_old_requests(log, after, found);
  return found;
}

TEST(EtcdLog, RequestsOfTheOldApiAreToldApart) {
  EXPECT_EQ(note(entry(5, kPut) + entry(6, "")), Found());
  EXPECT_EQ(note(entry(5, kPublish) + entry(6, kPut) + entry(7, kVersion)),
            (Found{{5, OldRequests::of_members}, {7, OldRequests::of_members}}));
  EXPECT_EQ(note(entry(5, kHealth)), (Found{{5, OldRequests::others}}));
  EXPECT_EQ(note(entry(5, old_request("PUT", "/1/key"))), (Found{{5, OldRequests::others}}));
  EXPECT_EQ(note(entry(5, old_request("DELETE", "/0/members/1/attributes"))),
            (Found{{5, OldRequests::others}}));
  // As a part of a new one.
  EXPECT_EQ(note(entry(5, number(1, 99) + text(2, kPublish))),
            (Found{{5, OldRequests::of_members}}));
  EXPECT_EQ(note(entry(5, number(1, 99) + text(2, kHealth))), (Found{{5, OldRequests::others}}));
}

TEST(EtcdLog, OnlyWhatAStartReplaysCounts) {
  auto const log = entry(5, kHealth) + entry(6, kPublish) + entry(7, kPut);
  EXPECT_EQ(note(log, 4).size(), 2u);
  EXPECT_EQ(note(log, 5), (Found{{6, OldRequests::of_members}}));
  EXPECT_EQ(note(log, 6), Found());
  EXPECT_EQ(note(entry(5, kHealth, /*a change of members=*/1)), Found());
  // A new leader wrote over the end of the log.
  EXPECT_EQ(note(log + entry(5, kPut)), Found());
  EXPECT_EQ(note(log + entry(6, kPut)), (Found{{5, OldRequests::others}}));
}

std::string snapshot(std::uint64_t term, std::uint64_t index) {
  return framed(number(1, 5) + text(3, number(1, index) + number(2, term)));
}

EtcdLogEnd end(std::uint64_t term, std::uint64_t index, std::uint64_t committed) {
  return {.cluster_id = 0xc1, .term = term, .index = index, .committed = committed};
}

TEST(EtcdLog, EndsAtItsLastEntryWhateverIsCommitted) {
  auto const log =
      metadata(0xa1, 0xc1) + entry_at(2, 5) + entry_at(2, 6) + state(5) + entry_at(3, 7);
  EXPECT_EQ(wal_end(log), end(3, 7, 5));
  EXPECT_EQ(wal_end(log).uncommitted(), 2u);
  EXPECT_EQ(wal_end(log + state(7)).uncommitted(), 0u);
  // A new leader wrote over the end of the log.
  EXPECT_EQ(wal_end(log + entry_at(4, 6)), end(4, 6, 5));
  EXPECT_EQ(wal_end(metadata(0xa1, 0xc1) + state(41)), end(0, 0, 41))
      << "a file that was just begun";
  EXPECT_EQ(wal_end(log + std::string(4096, '\0') + entry_at(9, 9)), end(3, 7, 5));
  EXPECT_EQ(wal_end(""), EtcdLogEnd());
  EXPECT_EQ(wal_end(std::string(64, '\xff')), EtcdLogEnd());
}

TEST(EtcdLog, ASnapshotCountsWhereItIsCommitted) {
  auto const log = metadata(0xa1, 0xc1) + entry_at(2, 5) + entry_at(2, 6) + state(5);
  EXPECT_EQ(wal_end(log + snapshot(2, 5)), end(2, 6, 5)) << "its own, of what is behind";
  EXPECT_EQ(wal_end(log + snapshot(3, 30) + state(30)), end(3, 30, 30)) << "a leader's";
  EXPECT_EQ(wal_end(log + snapshot(3, 30) + state(30) + entry_at(3, 31)), end(3, 31, 30));
  EXPECT_EQ(wal_end(log + snapshot(3, 30)), end(2, 6, 5)) << "one that was begun";
}

TEST(EtcdLog, GoesOnFromFileToFile) {
  auto const before = end(3, 7, 5);
  EXPECT_EQ(wal_end(metadata(0xa1, 0xc1), before), before);
  EXPECT_EQ(wal_end(metadata(0xa1, 0xc1) + snapshot(2, 5) + state(6), before), end(3, 7, 6));
  EXPECT_EQ(wal_end(metadata(0xa1, 0xc1) + state(6) + entry_at(4, 7), before), end(4, 7, 6));
  EXPECT_EQ(wal_end("no log", before).cluster_id, 0u);
}

TEST(EtcdLog, TheLaterTermGoesFurtherThenTheLaterEntry) {
  EXPECT_TRUE(goes_further(end(3, 80, 80), end(2, 100, 90)));
  EXPECT_FALSE(goes_further(end(2, 100, 90), end(3, 80, 80)));
  EXPECT_TRUE(goes_further(end(3, 81, 0), end(3, 80, 80)));
  EXPECT_FALSE(goes_further(end(3, 80, 0), end(3, 80, 80)));
}

TEST(EtcdLog, ATornOrEmptyEndIsTheEnd) {
  auto const log = entry(5, kHealth);
  EXPECT_EQ(note(log + std::string(4096, '\0') + entry(6, kHealth)).size(), 1u);
  for (std::size_t cut = 0; cut < log.size() - 8; ++cut)
    EXPECT_EQ(note(log.substr(0, cut)), Found());
  EXPECT_EQ(note(std::string(64, '\xff')), Found());
}

}  // namespace
}  // namespace haagent::bootstrap
