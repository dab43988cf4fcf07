// Holds every #include against two short tables: the arrows between our folders, and the one home
// of each third-party header. An arrow that is not in the table fails, and so does a row that no
// code uses.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/source_dir.h"

namespace {

namespace fs = std::filesystem;

struct Arrow {
  std::string from;
  std::string to;
  auto operator<=>(Arrow const&) const = default;
};

// A folder may include itself; beyond that, only this. The deepest folder that the table names
// counts, so "agent" is agent/*.cc alone.
std::set<Arrow> const kArrows = {
    {"agent/aws", "agent/base"}, {"volumes", "agent/base"},  {"volumes", "agent/aws"},
    {"bootstrap", "agent/base"}, {"bootstrap", "agent/aws"}, {"agent", "agent/base"},
    {"agent", "agent/aws"},      {"agent", "volumes"},       {"agent", "bootstrap"},
};
std::vector<std::string> const kFolders = {"agent/base", "agent/aws", "agent", "volumes",
                                           "bootstrap",  "tests",     "bench"};

// Header prefix -> the files that may name it. fmt is everywhere: it is how an Error says its
// sentence.
std::map<std::string, std::set<std::string>> const kHomes = {
    {"curl/", {"agent/base/http_curl.cc"}},
    {"nlohmann/", {"agent/base/json.cc"}},
    {"yaml-cpp/", {"agent/base/yaml.cc"}},
    {"sdbus-c++/", {"agent/base/units_systemd.cc"}},
    {"pugixml.hpp", {"agent/aws/ec2_xml.cc", "agent/aws/s3_xml.cc"}},
    {"libudev.h", {"volumes/device_udev.cc"}},
    {"blkid/", {"volumes/probe.cc"}},
    {"libmount/", {"volumes/mount.cc"}},
    {"spdlog/", {"agent/log.cc"}},
    {"systemd/sd-daemon.h", {"agent/notify.cc"}},
    {"systemd/sd-journal.h", {"agent/base/journal.cc"}},
    {"zlib.h", {"agent/gzip.cc"}},
    {"CLI/", {"agent/cli.cc"}},
    {"openssl/hmac.h", {"agent/aws/sigv4.cc"}},
    {"openssl/evp.h", {"agent/aws/sigv4.cc", "agent/base/sha256.cc", "bootstrap/pki/x509.cc"}},
    {"openssl/bio.h", {"bootstrap/pki/x509.cc"}},
    {"openssl/ec.h", {"bootstrap/pki/x509.cc"}},
    {"openssl/err.h", {"bootstrap/pki/x509.cc", "agent/server_connection.cc"}},
    {"openssl/ssl.h", {"agent/server_connection.cc"}},
    {"openssl/pem.h", {"bootstrap/pki/x509.cc", "agent/server_connection.cc"}},
    {"openssl/rand.h", {"bootstrap/pki/x509.cc"}},
    {"openssl/rsa.h", {"bootstrap/pki/x509.cc"}},
    {"openssl/x509", {"bootstrap/pki/x509.cc"}},
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

std::string folder_of(std::string const& path) {
  for (auto const& folder : kFolders) {
    if (path.starts_with(folder + "/")) return folder;
  }
  return "";
}

class Layering : public testing::Test {
 protected:
  fs::path const root_ = haagent::test::source_dir();
  std::vector<Include> const product_ = includes_below(root_, {"agent", "volumes", "bootstrap"});
};

TEST_F(Layering, ArrowsBetweenFoldersAreInTheTableAndEachRowIsUsed) {
  ASSERT_GT(product_.size(), 100u) << "the sources were not found";
  std::set<Arrow> used;
  for (auto const& include : product_) {
    if (!include.quoted) continue;
    Arrow arrow{folder_of(include.file), folder_of(include.header)};
    EXPECT_NE(arrow.to, "") << include.file << " includes \"" << include.header
                            << "\", which is not written from the root";
    if (arrow.from == arrow.to) continue;
    EXPECT_TRUE(kArrows.contains(arrow)) << include.file << " includes " << include.header << ": "
                                         << arrow.from << " must not reach " << arrow.to;
    used.insert(arrow);
  }
  for (auto const& arrow : kArrows) {
    EXPECT_TRUE(used.contains(arrow))
        << "no code uses the row " << arrow.from << " -> " << arrow.to;
  }
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
    static std::set<std::string> const posix = {"fcntl.h",  "unistd.h",  "signal.h", "spawn.h",
                                                "poll.h",   "grp.h",     "pwd.h",    "dirent.h",
                                                "sched.h",  "stdlib.h",  "netdb.h",  "ifaddrs.h",
                                                "string.h", "strings.h", "malloc.h", "utmpx.h"};
    bool standard = include.header.find('.') == std::string::npos || posix.contains(include.header);
    EXPECT_TRUE(known || standard)
        << include.file << " includes <" << include.header << ">, which has no row in the table";
  }
  for (auto const& [prefix, homes] : kHomes) {
    EXPECT_TRUE(used.contains(prefix)) << "no code includes <" << prefix << "...>";
  }
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
