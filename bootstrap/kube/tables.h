// What each release of Kubernetes knows: flags and their types, feature gates, the fields of its
// documents. The data is tables.inc, made by tests/kube/run out of the releases themselves.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/component.h"

namespace haagent::bootstrap::kube {

// A set of minors.
class Minors {
 public:
  static Minors all();
  // "31-33,36", "34-"; "" is all of them.
  static Minors parse(std::string_view text);
  bool has(int minor) const;
  int first() const;  // the oldest of them; 0 where there is none
  int last() const;
  void add(Minors const& other) { bits_ |= other.bits_; }

 private:
  unsigned bits_ = 0;  // bit 0 is kOldestKubeMinor
};

struct FlagRow {
  std::string_view name;
  std::string_view type;  // pflag's: "stringSlice"
  Minors in;
  Minors deprecated;
};

struct FieldRow {
  std::string_view name;
  std::string_view type;  // "string", "[]Taint", "{}=Quantity": see the head of tables.inc
  Minors in;
};

struct GateRow {
  struct Stage {
    Minors in;
    char stage;  // a alpha, b beta, g general, d deprecated
    bool on;
    bool locked;
  };
  struct Need {
    Minors in;
    std::string_view gate;
  };
  std::string_view name;
  std::string_view components;  // letters of k, p, a, m, s; empty: all
  std::vector<Stage> stages;
  std::vector<Need> needs;

  bool belongs_to(Component component) const;
  Stage const* at(int minor) const;
};

struct WordRow {
  std::string_view name;
  Minors in;
};

struct Tables {
  std::string_view releases;  // "1.31.0 1.32.13": what the tables were made of
  std::map<std::string_view, std::vector<FlagRow>> flags;   // by program
  std::vector<GateRow> gates;                               // by name
  std::map<std::string_view, std::vector<FieldRow>> types;  // by the struct's name
  std::map<std::string_view, std::vector<WordRow>> words;   // by what they are: "schedulerPlugin"
};

// Read once, at the first call.
Tables const& tables();
// Of another text: for tests. The rows point into it.
Tables read_tables(std::string_view text);

// The names of rows that a release has.
template <class Rows>
std::vector<std::string> names_in(Rows const& rows, int minor) {
  std::vector<std::string> names;
  for (auto const& row : rows) {
    if (row.in.has(minor)) names.emplace_back(row.name);
  }
  return names;
}

// Why a release has not what other releases have: "it came with 1.36", "1.33 took it away".
std::string when_known(Minors const& in, int minor);

}  // namespace haagent::bootstrap::kube
