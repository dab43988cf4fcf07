#include "bootstrap/etcd/member/restart.h"

#include <fmt/format.h>

namespace haagent::bootstrap {

RestartDecision decide_restart(RestartInputs const& in) {
  bool const another = !in.version.empty();
  if (!in.configuration && !another && !in.trust) return StaysUp{};
  // What must not be started must not be stopped for.
  if (another && !in.refusal.empty())
    return StaysUp{
        Message(Reason::EtcdVersionUnfit,
                fmt::format("etcd {} is installed and not started: {}", in.version, in.refusal))
            .about(in.version)};
  auto const with = another    ? "etcd " + in.version
                    : in.trust ? std::string("its changed authorities")
                               : std::string("its changed configuration");
  auto const wait = in.trust && !another ? "wait" : "waits";
  if (!in.all_serve)
    return StaysUp{Message(Reason::EtcdRestartWaits,
                           fmt::format("{} {} until every member serves", with, wait))};
  // Authorities are granted by the turn alone.
  if (in.trust || in.alone || in.my_turn)
    return RestartsNow{another    ? RestartFor::version
                       : in.trust ? RestartFor::trust
                                  : RestartFor::configuration,
                       with};
  return StaysUp{
      Message(
          Reason::EtcdRestartWaits,
          in.turn.empty()
              ? fmt::format("{} {} for this master's turn to restart: nothing to do", with, wait)
              : fmt::format("{} {} for this master's turn to restart: it is {}'s, and goes on "
                            "once every voter is healthy",
                            with, wait, in.turn))
          .about(in.turn),
      /*asks_for_turn=*/true};
}

}  // namespace haagent::bootstrap
