#include "agent/status/recorder.h"

#include <unistd.h>

#include <algorithm>

#include "agent/base/critical_path.h"
#include "agent/base/json.h"
#include "agent/base/running.h"
#include "agent/runtime/log.h"
#include "agent/runtime/notify.h"
#include "agent/runtime/version.h"
#include "agent/status/json.h"

namespace haagent {
namespace {

// The sentence that stands for the whole node: the first row that is not done, or that all are.
std::string headline(StatusReport const& report) {
  for (auto const& row : report.rows) {
    if (row.state != RowStatus::State::done && row.state != RowStatus::State::blocked) {
      return row.name + ": " +
             (row.message.text.empty() ? std::string(to_string(row.state))
                                       : row.message.sentence());
    }
  }
  return std::string(to_string(phase_of(report)));
}

}  // namespace

StatusRecorder::StatusRecorder(Root root, Clock& clock, Facts& facts, bool stays, Duration pace)
    : root_(std::move(root)), clock_(clock), facts_(facts), pace_(pace) {
  report_.version = kVersion;
  report_.boot_id = read_boot_id(root_);
  report_.pid = getpid();
  report_.pid_start = read_pid_start(report_.pid);
  report_.stays = stays;
  report_.started = boot_began_ = clock_.utc();
  if (pace_ > Duration(0))
    writer_ = std::jthread([this](std::stop_token stop) { write_at_pace(std::move(stop)); });
}

StatusRecorder::~StatusRecorder() {
  if (!writer_.joinable()) return;
  writer_.request_stop();
  writer_.join();
}

void StatusRecorder::write_and_tell() {
  late_ = false;
  if (write()) notify::status(headline(report_));
}

void StatusRecorder::write_at_pace(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (came_late_.wait(lock, stop, [this] { return late_; })) {
    write_and_tell();
    came_late_.wait_for(lock, stop, pace_, [] { return false; });
  }
  if (late_) write_and_tell();
}

Runner::Observer StatusRecorder::opening() {
  return [this](auto const& rows, std::size_t index) { changed(rows, index, opening_); };
}

Runner::Observer StatusRecorder::role() {
  return [this](auto const& rows, std::size_t index) { changed(rows, index, role_); };
}

Runner::Observer StatusRecorder::settling() {
  return [this](auto const& rows, std::size_t index) { changed(rows, index, settling_); };
}

void StatusRecorder::changed(std::vector<RowStatus> const& rows, std::size_t index,
                             std::vector<RowStatus>& into) {
  std::lock_guard lock(mutex_);
  into = rows;
  report_.rows = opening_;
  report_.rows.insert(report_.rows.end(), role_.begin(), role_.end());
  report_.rows.insert(report_.rows.end(), settling_.begin(), settling_.end());
  // What is done once more is no boot: the rows tell how long each took in that.
  for (auto& row : report_.rows) {
    auto const before = std::ranges::find(boot_rows_, row.name, &RowStatus::name);
    if (before == boot_rows_.end() || !row.finished || !before->finished) continue;
    row.began = before->began;
    row.finished = before->finished;
    row.own = before->own;
    row.outside = before->outside;
  }
  auto const now = clock_.utc();
  if (auto const news = throttle_.news_of(rows[index], now); news != News::none)
    log::transition(rows[index], news, now);
  late_ = true;
  if (pace_ > Duration(0))
    came_late_.notify_all();
  else
    write_and_tell();
}

void StatusRecorder::set_config(NodeConfig const& config) {
  std::lock_guard lock(mutex_);
  report_.role = config.role == Role::master ? "master" : "worker";
  report_.cluster = config.cluster.name;
  report_.endpoint = config.cluster.endpoint;
  report_.kubernetes = config.kubernetes.version;
  report_.backup_interval.reset();
  if (config.role == Role::master && config.etcd.backups.enabled)
    report_.backup_interval = config.etcd.backups.interval;
}

void StatusRecorder::booted() {
  std::lock_guard lock(mutex_);
  report_.booted = clock_.utc();
  if (!report_.boot_took) {
    report_.boot_took =
        std::max(Duration(0), std::chrono::duration_cast<Duration>(*report_.booted - boot_began_));
    report_.boot_path = critical_path(report_.rows);
  }
  write();
}

void StatusRecorder::keep_boot() {
  if (report_.boot_took && boot_rows_.empty()) boot_rows_ = report_.rows;
}

void StatusRecorder::begin_boot() {
  if (!report_.boot_took) boot_began_ = clock_.utc();
}

void StatusRecorder::handing_over(std::string why) {
  std::lock_guard lock(mutex_);
  keep_boot();
  if (why.empty()) begin_boot();
  report_.handing_over = std::move(why);
  report_.handed_over = false;
  report_.booted.reset();
  role_.clear();
  settling_.clear();
  throttle_.forget();
  report_.rows = opening_;
  write();
}

void StatusRecorder::handed_over() {
  std::lock_guard lock(mutex_);
  report_.handed_over = true;
  write();
}

void StatusRecorder::in_warm_pool(bool is) {
  std::lock_guard lock(mutex_);
  keep_boot();
  if (!is) begin_boot();
  report_.warm = is;
  role_.clear();
  report_.rows = opening_;
  write();
}

void StatusRecorder::refresh() {
  std::lock_guard lock(mutex_);
  write();
}

StatusReport StatusRecorder::report() const {
  std::lock_guard lock(mutex_);
  return report_;
}

// Rows look again every few seconds, and mostly find what they have found before.
bool StatusRecorder::write() {
  fill_from_facts(report_, facts_);
  auto path = root_(std::filesystem::path(kStatusFile));
  std::error_code ignored;
  if (written_ == report_ && std::filesystem::exists(path, ignored)) return false;
  auto made = make_directories(path.parent_path());
  if (made) made = replace_file(path, json::print(to_tree(report_), /*indent=*/2));
  // Status is a service to people; the boot goes on without it, and says so in the log.
  written_.reset();
  if (made) {
    written_ = report_;
    not_written_.reset();
  } else if (not_written_ != made.error().message.identity()) {
    // Once: on a full disk, a line at each look would fill what is left.
    not_written_ = made.error().message.identity();
    log::warn("status file not written, going on: " + made.error().message.sentence());
  }
  return true;
}

}  // namespace haagent
