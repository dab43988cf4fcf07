#include <malloc.h>

#include "agent/cli/cli.h"

int main(int argc, char** argv) {
  // glibc would give each of the daemon's threads an arena of its own; they allocate little and
  // wait much.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread yet.
  mallopt(M_ARENA_MAX, 1);
  // Pieces of a backup go back to the machine as soon as they are sent. glibc would learn from the
  // first of them to keep the memory of the next.
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  return haagent::run_cli(argc, argv);
}
