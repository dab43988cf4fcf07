// Holds every #include against two short tables: the arrows between our folders, which are the rows
// of CMakeLists.txt, and the one home of each third-party header. An arrow that is not in the table
// fails, and so does a row that no code uses.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/source_dir.h"

namespace {

namespace fs = std::filesystem;

// A row of a CMakeLists.txt: haagent_library(FOLDER DEPENDS FOLDER... APART FILE...).
struct Floor {
  std::string folder;
  std::set<std::string> may_use;
  std::set<std::string> apart;
};

// In the order of the file, which is from the ground up: a folder may use itself and what its row
// names. The deepest folder that has a row counts, so "agent" is agent/*.cc alone.
std::vector<Floor> floors_of(fs::path const& file) {
  std::ifstream stream(file);
  std::string const text{std::istreambuf_iterator<char>(stream), {}};
  std::regex const row(
      R"((?:^|\n)(?:haagent_library\(|haagent_program\(haagent )([^\s)]+)([^)]*)\))");
  std::vector<Floor> floors;
  for (std::sregex_iterator match(text.begin(), text.end(), row), end; match != end; ++match) {
    Floor floor{.folder = (*match)[1], .may_use = {}, .apart = {}};
    std::istringstream words((*match)[2]);
    std::string list;
    for (std::string word; words >> word;) {
      if (std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; })) {
        list = word;
      } else if (list == "DEPENDS") {
        floor.may_use.insert(word);
      } else if (list == "APART") {
        floor.apart.insert(word);
      }
    }
    floors.push_back(std::move(floor));
  }
  return floors;
}

// Header prefix -> the files that may name it. fmt is everywhere: it is how an Error says its
// sentence.
std::map<std::string, std::set<std::string>> const kHomes = {
    {"curl/curl.h", {"agent/base/libcurl.h"}},
    {"nlohmann/", {"agent/base/json.cc"}},
    {"yaml-cpp/", {"agent/base/yaml.cc"}},
    {"sdbus-c++/", {"agent/base/units_systemd.cc"}},
    {"pugixml.hpp", {"agent/aws/ec2_xml.cc", "agent/aws/s3_xml.cc", "agent/aws/sts_xml.cc"}},
    {"libudev.h", {"volumes/device_udev.cc"}},
    {"blkid/", {"volumes/probe.cc"}},
    {"libmount/", {"volumes/mount.cc"}},
    {"spdlog/", {"agent/runtime/log.cc"}},
    {"systemd/sd-daemon.h", {"agent/runtime/notify.cc", "agent/runtime/kept_sockets.cc"}},
    {"systemd/sd-journal.h", {"agent/base/journal.cc"}},
    {"zlib.h", {"agent/config/gzip.cc"}},
    {"zstd.h", {"agent/bundle/archive.cc", "agent/bundle/archive_reader.cc"}},
    {"CLI/", {"agent/cli/cli.cc"}},
    {"openssl/hmac.h", {"agent/aws/sigv4.cc"}},
    {"openssl/evp.h",
     {"agent/aws/sigv4.cc", "agent/base/base64.cc", "agent/base/sha256.cc",
      "bootstrap/pki/libcrypto.h"}},
    {"openssl/bio.h", {"bootstrap/pki/libcrypto.h"}},
    {"openssl/core_names.h", {"bootstrap/pki/web_token.cc"}},
    {"openssl/ec.h", {"bootstrap/pki/keys.cc", "bootstrap/pki/web_token.cc"}},
    {"openssl/err.h", {"bootstrap/pki/libcrypto.h", "agent/server/connection.cc"}},
    {"openssl/ssl.h",
     {"agent/server/connection.cc", "agent/base/server_key.cc", "agent/base/system_trust.cc"}},
    {"openssl/pem.h", {"bootstrap/pki/libcrypto.h", "agent/server/connection.cc"}},
    {"openssl/param_build.h", {"bootstrap/pki/web_token.cc"}},
    {"openssl/pkcs7.h", {"bootstrap/pki/signed_document.cc"}},
    {"openssl/rand.h", {"bootstrap/pki/keys.cc"}},
    {"openssl/rsa.h", {"bootstrap/pki/keys.cc"}},
    {"openssl/x509.h", {"bootstrap/pki/libcrypto.h"}},
    {"openssl/x509v3.h", {"bootstrap/pki/x509.cc", "bootstrap/pki/libcrypto.cc"}},
};

