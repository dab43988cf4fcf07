// What pid 1 of an instance does from its first moment. It is a program of its own (haagent-sim
// with kInstanceInit): the region has many threads, and a child forked from those may not even take
// memory before it executes.
#pragma once

#include <filesystem>
#include <string>

#include "agent/base/result.h"
#include "tests/sim/init.h"
#include "tests/sim/instance_root.h"

namespace haagent::sim {

inline constexpr char kInstanceInit[] = "instance-init";  // the argument
inline constexpr int kTalk = 3;                           // its socket to the region

struct Boot {
  InstanceFolders folders;
  std::filesystem::path image;
  std::string source;  // what mountinfo calls its mounts
  std::string hostname;
  InitSpec init;
  bool containers = false;
};

// The first message on kTalk.
std::string encode(Boot const& boot);
Result<Boot> decode_boot(std::string_view text);

// What pid 1 answers, a message each; any other text is an error's. Between the two it waits for
// kGo, while the region gives it its network.
inline constexpr char kReady = 'N', kGo = 'G', kRunning = 'K';

// The whole of that program.
[[noreturn]] void be_instance();

}  // namespace haagent::sim
