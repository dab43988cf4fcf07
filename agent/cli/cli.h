// The command line: what haagent can be asked, in one place. Man pages and completions are made
// from it.
#pragma once

namespace haagent {

// Parses and runs; returns the exit code.
int run_cli(int argc, char** argv);

}  // namespace haagent
