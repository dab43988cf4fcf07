#include "bootstrap/etcd/maintenance/defrag.h"

#include <algorithm>

#include "bootstrap/etcd/backup/snapshot.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kServesAgain = 60s;

std::string name_of(EtcdMember const& member) {
  return member.name.empty() ? etcd_id_text(member.id) : member.name;
}

}  // namespace

Result<std::vector<DefragTarget>> defrag_order(std::vector<EtcdMember> const& members,
                                               std::vector<DefragTarget> const& answers) {
  std::vector<std::string> silent;
  for (auto const& member : members) {
    auto const heard = std::ranges::any_of(
        answers, [&](DefragTarget const& each) { return each.member.id == member.id; });
    if (!heard) silent.push_back(name_of(member));
  }
  if (!silent.empty())
    return std::unexpected(Error(
        Kind::refused,
        Message(Reason::MembersNotWell,
                fmt::format(
                    "{} {} not answer: a member does not serve while it is defragmented, so all "
                    "others must be up",
                    in_words(silent), silent.size() == 1 ? "does" : "do"),
                fmt::format("bring {} back first", silent.size() == 1 ? "it" : "them"))
            .about(in_words(silent))));
  auto order = answers;
  std::ranges::sort(order, {}, [](DefragTarget const& each) {
    return std::pair(each.status.leader == each.member.id, each.member.id);
  });
  return order;
}

Result<void> defragment(Http& http, Clock& clock, HttpTls const& tls,
                        std::vector<DefragTarget> const& order,
                        std::function<void(DefragDone const&)> const& done, std::stop_token stop) {
  for (auto const& [member, status] : order) {
    auto const name = name_of(member);
    EtcdClient slow(http, member.client_urls, tls, {.request = snapshot_deadline(status.db_size)});
    auto const began = clock.steady();
    TRY_DURING(slow.defragment(stop), "defragmenting {}", name);
    auto const took = std::chrono::duration_cast<Duration>(clock.steady() - began);
    // Serving again, and in step with its leader, before the next one stops.
    EtcdClient client(http, member.client_urls, tls);
    for (;;) {
      auto now = client.status(stop);
      if (now && now->leader != 0) {
        done({.name = name, .before = status.db_size, .after = now->db_size, .took = took});
        break;
      }
      if (clock.steady() - began > took + kServesAgain)
        return fail(Kind::transient, "{} was defragmented, and does not serve again: {}", name,
                    now ? "it sees no leader" : now.error().message.sentence());
      if (!clock.sleep(200ms, stop)) return fail(Kind::interrupted, "stopped");
    }
  }
  return {};
}

}  // namespace haagent::bootstrap
