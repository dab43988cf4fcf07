// The keys with which apiservers encrypt secrets in etcd: the document, the decision, three masters
// that carry a change out, and the writing of each secret again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <set>

#include "agent/base/json.h"
#include "agent/base/sha256.h"
#include "agent/base/yaml.h"
#include "bootstrap/encryption/decision.h"
#include "bootstrap/encryption/reloads.h"
#include "bootstrap/encryption/rewrite.h"
#include "bootstrap/encryption/step.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/x509.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/memory_store.h"
#include "tests/support/scripted_http.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::encryption {
namespace {

using test::Found;
using test::IsAbout;
using test::IsDone;
using test::IsError;
using test::IsNeeded;
using test::Says;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

Secret key_of(char c) {
  // 32 bytes in base64.
  return Secret(std::string(42, c) + "A=");
}

Keys settled() {
  return first_keys(key_of('A'));
}
Keys reading() {
  return with_new_key(settled(), key_of('B'));
}
Keys writing() {
  auto keys = reading();
  keys.writes = keys.target;
  return keys;
}
Keys claimed(Keys keys, std::set<std::string> const& by) {
  for (auto const& master : by) keys.loaded[master] = loaded_text(keys);
  return keys;
}

std::vector<std::string> providers_of(Keys const& keys) {
  auto const document = yaml::parse(to_configuration(keys)).value();
  std::vector<std::string> order;
  for (auto const& provider : document.at_path("resources")->items()[0].find("providers")->items())
    for (auto const& [name, mark, value] : provider.entries()) {
      if (auto const* list = value.find("keys"))
        for (auto const& key : list->items()) order.push_back(key.text_at("name"));
      else
        order.push_back(name);
    }
  return order;
}

TEST(EncryptionKeys, TheWriterStandsFirstAndEveryKeyCanBeRead) {
  EXPECT_THAT(providers_of(not_encrypted()), ElementsAre("identity"));
  EXPECT_THAT(providers_of(settled()), ElementsAre("key-1", "identity"));
  EXPECT_THAT(providers_of(reading()), ElementsAre("key-1", "key-2", "identity"));
  EXPECT_THAT(providers_of(writing()), ElementsAre("key-2", "key-1", "identity"));
  auto const on = with_new_key(not_encrypted(), key_of('A'));
  EXPECT_THAT(providers_of(on), ElementsAre("identity", "key-1"));
  auto off = without_encryption(settled());
  EXPECT_THAT(providers_of(off), ElementsAre("key-1", "identity"));
  off.writes = off.target;
  EXPECT_THAT(providers_of(off), ElementsAre("identity", "key-1"));
}

TEST(EncryptionKeys, TheDocumentComesBackAsItWasWritten) {
  for (auto const& keys : {not_encrypted(), settled(), claimed(writing(), {"a", "b"})}) {
    auto const back = parse_keys(to_text(keys));
    ASSERT_TRUE(back) << back.error().message.text;
    EXPECT_EQ(to_text(*back), to_text(keys));
    EXPECT_EQ(to_configuration(*back), to_configuration(keys));
  }
}

TEST(EncryptionKeys, WhatIsNoSuchDocumentIsRefused) {
  auto const good = to_text(writing());
  auto changed = [&](std::string const& from, std::string const& to) {
    auto text = good;
    auto const at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to);
  };
  for (auto const& text :
       {std::string(), std::string("[]"), std::string("{}"),
        changed("\"schema\": 1", "\"schema\": 2"),
        changed("\"writes\": \"key-2\"", "\"writes\": \"key-3\""),
        changed("\"target\": \"key-2\"", "\"target\": \"\""),
        changed("\"name\": \"key-2\"", "\"name\": \"key-1\""),
        changed("\"name\": \"key-2\"", "\"name\": \"key two\""),
        changed(key_of('B').reveal(), "QUJD"), changed(key_of('B').reveal(), "no base64")}) {
    auto const parsed = parse_keys(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, Kind::invalid);
    EXPECT_THAT(parsed.error().message.text, testing::Not(HasSubstr(key_of('B').reveal())));
  }
}

