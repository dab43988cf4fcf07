#include "agent/check/certs.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/row_names.h"

namespace haagent::check {
namespace {

double days_between(UtcTime from, UtcTime to) {
  return std::chrono::duration<double, std::ratio<86'400>>(to - from).count();
}

std::string left_of(double days) {
  auto const whole = static_cast<long>(std::abs(days));
  auto const words = days > -2 && days < 2
                         ? to_words(std::chrono::duration_cast<Duration>(
                               std::chrono::duration<double, std::ratio<86'400>>(std::abs(days))))
                         : fmt::format("{} days", whole);
  return days < 0 ? fmt::format("expired {} ago", words) : fmt::format("expires in {}", words);
}

// By its own life: a leaf is renewed within a minute of its time, or something keeps it.
State by_its_life(CertificateEnd const& each, UtcTime now) {
  auto const window = each.not_after - each.renew_at;
  if (now >= each.not_after - window / 4) return State::critical;
  auto const patience = each.authority ? UtcTime::duration(0) : window / 4;
  return now >= each.renew_at + patience ? State::warning : State::ok;
}

Item certificate(CertificateEnd const& each, State state, UtcTime now) {
  Item made{
      .state = state,
      .subject = each.name,
      .reason = {},
      .text = fmt::format("{}{}, {}", each.authority ? "authority, " : "",
                          left_of(days_between(now, each.not_after)), to_rfc3339(each.not_after))};
  if (state == State::ok) return made;
  if (each.authority) {
    made.advice = "only people rotate an authority: see 'haagent pki status'";
  } else if (now >= each.renew_at) {
    made.reason = Reason::CertificatesNotRenewed;
    made.text += fmt::format(", to be renewed since {}", to_rfc3339(each.renew_at));
  }
  return made;
}

// Why what should be renewed is not: of a master the row pki, of a worker join.
void add_warning(CheckResult& result, StatusReport const& report) {
  if (report.pki.warning.empty()) return;
  for (auto const* name : {row_names::kPki, row_names::kJoin})
    if (auto const* row = row_of(report, name)) {
      auto made = item(State::warning, name, row->message);
      made.text = report.pki.warning;
      result.items.push_back(std::move(made));
      return;
    }
  result.items.push_back({.state = State::warning,
                          .subject = "",
                          .reason = Reason::CertificatesNotRenewed,
                          .text = report.pki.warning});
}

}  // namespace

CheckResult check_certs(Page const& page, Thresholds const& thresholds) {
  CheckResult result{.name = "CERTS", .summary = {}, .items = {}, .perfdata = {}};
  if (auto const why = no_longer_true(page)) return without_page(result.name, *why);
  auto const& report = page.report;
  if (report.pki.certificates.empty()) {
    // Of a node that has not come so far.
    auto const phase = phase_of(report);
    bool const on_purpose = phase == Phase::warm || phase == Phase::handed_over;
    if (on_purpose) {
      result.summary = fmt::format("{}: this node has no certificates yet", to_string(phase));
      return result;
    }
    result.items.push_back({.state = boots(page) ? State::warning : State::unknown,
                            .subject = "",
                            .reason = Reason::CertificatesToWrite,
                            .text = "this node has no certificates yet"});
    return result;
  }
  auto const now = store_time(report, page.now);
  auto first = &report.pki.certificates.front();
  for (auto const& each : report.pki.certificates) {
    auto const days = days_between(now, each.not_after);
    if (each.not_after < first->not_after) first = &each;
    result.items.push_back(
        certificate(each, worse(by_its_life(each, now), thresholds.of(days)), now));
    result.perfdata.push_back(
        {.label = each.name + "_days", .value = days, .thresholds = thresholds});
  }
  add_warning(result, report);
  result.summary = fmt::format("{} certificates, the first ({}) {}", report.pki.certificates.size(),
                               first->name, left_of(days_between(now, first->not_after)));
  if (!report.pki.lacks.empty())
    result.items.push_back({.state = State::ok,
                            .subject = "",
                            .reason = Reason::RotationUnderWay,
                            .text = report.pki.lacks});
  return result;
}

}  // namespace haagent::check
