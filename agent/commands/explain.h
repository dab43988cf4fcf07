#pragma once

#include <optional>
#include <string>

#include "agent/base/reason.h"
#include "agent/runtime/terminal.h"

namespace haagent {

// `haagent explain [REASON]`: what a reason means, what haagent does about it, and what the
// operator does; without one, all of them. Usage where there is none of that name, with the
// nearest.
int run_explain(std::string const& reason, OutputFormat form);

// Pure: the pages of it. `width` is the terminal's.
std::string explanation_page(Explanation const& explanation, int width);
std::string explanations_page(int width);
Tree explanation_tree(Explanation const& explanation);

// Every reason, for docs/reasons.md, which alerts link to: #volumeheldelsewhere is a place in it.
std::string explanations_markdown();

// What 'journalctl -x' says below a line of a reason, in the form of systemd's message catalogs.
std::string message_catalog();

}  // namespace haagent