TEST(EncryptionKeys, ANewNameIsNeverAnOldOnes) {
  EXPECT_EQ(with_new_key(settled(), key_of('B')).target, "key-2");
  auto keys = with_new_key(with_new_key(settled(), key_of('B')), key_of('C'));
  EXPECT_EQ(keys.target, "key-3");
  EXPECT_EQ(keys.keys.size(), 3u) << "backups hold what the old ones have encrypted";
}

Inputs a_master() {
  return {.me = "b",
          .masters = {"a", "b", "c"},
          .keys = settled(),
          .on_disk = to_configuration(settled()),
          .apiserver_runs = true,
          .apiserver_reads = true,
          .apiserver_loaded = true};
}

template <class Wanted>
void expect_move(char const* row, Inputs const& in) {
  EXPECT_TRUE(std::holds_alternative<Wanted>(decide(in))) << row << ": move " << decide(in).index();
}

TEST(EncryptionDecision, GoesByTheDocumentTheDiskAndTheApiserver) {
  auto in = a_master();
  in.keys = claimed(settled(), {"a", "b", "c"});
  expect_move<Settled>("all is as it should be", in);

  in = a_master();
  in.keys.reset();
  in.on_disk.clear();
  in.new_cluster = true;
  expect_move<Create>("a new cluster", in);
  in.users_own = true;
  expect_move<Off>("a new cluster whose users have settings of their own", in);
  in.users_own = in.new_cluster = false;
  expect_move<Off>("a cluster from before", in);

  in = a_master();
  in.users_own = true;
  expect_move<Conflict>("the flags take the key away", in);
  in.keys = not_encrypted();
  expect_move<Off>("the flags take away what encrypts nothing", in);

  in = a_master();
  in.on_disk.clear();
  in.apiserver_runs = in.apiserver_reads = in.apiserver_loaded = false;
  in.masters = {};
  expect_move<WriteFile>("a boot writes at once, whoever the others are", in);

  in = a_master();
  in.keys = with_new_key(not_encrypted(), key_of('A'));
  in.on_disk.clear();
  in.apiserver_reads = in.apiserver_loaded = false;
  expect_move<Waiting>("turned on: a restarts its apiserver first", in);
  in.keys = claimed(*in.keys, {"a"});
  expect_move<WriteFile>("turned on: then b", in);
  in.keys = claimed(with_new_key(not_encrypted(), key_of('A')), {"a", "c"});
  expect_move<WriteFile>("c was a later one", in);
  in.masters = {};
  expect_move<Waiting>("turned on: it is not known who the masters are", in);

  in = a_master();
  in.keys = reading();
  expect_move<WriteFile>("a change needs no restart, and no turn", in);
  in.on_disk = to_configuration(reading());
  in.apiserver_loaded = false;
  expect_move<Waiting>("the apiserver has not read it", in);
  in.apiserver_loaded = true;
  expect_move<Claim>("it has", in);
  in.keys = claimed(reading(), {"a", "b"});
  expect_move<Waiting>("c's has not", in);
  in.keys = claimed(reading(), {"a", "b", "c"});
  expect_move<Advance>("every apiserver can read the new key", in);
  in.masters.insert("d");
  expect_move<Waiting>("a fourth master", in);

  in = a_master();
  in.keys = claimed(writing(), {"a", "b", "c"});
  in.on_disk = to_configuration(writing());
  expect_move<Waiting>("another one leads", in);
  in.leads = true;
  expect_move<Rewrite>("all write with the new key", in);
  in.keys = claimed(writing(), {"b", "c"});
  expect_move<Waiting>("a may write with the old one yet", in);

  in = a_master();
  in.keys = claimed(settled(), {"a", "b", "c"});
  in.apiserver_reads = in.apiserver_loaded = false;
  expect_move<TakeBack>("its flags do not name the file any more", in);
  in.apiserver_reads = true;
  expect_move<Settled>("a younger agent has not seen it load what was reported", in);
  in.apiserver_runs = in.apiserver_reads = false;
  expect_move<Settled>("one that is down says nothing", in);
}