struct Include {
  std::string file;
  std::string header;
  bool quoted;
};

std::vector<Include> includes_below(fs::path const& root, std::vector<std::string> const& tops) {
  std::vector<Include> found;
  std::regex const pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  for (auto const& top : tops) {
    if (!fs::exists(root / top)) continue;
    for (auto const& entry : fs::recursive_directory_iterator(root / top)) {
      auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      std::ifstream file(entry.path());
      std::smatch match;
      for (std::string line; std::getline(file, line);) {
        if (std::regex_search(line, match, pattern)) {
          found.push_back({fs::relative(entry.path(), root).string(), match[2], match[1] == "\""});
        }
      }
    }
  }
  return found;
}

class Layering : public testing::Test {
 protected:
  std::string folder_of(std::string const& path) const {
    std::string deepest;
    for (auto const& floor : floors_)
      if (path.starts_with(floor.folder + "/") && floor.folder.size() > deepest.size())
        deepest = floor.folder;
    return deepest;
  }

  fs::path const root_ = haagent::test::source_dir();
  std::vector<Floor> const floors_ = floors_of(root_ / "CMakeLists.txt");
  std::vector<Include> const product_ = includes_below(root_, {"agent", "volumes", "bootstrap"});
};

TEST_F(Layering, ArrowsBetweenFoldersAreInTheTableAndEachOneIsUsed) {
  ASSERT_GT(product_.size(), 100u) << "the sources were not found";
  ASSERT_GT(floors_.size(), 20u) << "CMakeLists.txt has no rows";
  std::map<std::string, std::set<std::string>> used;
  for (auto const& include : product_) {
    if (!include.quoted) continue;
    auto const from = folder_of(include.file);
    auto const to = folder_of(include.header);
    EXPECT_NE(from, "") << include.file << " is in a folder without a row in the table";
    EXPECT_NE(to, "") << include.file << " includes \"" << include.header
                      << "\", which is in no folder of the table";
    if (from != to) used[from].insert(to);
    auto const floor = std::ranges::find(floors_, from, &Floor::folder);
    EXPECT_TRUE(from == to || (floor != floors_.end() && floor->may_use.contains(to)))
        << include.file << " includes " << include.header << ": " << from << " must not use " << to;
  }
  for (auto const& floor : floors_)
    for (auto const& to : floor.may_use)
      EXPECT_TRUE(used[floor.folder].contains(to))
          << "no code uses the arrow " << floor.folder << " -> " << to;
}

TEST_F(Layering, NoArrowRunsUp) {
  std::set<std::string> below;
  for (auto const& floor : floors_) {
    for (auto const& to : floor.may_use)
      EXPECT_TRUE(below.contains(to))
          << floor.folder << " uses " << to << ", which is not below it";
    below.insert(floor.folder);
  }
}

// What a worker's boot is made of, through each header that it includes and that header's source.
TEST_F(Layering, AWorkersBootIsMadeOfNothingThatAMasterAloneNeeds) {
  std::multimap<std::string, std::string> includes;
  for (auto const& include : product_)
    if (include.quoted) includes.emplace(include.file, include.header);
  std::vector<std::string> reached = {"agent/boot/worker_boot.cc"};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    auto const [first, last] = includes.equal_range(reached[i]);
    for (auto each = first; each != last; ++each)
      for (auto const& file :
           {each->second, fs::path(each->second).replace_extension(".cc").string()})
        if (std::ranges::find(reached, file) == reached.end()) reached.push_back(file);
  }
  ASSERT_GT(reached.size(), 20u) << "the sources were not found";
  for (auto const& file : reached)
    for (auto const* masters : {"volumes/", "bootstrap/etcd/", "bootstrap/hosts/",
                                "bootstrap/encryption/", "agent/base/store_clock"})
      EXPECT_FALSE(file.starts_with(masters)) << file;
}

