#include "bootstrap/pki/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr UtcTime kNow{std::chrono::seconds(1768472100)};

Ca make(std::string const& name, UtcTime created = kNow) {
  auto pair = make_ca({name, ""}, kNow, 1000h).value();
  auto id = parse_certificate(pair.certificate)->key_id;
  return {id, created, std::move(pair)};
}

Bundle bundle_of(Stage stage) {
  Bundle bundle{.stage = stage, .signing = {}, .cas = {}, .loaded = {{"a", "x/x"}}};
  bundle.cas.push_back(make("old"));
  bool const two = stage == Stage::trusting_new || stage == Stage::signing_with_new;
  if (two) bundle.cas.push_back(make("new", kNow + 1h));
  bundle.signing = bundle.cas[stage == Stage::signing_with_new ? 1 : 0].id;
  return bundle;
}

TEST(PkiBundle, ReadsAsItWasWritten) {
  for (auto stage :
       {Stage::stable, Stage::trusting_new, Stage::signing_with_new, Stage::dropping_old}) {
    auto const bundle = bundle_of(stage);
    auto const read = parse_bundle(to_text(bundle));
    ASSERT_TRUE(read) << read.error().message.text;
    EXPECT_EQ(read->stage, stage);
    EXPECT_EQ(read->signing, bundle.signing);
    EXPECT_EQ(read->loaded, bundle.loaded);
    EXPECT_EQ(trust_of(*read), trust_of(bundle));
    EXPECT_EQ(signing_ca(*read).pair.key, signing_ca(bundle).pair.key);
    EXPECT_EQ(to_text(*read), to_text(bundle));
  }
}

TEST(PkiBundle, WhatIsLoadedNamesTheTrustedAndTheSigner) {
  auto const bundle = bundle_of(Stage::signing_with_new);
  EXPECT_EQ(loaded_text(bundle),
            bundle.cas[0].id + "+" + bundle.cas[1].id + "/" + bundle.cas[1].id);
}

// The document, changed at one place.
std::string why_not(std::function<void(Tree&)> const& change, Stage stage = Stage::stable) {
  auto tree = json::parse(to_text(bundle_of(stage))).value();
  change(tree);
  auto read = parse_bundle(json::print(tree));
  return read ? "" : read.error().message.text;
}

TEST(PkiBundle, WhatDoesNotFitTogetherIsInvalid) {
  EXPECT_EQ(why_not([](Tree&) {}), "");
  constexpr char kId[] = "'";  // of the authority, between them
  EXPECT_THAT(why_not([](Tree& t) { t.set("schema", 2); }), HasSubstr("'2'"));
  EXPECT_THAT(why_not([](Tree& t) { t.set("stage", "later"); }), HasSubstr("'later'"));
  EXPECT_THAT(why_not([](Tree& t) { t.set("signing", "nobody"); }), HasSubstr("'stable'"));
  EXPECT_THAT(why_not([](Tree& t) { t.set("authorities", Tree::list()); }), Not(""));
  EXPECT_THAT(why_not([](Tree& t) { t.set("stage", "dropping old"); }, Stage::trusting_new),
              HasSubstr("'dropping old'"));
  EXPECT_THAT(why_not([](Tree& t) { t.set("stage", "trusting new"); }),
              HasSubstr("'trusting new'"));
  EXPECT_THAT(
      why_not([](Tree& t) { t.find("authorities")->items()[0].set("key", make_key()->reveal()); }),
      HasSubstr(kId));
  EXPECT_THAT(why_not([](Tree& t) {
                t.find("authorities")->items()[0].set("certificate", make("x").pair.certificate);
              }),
              HasSubstr(kId));
  EXPECT_THAT(why_not([](Tree& t) { t.find("authorities")->items()[0].set("createdAt", "once"); }),
              HasSubstr(kId));
  EXPECT_THAT(why_not([](Tree& t) { t.find("authorities")->items()[0].set("id", "x"); }), Not(""));
  EXPECT_FALSE(parse_bundle(""));
  EXPECT_FALSE(parse_bundle("[]"));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
