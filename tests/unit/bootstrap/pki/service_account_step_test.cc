#include "bootstrap/pki/service_account_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bootstrap/pki/authority.h"
#include "bootstrap/pki/keys.h"
#include "bootstrap/pki/leaves.h"
#include "bootstrap/pki/record.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/memory_store.h"
#include "tests/support/pki_documents.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::pki {
namespace {

using test::Found;
using test::IsDone;
using test::IsError;
using test::IsNeeded;
using test::MemoryStore;
using testing::HasSubstr;

struct Master {
  explicit Master(MemoryStore& state) : step(Root(directory.path()), state) {}
  Found look() {
    looked = step.look(facts, {});
    return test::found(looked);
  }
  // As the runner has it: looks, acts, looks again.
  Found converge() {
    auto said = look();
    if (said.as != Found::As::needed) return said;
    if (auto acted = test::found(test::act_on(looked)); acted.as == Found::As::error) return acted;
    return look();
  }
  std::string text(char const* path) const { return test::bytes_of(root(path)); }
  mode_t mode(char const* path) const {
    struct stat status{};
    EXPECT_EQ(::stat(root(path).c_str(), &status), 0) << path;
    return status.st_mode & 07777u;
  }

  test::TemporaryDirectory directory;
  Root const root{directory.path()};
  Facts facts;
  Result<Finding> looked = Done{};
  ServiceAccountStep step;
};

class ServiceAccountStepTest : public testing::Test {
 protected:
  ServiceAccountStepTest() { test::add_authorities(store_); }
  test::FakeClock clock_;
  MemoryStore store_{clock_};
};

TEST_F(ServiceAccountStepTest, TheFirstMasterMakesTheKeyAndAllHaveIt) {
  MemoryStore empty(clock_);
  Master a(empty);
  EXPECT_THAT(a.look(), IsNeeded(Reason::CertificatesToWrite));
  EXPECT_EQ(empty.writes(), 0) << "a look has written";
  EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
  EXPECT_EQ(empty.writes(), 1);
  Master b(empty);
  EXPECT_THAT(b.converge(), IsDone(Reason::CertificatesGood));
  EXPECT_EQ(empty.writes(), 1);
  for (auto const* path : {kServiceAccountKey, kServiceAccountPublic})
    EXPECT_EQ(a.text(path), b.text(path)) << path;
  EXPECT_EQ(a.mode(kServiceAccountKey), 0600u);
  EXPECT_EQ(a.mode(kServiceAccountPublic), 0644u);
  EXPECT_EQ(public_key_of(Secret(a.text(kServiceAccountKey))).value(),
            a.text(kServiceAccountPublic));
  EXPECT_THAT(a.text(kPkiRecord), HasSubstr(kServiceAccountKey));
  EXPECT_THAT(a.text(kPkiRecord), HasSubstr(kServiceAccountPublic));
}

TEST_F(ServiceAccountStepTest, ARebootAsksNobody) {
  Master a(store_);
  a.converge();
  store_.fail_all(Kind::transient);
  EXPECT_THAT(a.look(), IsDone(Reason::CertificatesGood));
}

// A power cut between the two names.
TEST_F(ServiceAccountStepTest, ThePublicHalfIsOfTheKeyAndNeedsNoStore) {
  Master a(store_);
  a.converge();
  auto const half = a.text(kServiceAccountPublic);
  store_.fail_all(Kind::transient);
  for (std::string const left : {"", "words"}) {
    std::filesystem::remove(a.root(kServiceAccountPublic));
    if (!left.empty()) test::write_bytes(a.root(kServiceAccountPublic), left);
    EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood)) << left;
    EXPECT_EQ(a.text(kServiceAccountPublic), half);
  }
}

TEST_F(ServiceAccountStepTest, AKeyThatIsNoneOrThatOthersMayReadIsBroughtAnew) {
  Master a(store_);
  a.converge();
  auto const key = a.text(kServiceAccountKey);
  test::write_bytes(a.root(kServiceAccountKey), "");
  EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
  EXPECT_EQ(a.text(kServiceAccountKey), key);
  ASSERT_EQ(::chmod(a.root(kServiceAccountKey).c_str(), 0644), 0);
  EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
  EXPECT_EQ(a.mode(kServiceAccountKey), 0600u);
}

TEST_F(ServiceAccountStepTest, WhatThisMasterHasIsNeverMadeAnew) {
  Master a(store_);
  a.converge();
  auto const key = a.text(kServiceAccountKey);
  store_.erase(document_key(kServiceAccount));
  ASSERT_EQ(::chmod(a.root(kServiceAccountKey).c_str(), 0644), 0);  // so that the store is asked
  auto const refused = a.converge();
  EXPECT_THAT(refused, IsError(Reason::AuthorityMissing));
  EXPECT_EQ(refused.kind, Kind::refused);
  EXPECT_FALSE(*store_.get(document_key(kServiceAccount), {}));
  EXPECT_EQ(a.text(kServiceAccountKey), key);
}

TEST_F(ServiceAccountStepTest, ADocumentThatCannotBeReadIsNamed) {
  store_.put(document_key(kServiceAccount), R"({"schema": 1, "key": "words"})");
  Master a(store_);
  EXPECT_EQ(a.converge().as, Found::As::error);
  EXPECT_FALSE(std::filesystem::exists(a.root(kServiceAccountKey)));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