TEST_F(Layering, EachThirdPartyHeaderHasOneHome) {
  std::set<std::string> used;
  for (auto const& include : product_) {
    if (include.quoted) continue;
    for (auto const& [prefix, homes] : kHomes) {
      if (!include.header.starts_with(prefix)) continue;
      EXPECT_TRUE(homes.contains(include.file))
          << include.file << " includes <" << include.header << ">";
      used.insert(prefix);
    }
    bool known =
        std::ranges::any_of(
            kHomes, [&](auto const& home) { return include.header.starts_with(home.first); }) ||
        include.header.starts_with("fmt/") || include.header.starts_with("sys/") ||
        include.header.starts_with("linux/") || include.header.starts_with("netinet/") ||
        include.header.starts_with("arpa/") || include.header.starts_with("net/");
    static std::set<std::string> const posix = {
        "fcntl.h",  "unistd.h",  "signal.h", "spawn.h",  "poll.h",  "grp.h",
        "pwd.h",    "dirent.h",  "sched.h",  "stdlib.h", "netdb.h", "ifaddrs.h",
        "string.h", "strings.h", "malloc.h", "utmpx.h",  "dlfcn.h", "pthread.h"};
    bool standard = include.header.find('.') == std::string::npos || posix.contains(include.header);
    EXPECT_TRUE(known || standard)
        << include.file << " includes <" << include.header << ">, which has no row in the table";
  }
  for (auto const& [prefix, homes] : kHomes) {
    EXPECT_TRUE(used.contains(prefix)) << "no code includes <" << prefix << "...>";
  }
}

// The names of what a source declares in its anonymous namespaces, without those that it only
// brings in. The sources are as clang-format writes them.
std::set<std::string> own_names(fs::path const& path) {
  static std::regex const type(R"(^(?:struct|class|enum class|enum|union) (\w+)\b(?!\().*)");
  static std::regex const value(R"(^[^=({]*?\b(\w+)(?:\[\w*\])?\s*[=({;].*)");
  std::set<std::string> names;
  std::ifstream file(path);
  bool inside = false;
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    if (line == "namespace {") inside = true;
    if (line == "}  // namespace") inside = false;
    if (!inside || line.empty() || std::string_view(" /}#)").contains(line[0]) ||
        line.starts_with("using ") || line.starts_with("namespace "))
      continue;
    if (std::regex_match(line, match, type) || std::regex_match(line, match, value))
      names.insert(match[1]);
  }
  return names;
}

// Several sources of a folder are compiled as one (cmake/targets.cmake). Two functions of one name
// would be overloads there, and a call could reach the other source's.
TEST_F(Layering, WhatASourceKeepsToItselfHasANameOfItsOwnInTheFolder) {
  std::size_t seen = 0;
  for (auto const* cmake : {"CMakeLists.txt", "tests/CMakeLists.txt", "tests/sim/CMakeLists.txt"}) {
    for (auto const& floor : floors_of(root_ / cmake)) {
      std::map<std::string, std::string> home;
      for (auto const& entry : fs::directory_iterator(root_ / floor.folder)) {
        auto const file = entry.path().filename().string();
        if (entry.path().extension() != ".cc" || file == "main.cc" || floor.apart.contains(file))
          continue;
        for (auto const& name : own_names(entry.path())) {
          auto const [place, is_new] = home.try_emplace(name, file);
          ++seen;
          EXPECT_TRUE(is_new) << floor.folder << "/" << file << " and " << place->second
                              << " both declare " << name
                              << " in an anonymous namespace: rename one or share it";
        }
      }
      for (auto const& file : floor.apart)
        EXPECT_TRUE(fs::exists(root_ / floor.folder / file))
            << cmake << " names " << file << " of " << floor.folder << ", which is gone";
    }
  }
  EXPECT_GT(seen, 1000u) << "the sources were not read";
}

TEST_F(Layering, EveryFolderSaysWhatLivesThere) {
  std::set<fs::path> folders;
  for (auto const& top :
       {"agent", "volumes", "bootstrap", "tests", "bench", "packaging", "units"}) {
    if (!fs::exists(root_ / top)) continue;
    folders.insert(root_ / top);
    for (auto const& entry : fs::recursive_directory_iterator(root_ / top)) {
      auto name = entry.path().filename().string();
      if (entry.is_regular_file() && (name.ends_with(".cc") || name.ends_with(".h"))) {
        folders.insert(entry.path().parent_path());
      }
    }
  }
  for (auto const& folder : folders) {
    // The unit tests mirror the sources; one page above them speaks for all.
    if (fs::relative(folder, root_).string().starts_with("tests/unit/")) continue;
    EXPECT_TRUE(fs::exists(folder / "README.md")) << folder << " has no README.md";
  }
}

}  // namespace
