// A boot whose figures can be checked by hand.
#pragma once

#include "agent/timeline/boot_record.h"

namespace haagent::timeline {

//        0s   1s   2s   3s   4s   5s   6s
// config  ####
// volume       #~~~~~~~~~~~                 waits for EC2 for 2 s
// pki          ##                           2 s of slack
// etcd                     ###!!!!!
inline BootRecord made_boot() {
  using std::chrono_literals::operator""ms;
  using std::chrono_literals::operator""s;
  auto row = [](std::string name, std::vector<std::string> after, Duration began, Duration finished,
                std::vector<Span> spans) {
    return BootRow{.name = std::move(name),
                   .after = std::move(after),
                   .began = began,
                   .finished = finished,
                   .spans = std::move(spans)};
  };
  auto own = [](Duration begin, Duration end) {
    return Span{.kind = SpanKind::own, .begin = begin, .end = end};
  };
  BootRecord record{.boot_id = "0f0e0d0c-1111-2222-3333-444455556666",
                    .instance_id = "i-0123456789abcdef0",
                    .node = "ip-10-0-0-5.eu-west-1.compute.internal",
                    .zone = "eu-west-1a",
                    .role = "master",
                    .cluster = "prod.example.com",
                    .version = "1.2.3",
                    .kubernetes = "1.36.3",
                    .kernel_started = *parse_rfc3339("2026-01-15T10:15:00Z"),
                    .agent_started = 10s,
                    .ready = 16s};
  record.stages = {
      {.group = "machine", .name = "pending", .begin = -6s, .end = 0s},
      {.group = "machine", .name = "kernel", .begin = 0s, .end = 4s},
      {.group = "machine", .name = "userspace", .begin = 4s, .end = 30s},
      {.group = "cloud-init", .name = "init-local", .begin = 6s, .end = 8s},
  };
  record.moments = {{.name = "etcd-main", .at = 14s}};
  record.rows = {
      row("config", {}, 10s, 11s, {own(10s, 11s)}),
      row("volume", {"config"}, 11s, 13500ms,
          {own(11s, 11500ms),
           {.kind = SpanKind::waiting,
            .begin = 11500ms,
            .end = 13500ms,
            .reason = "VolumeAttaching",
            .subject = "vol-1",
            .text = "vol-1 is <attaching> & \"slow\""}}),
      row("pki", {"config"}, 11s, 11500ms, {own(11s, 11500ms)}),
      row("etcd", {"volume", "pki"}, 13500ms, 16s,
          {own(13500ms, 15s), {.kind = SpanKind::throttle, .begin = 15s, .end = 16s}}),
  };
  return record;
}

}  // namespace haagent::timeline
