// Plants secrets wherever a node can have them, makes a whole bundle, and looks for them in it: as
// they are, in parts, in base64 and percent-encoded. A new secret is a row of kSecrets, a new place
// a row of kPlaces.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "agent/bundle/archive.h"
#include "agent/bundle/archive_reader.h"
#include "agent/bundle/cluster.h"
#include "agent/bundle/last_net.h"
#include "agent/bundle/sources.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/agent/bundle/fake_node.h"

namespace haagent::bundle {
namespace {

struct Planted {
  std::string_view name, value;
};
constexpr Planted kSecrets[] = {
    {"AWS secret key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzKx4mQpLEK"},
    {"AWS key id", "AKIAIOSFODNN7QWERTYZ"},
    {"AWS session key id", "ASIAJEXAMPLEXEG2JICE"},
    {"AWS session token", "FwoGZXIvYXdzEBYaDKq8Zr3mT0uV5nWx7yLk9PbQ2sEhCf4Ja6Gd1HtRzMvN/+oU="},
    {"JSON Web Token",
     "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJlLWJ5dGVz"},
    {"bootstrap token", "07401b.f395accd246ae52d"},
    {"opaque hexadecimal", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"},
    {"32 random bytes", "kGz3Qv0bWcT8yLr5NnXeHu2JsAaPdFo9MiZ7tKxVq1E="},
    {"password with symbols", "P@ssw0rd!$ecret^9"},
    {"password of letters and digits", "Tr0ub4dor3XkcdQ7"},
    {"GitHub", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"},
    {"GitLab", "glpat-Xz7qR4mKp9Tw2LvB8nYc"},
    {"Slack", "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOHcbrzqgy"},
    {"Stripe", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"},
    {"Google", "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe"},
    {"Vault", "hvs.CAESIJlU9JMYEhOPYv4igdhm9PnZDrabYTobQ4Ymnlq1qY"},
    {"npm", "npm_x7Tq9ZkW3vRb5LmYc8Np2Js4Hd6Gf1Ae0UiO"},
    {"UUID as a key", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"},
    {"TOTP seed", "JBSWY3DPEHPK3PXPJBSWY3DP"},
    {"crypt", "$6$rounds=5000$Zx9kQ2mW$7Vb3Ty8LpR5nXc1Hd6Gf0JsAqWeUzKoMi"},
    {"bcrypt", "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"},
    {"signature", "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"},
    {"random letters", "zokveghajwipqumdxa"},
    {"registry login", "ZGVwbG95OkhqOFptUTJ4THc0Vg=="},
    {"licence", "Q7XK2-9ZT4W-L3VB8-N6YC1"},
    {"Ed25519 seed in base64url", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"},
    {"key of PEM",
     "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNdFaA1fWvXq8\n"
     "k3ZxTq9LmWb5VnRc7YpJd2HsAoAoGCCqGSM49\n-----END EC PRIVATE KEY-----"},
};

std::string one_line_of(std::string_view secret) {
  std::string out(secret);
  std::ranges::replace(out, '\n', ' ');
  return out;
}
std::string in_json(std::string_view secret) {
  auto const printed = json::print(Tree(secret));
  return printed.substr(1, printed.size() - 2);
}
std::string as_name(std::string_view secret) {
  auto out = one_line_of(secret);
  std::ranges::replace(out, '/', '_');
  return out.substr(0, 80);
}

enum class Kind {
  plain,
  teaches,  // the redactor learns the secret there, and hides it in other places too
  breaks,   // the configuration has errors then, and is shown as its sources say it
  never,    // nothing of it is read
};
// Each puts the secret into the node.
struct Place {
  std::string_view name;
  void (*plant)(FakeNode&, std::string const& secret);
  Kind kind = Kind::plain;
};

// A line of every unit's journal, now and before.
template <std::size_t Size>
struct Text {
  char text[Size]{};
  constexpr Text(char const (&from)[Size]) { std::copy_n(from, Size, text); }
};
std::string filled(std::string text, std::string const& secret) {
  for (std::size_t at = 0; (at = text.find("@@", at)) != text.npos; at += secret.size())
    text.replace(at, 2, secret);
  return text;
}
template <Text Line>
void journal(FakeNode& node, std::string const& secret) {
  node.journal += "2026-01-15T10:15:00.123456+0000 ip-10-0-0-10 kubelet[812]: " +
                  filled(Line.text, one_line_of(secret)) + '\n';
}
template <Text Line>
void journal_json(FakeNode& node, std::string const& secret) {
  node.journal += "2026-01-15T10:15:00.123456+0000 ip-10-0-0-10 etcd[812]: " +
                  filled(Line.text, in_json(secret)) + '\n';
}
template <Text Path, Text Content>
void file(FakeNode& node, std::string const& secret) {
  auto const content = std::string(Content.text);
  node.write(filled(Path.text, as_name(secret)), filled(content, in_json(secret)));
}

constexpr Place kPlaces[] = {
    {"journal: prose", journal<"it failed with @@ today">},
    {"journal: after a word", journal<"the password is @@">},
    {"journal: field of klog",
     journal<"I0115 10:15:00.123456 812 a.go:1] \"Got it\" token=\"@@\" pod=\"a/b\"">},
    {"journal: allowed field of klog",
     journal<"E0115 10:15:00.123456 812 a.go:1] \"Got it\" err=\"with @@\"">},
    {"journal: unknown field of klog",
     journal<"I0115 10:15:00.123456 812 a.go:1] \"Got it\" thing=\"@@\"">},
    {"journal: logfmt",
     journal<"time=\"2026-01-15T10:15:00Z\" level=info msg=\"pulled with @@\" auth=@@">},
    {"journal: flags", journal<"Flags: --token=@@ --other @@ --password @@ --v=2">},
    {"journal: header", journal<"Authorization: Bearer @@">},
    {"journal: basic", journal<"authorization: Basic @@">},
    {"journal: URL's user", journal<"GET https://admin:@@@example.com/path failed">},
    {"journal: URL's query",
     journal<"GET https://example.com/path?a=b&X-Amz-Signature=@@&sig=@@ failed">},
    {"journal: path", journal<"open /var/lib/thing/@@/data: no such file">},
    {"journal: quoted in quotes", journal<"err=\"failed: \\\"data\\\":{\\\"x\\\":\\\"@@\\\"}\"">},
    {"journal: brackets", journal<"map[password:@@ user:x] [@@] {@@} <@@>">},
    {"journal: environment", journal<"AWS_SECRET_ACCESS_KEY=@@ AWS_PROFILE=@@">},
    {"journal: zap message",
     journal_json<R"({"level":"info","msg":"got @@","ts":"2026-01-15T10:15:00Z"})">},
    {"journal: zap field",
     journal_json<R"({"level":"info","msg":"x","password":"@@","thing":{"y":["@@"]}})">},
    {"journal: zap error",
     journal_json<R"({"level":"info","msg":"x","error":"rpc: @@ is wrong"})">},
    {"journal: zap id", journal_json<R"({"level":"info","msg":"x","name":"@@"})">},
    {"journal: broken JSON", journal_json<R"({"level":"info","msg":"x","password":"@@")">},
    {"journal: lines as they are",
     [](FakeNode& node, std::string const& secret) { node.journal += secret + "\n"; }},
    {"journal: base64",
     [](FakeNode& node, std::string const& secret) {
       node.journal += "kubelet[1]: data: " + to_base64(secret) + "\n";
       node.journal += "kubelet[1]: {\"data\":{\"x\":\"" + to_base64("k:" + secret) + "\"}}\n";
     }},
    {"journal: percent-encoded",
     [](FakeNode& node, std::string const& secret) {
       std::string encoded;
       for (unsigned char c : secret)
         encoded +=
             std::isalnum(c) ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
       node.journal += "kubelet[1]: https://x.example.com/?q=" + encoded + " and " + encoded + "\n";
     }},
    {"configuration: flag",
     file<"/etc/haagent/conf.d/10-a.yaml",
          "apiserver: {extraArgs: {oidc-client-hint: \"@@\", v: 2}}\n">,
     Kind::teaches},
    {"configuration: allowed flag",
     file<"/etc/haagent/conf.d/11-a.yaml",
          "apiserver: {extraArgs: {service-account-issuer: \"@@\"}}\n">,
     Kind::teaches},
    {"configuration: unknown key",
     file<"/etc/haagent/conf.d/12-a.yaml", "surprise: {\"@@\": \"@@\"}\n">, Kind::breaks},
    {"configuration: label",
     file<"/etc/haagent/conf.d/13-a.yaml", "node: {labels: {example.com/x: \"@@\"}}\n">,
     Kind::breaks},
    {"configuration: not YAML", file<"/etc/haagent/conf.d/14-a.yaml", "password: [@@\n">,
     Kind::breaks},
    {"configuration: text",
     file<"/etc/haagent/conf.d/15-a.yaml", "aws: {s3: {kmsKeyId: \"@@\"}}\n">, Kind::breaks},
    {"configuration: overlay",
     file<"/etc/haagent/conf.d/16-a.yaml",
          "apiserver: {config: {spec: {containers: [{name: kube-apiserver, env: [{name: TOKEN, "
          "value: \"@@\"}, {name: X, value: \"@@\"}]}]}}}\n">,
     Kind::teaches},
    {"configuration: file's name", file<"/etc/haagent/conf.d/@@.yaml", "log: {level: debug}\n">},
    {"user-data: unknown part",
     [](FakeNode& node, std::string const& secret) {
       node.user_data += "#cloud-config\nwrite_files:\n- content: " + one_line_of(secret) + "\n";
     },
     Kind::breaks},
    {"manifest: environment",
     file<
         "/etc/kubernetes/manifests/a.yaml",
         R"({kind: Pod, spec: {containers: [{name: x, env: [{name: DB, value: "@@"}, {name: "@@"}]}]}})">},
    {"manifest: command",
     file<
         "/etc/kubernetes/manifests/b.yaml",
         R"({kind: Pod, spec: {containers: [{name: x, command: [x, "--token=@@", "--thing", "@@", "@@"], args: ["@@", "--a=@@"]}]}})">},
    {"manifest: annotation",
     file<
         "/etc/kubernetes/manifests/c.yaml",
         R"({kind: Pod, metadata: {name: "@@", annotations: {"a": "@@", "@@": b}, labels: {"@@": "@@"}}})">},
    {"manifest: Secret", file<"/etc/kubernetes/manifests/d.yaml",
                              R"({kind: Secret, data: {a: "@@"}, stringData: {a: "@@"}})">},
    {"manifest: file's name", file<"/etc/kubernetes/manifests/@@.yaml", "kind: Pod\n">},
    {"kubelet's configuration",
     file<
         "/var/lib/kubelet/config.yaml",
         R"({kind: KubeletConfiguration, address: "@@", surprise: {x: "@@"}, staticPodURLHeader: {Authorization: ["@@"]}})">},
    {"kubelet's flags",
     [](FakeNode& node, std::string const& secret) {
       node.write("/var/lib/kubelet/kubeadm-flags.env",
                  "KUBELET_KUBEADM_ARGS=\"--token=" + one_line_of(secret) +
                      " --v=2\"\nHTTPS_PROXY=" + one_line_of(secret) + "\n");
     }},
    {"etcd's configuration",
     file<"/etc/haagent/etcd/main.yaml",
          R"({name: a, auth-token: "@@", initial-cluster-token: "@@", log-level: "@@"})">},
    {"kubeconfig",
     file<"/etc/kubernetes/admin.conf", R"({kind: Config, users: [{user: {token: "@@"}}]})">,
     Kind::never},
    {"key", file<"/etc/kubernetes/pki/ca.key", "@@">, Kind::never},
    {"record: unknown key",
     file<"/var/lib/haagent/volumes.json",
          R"({"schema":1,"surprise":"@@","@@":"@@","volumes":[{"volumeId":"@@"}]})">},
    {"record: a map by path",
     file<"/var/lib/haagent/kube-files.json", R"({"schema":1,"files":{"/etc/@@":"@@"}})">},
    {"record: text", file<"/var/lib/haagent/launched", "@@\n">},
    {"record: goroutines",
     file<"/var/lib/haagent/kubelet-goroutines", "goroutine 1 [running]:\nmain.main(@@)\n">},
    {"record: boot", file<"/var/lib/haagent/boots/@@.json",
                          R"({"boot":"@@","rows":[{"name":"a","message":"@@"}]})">},
    {"record: key", file<"/var/lib/haagent/join/kubelet.key", "@@">, Kind::never},
    {"record: folder's name", file<"/var/lib/haagent/@@/x", "@@">},
    {"status",
     [](FakeNode& node, std::string const& secret) {
       node.status_message = "etcd said: " + one_line_of(secret);
       node.write_status();
     }},
    {"pods' log", file<"/var/log/pods/kube-system_kube-apiserver-a_1/kube-apiserver/0.log",
                       "2026-01-15T10:15:00.1Z stderr F I0115 10:15:00.1 1 a.go:1] \"x\" "
                       "token=\"@@\" @@\n">},
    {"unit's log", file<"/var/log/haagent/@@.log", "@@\n">},
    {"arguments of a process",
     [](FakeNode& node, std::string const& secret) {
       auto const line = one_line_of(secret);
       node.add_process(812, {"/usr/bin/kubelet", "--token=" + line, "--password", line, line,
                              "--v=2", "--x=" + line});
     }},
    {"mounts",
     [](FakeNode& node, std::string const& secret) {
       node.write("/proc/1/mountinfo",
                  "36 25 0:1 / /mnt/" + as_name(secret) + " rw - cifs //host/share rw,password=" +
                      one_line_of(secret) + ",credentials=" + one_line_of(secret) + "\n");
     }},
    {"os-release", file<"/etc/os-release", "ID=debian\nNAME=\"@@\"\nTOKEN=@@\n">},
    {"systemd's words",
     [](FakeNode& node, std::string const& secret) {
       node.systemctl = "Id=kubelet.service\nStatusText=" + one_line_of(secret) +
                        "\nEnvironment=A=" + one_line_of(secret) + "\n";
     }},
    {"a version",
     [](FakeNode& node, std::string const& secret) { node.version = one_line_of(secret); }},
    {"a program's error",
     [](FakeNode& node, std::string const& secret) {
       node.journal_error = "cannot: " + one_line_of(secret);
     }},
    {"tags",
     [](FakeNode& node, std::string const& secret) {
       node.tags["Owner"] = secret;
       node.tags[one_line_of(secret)] = "x";
       node.tags["password"] = secret;
     }},
    {"EC2's error",
     [](FakeNode& node, std::string const& secret) {
       node.ec2_error = "no: " + one_line_of(secret);
     }},
    {"etcd's metrics",
     [](FakeNode& node, std::string const& secret) {
       node.etcd_metrics += "# HELP etcd_a " + one_line_of(secret) + "\netcd_a{name=\"" +
                            in_json(secret) + "\",x=\"" + in_json(secret) + "\"} 1\n" +
                            one_line_of(secret) + " 1\n";
     }},
    {"etcd's members", [](FakeNode& node, std::string const& secret) { node.etcd_name = secret; }},
    {"encryption key",
     file<"/etc/kubernetes/pki/encryption.yaml",
          R"({resources: [{providers: [{aescbc: {keys: [{name: k, secret: "@@"}]}}]}]})">,
     Kind::teaches},
};

// What must not be found: the whole in every spelling, and each part that is long enough to be
// worth something.
std::set<std::string> to_look_for(std::string_view secret) {
  std::set<std::string> all;
  for (auto const& each : spellings(secret)) all.insert(each);
  constexpr std::size_t part = 10;
  for (std::size_t at = 0; at + part <= secret.size(); ++at) {
    auto const window = std::string(secret.substr(at, part));
    // Of a key of PEM its frame says nothing.
    if (window.contains('-') &&
        (window.contains("BEGIN") || window.contains("END") || window.contains("PRIV") ||
         window.contains("KEY") || window.contains("--")))
      continue;
    if (window.find_first_of("0123456789") == window.npos && secret.starts_with("-----")) continue;
    all.insert(window);
  }
  return all;
}

class PlantedSecrets : public testing::TestWithParam<Planted> {
 protected:
  static std::string found_in(std::vector<File> const& files, std::string_view secret) {
    std::string told;
    auto const wanted = to_look_for(secret);
    for (auto const& file : files) {
      auto const all = file.path + "\n" + file.how + "\n" + file.missing + "\n" + file.bytes;
      for (auto const& each : wanted) {
        auto const at = all.find(each);
        if (at == all.npos) continue;
        told += fmt::format("{} has '{}': ...{}...\n", file.path, each,
                            all.substr(at < 80 ? 0 : at - 80, 160 + each.size()));
        break;
      }
    }
    return told;
  }
};

// A place that teaches would hide what another lets through, and one that breaks the configuration
// what is shown of a good one.
TEST_P(PlantedSecrets, AreInNoFileOfTheBundle) {
  for (auto const more : {Kind::never, Kind::teaches, Kind::breaks}) {
    FakeNode node;
    for (auto const& place : kPlaces)
      if (place.kind == Kind::plain || place.kind == more)
        place.plant(node, std::string(GetParam().value));
    EXPECT_EQ(found_in(node.bundle(), GetParam().value), "") << static_cast<int>(more);
  }
}

// The bundle of another master, in the archive that it hands over. It says in its own words why it
// gives none, and one that runs an older haagent may have let something through.
TEST_P(PlantedSecrets, AreInNoFileOfTheClustersBundle) {
  FakeNode node;
  auto const secret = std::string(GetParam().value);
  for (auto const& place : kPlaces)
    if (place.kind == Kind::plain) place.plant(node, secret);
  std::string archived;
  Archive archive([&](std::string_view piece) -> Result<void> {
    archived += piece;
    return {};
  });
  for (auto const& file : node.bundle())
    ASSERT_TRUE(archive.add("its/" + file.path, file.bytes, UtcTime{}));
  ASSERT_TRUE(archive.finish());
  auto handed_over = read_archive(archived, 64u << 20u);
  ASSERT_TRUE(handed_over);
  EXPECT_GT(handed_over->size(), 10u);
  std::vector<NodePart> const parts = {
      {.node = "ip-10-0-0-10", .master = true, .files = *std::move(handed_over)},
      {.node = "ip-10-0-16-10",
       .master = true,
       .missing = "its agent answers 503: it failed with " + one_line_of(secret)}};
  auto const files = cluster_files(parts, "EC2 says " + one_line_of(secret),
                                   {.cluster = "prod.example.com", .most = 32u << 20u});
  EXPECT_EQ(found_in(files, secret), "");
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedSecrets, testing::ValuesIn(kSecrets), [](auto const& each) {
  std::string name(each.param.name);
  std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
  return name;
});

// Without what counts up or differs by chance.
std::string content_of(FakeNode& node) {
  std::string all;
  for (auto const& file : node.bundle()) {
    if (file.path == "files.txt") continue;
    all += file.path + "\n" + file.bytes + file.how + file.missing + "\n";
  }
  auto const folder = node.folder();
  for (std::size_t at = 0; (at = all.find(folder)) != all.npos;) all.erase(at, folder.size());
  std::erase_if(all, [](char c) { return c >= '0' && c <= '9'; });
  return all;
}

// A place that no source looks at proves nothing.
TEST(PlantedPlaces, AreLookedAt) {
  FakeNode empty;
  auto const before = content_of(empty);
  for (auto const& place : kPlaces) {
    FakeNode node;
    place.plant(node, "kGz3Qv0bWcT8yLr5NnXeHu2JsAaPdFo9MiZ7tKxVq1E=");
    bool const only_listed = place.name.ends_with("folder's name");
    bool const changes =
        place.kind != Kind::never && place.name != "encryption key" && !only_listed;
    auto const after = content_of(node);
    EXPECT_EQ(after != before, changes) << place.name;
  }
}

}  // namespace
}  // namespace haagent::bundle
