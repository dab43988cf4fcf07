// A boot as SVG, and as a page that holds it. Both work without a network and without scripts, in
// dark and in light.
#pragma once

#include <string>

#include "agent/timeline/picture.h"

namespace haagent::timeline {

// 1280 units wide, as high as it has lanes.
std::string svg_of(Picture const& picture);

// One HTML file: the picture, and each step in a table with what it waited for.
std::string html_of(Picture const& picture);

}  // namespace haagent::timeline
