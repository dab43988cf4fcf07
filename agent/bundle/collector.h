// Asks all sources side by side, each within its own time and all within the whole: one that hangs
// costs nothing but its own files.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/bundle/redactor.h"

namespace haagent::bundle {

// What a file's bytes are, so how they are redacted.
enum class Format {
  text,
  own_json,         // haagent's
  kubernetes_yaml,  // of Kubernetes and etcd
  unit_settings,    // NAME=value
  flags,            // command lines
  metrics,
  config,  // {config, origins}, made by config_document()
};

struct Piece {
  std::string path;  // below the node's folder; its last part may be a name that was found
  Format format = Format::text;
  std::string how;  // "journalctl -u kubelet.service ..."
  std::string bytes{};
  std::string missing{};  // why there are no bytes
  bool cut = false;
  Duration took{0};
  // A document that is cut says nothing: of its kind are the last to be.
  bool newest_lines = false;  // of what has to be cut, the end stays
};

// What sources learn for the redactor.
struct Learned {
  std::vector<std::string> names;
  std::vector<std::string> secrets;
  Tree config{};  // the node's, as the sources say it
};

// Where a source puts what it has, as soon as it has it: what it had before it hung is kept.
class Basket {
 public:
  virtual ~Basket() = default;
  virtual void put(Piece piece) = 0;
  virtual void learn(Learned learned) = 0;
};

struct Source {
  std::string name;  // "etcd main"
  std::string path;  // what is missing where it gives nothing
  std::string how;
  Duration deadline{15'000};
  // Owns all that it uses: one that hangs is left behind.
  std::function<void(Basket&, std::stop_token)> collect;
};

struct Collected {
  std::vector<Piece> pieces;
  Learned learned;
  bool left_behind = false;  // a source hangs still; its thread uses what it owns
};

// `told` after each source that is finished or given up: how many of them, and which.
using Progress =
    std::function<void(std::size_t finished, std::size_t all, std::string const& name)>;
Collected collect(std::vector<Source> sources, Duration whole, Progress const& told,
                  std::stop_token stop);

struct File {
  std::string path;
  std::string how;
  std::string missing;
  Duration took{0};
  bool cut = false;
  std::string bytes;
};

// Redacts every piece, and cuts what is longest until all fit into `most` bytes. The last file is
// the MANIFEST.
struct About {
  std::string haagent, node, cluster;
  UtcTime made{};
  Duration timeout{0};
  std::size_t most = 0;
};
std::vector<File> finished(Collected collected, About const& about);

}  // namespace haagent::bundle
