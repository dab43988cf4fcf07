#include "agent/status/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <sstream>

#include "agent/base/bytes_text.h"
#include "agent/base/json.h"
#include "agent/runtime/terminal.h"
#include "agent/status/json.h"

namespace haagent {
namespace {

using State = RowStatus::State;

char const* colour_of(State state) {
  switch (state) {
    case State::done:
      return "\033[32m";
    case State::looking:
    case State::acting:
      return "\033[36m";
    case State::waiting:
    case State::retrying:
    case State::drifted:
      return "\033[33m";
    case State::failed:
    case State::refused:
      return "\033[31m";
    case State::blocked:
      return "\033[90m";
  }
  return "";
}

Duration between(UtcTime from, UtcTime to) {
  return std::max(Duration(0), std::chrono::duration_cast<Duration>(to - from));
}

std::string writer_sentence(StatusReport const& report, Writer writer) {
  switch (writer) {
    case Writer::alive:
    case Writer::ended:
      return "";
    case Writer::gone:
      return fmt::format(
          "haagent is not running: pid {} is gone. etcd and kubelet go on without it; start it "
          "with "
          "'systemctl start haagent'.",
          report.pid);
    case Writer::other_boot:
      return "This page is from before the last reboot; haagent has not started since.";
  }
  return "";
}

}  // namespace

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::working:
      return "working";
    case Phase::ready:
      return "ready";
    case Phase::degraded:
      return "degraded";
    case Phase::failed:
      return "failed";
    case Phase::refused:
      return "refused";
    case Phase::handing_over:
      return "handing over";
    case Phase::warm:
      return "in the warm pool";
    case Phase::handed_over:
      return "handed over";
  }
  return "failed";
}

UtcTime store_time(StatusReport const& report, UtcTime now) {
  return report.clock && report.clock->ahead ? now - *report.clock->ahead : now;
}

Phase phase_of(StatusReport const& report) {
  auto any = [&](State state) {
    return std::ranges::any_of(report.rows, [&](auto const& row) { return row.state == state; });
  };
  if (!report.handing_over.empty()) {
    return report.handed_over ? Phase::handed_over : Phase::handing_over;
  }
  if (any(State::refused)) return Phase::refused;
  if (any(State::failed)) return Phase::failed;
  if (report.warm) return Phase::warm;
  auto not_done = [](RowStatus const& row) { return row.state != State::done; };
  if (report.rows.empty() || !report.booted) return Phase::working;
  return std::ranges::any_of(report.rows, not_done) ? Phase::degraded : Phase::ready;
}

std::vector<std::string> critical_path(std::vector<RowStatus> const& rows) {
  auto finished_later = [](RowStatus const& a, RowStatus const& b) {
    return a.finished < b.finished;  // an empty optional is less than any time
  };
  std::vector<std::string> path;
  auto current = std::ranges::max_element(rows, finished_later);
  while (current != rows.end() && current->finished) {
    // Other agents' pages come here too: rows that come after each other in a circle end it.
    if (std::ranges::find(path, current->name) != path.end()) break;
    path.insert(path.begin(), current->name);
    auto last = rows.end();
    for (auto const& name : current->after) {
      auto row = std::ranges::find(rows, name, &RowStatus::name);
      if (row != rows.end() && (last == rows.end() || finished_later(*last, *row))) last = row;
    }
    current = last;
  }
  return path;
}

void fill_from_facts(StatusReport& report, Facts& facts) {
  report.identity = facts.identity.get();
  report.etcd.clear();
  for (auto cluster : kEtcdClusters) {
    auto& etcd = facts.etcd(cluster);
    auto volume = etcd.volume.get();
    if (!volume) continue;
    EtcdStatus status;
    status.cluster = cluster;
    status.volume_id = volume->volume_id;
    status.device_name = volume->device_name;
    if (auto device = etcd.device.get()) status.device = device->path;
    if (auto mount = etcd.mount.get()) status.mount_point = mount->mount_point;
    status.member = etcd.member.get();
    status.health = etcd.health.get();
    status.timing = etcd.timing.get();
    status.backup = etcd.backup_duty.get();
    status.log = etcd.log.get();
    status.space = etcd.space.get();
    status.copy = etcd.copy.get();
    status.blank = etcd.blank.get().value_or(false);
    report.etcd.push_back(std::move(status));
  }
  report.clock = facts.clock.get();
  report.joins = facts.joins.get().value_or(JoinFacts{});
  report.kubelet = facts.kubelet.get();
  report.addons = facts.addons.get();
  report.pki = facts.pki.get().value_or(PkiFacts{});
  report.filesystems = facts.filesystems.get().value_or(std::vector<FilesystemFacts>{});
  report.peers = facts.main.peers.get().value_or(std::vector<EtcdPeer>{});
}

