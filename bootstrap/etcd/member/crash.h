// What an etcd that ends by itself died of, by its own last words, and what to do about it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace haagent::bootstrap {

enum class CrashCause {
  unknown,
  disk_full,   // its volume has no room
  read_only,   // its filesystem takes no writes
  disk_error,  // its volume does not give back what was written
  port_taken,  // another program has one of its ports
  permission,  // it may not read or write what it must
  data,        // what is on its volume cannot be used: damaged, or a part is missing
};

// `words`: of a UnitState's detail, "exited with 2: panic: ...". The causes that are not the data's
// own come first: a disk that is full or broken damages what is written, and is the older trouble.
CrashCause crash_cause(std::string_view words);

struct Crash {
  std::string words;      // "exited with 2: panic: ..."; empty: it has not ended
  std::string space_row;  // "space-main": the step that says what to do about a full volume
  std::string mount_row;  // "mount-main"
  int client_port = 2379;
  int peer_port = 2380;
  bool others_have_quorum = false;  // without it
  // The commands for either case.
  std::string replace;  // "haagent etcd replace etcd-a"
  std::string recover;
  std::string restore;
};

// What to do; empty where it is not known.
std::string crash_advice(Crash const& crash);

}  // namespace haagent::bootstrap
