#include "agent/daemon/own_bundle.h"

#include "agent/base/last_words.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr char kMaxSize[] = "16MiB";
constexpr char kSourcesTake[] = "25";  // seconds
constexpr Duration kAllTakes = 50s;
constexpr std::size_t kCompressed = 8u << 20u;  // what was compressed to less than half

}  // namespace

Result<std::string> make_own_bundle(Process& process, Root const& root, std::stop_token stop) {
  // The very program that runs, also after an update has replaced its file.
  std::vector<std::string> argv = {"/proc/self/exe", "support-bundle", "--output",  "-",
                                   "--max-size",     kMaxSize,         "--timeout", kSourcesTake};
  if (root.directory() != "/") argv.insert(argv.begin() + 1, {"--root", root.directory().string()});
  auto outcome = TRY_DURING(
      process.run({.argv = argv, .deadline = kAllTakes, .output_cap = kCompressed}, stop),
      "making a support bundle");
  if (outcome.exit_code != 0)
    return fail(Kind::transient, "'haagent support-bundle' ended with {}: {}", outcome.exit_code,
                shortened(outcome.err, 300));
  if (outcome.truncated)
    return fail(Kind::transient, "the support bundle has more than {} bytes", kCompressed);
  return std::move(outcome.out);
}

}  // namespace haagent
