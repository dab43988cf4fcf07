#pragma once

#include <string>

#include "agent/base/files.h"
#include "agent/config/load.h"
#include "agent/runtime/terminal.h"

namespace haagent {

struct TimelineOptions {
  Root root;
  ConfigRequest config;  // for --cluster: where EC2 is
  OutputFormat form = OutputFormat::text;
  std::string boot = "0";  // as find_boot() takes it
  std::string compare;     // the same; empty: with none but as a shadow in the picture
  std::string svg, html;   // files; "-" is standard output
  bool list = false;
  bool cluster = false;
  bool all = false;
};

int run_timeline(TimelineOptions const& options);

}  // namespace haagent
