#include "tests/support/pki_documents.h"

#include "bootstrap/pki/leaves.h"
#include "tests/support/fake_clock.h"

namespace haagent::test {

void add_authorities(MemoryStore& store) {
  static auto const objects = [] {
    using namespace bootstrap::pki;
    FakeClock clock;
    MemoryStore made(clock);
    Making const making{.organization = "prod.example.com", .lifetime = std::chrono::hours(87'600)};
    for (auto const& file : trust_files())
      (void)read_or_make_authority(made, file.authority, making, clock.utc(), {}).value();
    (void)read_or_make_service_account_key(made, {}).value();
    return made.objects();
  }();
  for (auto const& [key, bytes] : objects) store.put(key, bytes);
}

}  // namespace haagent::test
