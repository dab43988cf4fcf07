// A small database as bbolt writes it: a root page with buckets in it, for what reads snapshots.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>

namespace haagent::test {

using BoltBuckets = std::map<std::string, std::map<std::string, std::string>>;

namespace bolt {

inline constexpr std::size_t kPage = 4096;

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<char const*>(&value), sizeof value};
}

inline std::string header(std::uint64_t id, std::uint16_t flags, std::uint16_t count) {
  return raw(id) + raw(flags) + raw(count) + raw(std::uint32_t{0});
}

// With its header; `buckets`: its values are such.
inline std::string leaf(std::uint64_t id, std::map<std::string, std::string> const& items,
                        bool buckets) {
  auto page = header(id, 0x02, static_cast<std::uint16_t>(items.size()));
  std::string data;
  std::size_t left = items.size();
  for (auto const& [key, value] : items) {
    auto const position = left-- * 16 + data.size();
    page += raw(std::uint32_t{buckets}) + raw(static_cast<std::uint32_t>(position)) +
            raw(static_cast<std::uint32_t>(key.size())) +
            raw(static_cast<std::uint32_t>(value.size()));
    data += key + value;
  }
  return page + data;
}

inline std::string meta(std::uint64_t id, std::uint64_t root, std::uint64_t pages,
                        std::uint64_t transaction) {
  auto body = raw(std::uint32_t{0xed0cdaed}) + raw(std::uint32_t{2}) +
              raw(static_cast<std::uint32_t>(kPage)) + raw(std::uint32_t{0}) + raw(root) +
              raw(std::uint64_t{0}) + raw(std::uint64_t{2}) + raw(pages) + raw(transaction);
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char const c : body) hash = (hash ^ c) * 0x100000001b3;
  return header(id, 0x04, 0) + body + raw(hash);
}

}  // namespace bolt

// Pages 0 and 1 are meta, 2 the freelist, 3 a branch to 4, the root's leaf; the buckets are inline.
inline std::string bolt_database(BoltBuckets const& buckets) {
  std::map<std::string, std::string> root;
  for (auto const& [name, items] : buckets)
    root[name] = bolt::raw(std::uint64_t{0}) + bolt::raw(std::uint64_t{0}) +
                 bolt::leaf(0, items, /*buckets=*/false);
  auto branch = bolt::header(3, 0x01, 1) + bolt::raw(std::uint32_t{16}) +
                bolt::raw(std::uint32_t{1}) + bolt::raw(std::uint64_t{4}) + "a";
  std::string database;
  for (auto page : {bolt::meta(0, 3, 5, 8), bolt::meta(1, 3, 5, 7), bolt::header(2, 0x10, 0),
                    branch, bolt::leaf(4, root, /*buckets=*/true)}) {
    page.resize(bolt::kPage, '\0');
    database += page;
  }
  return database;
}

}  // namespace haagent::test