// Three masters over one store: whatever their order, nobody writes with a key that somebody's
// apiserver cannot read.
TEST(EncryptionDecision, NoApiserverWritesWithAKeyThatAnotherCannotRead) {
  for (auto const& order : {"abc", "cba", "bca", "acb"}) {
    SCOPED_TRACE(order);
    auto keys = with_new_key(not_encrypted(), key_of('A'));
    struct Master {
      std::string disk, loaded;
      bool reads = false;
    };
    std::map<char, Master> masters;
    std::set<std::string> loaded_keys;
    int rewritten = 0;
    for (int round = 0; round < 100 && !is_settled(keys); ++round) {
      for (char const* who = order; *who; ++who) {
        auto& master = masters[*who];
        Inputs const in{.me = std::string(1, *who),
                        .masters = {"a", "b", "c"},
                        .keys = keys,
                        .on_disk = master.disk,
                        .apiserver_runs = true,
                        .apiserver_reads = master.reads,
                        .apiserver_loaded = master.reads && master.loaded == master.disk,
                        .leads = *who == 'b'};
        auto const move = decide(in);
        if (std::holds_alternative<WriteFile>(move)) {
          int restarting = 0;
          for (auto const& [name, other] : masters)
            restarting += !other.disk.empty() && !other.reads ? 1 : 0;
          if (master.disk.empty()) {
            EXPECT_EQ(restarting, 0) << "two apiservers restart at once";
          }
          master.disk = to_configuration(keys);
        }
        if (std::holds_alternative<Rewrite>(move)) ++rewritten;
        keys = after(keys, move, in.me);
        // The apiserver reads it some time later.
        if (round % 2 == 1 && !master.disk.empty()) {
          master.reads = true;
          master.loaded = master.disk;
        }
        if (keys.writes != kIdentity) {
          for (auto const& [name, each] : masters)
            EXPECT_THAT(each.loaded, HasSubstr(keys.writes)) << name << " cannot read it";
        }
      }
    }
    EXPECT_TRUE(is_settled(keys));
    EXPECT_EQ(keys.rewritten, "key-1");
    EXPECT_EQ(rewritten, 1);
  }
}

// As kube-apiserver 1.36.3 says it after its second reload, and 1.31 after one that failed.
TEST(EncryptionReloads, AreReadFromTheMetrics) {
  constexpr char kNew[] =
      R"(# HELP apiserver_encryption_config_controller_last_config_info [ALPHA] Information.
# TYPE apiserver_encryption_config_controller_last_config_info gauge
apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash="sha256:57503d",status="success"} 1.7959058751416585e+09
apiserver_encryption_config_controller_automatic_reloads_total{apiserver_id_hash="sha256:57503d",status="success"} 2
apiserver_encryption_config_controller_last_config_info{apiserver_id_hash="sha256:57503d",hash="sha256:9923a1"} 1
apiserver_envelope_encryption_dek_cache_fill_percent 0
)";
  auto const said = parse_reloads(kNew);
  EXPECT_EQ(said.hash, "9923a1");
  EXPECT_EQ(static_cast<long>(said.last_success), 1795905875);
  EXPECT_EQ(said.last_failure, 0);
  constexpr char kOld[] =
      R"(apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash="sha256:5",status="failure"} 1.7e+09)";
  EXPECT_EQ(parse_reloads(kOld).hash, "");
  EXPECT_EQ(parse_reloads(kOld).last_failure, 1.7e+09);
  for (auto const* text :
       {"", "\n", "404 page not found", "apiserver_encryption_config_controller_",
        "apiserver_encryption_config_controller_last_config_info{hash=\"x"})
    EXPECT_EQ(parse_reloads(text).hash, "") << text;
}

