#include "agent/base/messages.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace haagent {

Message together(std::vector<Message> const& all) {
  if (all.empty()) return {};
  std::vector<std::string> texts;
  std::vector<std::string> advices;
  std::vector<std::string> subjects;
  for (auto const& each : all) {
    texts.push_back(each.text);
    if (!each.advice.empty() && std::ranges::count(advices, each.advice) == 0)
      advices.push_back(each.advice);
    if (!each.subject.empty()) subjects.push_back(each.subject);
  }
  return Message(all.front().reason, fmt::format("{}", fmt::join(texts, "; ")),
                 fmt::format("{}", fmt::join(advices, "; ")))
      .about(fmt::format("{}", fmt::join(subjects, ", ")));
}

}  // namespace haagent
