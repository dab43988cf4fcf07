// The authorities of a cluster that has been there for a while. Made once a process, so that a test
// of hundreds of worlds makes RSA keys for none of them.
#pragma once

#include "tests/support/memory_store.h"

namespace haagent::test {

// Those of prod.example.com, from 2026-01-15T10:15:00Z for ten years.
void add_authorities(MemoryStore& store);

}  // namespace haagent::test
