#include "bootstrap/pki/certificate_request.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <memory>

#include "bootstrap/pki/keys.h"
#include "bootstrap/pki/x509.h"
#include "tests/support/foreign_request.h"

namespace haagent::bootstrap::pki {
namespace {

using test::Foreign;

TEST(CertificateRequest, ReadsAsWhatItWasMadeFrom) {
  auto const key = make_key().value();
  auto const pem = make_request("system:node:ip-10-0-0-5", "system:nodes", key).value();
  auto const read = read_request(pem);
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->common_name, "system:node:ip-10-0-0-5");
  EXPECT_EQ(read->organization, "system:nodes");
  EXPECT_EQ(read->public_key, public_key_of(key).value());
  EXPECT_EQ(read->key_hash, hash_of_public_key(read->public_key).value());
  EXPECT_FALSE(read->asks_for_more);
  EXPECT_TRUE(read_request(make_request("", "", key).value())->common_name.empty());
}

TEST(CertificateRequest, ACertificateIsMadeForItsKey) {
  auto const ca =
      make_ca({"kubernetes", ""}, std::chrono::system_clock::now(), std::chrono::hours(10)).value();
  auto const key = make_key().value();
  auto const request = read_request(make_request("", "", key).value()).value();
  LeafSpec const spec{.common_name = "system:node:a",
                      .organization = "system:nodes",
                      .dns_names = {},
                      .addresses = {},
                      .client = true};
  auto const leaf = make_leaf_for(spec, request.public_key, ca, std::chrono::system_clock::now(),
                                  std::chrono::hours(1));
  ASSERT_TRUE(leaf);
  EXPECT_TRUE(is_for_key(*leaf, key));
  EXPECT_EQ(parse_certificate(*leaf)->key_hash, request.key_hash);
}

TEST(CertificateRequest, OneThatAsksForMoreSaysSo) {
  auto asks = [](Foreign&& request) {
    auto const read = read_request(request.pem());
    EXPECT_TRUE(read) << read.error().message.text;
    return read && read->asks_for_more;
  };
  auto key = [] { return EVP_EC_gen("P-256"); };
  EXPECT_FALSE(asks(std::move(Foreign(key()).name("CN", "a").name("O", "b"))));
  EXPECT_TRUE(asks(std::move(Foreign(key()).extension(NID_subject_alt_name, "DNS:kubernetes"))));
  EXPECT_TRUE(asks(std::move(Foreign(key()).extension(NID_basic_constraints, "CA:TRUE"))));
  EXPECT_TRUE(asks(std::move(Foreign(key()).extension(NID_ext_key_usage, "serverAuth"))));
  EXPECT_TRUE(asks(std::move(Foreign(key()).name("CN", "a").name("CN", "b"))));
  EXPECT_TRUE(
      asks(std::move(Foreign(key()).name("O", "system:nodes").name("O", "system:masters"))));
  EXPECT_TRUE(asks(std::move(Foreign(key()).name("OU", "a"))));
}

TEST(CertificateRequest, OtherKeysAndBrokenOnesAreRefused) {
  auto refused = [](std::string const& pem) {
    auto const read = read_request(pem);
    return !read && read.error().kind == Kind::invalid;
  };
  EXPECT_TRUE(refused(Foreign(EVP_RSA_gen(1024)).pem()));
  EXPECT_TRUE(refused(Foreign(EVP_RSA_gen(2048)).pem()));
  EXPECT_TRUE(refused(Foreign(EVP_EC_gen("P-384")).pem()));
  EXPECT_TRUE(refused(Foreign(EVP_EC_gen("secp256k1")).pem()));
  // P-256 too, as few readers take it: the certificate would be one that nobody can use.
  for (auto const& [parameter, value] : {std::pair{OSSL_PKEY_PARAM_EC_ENCODING, "explicit"},
                                         {OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"},
                                         {OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "hybrid"}}) {
    auto* const odd = EVP_EC_gen("P-256");
    ASSERT_EQ(EVP_PKEY_set_utf8_string_param(odd, parameter, value), 1);
    EXPECT_TRUE(refused(Foreign(odd).pem())) << value;
  }
  auto* const other = EVP_EC_gen("P-256");
  EXPECT_TRUE(refused(Foreign(EVP_EC_gen("P-256")).pem(other))) << "signed by another key";
  EVP_PKEY_free(other);

  auto const good = make_request("a", "b", make_key().value()).value();
  EXPECT_FALSE(refused(good));
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(good + good));
  EXPECT_TRUE(refused("x\n" + good));
  EXPECT_TRUE(refused(good + "x\n"));
  EXPECT_TRUE(refused(good.substr(0, good.size() / 2)));
  EXPECT_TRUE(refused(std::string(kCertificateRequestCap + 1, 'a')));
}

TEST(Keys, ASignatureIsOfOneKeyAndOneText) {
  auto const key = make_key().value();
  auto const public_key = public_key_of(key).value();
  auto const signature = sign(key, "text").value();
  EXPECT_TRUE(is_signed(public_key, "text", signature));
  EXPECT_FALSE(is_signed(public_key, "texts", signature));
  EXPECT_FALSE(is_signed(public_key_of(make_key().value()).value(), "text", signature));
  EXPECT_FALSE(is_signed(public_key, "text", ""));
  EXPECT_FALSE(is_signed("no key", "text", signature));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