TEST(EncryptionReloads, SayWhetherTheFileIsLoaded) {
  std::string const file = "the file";
  struct Row {
    char const* what;
    bool younger;
    Duration stood;
    std::optional<Reloads> said;
    bool loaded;
  };
  for (auto const& row : {
           Row{"it does not answer", true, 10min, std::nullopt, false},
           Row{"it names the file", false, 0s, Reloads{.hash = sha256_hex(file)}, true},
           Row{"it names another one, for however long", true, 10min,
               Reloads{.hash = sha256_hex("another"), .last_success = 7}, false},
           Row{"an older release", false, 89s, Reloads{}, false},
           Row{"that has had its time", false, 90s, Reloads{}, true},
           Row{"that has begun with it", true, 0s, Reloads{}, true},
           Row{"that could not read it", false, 10min,
               Reloads{.last_success = 1, .last_failure = 2}, false},
           Row{"that could at last", false, 90s, Reloads{.last_success = 3, .last_failure = 2},
               true},
       })
    EXPECT_EQ(has_loaded({file, row.younger, row.stood}, row.said), row.loaded) << row.what;
}

class EncryptionStep : public testing::Test {
 protected:
  EncryptionStep() {
    facts_.main.volume.set({.volume_id = "vol-a", .member = "a"});
    facts_.main.peers.set({{"a", "10.0.0.10"}});
  }
  Found look() {
    looked_ = step_.look(facts_, {});
    return test::found(looked_);
  }
  Result<void> act() { return test::act_on(looked_); }  // on the last look
  Result<Finding> looked_ = Done{};
  Found converge() {
    Found last;
    for (int i = 0; i < 10; ++i) {
      last = look();
      if (last.as != Found::As::needed) return last;
      if (auto acted = test::found(act()); acted.as == Found::As::error) return acted;
    }
    return last;
  }
  void secrets_in_etcd(int count) {
    http_.always("POST https://127.0.0.1:2379/v3/kv/range",
                 test::answer(200, fmt::format(R"({{"count":"{}"}})", count)));
  }
  bool has_file() { return std::filesystem::exists(root_(kube::kEncryptionConfig)); }

  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  test::FakeClock clock_;
  test::MemoryStore store_{clock_};
  test::ScriptedHttp http_;
  NodeConfig config_ = test::kube_master();
  Facts facts_;
  Step step_{Deps{config_, root_, store_, http_, clock_}};
};

TEST_F(EncryptionStep, ANewClusterEncryptsFromItsFirstSecretOn) {
  secrets_in_etcd(0);
  EXPECT_THAT(look(), IsNeeded(Reason::EncryptionToWrite));
  EXPECT_EQ(store_.writes(), 0) << "a look has written";
  EXPECT_THAT(converge(), AllOf(IsDone(Reason::SecretsEncrypted), IsAbout("key-1")));
  EXPECT_TRUE(has_file());
  EXPECT_EQ(test::bytes_of(root_(kube::kEncryptionConfig)),
            to_configuration(parse_keys(store_.objects().at(std::string(kDocument))).value()));
  auto const writes = store_.writes();
  converge();
  EXPECT_EQ(store_.writes(), writes);
}

TEST_F(EncryptionStep, TheSecondMasterTakesTheFirstOnesKey) {
  secrets_in_etcd(0);
  look();
  store_.put(std::string(kDocument), to_text(settled()));
  EXPECT_TRUE(act());
  converge();
  EXPECT_EQ(test::bytes_of(root_(kube::kEncryptionConfig)), to_configuration(settled()));
}

TEST_F(EncryptionStep, AClusterThatHasSecretsIsLeftAsItIs) {
  secrets_in_etcd(12);
  EXPECT_THAT(converge(),
              AllOf(IsDone(Reason::SecretsNotEncrypted), Says("'haagent pki rotate-encryption'")));
  EXPECT_FALSE(has_file());
  EXPECT_TRUE(store_.objects().empty());
}

TEST_F(EncryptionStep, ABootWithoutItsStoreGoesOnWithTheFile) {
  test::write_bytes(root_(kube::kEncryptionConfig), to_configuration(settled()));
  store_.fail_all(Kind::transient);
  auto found = step_.look(facts_, {});
  ASSERT_TRUE(found) << found.error().message.text;
  EXPECT_THAT(test::found(found),
              AllOf(IsDone(Reason::EncryptionNotKnown), IsAbout("Unavailable")));
  // And the first boot of a new machine waits for it.
  std::filesystem::remove(root_(kube::kEncryptionConfig));
  found = step_.look(facts_, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Kind::transient);
}

