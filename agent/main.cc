#include <malloc.h>

#include "agent/cli.h"

int main(int argc, char** argv) {
  // glibc would give each of the daemon's threads an arena of its own; they allocate little and
  // wait much.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread yet.
  mallopt(M_ARENA_MAX, 1);
  return haagent::run_cli(argc, argv);
}
