#include "bootstrap/etcd/wal.h"

#include <gtest/gtest.h>

#include <string>

namespace haagent::bootstrap {
namespace {

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7u) bytes += static_cast<char>(value | 0x80u);
  return bytes + static_cast<char>(value);
}

std::string number(unsigned field, std::uint64_t value) {
  return varint(field << 3u) + varint(value);
}

std::string text(unsigned field, std::string const& bytes) {
  return varint(field << 3u | 2u) + varint(bytes.size()) + bytes;
}

// A frame of the log, padded to eight bytes as etcd does it.
std::string framed(std::string const& record) {
  auto const padding = (8 - record.size() % 8) % 8;
  std::uint64_t length = record.size();
  if (padding) length |= (0x80u | padding) << 56u;
  std::string bytes;
  for (unsigned i = 0; i < 8; ++i) bytes += static_cast<char>(length >> 8 * i);
  return bytes + record + std::string(padding, '\0');
}

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

TEST(EtcdLog, ATornOrEmptyEndIsTheEnd) {
  auto const log = entry(5, kHealth);
  EXPECT_EQ(note(log + std::string(4096, '\0') + entry(6, kHealth)).size(), 1u);
  for (std::size_t cut = 0; cut < log.size() - 8; ++cut)
    EXPECT_EQ(note(log.substr(0, cut)), Found());
  EXPECT_EQ(note(std::string(64, '\xff')), Found());
}

}  // namespace
}  // namespace haagent::bootstrap
