#include "agent/status/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <sstream>

#include "agent/base/bytes_text.h"
#include "agent/base/json.h"
#include "agent/base/row_names.h"
#include "agent/base/running.h"
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
    status.ebs = etcd.ebs.get();
    status.limited = etcd.limited.get();
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
    auto const when = now >= each.not_after ? std::string("has expired")
                      : days < 2
                          ? fmt::format("expires in {}", to_words(between(now, each.not_after)))
                          : fmt::format("expires in {} days", days);
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

namespace {

constexpr char kRed[] = "\033[1;31m", kYellow[] = "\033[1;33m", kGreen[] = "\033[1;32m",
               kCyan[] = "\033[1;36m";

// The step that stands for the node: the first that has failed, or that is not done.
RowStatus const* worst_of(StatusReport const& report) {
  auto worst = std::ranges::find_if(report.rows, [](RowStatus const& row) {
    return row.state == State::refused || row.state == State::failed;
  });
  if (worst == report.rows.end())
    worst = std::ranges::find_if(report.rows, [](RowStatus const& row) {
      return row.state != State::done && row.state != State::blocked;
    });
  return worst == report.rows.end() ? nullptr : &*worst;
}

// One that tries again and again is at it since its turn came, and not since its last try.
UtcTime since_when(RowStatus const& row) {
  bool const tries =
      row.state == State::looking || row.state == State::acting || row.state == State::retrying;
  return tries && row.began && !row.finished ? *row.began : row.since;
}

// Takes the parts of the page one after the other.
class StatusPage {
 public:
  StatusPage(StatusReport const& report, Writer writer, UtcTime now, StatusStyle const& style)
      : report_(report),
        writer_(writer),
        now_(now),
        style_(style),
        columns_(static_cast<std::size_t>(std::max(style.width, 60))),
        phase_(phase_of(report)),
        worst_(phase_ == Phase::ready ? nullptr : worst_of(report)) {}

  std::string print() {
    headline();
    warnings();
    page_ += '\n';
    node();
    steps();
    for (auto const& etcd : report_.etcd) member(etcd);
    return std::move(page_);
  }

 private:
  std::string painted(char const* code, std::string_view text) const {
    return style_.colour ? fmt::format("{}{}\033[0m", code, text) : std::string(text);
  }
  void line(std::string const& text, std::size_t indent = 0, char const* code = nullptr) {
    auto const lines = wrapped(text, indent, columns_);
    page_ += (code ? painted(code, lines) : lines) + '\n';
  }

  void headline() {
    std::string head(to_string(phase_));
    if (phase_ == Phase::ready) {
      head += fmt::format(" for {}; the boot took {}", to_words(between(*report_.booted, now_)),
                          to_words(report_.boot_took.value_or(Duration(0))));
    } else if (worst_) {
      head +=
          fmt::format(" for {}: {}", to_words(between(since_when(*worst_), now_)), worst_->name);
      if (!worst_->message.text.empty())
        head += fmt::format(": {}", to_string(worst_->message.reason));
    }
    if (!report_.handing_over.empty()) head += fmt::format(" ({})", report_.handing_over);
    if (phase_ == Phase::warm) head += ": prepares, does not join";
    auto const* code = phase_ == Phase::ready      ? kGreen
                       : phase_ == Phase::working  ? kCyan
                       : phase_ == Phase::degraded ? kYellow
                                                   : kRed;
    // Of an agent that is gone, the rest is as it left it.
    if (auto const sentence = writer_sentence(report_, writer_); !sentence.empty())
      line(sentence, 0, kRed);
    line(head, 0, code);
    if (!worst_ || worst_->message.text.empty()) return;
    line(worst_->message.text);
    if (!worst_->message.advice.empty()) line("To do: " + worst_->message.advice, 2);
    line(fmt::format("'haagent explain {}' says what that means and what to do.",
                     to_string(worst_->message.reason)));
  }

  void warnings() {
    for (auto const& each : certificates_near_their_end(report_.pki, store_time(report_, now_)))
      line(each, 2, kRed);
    // The headline has one of the steps that are not done, and none where all are.
    for (auto const& each : filesystems_short_of_room(report_))
      if (!worst_ || !says_of(*worst_, each))
        line(each.message, 2, each.level == SpaceLevel::critical ? kRed : kYellow);
    silent_voters();
  }

  // The node is as ready as before; what it has lost is the reserve.
  void silent_voters() {
    for (auto const& etcd : report_.etcd) {
      if (!etcd.member || etcd.member->silent_voters.empty()) continue;
      if (worst_ && worst_->name == row_names::of_cluster(row_names::kEtcd, etcd.cluster)) continue;
      auto const& silent = etcd.member->silent_voters;
      line(fmt::format(
               "etcd {}: {} {} not answer: bring {} back, or look at {} with 'haagent status "
               "--cluster'",
               to_string(etcd.cluster), fmt::join(silent, " and "),
               silent.size() == 1 ? "does" : "do",
               silent.size() == 1 ? "its master" : "their masters",
               silent.size() == 1 ? "it" : "them"),
           2, kYellow);
    }
  }

