// Web identity tokens, as a stranger verifies them: by the issuer's documents and nothing else.
#include "tests/sim/token_issuer.h"

#include <gmock/gmock.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "tests/sim/openssl_handles.h"
#include "tests/support/shipped_policy.h"
#include "tests/unit/sim/service_test.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char const* kIssuer = "http://169.254.169.254:8080";
constexpr char const* kDiscovery = "/.well-known/openid-configuration";
constexpr char const* kJwks = "/.well-known/jwks.json";
constexpr char const* kRole = "arn:aws:iam::123456789012:role/haagent-master";

std::string from_base64url(std::string text) {
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  while (text.size() % 4 != 0) text += '=';
  auto const bytes = from_base64(text);
  EXPECT_TRUE(bytes) << text;
  return bytes.value_or("");
}

using PublicKey = std::unique_ptr<EVP_PKEY, Freeing<&EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freeing<&EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freeing<&EVP_MD_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freeing<&OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freeing<&OSSL_PARAM_free>>;
using Number = std::unique_ptr<BIGNUM, Freeing<&BN_free>>;
using EcPair = std::unique_ptr<ECDSA_SIG, Freeing<&ECDSA_SIG_free>>;

unsigned char const* bytes_of(std::string const& text) {
  return reinterpret_cast<unsigned char const*>(text.data());
}
Number number(std::string const& bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

PublicKey public_key(Tree const& jwk) {
  bool const is_rsa = jwk.text_at("kty") == "RSA";
  Builder const builder(OSSL_PARAM_BLD_new());
  auto const n = number(from_base64url(jwk.text_at("n")));
  auto const e = number(from_base64url(jwk.text_at("e")));
  auto const point = "\x04" + from_base64url(jwk.text_at("x")) + from_base64url(jwk.text_at("y"));
  if (is_rsa) {
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  } else {
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
  }
  Params const params(OSSL_PARAM_BLD_to_param(builder.get()));
  KeyContext const context(EVP_PKEY_CTX_new_from_name(nullptr, is_rsa ? "RSA" : "EC", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return PublicKey(key);
}

// JOSE's r and s as OpenSSL wants them.
std::string in_der(std::string const& raw) {
  EXPECT_EQ(raw.size(), 96u);
  EcPair const pair(ECDSA_SIG_new());
  ECDSA_SIG_set0(pair.get(), number(raw.substr(0, 48)).release(), number(raw.substr(48)).release());
  unsigned char* der = nullptr;
  auto const length = i2d_ECDSA_SIG(pair.get(), &der);
  std::string text(reinterpret_cast<char const*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return text;
}

struct Token {
  std::string signed_part;
  std::string signature;
  Tree header;
  Tree claims;
  Tree of_aws;
};
Token parse_token(std::string const& text) {
  auto const first = text.find('.'), second = text.rfind('.');
  EXPECT_LT(first, second) << text;
  EXPECT_EQ(
      text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."),
      std::string::npos);
  Token token;
  token.signed_part = text.substr(0, second);
  token.signature = from_base64url(text.substr(second + 1));
  token.header = json::parse(from_base64url(text.substr(0, first))).value_or(Tree());
  token.claims =
      json::parse(from_base64url(text.substr(first + 1, second - first - 1))).value_or(Tree());
  if (auto const* of_aws = token.claims.find("https://sts.amazonaws.com/")) token.of_aws = *of_aws;
  return token;
}

bool verifies(Token const& token, Tree const& jwk) {
  bool const is_rsa = jwk.text_at("kty") == "RSA";
  auto const key = public_key(jwk);
  auto const signature = is_rsa ? token.signature : in_der(token.signature);
  DigestContext const context(EVP_MD_CTX_new());
  EVP_DigestVerifyInit(context.get(), nullptr, is_rsa ? EVP_sha256() : EVP_sha384(), nullptr,
                       key.get());
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                          bytes_of(token.signed_part), token.signed_part.size()) == 1;
}

RegionSpec federated() {
  auto spec = three_zones();
  spec.web_identity = true;
  return spec;
}

// Signed by the role of masters-a unless it says otherwise.
struct TokenIssuerTest : testing::Test, ServiceWorld {
  explicit TokenIssuerTest(RegionSpec spec = federated()) : ServiceWorld(std::move(spec)) {
    boot();
    me = member("masters-a");
  }

  static Parameters asking(Parameters more = {}) {
    Parameters all = {{"Action", "GetWebIdentityToken"}, {"Version", "2011-06-15"}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  static Parameters for_one(std::string const& algorithm, Parameters more = {}) {
    more.insert(more.begin(),
                {{"Audience.member.1", "haagent:demo"}, {"SigningAlgorithm", algorithm}});
    return asking(std::move(more));
  }
  Token token(Parameters const& parameters) {
    auto const response = call_as(me, parameters, "sts");
    EXPECT_EQ(response.status, 200) << response.body;
    return parse_token(text(response.body, "//WebIdentityToken"));
  }
  // "ValidationError 400", or "" where a token is given.
  std::string refusal(Parameters const& parameters) {
    auto const response = call_as(me, parameters, "sts");
    if (response.status == 200) return "";
    return fmt::format("{} {}", error_code(response), response.status);
  }
  Response get(std::string const& path) {
    Request request;
    request.source = "192.0.2.1";
    request.wire = {"GET", path, "", {{"Host", "169.254.169.254:8080"}}, ""};
    return api.handle(request);
  }
  // The key of that id, as the issuer's documents lead to it.
  std::optional<Tree> published_key(std::string const& id) {
    auto const discovery = get(kDiscovery);
    EXPECT_EQ(discovery.status, 200);
    auto const document = json::parse(discovery.body).value_or(Tree());
    EXPECT_EQ(document.text_at("issuer"), kIssuer);
    EXPECT_EQ(document.text_at("jwks_uri"), std::string(kIssuer) + kJwks);
    auto const jwks = json::parse(get(kJwks).body);
    EXPECT_TRUE(jwks);
    for (auto const& key : jwks->find("keys")->items()) {
      if (key.text_at("kid") == id) return key;
    }
    return std::nullopt;
  }

  Instance me;
};

TEST_F(TokenIssuerTest, TokensVerifyByThePublishedKeys) {
  for (auto const* algorithm : {"ES384", "RS256"}) {
    auto const given = token(for_one(algorithm));
    EXPECT_EQ(given.header.text_at("alg"), algorithm);
    EXPECT_EQ(given.header.text_at("typ"), "JWT");
    auto const key = published_key(given.header.text_at("kid"));
    ASSERT_TRUE(key) << algorithm;
    EXPECT_EQ(key->text_at("alg"), algorithm);
    EXPECT_EQ(key->text_at("use"), "sig");
    EXPECT_TRUE(verifies(given, *key)) << algorithm;
    auto forged = given;
    forged.signed_part.back() = forged.signed_part.back() == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifies(forged, *key)) << algorithm;
  }
}

// r and s are numbers: what is shorter than a half has zeros before it.
TEST_F(TokenIssuerTest, EcSignaturesHaveOneLengthEach) {
  TokenIssuer issuer(true);
  for (int i = 0; i < 600; ++i) {
    auto const given =
        parse_token(issuer.sign(SigningAlgorithm::es384, Tree::map({{"number", i}})));
    ASSERT_EQ(given.signature.size(), 96u);
  }
}

TEST_F(TokenIssuerTest, AnInstancesTokenSaysWhoAndWhere) {
  auto const response = call_as(me, for_one("ES384"), "sts");
  EXPECT_THAT(response.body, HasSubstr("<GetWebIdentityTokenResponse "
                                       "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                                       "<GetWebIdentityTokenResult><WebIdentityToken>"));
  EXPECT_THAT(response.body, HasSubstr("</GetWebIdentityTokenResult><ResponseMetadata>"));
  auto const given = parse_token(text(response.body, "//WebIdentityToken"));
  auto const& claims = given.claims;
  EXPECT_EQ(claims.text_at("iss"), kIssuer);
  EXPECT_TRUE(claims.find("aud")->is_string());
  EXPECT_EQ(claims.text_at("aud"), "haagent:demo");
  EXPECT_EQ(claims.text_at("sub"), kRole);
  auto const issued = *claims.find("iat")->as_integer();
  EXPECT_EQ(issued,
            std::chrono::floor<std::chrono::seconds>(clock.utc().time_since_epoch()).count());
  EXPECT_EQ(claims.find("exp")->as_integer(), issued + 300);
  EXPECT_EQ(text(response.body, "//Expiration"),
            to_rfc3339(UtcTime(std::chrono::seconds(issued + 300))));

  EXPECT_EQ(given.of_aws.text_at("aws_account"), "123456789012");
  EXPECT_EQ(given.of_aws.text_at("source_region"), "eu-west-1");
  EXPECT_EQ(given.of_aws.text_at("principal_id"), kRole);
  EXPECT_EQ(given.of_aws.text_at("ec2_source_instance_arn"),
            "arn:aws:ec2:eu-west-1:123456789012:instance/" + me.id);
  EXPECT_EQ(given.of_aws.text_at("ec2_instance_source_vpc"), kVpc);
  EXPECT_EQ(given.of_aws.text_at("ec2_instance_source_private_ipv4"), me.address);
  EXPECT_TRUE(given.of_aws.find("ec2_role_delivery")->is_string());
  EXPECT_EQ(given.of_aws.text_at("ec2_role_delivery"), "2.0");
  EXPECT_EQ(given.of_aws.find("request_tags"), nullptr);

  EXPECT_NE(token(for_one("ES384")).claims.text_at("jti"), claims.text_at("jti"));
}

TEST_F(TokenIssuerTest, TagsAudiencesAndDurationAreTheCallers) {
  auto const given = token(asking({{"Audience.member.1", "a"},
                                   {"Audience.member.2", "b"},
                                   {"SigningAlgorithm", "RS256"},
                                   {"DurationSeconds", "60"},
                                   {"Tags.member.1.Key", "key-hash"},
                                   {"Tags.member.1.Value", "a+b/c="},
                                   {"Tags.member.2.Key", "empty"},
                                   {"Tags.member.2.Value", ""}}));
  auto const* audience = given.claims.find("aud");
  ASSERT_TRUE(audience->is_list());
  ASSERT_EQ(audience->items().size(), 2u);
  EXPECT_EQ(audience->items()[1].text(), "b");
  EXPECT_EQ(*given.claims.find("exp")->as_integer() - *given.claims.find("iat")->as_integer(), 60);
  auto const* tags = given.of_aws.find("request_tags");
  ASSERT_TRUE(tags);
  EXPECT_EQ(json::print(*tags), R"({"empty":"","key-hash":"a+b/c="})");
}

TEST_F(TokenIssuerTest, AnOperatorIsOnNoInstance) {
  auto const response = call(for_one("ES384"), "sts");
  ASSERT_EQ(response.status, 200) << response.body;
  auto const given = parse_token(text(response.body, "//WebIdentityToken"));
  EXPECT_EQ(given.claims.text_at("sub"), "arn:aws:iam::123456789012:user/operator");
  EXPECT_THAT(json::print(given.of_aws), Not(HasSubstr("ec2_")));
}

TEST_F(TokenIssuerTest, TheTimeIsTheApis) {
  region.set_clock_skew(2min);
  auto const given = token(for_one("ES384"));
  EXPECT_EQ(
      *given.claims.find("iat")->as_integer(),
      std::chrono::floor<std::chrono::seconds>((clock.utc() + 2min).time_since_epoch()).count());
}

Parameters many(std::string const& prefix, int count, std::string const& suffix = "") {
  Parameters all;
  for (int i = 1; i <= count; ++i) {
    all.emplace_back(fmt::format("{}{}{}", prefix, i, suffix), fmt::format("k{}", i));
    if (!suffix.empty()) all.emplace_back(fmt::format("{}{}.Value", prefix, i), "v");
  }
  return all;
}
Parameters tag(std::string const& key, std::string const& value) {
  return {{"Tags.member.1.Key", key}, {"Tags.member.1.Value", value}};
}

TEST_F(TokenIssuerTest, BoundsAreKeptToTheLast) {
  Parameters const algorithm = {{"SigningAlgorithm", "ES384"}};
  auto const with = [](Parameters one, Parameters const& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
  };
  std::string const umlauts = [] {
    std::string text;
    for (int i = 0; i < 128; ++i) text += "ü";
    return text;
  }();
  struct Row {
    char const* what;
    Parameters parameters;
    bool good;
  };
  for (auto const& row : std::vector<Row>{
           {"no audience", asking(algorithm), false},
           {"an empty audience", asking(with(algorithm, {{"Audience.member.1", ""}})), false},
           {"ten audiences", asking(with(algorithm, many("Audience.member.", 10))), true},
           {"eleven audiences", asking(with(algorithm, many("Audience.member.", 11))), false},
           {"an audience of 1000",
            asking(with(algorithm, {{"Audience.member.1", std::string(1000, 'a')}})), true},
           {"an audience of 1001",
            asking(with(algorithm, {{"Audience.member.1", std::string(1001, 'a')}})), false},
           {"a list in EC2's form", asking(with(algorithm, {{"Audience.1", "a"}})), false},
           {"no algorithm", asking({{"Audience.member.1", "a"}}), false},
           {"another algorithm", for_one("ES256"), false},
           {"in small letters", for_one("es384"), false},
           {"60 seconds", for_one("ES384", {{"DurationSeconds", "60"}}), true},
           {"59 seconds", for_one("ES384", {{"DurationSeconds", "59"}}), false},
           {"3600 seconds", for_one("ES384", {{"DurationSeconds", "3600"}}), true},
           {"3601 seconds", for_one("ES384", {{"DurationSeconds", "3601"}}), false},
           {"a duration with a unit", for_one("ES384", {{"DurationSeconds", "60s"}}), false},
           {"an empty duration", for_one("ES384", {{"DurationSeconds", ""}}), false},
           {"50 tags", for_one("ES384", many("Tags.member.", 50, ".Key")), true},
           {"51 tags", for_one("ES384", many("Tags.member.", 51, ".Key")), false},
           {"a key of 128", for_one("ES384", tag(std::string(128, 'k'), "v")), true},
           {"a key of 128 characters", for_one("ES384", tag(umlauts, "v")), true},
           {"a key of 129", for_one("ES384", tag(std::string(129, 'k'), "v")), false},
           {"an empty key", for_one("ES384", tag("", "v")), false},
           {"a value of 256", for_one("ES384", tag("k", std::string(256, 'v'))), true},
           {"a value of 257", for_one("ES384", tag("k", std::string(257, 'v'))), false},
           {"a sign that tags have not", for_one("ES384", tag("k", "a,b")), false},
           {"a tag without a key", for_one("ES384", {{"Tags.member.1.Value", "v"}}), false},
           {"a tag without a value", for_one("ES384", {{"Tags.member.1.Key", "k"}}), false},
           {"a key twice",
            for_one("ES384", with(tag("k", "v"),
                                  {{"Tags.member.2.Key", "k"}, {"Tags.member.2.Value", "w"}})),
            false},
       }) {
    EXPECT_EQ(refusal(row.parameters), row.good ? "" : "ValidationError 400") << row.what;
  }
  EXPECT_EQ(text(call_as(me, for_one("ES384", {{"DurationSeconds", "59"}}), "sts").body,
                 "//Error/Message"),
            "1 validation error detected: Value '59' at 'durationSeconds' failed to satisfy "
            "constraint: Member must have value greater than or equal to 60");
}

TEST_F(TokenIssuerTest, ATokenOutlivesNoSession) {
  ASSERT_TRUE(region.set_metadata(
      me.id, [](MetadataOptions& options) { options.credentials_lifetime = 20min; }));
  me = *region.instance(me.id);
  auto const lasting = [](std::string const& seconds) {
    return for_one("ES384", {{"DurationSeconds", seconds}});
  };
  EXPECT_EQ(refusal(lasting("1200")), "");
  EXPECT_EQ(refusal(lasting("1260")), "SessionDurationEscalationException 403");
  EXPECT_EQ(call(lasting("3600"), "sts").status, 200);  // an operator's keys do not expire
}

TEST_F(TokenIssuerTest, NewKeysReplaceTheOldOnes) {
  auto const before = token(for_one("ES384"));
  auto const old_id = before.header.text_at("kid");
  ASSERT_TRUE(published_key(old_id));
  region.token_issuer().rotate_keys();
  EXPECT_FALSE(published_key(old_id));
  auto const after = token(for_one("ES384"));
  auto const key = published_key(after.header.text_at("kid"));
  ASSERT_TRUE(key);
  EXPECT_TRUE(verifies(after, *key));
  EXPECT_FALSE(verifies(before, *key));
}

TEST_F(TokenIssuerTest, FaultsAndDenialsHitTheActionAsAnyOther) {
  region.api_faults().set(FaultKind::throttle, Fault{1, 1, {"GetWebIdentityToken"}});
  EXPECT_EQ(refusal(for_one("ES384")), "RequestLimitExceeded 503");
  region.api_faults().set(FaultKind::lose, Fault{1, 1, {"sts:GetWebIdentityToken"}});
  EXPECT_EQ(call_as(me, for_one("ES384"), "sts").delivery, Response::Delivery::close);
  region.api_faults().deny({"sts:GetWebIdentityToken"});
  EXPECT_EQ(refusal(for_one("ES384")), "AccessDenied 403");
  region.api_faults().clear();
  region.api_faults().set_latency(2s);
  EXPECT_EQ(call_as(me, for_one("ES384"), "sts").delay, 2s);
  EXPECT_EQ(region.calls().counts()[me.id].at("sts:GetWebIdentityToken").calls, 4u);
}

TEST_F(TokenIssuerTest, FaultsHitTheDocuments) {
  region.api_faults().set(FaultKind::unavailable, Fault{1, 1, {"tokens:GetJwks"}});
  EXPECT_EQ(get(kDiscovery).status, 200);
  EXPECT_EQ(get(kJwks).status, 503);
  region.api_faults().set(FaultKind::down, Fault{1, 1, {"tokens:*"}});
  EXPECT_EQ(get(kJwks).delivery, Response::Delivery::close);
  region.api_faults().set_latency(2s);
  EXPECT_EQ(get(kJwks).delay, 2s);
  EXPECT_EQ(get(kJwks).status, 200);
  EXPECT_EQ(region.calls().counts()["anonymous"].at("tokens:GetJwks").calls, 4u);
}

TEST_F(TokenIssuerTest, TheDocumentsAreWhereTheIssuerSays) {
  auto const jwks = get(kJwks);
  EXPECT_EQ(header_of(jwks.headers, "content-type"), "application/json");
  std::vector<std::string> kinds;
  auto const document = json::parse(jwks.body).value_or(Tree());
  for (auto const& key : document.find("keys")->items())
    kinds.push_back(fmt::format("{} {}", key.text_at("kty"), key.text_at("alg")));
  EXPECT_THAT(kinds, ElementsAre("EC ES384", "RSA RS256"));
  EXPECT_EQ(get("/.well-known/other").status, 404);
  region.token_issuer().serve_at("http://127.0.0.1:4711");
  EXPECT_EQ(token(for_one("ES384")).claims.text_at("iss"), "http://127.0.0.1:4711");
  EXPECT_THAT(get(kDiscovery).body, HasSubstr("\"http://127.0.0.1:4711/.well-known/jwks.json\""));
}

struct TokenIssuerOffTest : TokenIssuerTest {
  TokenIssuerOffTest() : TokenIssuerTest(three_zones()) {}
};

TEST_F(TokenIssuerOffTest, AnAccountHasItOffAtFirst) {
  EXPECT_EQ(refusal(for_one("ES384")), "OutboundWebIdentityFederationDisabledException 403");
  EXPECT_EQ(get(kJwks).status, 404);
  region.token_issuer().set_enabled(true);
  EXPECT_EQ(refusal(for_one("ES384")), "");
  region.token_issuer().set_enabled(false);
  EXPECT_EQ(refusal(for_one("ES384")), "OutboundWebIdentityFederationDisabledException 403");
  EXPECT_EQ(get(kJwks).status, 200);  // what was issued before still verifies
}

RegionSpec federated_with(std::string const& statement) {
  auto spec = federated();
  auto policy = IamPolicy::parse(R"({"Version":"2012-10-17","Statement":[)" + statement + "]}");
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().message.text);
  spec.policies["haagent-master"] = *policy;
  return spec;
}
struct TokenPermissionsTest : testing::Test {
  static std::string refusal(std::string const& statement, Parameters const& parameters) {
    ServiceWorld world(federated_with(statement));
    world.boot();
    auto const response = world.call_as(world.member("masters-a"), parameters, "sts");
    return response.status == 200 ? ""
                                  : fmt::format("{} {}: {}", error_code(response), response.status,
                                                text(response.body, "//Error/Message"));
  }
};

TEST_F(TokenPermissionsTest, ARoleWithAPolicyNeedsThePermission) {
  auto const plain = TokenIssuerTest::for_one("ES384");
  auto const tagged = TokenIssuerTest::for_one("ES384", tag("k", "v"));
  std::string const nothing = R"({"Sid":"S3","Effect":"Allow","Action":"s3:*","Resource":"*"})";
  EXPECT_THAT(refusal(nothing, plain),
              testing::AllOf(testing::StartsWith("AccessDenied 403: "),
                             HasSubstr("not authorized to perform: sts:GetWebIdentityToken")));
  EXPECT_EQ(refusal(nothing, {{"Action", "GetCallerIdentity"}}), "");

  std::string const untagged =
      R"({"Sid":"T","Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"})";
  EXPECT_EQ(refusal(untagged, plain), "");
  EXPECT_THAT(refusal(untagged, tagged),
              HasSubstr("not authorized to perform: sts:TagGetWebIdentityToken"));

  std::string const for_demo =
      R"({"Sid":"T","Effect":"Allow","Action":["sts:GetWebIdentityToken",)"
      R"("sts:TagGetWebIdentityToken"],"Resource":"*","Condition":{"ForAllValues:StringEquals":)"
      R"({"sts:IdentityTokenAudience":"haagent:demo"}}})";
  EXPECT_EQ(refusal(for_demo, tagged), "");
  EXPECT_THAT(refusal(for_demo, TokenIssuerTest::asking({{"Audience.member.1", "haagent:other"},
                                                         {"SigningAlgorithm", "ES384"}})),
              HasSubstr("AccessDenied"));
}

// Of packaging/aws, for the cluster "demo".
TEST_F(TokenPermissionsTest, WorkersGetATokenForTheirClusterAMinuteAndOneTag) {
  auto spec = federated();
  auto policy = IamPolicy::parse(test::shipped_policy("join-token", "demo", "state"));
  ASSERT_TRUE(policy) << policy.error().message.text;
  spec.policies["haagent-master"] = *policy;
  ServiceWorld world(spec);
  world.boot();
  Parameters const bound = tag("haagent-join", "0f1e");
  auto const asked = [&](std::string const& audience, std::string const& life, Parameters more) {
    more.insert(more.begin(), {{"Audience.member.1", audience}, {"SigningAlgorithm", "ES384"}});
    if (!life.empty()) more.emplace_back("DurationSeconds", life);
    auto const response =
        world.call_as(world.member("masters-a"), TokenIssuerTest::asking(std::move(more)), "sts");
    return response.status == 200 ? "" : error_code(response);
  };
  EXPECT_EQ(asked("haagent:demo", "60", bound), "");
  EXPECT_EQ(asked("haagent:other", "60", bound), "AccessDenied");
  EXPECT_EQ(asked("haagent:demo", "61", bound), "AccessDenied");
  EXPECT_EQ(asked("haagent:demo", "", bound), "AccessDenied") << "five minutes";
  EXPECT_EQ(asked("haagent:demo", "60", tag("Name", "admin")), "AccessDenied");
  auto with_another_audience = bound;
  with_another_audience.emplace_back("Audience.member.2", "https://elsewhere.test");
  EXPECT_EQ(asked("haagent:demo", "60", with_another_audience), "AccessDenied");
}

}  // namespace
}  // namespace haagent::sim