TEST_F(EncryptionStep, FlagsThatTakeTheKeyAwayAreRefused) {
  store_.put(std::string(kDocument), to_text(settled()));
  config_.apiserver.extra_args = {{"encryption-provider-config", ""}};
  auto found = step_.look(facts_, {});
  EXPECT_THAT(test::found(found), IsError(Reason::EncryptionConflict));
  EXPECT_EQ(found.error().kind, Kind::invalid);
}

// a's apiserver, as /proc and its metrics tell it.
class EncryptionBesideAnApiserver : public EncryptionStep {
 protected:
  EncryptionBesideAnApiserver() {
    test::write_bytes(root_("/proc/uptime"), "5000.00 1.00\n");
    auto const folder = root_("/proc/77");
    test::write_bytes(folder / "cmdline",
                      fmt::format("kube-apiserver{}--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt{}"
                                  "--encryption-provider-config={}{}",
                                  '\0', '\0', kube::kEncryptionConfig, '\0'));
    test::write_bytes(folder / "stat",
                      fmt::format("77 (kube-apiserver) S 1 77 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 {} "
                                  "0 0\n",
                                  100 * ::sysconf(_SC_CLK_TCK)));
    facts_.identity.set(test::kube_identity());
    store_.put(std::string(kDocument), to_text(reading()));
    test::write_bytes(root_(kube::kEncryptionConfig), to_configuration(reading()));
  }
  void metrics(std::string const& text) {
    http_.on("GET https://127.0.0.1:6443/metrics", test::answer(200, text));
  }
  static std::string goes_by(Keys const& keys) {
    return "apiserver_encryption_config_controller_last_config_info{apiserver_id_hash=\"sha256:1\","
           "hash=\"sha256:" +
           sha256_hex(to_configuration(keys)) + "\"} 1\n";
  }
  Keys stored() { return parse_keys(store_.objects().at(std::string(kDocument))).value(); }
};

// One that hangs, or whose mount shows the file of before, would be given secrets that it cannot
// read.
TEST_F(EncryptionBesideAnApiserver, IsReportedByWhatItSaysAndNotByTheTime) {
  http_.on("GET https://127.0.0.1:6443/metrics", fail(Kind::transient, "it hangs"));
  EXPECT_THAT(converge(), AllOf(IsDone(Reason::EncryptionWaits), IsAbout("key-2: a")));
  clock_.advance(10min);
  metrics(goes_by(settled()));
  EXPECT_THAT(converge(), AllOf(IsDone(Reason::EncryptionWaits), IsAbout("key-2: a")));
  EXPECT_TRUE(stored().loaded.empty());
  EXPECT_EQ(stored().writes, "key-1");
  clock_.advance(10s);
  metrics(goes_by(reading()));
  look();
  ASSERT_TRUE(act());
  EXPECT_EQ(stored().loaded.at("a"), loaded_text(reading()));
  // Nobody is asked for what is reported already.
  EXPECT_THAT(look(), AllOf(IsNeeded(Reason::EncryptionToWrite), IsAbout("advance to key-2")));
  EXPECT_EQ(http_.count("/metrics"), 3);
}

TEST_F(EncryptionBesideAnApiserver, AnOlderReleaseIsGivenItsTime) {
  metrics("");
  EXPECT_THAT(converge(), AllOf(IsDone(Reason::EncryptionWaits), IsAbout("key-2: a")));
  // A clock that is set makes an old process no younger.
  clock_.step(3h);
  clock_.advance(30s);
  metrics("");
  EXPECT_THAT(converge(), AllOf(IsDone(Reason::EncryptionWaits), IsAbout("key-2: a")));
  clock_.advance(60s);
  metrics("");
  EXPECT_THAT(look(), IsNeeded(Reason::EncryptionToWrite));
}

TEST_F(EncryptionBesideAnApiserver, IsAskedWhereItListens) {
  config_.apiserver.extra_args = {{"bind-address", "10.0.0.10"}, {"secure-port", "8443"}};
  http_.on("GET https://10.0.0.10:8443/metrics", test::answer(200, goes_by(reading())));
  EXPECT_THAT(look(), IsNeeded(Reason::EncryptionToWrite));
}