  void node() {
    auto head = report_.role.empty() ? std::string("node")
                                     : fmt::format("{} of {}", report_.role, report_.cluster);
    if (report_.identity)
      head += fmt::format(", {} in {}, {}", report_.identity->instance_id, report_.identity->zone,
                          report_.identity->address);
    page_ += printable(head) + '\n';
  }

  // One that is done and advises something is worth a line, if the filesystems have not said it.
  bool is_shown(RowStatus const& row) const {
    if (style_.all) return true;
    if (row.state == State::blocked) return false;
    if (row.state != State::done) return true;
    return !row.message.advice.empty() &&
           std::ranges::none_of(filesystems_short_of_room(report_),
                                [&](auto const& each) { return says_of(row, each); });
  }

  void steps() {
    std::size_t name_width = 4;
    bool any = false;
    for (auto const& row : report_.rows) {
      if (!is_shown(row)) continue;
      name_width = std::max(name_width, row.name.size());
      any = true;
    }
    if (any)
      page_ += fmt::format("\n{:<{}}  {:<8}  {:>12}  {}\n", "STEP", name_width, "STATE",
                           "TOOK/SINCE", "WHAT");
    for (auto const& row : report_.rows)
      if (is_shown(row)) step(row, name_width);
    if (!any) page_ += '\n';
    if (style_.all) return;
    named(State::done, "done ('haagent status -v' shows each)");
    named(State::blocked, "blocked");
  }

  void step(RowStatus const& row, std::size_t name_width) {
    std::string time;
    if (row.state == State::done && row.finished && row.began) {
      time = to_words(between(*row.began, *row.finished));
    } else if (row.state != State::blocked) {
      time = to_words(between(since_when(row), now_));
    }
    auto const indent = name_width + 2 + 8 + 2 + 12 + 2;
    page_ += fmt::format(
        "{:<{}}  {}  {:>12}  {}\n", printable(row.name), name_width,
        painted(colour_of(row.state), fmt::format("{:<8}", to_string(row.state))), time,
        style_.all ? wrapped(with_reason(row), indent, columns_) : in_short(row, indent));
    if (!row.progress) return;
    auto const words = to_words(*row.progress, now_);
    page_ += "  " + wrapped(row.progress->what, 2, columns_ - 2) + "\n";
    page_ += fmt::format(
        "  {} {}\n",
        progress_bar(*row.progress, std::clamp<std::size_t>(
                                        columns_ - std::min(columns_, words.size() + 4), 10, 40)),
        words);
  }

  // Of the one that the page begins with, the rest stands there; of another, two lines.
  std::string in_short(RowStatus const& row, std::size_t indent) const {
    if (&row == worst_ || row.message.text.empty())
      return std::string(row.message.text.empty() ? "" : to_string(row.message.reason));
    auto const sentence =
        row.state == State::done
            ? row.message.sentence()
            : fmt::format("{}: {}", to_string(row.message.reason), row.message.text);
    auto const two_lines = [&](std::size_t width) {
      auto const lines = wrapped(sentence, indent, width);
      auto const second = lines.find('\n');
      auto const end = second == std::string::npos ? second : lines.find('\n', second + 1);
      return std::pair(lines.substr(0, end), end != std::string::npos);
    };
    auto const [lines, more] = two_lines(columns_);
    return more ? two_lines(columns_ - 4).first + " ..." : lines;
  }

  void named(State state, std::string_view what) {
    std::string names;
    int count = 0;
    for (auto const& row : report_.rows) {
      if (row.state != state || is_shown(row)) continue;
      names += fmt::format("{}{}", count++ ? ", " : "", row.name);
    }
    if (count > 0) line(fmt::format("{} {}: {}", count, what, names), 2);
  }

  void member(EtcdStatus const& etcd) {
    if (!etcd.member) return;
    auto const& member = *etcd.member;
    auto const quorum = member.voters / 2 + 1;
    // A member that knows its leader has a quorum, no matter who did not answer this agent in time.
    auto const spare = member.healthy_voters < quorum
                           ? std::string(member.leader.empty() ? "no quorum" : "seen from here")
                       : member.healthy_voters == quorum
                           ? std::string("none to spare")
                           : fmt::format("{} to spare", member.healthy_voters - quorum);
    auto text = fmt::format(
        "etcd {}: {} {} ({}), {}, {} of {} voters healthy ({}){}, etcd {}, db {} of {}",
        to_string(etcd.cluster), member.learner ? "learner" : "member", member.name,
        member.member_id, member.leader.empty() ? "no leader" : "leader " + member.leader,
        member.healthy_voters, member.voters, spare,
        member.silent_voters.empty()
            ? ""
            : fmt::format(", {} silent", fmt::join(member.silent_voters, " and ")),
        member.version, bytes_text(member.db_size), bytes_text(member.db_quota));
    if (etcd.space)
      text += fmt::format(", {} of {} free", bytes_text(etcd.space->avail),
                          bytes_text(etcd.space->size));
    page_ += '\n';
    line(text, 2);
  }

  StatusReport const& report_;
  Writer writer_;
  UtcTime now_;
  StatusStyle style_;
  std::size_t columns_;
  Phase phase_;
  RowStatus const* worst_;
  std::string page_;
};

}  // namespace

std::string status_page(StatusReport const& report, Writer writer, UtcTime now,
                        StatusStyle const& style) {
  return StatusPage(report, writer, now, style).print();
}

}  // namespace haagent
