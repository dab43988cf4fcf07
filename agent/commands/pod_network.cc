#include "agent/commands/pod_network.h"

#include "agent/base/http_curl.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/log.h"
#include "agent/runtime/notify.h"
#include "agent/runtime/signals.h"
#include "bootstrap/pod_network/loop.h"

namespace haagent {

int run_pod_network(Root const& root) {
  Signals signals;
  log::start("info");
  CurlHttp http;
  SystemProcess process;
  SystemClock clock;
  bootstrap::pod_network::Loop loop({root, http, process, clock});
  notify::ready();
  loop.run(
      [](Message const& message) {
        notify::status(message.text);
        log::info(fmt::format("reason={} {}", to_string(message.reason), message.sentence()));
      },
      signals.token());
  return kExitOk;
}

}  // namespace haagent