TEST(EncryptionRewrite, WritesEachSecretOfEveryPage) {
  test::ScriptedHttp http;
  std::string const url = "https://127.0.0.1:6443";
  http.on("GET " + url + "/api/v1/secrets?limit=20",
          test::answer(200, R"({"metadata":{"continue":"a/b="},"items":[
            {"metadata":{"namespace":"default","name":"one","resourceVersion":"7"},"data":{"k":"dg=="}}]})"));
  http.on("GET " + url + "/api/v1/secrets?limit=20&continue=a%2Fb%3D",
          test::answer(200, R"({"metadata":{},"items":[
            {"metadata":{"namespace":"kube-system","name":"two"}},
            {"metadata":{"namespace":"kube-system","name":"gone"}}]})"));
  http.on("PUT " + url + "/api/v1/namespaces/default/secrets/one", test::answer(200, "{}"));
  http.on("PUT " + url + "/api/v1/namespaces/kube-system/secrets/two", test::answer(409, "{}"));
  http.on("PUT " + url + "/api/v1/namespaces/kube-system/secrets/gone", test::answer(404, "{}"));
  auto const done = rewrite_secrets(http, url, {}, {});
  ASSERT_TRUE(done) << done.error().message.text;
  EXPECT_EQ(done->secrets, 3u);
  EXPECT_EQ(done->refused, 0u);
  for (auto const& request : http.requests()) {
    if (request.method != "PUT" || !request.url.ends_with("/one")) continue;
    auto const body = json::parse(request.body).value();
    EXPECT_EQ(body.text_at("kind"), "Secret");
    EXPECT_EQ(body.at_path("metadata.resourceVersion")->text(), "7")
        << "or it overwrites another's";
    EXPECT_EQ(body.at_path("data.k")->text(), "dg==");
  }
}

TEST(EncryptionRewrite, GoesOnWhereTheListHasBecomeTooOld) {
  test::ScriptedHttp http;
  std::string const url = "https://127.0.0.1:6443";
  http.on("GET " + url + "/api/v1/secrets?limit=20",
          test::answer(200, R"({"metadata":{"continue":"old"},"items":[]})"));
  http.on("GET " + url + "/api/v1/secrets?limit=20&continue=old",
          test::answer(410, R"({"metadata":{"continue":"new"},"reason":"Expired"})"));
  http.on("GET " + url + "/api/v1/secrets?limit=20&continue=new",
          test::answer(200, R"({"metadata":{},"items":[]})"));
  EXPECT_TRUE(rewrite_secrets(http, url, {}, {}));
}

TEST(EncryptionRewrite, ARefusedSecretIsNamedAndAnApiserverThatFailsIsAnError) {
  std::string const url = "https://127.0.0.1:6443";
  auto const list = R"({"metadata":{},"items":[{"metadata":{"namespace":"n","name":"s"}}]})";
  auto const get = "GET " + url + "/api/v1/secrets?limit=20";
  auto const put = "PUT " + url + "/api/v1/namespaces/n/secrets/s";
  {
    test::ScriptedHttp http;
    http.on(get, test::answer(200, list));
    http.on(put, test::answer(403, R"({"message":"denied by policy"})"));
    auto const done = rewrite_secrets(http, url, {}, {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->refused, 1u);
    EXPECT_THAT(done->first_refusal, HasSubstr("n/s"));
  }
  {
    test::ScriptedHttp http;
    http.on(get, test::answer(200, list));
    http.on(put, test::answer(500, R"({"message":"webhook timed out"})"));
    EXPECT_EQ(rewrite_secrets(http, url, {}, {}).error().kind, Kind::transient);
  }
  {
    test::ScriptedHttp http;
    http.on(get, test::answer(401, "{}"));
    EXPECT_FALSE(rewrite_secrets(http, url, {}, {}));
  }
}

}  // namespace
}  // namespace haagent::bootstrap::encryption
