// An announcement, which the holder of a master's certificate can send.
#include "bootstrap/hosts/announcement.h"

#include <algorithm>

#include "agent/base/cidr.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void hello(std::string_view bytes) {
  auto const told = bootstrap::parse_announcement(bytes);
  if (!told) return hold_error(told.error(), {Kind::invalid});
  hold(bytes.size() <= bootstrap::kAnnouncementCap, "a long one is not read");
  hold(parse_ip(told->address).has_value(), "the address is one");
  for (auto const& word : {told->cluster, told->main, told->instance_id, told->address})
    hold(!word.empty() && std::ranges::all_of(word, [](char c) { return c > ' ' && c < '\x7f'; }),
         "what is taken is one word");
  auto const again = bootstrap::parse_announcement(bootstrap::announcement_text(*told));
  hold(again && *again == *told, "what is written reads as the same");
  // What a caller sends is held against its certificate, whatever it says.
  NodeConfig config;
  config.cluster.name = told->cluster;
  hold(!bootstrap::check_announcement(config, *told, {.names = {}, .addresses = {}, .address = {}}),
       "who has no names may say nothing");
}

}  // namespace haagent::fuzz
