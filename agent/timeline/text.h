// A boot as text: for a terminal, and for two boots side by side.
#pragma once

#include <string>

#include "agent/timeline/picture.h"

namespace haagent::timeline {

struct TextStyle {
  int width = 80;
  bool colour = false;
  bool all = false;  // steps that took next to nothing too
};

std::string text_of(Picture const& picture, TextStyle const& style);

// Each step's time in this boot, and in another.
std::string comparison_of(BootRecord const& record, BootRecord const& before,
                          TextStyle const& style);

}  // namespace haagent::timeline
