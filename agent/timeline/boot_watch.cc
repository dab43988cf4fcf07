#include "agent/timeline/boot_watch.h"

#include <algorithm>
#include <utility>

#include "agent/base/json.h"
#include "agent/base/one_line.h"
#include "agent/base/running.h"
#include "agent/base/units_systemd.h"
#include "agent/runtime/log.h"
#include "agent/timeline/boot_history.h"
#include "agent/timeline/machine_stages.h"

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSpans = 64;         // of a row: what comes then is added to the last
constexpr Duration kKeptEach = 60s;        // while a boot goes on
constexpr Duration kLooksEach = 10s;       // at the machine, while a boot goes on
constexpr Duration kMachineTakes = 15min;  // then systemd and cloud-init are asked no more
constexpr char kCloudInitStatus[] = "/run/cloud-init/status.json";

SpanKind kind_of(RowStatus::State state) {
  if (state == RowStatus::State::waiting) return SpanKind::waiting;
  if (state == RowStatus::State::looking || state == RowStatus::State::acting) return SpanKind::own;
  return SpanKind::retrying;
}

SpanKind kind_of(WaitFor what) {
  switch (what) {
    case WaitFor::request:
      return SpanKind::request;
    case WaitFor::throttle:
      return SpanKind::throttle;
    case WaitFor::program:
      return SpanKind::program;
    case WaitFor::pause:
      return SpanKind::own;
  }
  return SpanKind::own;
}

bool is_over(RowStatus const& row) {
  return row.finished.has_value();
}

}  // namespace

// Two of one kind for one reason are one, however often the row has looked.
void SpanWriter::add(Span span) {
  if (span.end <= span.begin) return;
  if (!spans_.empty()) {
    auto& last = spans_.back();
    bool const same = last.kind == span.kind && last.reason == span.reason &&
                      last.subject == span.subject && last.end == span.begin;
    if (same || spans_.size() >= kSpans) {
      last.end = span.end;
      if (same) last.text = std::move(span.text);
      return;
    }
  }
  spans_.push_back(std::move(span));
}

void SpanWriter::close(std::vector<Wait> const& waits, Duration at) {
  if (!open_) return;
  auto whole = *std::exchange(open_, std::nullopt);
  auto begin = whole.begin;
  for (auto const& wait : waits) {
    // What a row that waits asks meanwhile is how it waits.
    if (whole.kind != SpanKind::own && wait.what != WaitFor::throttle) continue;
    auto const from = std::clamp(wait.begin, begin, at), to = std::clamp(wait.end, from, at);
    auto before = whole;
    before.begin = begin;
    before.end = from;
    add(std::move(before));
    add({.kind = kind_of(wait.what), .begin = from, .end = to});
    begin = to;
  }
  whole.begin = begin;
  whole.end = at;
  add(std::move(whole));
}

void SpanWriter::enters(RowStatus const& row, std::vector<Wait> const& waits, Duration at) {
  close(waits, at);
  if (!row.began || is_over(row)) return;
  Span span{.kind = kind_of(row.state), .begin = at, .end = at};
  if (span.kind != SpanKind::own) {
    span.reason = to_string(row.message.reason);
    span.subject = row.message.subject;
    span.text = one_line(row.message.text, kMostOfAText);
  }
  open_ = std::move(span);
}

std::vector<Span> SpanWriter::spans(Duration now) const {
  auto copy = *this;
  copy.close({}, now);
  return std::move(copy.spans_);
}

BootWatch::BootWatch(Root root, Clock& clock, Facts& facts, std::string version)
    : root_(std::move(root)),
      clock_(clock),
      facts_(facts),
      steady_began_(clock.steady()),
      began_(time_since_boot(root_).value_or(0ms)),
      kept_(began_) {
  record_.version = std::move(version);
  record_.agent_started = began_;
  record_.boot_id = read_boot_id(root_);
  // An agent that is started again makes no boot.
  auto const before = read_running(root_);
  if (!before || !*before || (*before)->boot_id != record_.boot_id || !(*before)->ready) return;
  over_ = settled_ = true;
  text_ = json::print(to_tree(**before));
}

Duration BootWatch::now() const {
  return began_ + std::chrono::duration_cast<Duration>(clock_.steady() - steady_began_);
}

Runner::Observer BootWatch::opening() {
  return [this](Rows const& rows, std::size_t index) { changed(rows, index, opening_); };
}

Runner::Observer BootWatch::role() {
  return [this](Rows const& rows, std::size_t index) { changed(rows, index, role_); };
}

void BootWatch::changed(Rows const& rows, std::size_t index, std::vector<BootRow>& into) {
  auto const taken = AccountedWait::take_of_this_thread();
  std::lock_guard lock(mutex_);
  if (over_) return;
  into.resize(rows.size());
  auto const& status = rows[index];
  auto& row = into[index];
  auto const at = now();
  see_elections(at);
  if (row.finished) return;
  if (row.name != status.name)
    row = {.name = status.name, .after = status.after, .began = {}, .finished = {}, .spans = {}};
  auto const when = [&](SteadyTime time) {
    return began_ + std::chrono::duration_cast<Duration>(time - steady_began_);
  };
  std::vector<SpanWriter::Wait> waits;
  if (row.began)
    for (auto const& wait : taken)
      waits.push_back({.what = wait.what, .begin = when(wait.began), .end = when(wait.ended)});
  if (status.began && !row.began) row.began = at;
  if (status.finished) row.finished = at;
  writers_[status.name].enters(status, waits, at);
  new_ = true;
}