std::vector<std::string> certificates_near_their_end(PkiFacts const& pki, UtcTime now) {
  std::vector<std::string> sentences;
  for (auto const& each : pki.certificates) {
    // A leaf is renewed within a minute of its time, or something keeps it.
    auto const patience =
        each.authority ? UtcTime::duration(0) : (each.not_after - each.renew_at) / 4;
    if (now < each.renew_at + patience) continue;
    auto const days = std::chrono::duration_cast<std::chrono::days>(each.not_after - now).count();
    auto const when = now >= each.not_after ? std::string("has ended")
                      : days < 2 ? fmt::format("ends in {}", to_words(between(now, each.not_after)))
                                 : fmt::format("ends in {} days", days);
    sentences.push_back(fmt::format("{} {} {}, {}", each.authority ? "authority" : "certificate",
                                    each.name, when, to_rfc3339(each.not_after)));
  }
  return sentences;
}

std::vector<FilesystemFacts> filesystems_short_of_room(StatusReport const& report) {
  std::vector<FilesystemFacts> found;
  auto add = [&](FilesystemFacts const& each) {
    if (each.level != SpaceLevel::ok) found.push_back(each);
  };
  for (auto const& etcd : report.etcd)
    if (etcd.space) add(*etcd.space);
  std::ranges::for_each(report.filesystems, add);
  std::ranges::stable_sort(found, std::greater(), &FilesystemFacts::level);
  return found;
}

bool says_of(RowStatus const& row, FilesystemFacts const& filesystem) {
  auto const reason = row.message.reason;
  return (reason == Reason::SpaceLow || reason == Reason::SpaceExhausted) &&
         row.message.subject == filesystem.subject;
}

std::string with_reason(RowStatus const& row) {
  auto sentence = row.message.sentence();
  if (row.state == State::done || row.state == State::blocked || sentence.empty()) return sentence;
  return fmt::format("{}: {}", to_string(row.message.reason), sentence);
}

Result<std::optional<StatusReport>> read_status(Root const& root) {
  auto text = TRY(read_file(root(std::filesystem::path(kStatusFile)), kStatusCap));
  if (!text) return std::nullopt;
  auto tree = TRY_DURING(json::parse(*text), "reading {}", kStatusFile);
  return TRY(status_from_tree(tree));
}

std::string read_boot_id(Root const& root) {
  auto text = read_file(root("/proc/sys/kernel/random/boot_id"), 4096);
  if (!text || !*text) return "";
  auto id = **text;
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::uint64_t read_pid_start(pid_t pid) {
  auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text || !*text) return 0;
  // The command stands in parentheses and may hold spaces; field 22 is the 20th after it (proc(5)).
  auto close = (*text)->rfind(')');
  if (close == std::string::npos) return 0;
  std::istringstream fields((*text)->substr(close + 1));
  std::string field;
  for (int i = 0; i < 20; ++i) fields >> field;
  std::uint64_t start = 0;
  std::from_chars(field.data(), field.data() + field.size(), start);
  return start;
}

Writer writer_of(StatusReport const& report, Root const& root) {
  if (report.boot_id != read_boot_id(root)) return Writer::other_boot;
  if (report.pid_start != 0 && read_pid_start(report.pid) == report.pid_start) return Writer::alive;
  return report.stays ? Writer::gone : Writer::ended;
}

int status_exit_code(StatusReport const& report, Writer writer) {
  if (writer == Writer::other_boot) return 4;
  if (writer == Writer::gone) return 1;
  auto const lacking = filesystems_short_of_room(report);
  if (!lacking.empty() && lacking.front().level == SpaceLevel::critical) return 1;
  switch (phase_of(report)) {
    case Phase::ready:
      return 0;
    case Phase::working:
      return writer == Writer::alive ? 3 : 1;
    default:
      return 1;
  }
}

