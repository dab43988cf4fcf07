#include "agent/commands/pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "agent/status/json.h"
#include "bootstrap/pki/authority.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/pki_documents.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
namespace pki = bootstrap::pki;

NodeView master(std::string const& letter) {
  StatusReport report;
  report.role = "master";
  report.booted = report.started + 3s;
  RowStatus row;
  row.name = "pki";
  row.state = RowStatus::State::done;
  report.rows = {row};
  for (auto cluster : kEtcdClusters)
    report.etcd.push_back(
        {.cluster = cluster,
         .member = EtcdMemberFacts{
             .name = "etcd-" + letter, .leader = "etcd-a", .voters = 3, .healthy_voters = 3}});
  return {.instance_id = "i-" + letter, .address = "10.0.0.1", .report = report};
}

ClusterView whole() {
  ClusterView view;
  for (auto const* letter : {"a", "b", "c"}) view.nodes.push_back(master(letter));
  return view;
}

TEST(PkiCommands, ARotationBeginsWhereEveryMasterIsWell) {
  EXPECT_THAT(rotation_obstacles(whole()), IsEmpty());

  auto silent = whole();
  silent.nodes[2].report.reset();
  silent.nodes[2].problem = "Connection refused";
  EXPECT_THAT(rotation_obstacles(silent),
              ElementsAre("the agent of i-c does not answer: Connection refused"));

  auto drifted = whole();
  drifted.nodes[1].report->rows[0].state = RowStatus::State::drifted;
  drifted.nodes[1].report->rows[0].message.text = "memory://state does not answer";
  EXPECT_THAT(rotation_obstacles(drifted),
              ElementsAre("i-b is degraded: pki: memory://state does not answer"));

  // Nobody knows where c is, and its members are voters all the same.
  auto gone = whole();
  gone.nodes.pop_back();
  EXPECT_THAT(rotation_obstacles(gone), ElementsAre(HasSubstr("not every voter")));
}

TEST(PkiCommands, WhatARotationWaitsForIsSaidOfEachMaster) {
  EXPECT_THAT(rotation_waits(whole()), IsEmpty());
  auto view = whole();
  view.nodes[1].report->pki.lacks = "the kubelet of i-b has not restarted kube-apiserver";
  // As the other master's page brings it here.
  view.nodes[1].report = status_from_tree(to_tree(*view.nodes[1].report)).value();
  view.nodes[2].report.reset();
  view.nodes[2].problem = "Connection refused";
  auto const waits = rotation_waits(view);
  ASSERT_THAT(waits, ElementsAre("i-b: the kubelet of i-b has not restarted kube-apiserver",
                                 HasSubstr("i-c: its agent does not answer (Connection refused)")));
  EXPECT_THAT(pki_page({.where = "memory://state", .waits = {waits[0]}}),
              HasSubstr("Waited for\n  i-b: the kubelet of i-b has not restarted"));
  EXPECT_THAT(json::print(to_tree(PkiView{.where = "memory://state", .waits = {"x"}})),
              HasSubstr(R"("waits":["x"])"));
}

TEST(PkiCommands, StatusShowsTheStageAndWhoHasItAndNoKey) {
  test::FakeClock clock;
  test::MemoryStore store(clock);
  test::add_authorities(store);
  auto bundle =
      pki::begin_rotation(store, pki::kEtcdAuthority,
                          {.organization = "prod.example.com", .lifetime = 1000h}, clock.utc(), {})
          .value();
  bundle.loaded = {{"a", loaded_text(bundle)}, {"b", "something older"}};
  auto const agent = pki::read_authority(store, "agent", {}).value()->bundle;
  PkiView const view{.where = store.where(),
                     .authorities = {{"etcd", bundle}, {"agent", agent}},
                     .turn = {.holder = "b", .taken = clock.utc()},
                     .masters = {"a", "b", "c"},
                     .pki = {.certificates = {{.name = "etcd/server",
                                               .not_after = clock.utc() + 48h,
                                               .renew_at = clock.utc() + 24h},
                                              {.name = "etcd/ca", .authority = true}}}};
  auto const page = pki_page(view);
  EXPECT_THAT(page, StartsWith("Authorities in memory://state\n  etcd "));
  EXPECT_THAT(page, Not(HasSubstr("?"))) << "a line break was cleaned away";
  EXPECT_THAT(page, HasSubstr("  etcd         trusting new; a has it; waiting for b and c\n"));
  EXPECT_THAT(page, HasSubstr("members  b, since 2026-01-15T10:15:00Z\n"));
  EXPECT_THAT(page, HasSubstr(bundle.cas[0].id.substr(0, 12) + "  signs "));
  EXPECT_THAT(page, HasSubstr(bundle.cas[1].id.substr(0, 12) + "  trusted"));
  EXPECT_THAT(page, HasSubstr("  agent        stable\n"));
  EXPECT_THAT(page, HasSubstr("  etcd/server  2026-01-17T10:15:00Z  2026-01-16T"));
  auto const text = json::print(to_tree(view));
  EXPECT_THAT(text, HasSubstr(R"("stage":"trusting new","loadedBy":["a"],"waitingFor":["b","c"])"));
  for (auto const& ca : bundle.cas)
    for (auto const& shown : {page, text})
      EXPECT_THAT(shown, Not(HasSubstr(ca.pair.key.reveal().substr(30, 40))));
}

TEST(PkiCommands, TheKubernetesAuthorityIsRefusedAndTheOthersNamed) {
  testing::internal::CaptureStderr();
  PkiCommandOptions options;
  options.authority = "kubernetes";
  EXPECT_EQ(run_pki_rotate(options), 77);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("'haagent pki rotate --authority all'"));
}

}  // namespace
}  // namespace haagent