void BootWatch::see_elections(Duration at) {
  for (auto cluster : kEtcdClusters) {
    auto const member = facts_.etcd(cluster).member.get();
    auto name = fmt::format("leader-{}", to_string(cluster));
    if (!member || member->leader.empty() ||
        std::ranges::find(elections_, name, &Moment::name) != elections_.end())
      continue;
    elections_.push_back({.name = std::move(name), .at = at});
    new_ = true;
  }
}

void BootWatch::set_config(NodeConfig const& config) {
  std::lock_guard lock(mutex_);
  record_.role = config.role == Role::master ? "master" : "worker";
  record_.cluster = config.cluster.name;
  record_.kubernetes = config.kubernetes.version;
}

BootWatch::Machine BootWatch::look() const {
  auto const utc = clock_.utc();
  auto const at = now();
  Machine machine{.kernel_started = utc - at};
  std::optional<Duration> pending;
  if (auto const identity = facts_.identity.get())
    if (auto const time = parse_rfc3339(identity->pending_time))
      pending = std::chrono::duration_cast<Duration>(*time - machine.kernel_started);
  SystemdStamps stamps;
  if (root_.directory() == "/" && SystemdUnits::available())
    if (auto const asked = systemd_stamps()) stamps = *asked;
  machine.stages = machine_stages(stamps, pending, began_, at);
  machine.booted = stamps.userspace == 0 || stamps.finish != 0;
  if (auto const status = read_file(root_(kCloudInitStatus), 1u << 16u); status && *status) {
    auto stages = cloud_init_stages(**status, machine.kernel_started, utc);
    auto const is_last = [&](Stage const& each) {
      return each.name == "modules-final" && each.end < at;
    };
    if (std::ranges::none_of(stages, is_last)) machine.booted = false;
    std::ranges::move(stages, std::back_inserter(machine.stages));
  }
  machine.moments = program_starts(root_, utc);
  return machine;
}

BootRecord BootWatch::record(Machine machine, Duration at) const {
  auto record = record_;
  record.kernel_started = machine.kernel_started;
  record.stages = std::move(machine.stages);
  record.moments = std::move(machine.moments);
  std::ranges::copy(elections_, std::back_inserter(record.moments));
  std::ranges::stable_sort(record.moments, {}, &Moment::at);
  // What was started again later is not this boot's.
  std::erase_if(record.moments,
                [&](Moment const& each) { return each.at > record.ready.value_or(at); });
  if (auto const identity = facts_.identity.get()) {
    record.instance_id = identity->instance_id;
    record.node = identity->hostname;
    record.zone = identity->zone;
  }
  for (auto const* rows : {&opening_, &role_})
    for (auto const& each : *rows) {
      auto const writer = writers_.find(each.name);
      if (writer == writers_.end()) continue;
      record.rows.push_back(each);
      // What the role does begins once the config is known, which its boot list need not say.
      if (rows == &role_ && each.after.empty() && !opening_.empty())
        record.rows.back().after = {opening_.back().name};
      record.rows.back().spans = writer->second.spans(each.finished.value_or(at));
    }
  return record;
}

void BootWatch::write(BootRecord const& record, bool keep) {
  // The picture is a service to people: the boot goes on without it.
  auto written = write_running(root_, record);
  if (!keep) return;
  if (auto kept = keep_boot(root_, record); !kept)
    log::warn("the record of this boot is not kept, going on: " + kept.error().message.sentence());
}

void BootWatch::tick() {
  std::lock_guard one(writing_);
  bool looks = false;
  {
    std::lock_guard lock(mutex_);
    if (settled_ || (!new_ && !over_)) return;
    looks = over_ || !looked_ || now() - *looked_ >= kLooksEach;
  }
  std::optional<Machine> seen;
  if (looks) seen = look();
  std::optional<BootRecord> written;
  bool keep = false;
  {
    std::lock_guard lock(mutex_);
    auto const at = now();
    if (seen) {
      machine_ = *std::move(seen);
      looked_ = at;
    }
    bool const machine_booted = machine_.booted || at - began_ > kMachineTakes;
    written = record(machine_, at);
    keep = at - kept_ >= kKeptEach || (over_ && (new_ || machine_booted));
    if (keep) kept_ = at;
    settled_ = over_ && machine_booted;
    new_ = false;
    text_ = json::print(to_tree(*written));
  }
  write(*written, keep);
}

void BootWatch::ready() {
  std::lock_guard lock(mutex_);
  if (over_) return;
  record_.ready = now();
  over_ = new_ = true;
}

void BootWatch::leaves() {
  std::lock_guard lock(mutex_);
  over_ = settled_ = true;
}

std::string BootWatch::text() {
  std::lock_guard lock(mutex_);
  return text_;
}

}  // namespace haagent::timeline