std::string status_page(StatusReport const& report, Writer writer, UtcTime now, int width,
                        bool colour) {
  auto const columns = static_cast<std::size_t>(std::max(width, 60));
  auto paint = [&](char const* code, std::string_view text) {
    return colour ? fmt::format("{}{}\033[0m", code, text) : std::string(text);
  };
  std::string page;
  auto head = report.role.empty() ? std::string("node")
                                  : fmt::format("{} of {}", report.role, report.cluster);
  if (report.identity) {
    head += fmt::format(", {} in {}, {}", report.identity->instance_id, report.identity->zone,
                        report.identity->address);
  }
  page += printable(head) + '\n';

  // The sentence first: what the node is, and what it waits for.
  auto phase = phase_of(report);
  auto worst = std::ranges::find_if(report.rows, [&](RowStatus const& row) {
    return row.state == State::refused || row.state == State::failed;
  });
  if (worst == report.rows.end()) {
    worst = std::ranges::find_if(report.rows, [](RowStatus const& row) {
      return row.state != State::done && row.state != State::blocked;
    });
  }
  std::string headline(to_string(phase));
  if (phase == Phase::ready) {
    headline += fmt::format(" for {}; the boot took {}", to_words(between(*report.booted, now)),
                            to_words(report.boot_took.value_or(Duration(0))));
  } else if (worst != report.rows.end()) {
    headline += fmt::format(" for {}: {}", to_words(between(worst->since, now)),
                            worst->message.text.empty() ? worst->name : worst->message.sentence());
  }
  if (!report.handing_over.empty()) headline += fmt::format(" ({})", report.handing_over);
  if (phase == Phase::warm) headline += ": prepares, does not join";
  auto code = phase == Phase::ready      ? "\033[1;32m"
              : phase == Phase::working  ? "\033[1;36m"
              : phase == Phase::degraded ? "\033[1;33m"
                                         : "\033[1;31m";
  page += paint(code, wrapped(headline, 0, columns)) + '\n';
  if (auto sentence = writer_sentence(report, writer); !sentence.empty()) {
    page += paint("\033[1;31m", wrapped(sentence, 0, columns)) + '\n';
  }
  for (auto const& sentence : certificates_near_their_end(report.pki, store_time(report, now)))
    page += paint("\033[1;31m", wrapped(sentence, 2, columns)) + '\n';
  // The headline has one of the steps that are not done, and none where all are.
  for (auto const& each : filesystems_short_of_room(report))
    if (phase == Phase::ready || worst == report.rows.end() || !says_of(*worst, each))
      page += paint(each.level == SpaceLevel::critical ? "\033[1;31m" : "\033[1;33m",
                    wrapped(each.message, 2, columns)) +
              '\n';
  page += '\n';

  std::size_t name_width = 4;
  for (auto const& row : report.rows) name_width = std::max(name_width, row.name.size());
  page +=
      fmt::format("{:<{}}  {:<8}  {:>12}  {}\n", "STEP", name_width, "STATE", "TOOK/SINCE", "WHAT");
  for (auto const& row : report.rows) {
    std::string time;
    if (row.state == State::done && row.finished && row.began) {
      time = to_words(between(*row.began, *row.finished));
    } else if (row.state != State::blocked) {
      time = to_words(between(row.since, now));
    }
    auto indent = name_width + 2 + 8 + 2 + 12 + 2;
    page += fmt::format("{:<{}}  {}  {:>12}  {}\n", printable(row.name), name_width,
                        paint(colour_of(row.state), fmt::format("{:<8}", to_string(row.state))),
                        time, wrapped(with_reason(row), indent, columns));
  }
  if (worst != report.rows.end() && !worst->message.text.empty())
    page += fmt::format("\n'haagent explain {}' says what that means and what to do.\n",
                        to_string(worst->message.reason));
  for (auto const& etcd : report.etcd) {
    if (!etcd.member) continue;
    auto const& member = *etcd.member;
    auto quorum = member.voters / 2 + 1;
    // A member that knows its leader has a quorum, no matter who did not answer this agent in time.
    auto spare = member.healthy_voters < quorum
                     ? std::string(member.leader.empty() ? "no quorum" : "seen from here")
                 : member.healthy_voters == quorum
                     ? std::string("none to spare")
                     : fmt::format("{} to spare", member.healthy_voters - quorum);
    auto line = fmt::format(
        "etcd {}: {} {} ({}), {}, {} of {} voters healthy ({}){}, etcd {}, db {:.1f} MiB of {:.1f} "
        "GiB",
        to_string(etcd.cluster), member.learner ? "learner" : "member", member.name,
        member.member_id, member.leader.empty() ? "no leader" : "leader " + member.leader,
        member.healthy_voters, member.voters, spare,
        member.silent_voters.empty()
            ? ""
            : fmt::format(", {} silent", fmt::join(member.silent_voters, " and ")),
        member.version, static_cast<double>(member.db_size) / (1 << 20),
        static_cast<double>(member.db_quota) / (1 << 30));
    if (etcd.space)
      line += fmt::format(", {} of {} free", bytes_text(etcd.space->avail),
                          bytes_text(etcd.space->size));
    page += '\n' + wrapped(line, 2, columns) + '\n';
  }
  return page;
}

}  // namespace haagent
