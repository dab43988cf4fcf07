#include "agent/config/values.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

namespace haagent {
namespace {

// Every check with what it passes, warns about and refuses: the text, and a piece of the sentence.
struct Row {
  std::string check;
  std::string value;
  std::string says;  // "" it is good; "warning: ..." for a warning
};

std::map<std::string, Verdict (*)(std::string_view)> const kChecks = {
    {"dns", check_dns_name},         {"endpoint", check_endpoint},   {"service", check_service_url},
    {"state", check_state},          {"cidr", check_cidr},           {"path", check_absolute_path},
    {"registry", check_registry},    {"label", check_label_key},     {"value", check_label_value},
    {"taint", check_taint_key},      {"effect", check_taint_effect}, {"flag", check_flag_name},
    {"version", check_kube_version}, {"kms", check_kms_key},         {"addon", check_addon_name},
};

std::string told(Verdict const& verdict) {
  if (!verdict) return "";
  return fmt::format("{}{}{}", verdict->severity == Severity::warning ? "warning: " : "",
                     verdict->message, verdict->hint.empty() ? "" : " | " + verdict->hint);
}

class ConfigValue : public testing::TestWithParam<Row> {};
TEST_P(ConfigValue, IsJudged) {
  auto const& [check, value, says] = GetParam();
  auto answer = told(kChecks.at(check)(value));
  if (says.empty()) {
    EXPECT_EQ(answer, "") << check << " of " << value;
  } else {
    EXPECT_NE(answer.find(says), answer.npos) << check << " of " << value << ": " << answer;
  }
}

std::string const kLabel63(63, 'a');

INSTANTIATE_TEST_SUITE_P(
    DnsNames, ConfigValue,
    testing::Values(Row{"dns", "prod.example.com", ""}, Row{"dns", "a", ""},
                    Row{"dns", "1-2.x--y", ""}, Row{"dns", kLabel63 + ".com", ""},
                    Row{"dns", kLabel63 + "a.com", "is no DNS name"},
                    Row{"dns", "", "is no DNS name"}, Row{"dns", ".", "is no DNS name"},
                    Row{"dns", "a..b", "is no DNS name"}, Row{"dns", "a.", "is no DNS name"},
                    Row{"dns", "-a", "is no DNS name"}, Row{"dns", "a-", "is no DNS name"},
                    Row{"dns", "a_b", "is no DNS name"}, Row{"dns", "a b", "is no DNS name"},
                    Row{"dns", "A.b", "did you mean 'a.b'?"},
                    Row{"dns", std::string(201, 'a'), "longer than 200"}));

INSTANTIATE_TEST_SUITE_P(
    Endpoints, ConfigValue,
    testing::Values(
        Row{"endpoint", "https://prod-api.elb.amazonaws.com", ""},
        Row{"endpoint", "https://Prod-API.elb.amazonaws.com:6443", ""},
        Row{"endpoint", "https://10.0.0.7:443", ""}, Row{"endpoint", "https://[fd00::7]:6443", ""},
        Row{"endpoint", "https://[fd00::7]", ""},
        Row{"endpoint", "http://prod-api.elb.amazonaws.com",
            "warning: plain http; a Kubernetes apiserver speaks TLS alone | did you mean "
            "'https://prod-api.elb.amazonaws.com'?"},
        Row{"endpoint", "https://203.0.113.123", "203.0.113.123 is a placeholder"},
        Row{"endpoint", "https://203.0.113.0:443", "is a placeholder of 203.0.113.0/24"},
        Row{"endpoint", "https://192.0.2.1", "is a placeholder of 192.0.2.0/24"},
        Row{"endpoint", "https://198.51.100.1", "is a placeholder of 198.51.100.0/24"},
        Row{"endpoint", "https://[2001:db8::1]", "is a placeholder of 2001:db8::/32"},
        Row{"endpoint", "https://203.0.114.1", ""},
        Row{"endpoint", "https://0.0.0.0:6443", "no address that a node can reach"},
        Row{"endpoint", "https://api.example.com", "warning: 'api.example.com' is an example's"},
        Row{"endpoint", "https://EXAMPLE.org", "warning: 'EXAMPLE.org' is an example's"},
        Row{"endpoint", "https://api.notexample.com", ""}, Row{"endpoint", "", "is empty"},
        Row{"endpoint", "prod-api:6443", "did you mean 'https://prod-api:6443'?"},
        Row{"endpoint", "htps://prod-api", "the scheme 'htps'; expected https | did you mean"},
        Row{"endpoint", "tcp://prod-api", "the scheme 'tcp'; expected https"},
        Row{"endpoint", "https://", "names no host"},
        Row{"endpoint", "https://:443", "names no host"},
        Row{"endpoint", "https://prod-api/", "did you mean 'https://prod-api'?"},
        Row{"endpoint", "https://prod-api?x=1", "goes on behind the host: '?x=1'"},
        Row{"endpoint", "https://prod-api#x", "goes on behind the host: '#x'"},
        Row{"endpoint", "https://me:secret@prod-api", "the URL of 'prod-api' has a user"},
        Row{"endpoint", "https://prod-api:0", "no port between 1 and 65535"},
        Row{"endpoint", "https://prod-api:65536", "no port between 1 and 65535"},
        Row{"endpoint", "https://prod-api:", "no port between 1 and 65535"},
        Row{"endpoint", "https://prod-api:44x", "no port between 1 and 65535"},
        Row{"endpoint", "https://fd00::7", "stands in brackets"},
        Row{"endpoint", "https://[fd00::7", "no ']' behind"},
        Row{"endpoint", "https://[prod-api]", "is no host name or address"},
        Row{"endpoint", "https://[10.0.0.1]", "is no host name or address"},
        Row{"endpoint", "https://[fd00::7]x", "no port between 1 and 65535"},
        Row{"endpoint", "https://10.0.0.256", "is no host name or address"},
        Row{"endpoint", "https://prod api", "is no host name or address"},
        // What libcurl would read as another host than the one that is written.
        Row{"endpoint", "https://10.1", "is no host name or address"},
        Row{"endpoint", "https://0x7f.1", "is no host name or address"},
        Row{"endpoint", "https://%70rod-api", "is no host name or address"},
        Row{"endpoint", "https:///prod-api", "names no host"},
        Row{"endpoint", "https:/prod-api", "has no scheme"},
        Row{"endpoint", "https://[fd00::7]:", "no port between 1 and 65535"},
        Row{"endpoint", "https://[fe80::1%25eth0]:443", "is no host name or address"},
        Row{"endpoint", "https://prod_api", "is no host name or address"},
        Row{"endpoint", "https://prod-api\\x", "is no host name or address"},
        Row{"endpoint", "HTTPS://prod-api", "the scheme 'HTTPS'; expected https | did you mean"},
        Row{"endpoint", "https://prod-api/a b", "goes on behind the host: '/a b'"},
        Row{"endpoint", std::string("https://prod-api\0.evil", 21), "is no URL"},
        Row{"endpoint", "https://:secret@", "the URL of '' has a user"},
        Row{"service", "http://127.0.0.1:8080", ""}, Row{"service", "http://192.0.2.1", ""},
        Row{"service", "http://127.0.0.1:8080/x", "goes on behind the host"}));

INSTANTIATE_TEST_SUITE_P(
    StateStores, ConfigValue,
    testing::Values(
        Row{"state", "s3://prod-haagent", ""}, Row{"state", "s3://prod-haagent/", ""},
        Row{"state", "s3://prod.haagent/a/b", ""}, Row{"state", "file:///srv/haagent", ""},
        Row{"state", "s3://Prod/a", "did you mean 's3://prod/a'?"},
        Row{"state", "s3://ab", "is no bucket name"}, Row{"state", "s3://", "is no bucket name"},
        Row{"state", "s3://10.0.0.1/a", "is no bucket name"},
        Row{"state", "s3://a_b_c/x", "is no bucket name"},
        Row{"state", "s3://prod/a//b", "is no plain prefix"},
        Row{"state", "s3://prod/../b", "is no plain prefix"},
        Row{"state", "s3://prod/a?b", "is no plain prefix"},
        Row{"state", "s3://prod/a b", "no part of it beginning with '.'"},
        Row{"state", "s3://prod/.hidden/b", "no part of it beginning with '.'"},
        Row{"state", "file://srv", "did you mean 'file:///srv'?"},
        Row{"state", "file:///", "is no directory of its own"},
        Row{"state", "file:///srv/..", "is no directory of its own"},
        Row{"state", "/srv", "did you mean 'file:///srv'?"},
        Row{"state", "https://prod.s3.amazonaws.com", "expected s3://bucket/prefix or file:///"},
        Row{"state", "", "is no state store"}));

INSTANTIATE_TEST_SUITE_P(
    Others, ConfigValue,
    testing::Values(
        Row{"cidr", "10.96.0.0/16", ""}, Row{"cidr", "fd00:1::/108", ""},
        Row{"cidr", "10.96.0.1/16", "'10.96.0.0/16'"},
        Row{"cidr", "169.254.0.0/20", "overlaps with 169.254.0.0/16"},
        Row{"cidr", "0.0.0.0/0", "overlaps with 169.254.0.0/16"}, Row{"path", "/usr/bin/etcd", ""},
        Row{"path", "etcd", "is no absolute path"}, Row{"path", "/", "is no path of its own"},
        Row{"path", "//", "is no path of its own"}, Row{"path", "/a/../b", "is no path of its own"},
        Row{"path", "/a..b", ""}, Row{"registry", "registry.k8s.io", ""},
        Row{"registry", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/k8s", ""},
        Row{"registry", "localhost:5000/a-b/c_d", ""},
        Row{"registry", "https://registry.k8s.io", "did you mean 'registry.k8s.io'?"},
        Row{"registry", "registry.k8s.io/", "did you mean 'registry.k8s.io'?"},
        Row{"registry", "registry:", "is no image registry"},
        Row{"registry", "a/b//c", "is no image registry"},
        Row{"registry", "a/B", "is no image registry"}, Row{"registry", "", "is no image registry"},
        Row{"version", "1.33.2", ""}, Row{"version", "1.30.0", "1.37"}));

INSTANTIATE_TEST_SUITE_P(
    KmsKeys, ConfigValue,
    testing::Values(Row{"kms", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd", ""},
                    Row{"kms", "arn:aws-cn:kms:cn-north-1:111122223333:alias/haagent", ""},
                    Row{"kms", "1234abcd-12ab-34cd-56ef-1234567890ab", ""},
                    Row{"kms", "mrk-1234abcd12ab34cd56ef1234567890ab", ""},
                    Row{"kms", "alias/haagent", ""}, Row{"kms", "alias/", "is no KMS key"},
                    Row{"kms", "haagent", "or alias/name"},
                    Row{"kms", "alias/a b", "is no KMS key"}, Row{"kms", "", "is no KMS key"},
                    Row{"kms", "arn:aws:s3:::bucket", "is no KMS key"}));

TEST(StatePlaces, WhatTheTextNames) {
  auto place = [](std::string_view text) {
    auto parsed = parse_state(text);
    EXPECT_TRUE(parsed) << text << ": " << parsed.error().message;
    return parsed.value_or(StatePlace());
  };
  EXPECT_EQ(place("s3://prod-haagent"), (StatePlace{"prod-haagent", "", ""}));
  EXPECT_EQ(place("s3://prod-haagent/"), (StatePlace{"prod-haagent", "", ""}));
  EXPECT_EQ(place("s3://prod.haagent/a/b/"), (StatePlace{"prod.haagent", "a/b", ""}));
  EXPECT_EQ(place("file:///srv/haagent/"), (StatePlace{"", "", "/srv/haagent"}));
  EXPECT_FALSE(parse_state("s3://prod/" + std::string(501, 'a')));
  EXPECT_FALSE(parse_state("file:////"));
}

// facts of the NodeRestriction admission and of the kubelet's own check, one row each.
INSTANTIATE_TEST_SUITE_P(
    Labels, ConfigValue,
    testing::Values(
        Row{"label", "team", ""}, Row{"label", "example.com/team", ""},
        Row{"label", "topology.k8s.aws/zone-id", ""}, Row{"label", "kubernetes.io/hostname", ""},
        Row{"label", "kubernetes.io/os", ""}, Row{"label", "kubernetes.io/arch", ""},
        Row{"label", "beta.kubernetes.io/os", ""},
        Row{"label", "beta.kubernetes.io/instance-type", ""},
        Row{"label", "topology.kubernetes.io/zone", ""},
        Row{"label", "topology.kubernetes.io/region", ""},
        Row{"label", "failure-domain.beta.kubernetes.io/zone", ""},
        Row{"label", "node.kubernetes.io/instance-type", ""},
        Row{"label", "node.kubernetes.io/anything", ""},
        Row{"label", "a.node.kubernetes.io/anything", ""},
        Row{"label", "kubelet.kubernetes.io/anything", ""},
        Row{"label", "a.kubelet.kubernetes.io/anything", ""},
        Row{"label", "node-role.kubernetes.io/worker", ""}, Row{"label", "kubernetes.io/role", ""},
        Row{"label", "k8s.io/anything", ""}, Row{"label", "kops.k8s.io/instancegroup", ""},
        Row{"label", "node-restriction.kubernetes.io/team", ""},
        Row{"label", "topology.kubernetes.io/rack", ""}, Row{"addon", "coredns", ""},
        Row{"addon", "a-1", ""}, Row{"addon", std::string(50, 'a'), ""},
        Row{"addon", std::string(51, 'a'), "add-on"}, Row{"addon", "", "add-on"},
        Row{"addon", "-a", "add-on"}, Row{"addon", "a.b", "add-on"}, Row{"addon", "A", "add-on"},
        Row{"addon", "core", "taken"}, Row{"addon", "network", "taken"},
        Row{"label", "notkubernetes.io/a", ""}, Row{"label", "", "is no label key"},
        Row{"label", "/a", "is no label key"}, Row{"label", "a/", "is no label key"},
        Row{"label", "a/b/c", "is no label key"}, Row{"label", "A.com/b", "is no label key"},
        Row{"label", "a b", "is no label key"}, Row{"label", kLabel63, ""},
        Row{"label", kLabel63 + "a", "is no label key"},
        Row{"taint", "node-role.kubernetes.io/infra", ""}, Row{"taint", "_a", "is no label key"},
        Row{"value", "", ""}, Row{"value", "a_B-9.c", ""}, Row{"value", kLabel63, ""},
        Row{"value", kLabel63 + "a", "is no label value"}, Row{"value", "-a", "is no label value"},
        Row{"value", "a b", "is no label value"}, Row{"effect", "NoSchedule", ""},
        Row{"effect", "PreferNoSchedule", ""}, Row{"effect", "NoExecute", ""},
        Row{"effect", "noschedule", "did you mean 'NoSchedule'?"},
        Row{"effect", "", "is no effect"}));

INSTANTIATE_TEST_SUITE_P(Flags, ConfigValue,
                         testing::Values(Row{"flag", "v", ""}, Row{"flag", "feature-gates", ""},
                                         Row{"flag", "tls-cert-file2", ""},
                                         Row{"flag", "--max-pods", "did you mean 'max-pods'?"},
                                         Row{"flag", "-v", "did you mean 'v'?"},
                                         Row{"flag", "max_pods", "did you mean 'max-pods'?"},
                                         Row{"flag", "maxPods", "did you mean 'max-pods'?"},
                                         Row{"flag", "max-pods=3", "did you mean 'max-pods'?"},
                                         Row{"flag", "", "is no flag's name"},
                                         Row{"flag", "--", "is no flag's name"},
                                         Row{"flag", "a b", "is no flag's name"}));

TEST(ConfigUnits, DurationsReadAndPrint) {
  EXPECT_EQ(parse_duration("100ms"), Duration(100));
  EXPECT_EQ(parse_duration("5s"), Duration(5'000));
  EXPECT_EQ(parse_duration("2m"), Duration(120'000));
  EXPECT_EQ(parse_duration("1h"), Duration(3'600'000));
  EXPECT_EQ(parse_duration("0ms"), Duration(0));
  for (auto const* text : {"", "5", "s", "5 s", "-5s", "1.5s", "5S", "5sec", "1m30s",
                           "99999999999999999999s", "18446744073709551615h", " 5s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  for (auto const* text : {"0ms", "100ms", "1500ms", "5s", "90s", "2m", "1h", "36h"}) {
    EXPECT_EQ(to_text(*parse_duration(text)), text);
  }
  EXPECT_EQ(to_text(Duration(60'000)), "1m");
}

TEST(ConfigValues, Counts) {
  EXPECT_EQ(parse_count("10"), 10u);
  EXPECT_EQ(parse_count("0"), 0u);
  for (auto const* text : {"", "-1", "1.5", "10GiB", " 10", "0x10", "99999999999"})
    EXPECT_FALSE(parse_count(text)) << text;
}

TEST(ConfigUnits, SizesReadAndPrint) {
  EXPECT_EQ(parse_size("8GiB"), 8ull << 30u);
  EXPECT_EQ(parse_size("512MiB"), 512ull << 20u);
  EXPECT_EQ(parse_size("1TiB"), 1ull << 40u);
  EXPECT_EQ(parse_size("1234"), 1234u);
  EXPECT_EQ(parse_size("0"), 0u);
  for (auto const* text :
       {"", "GiB", "-1", "1.5GiB", "8 apples", "99999999999TiB", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
  for (auto const* text : {"8G", "8Gi", "8GB", "8 GiB", "8gib", "8g"}) {
    ASSERT_FALSE(parse_size(text)) << text;
    EXPECT_NE(parse_size(text).error().message.text.find("'8GiB'"), std::string::npos) << text;
  }
  for (auto const* text : {"0", "1234", "512MiB", "8GiB", "3TiB"}) {
    EXPECT_EQ(size_to_text(*parse_size(text)), text);
  }
}

}  // namespace
}  // namespace haagent
