// What people hand over as user-data, each through the boot and through `config check`: the same
// bytes have the same verdict, and what is there and read by nobody is an error.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "agent/aws/imds.h"
#include "agent/base/base64.h"
#include "agent/commands/config.h"
#include "agent/config/step.h"
#include "tests/support/fake_clock.h"
#include "tests/support/golden.h"
#include "tests/support/gzip.h"
#include "tests/support/in_short.h"
#include "tests/support/scripted_http.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using test::answer;
using test::gzipped;
using test::write_bytes;

std::string example(std::string const& role) {
  return test::bytes_of(test::source_dir() / "packaging/examples" / (role + ".yaml"));
}

std::string indented(std::string const& text, std::string const& by, bool first_too = true) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = text.find('\n', begin);
    auto const line = text.substr(begin, end - begin);
    out += (line.empty() || (begin == 0 && !first_too) ? "" : by) + line + "\n";
    if (end == text.npos) break;
    begin = end + 1;
  }
  return out;
}

std::string replaced(std::string text, std::string const& what, std::string const& with) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

std::string utf16(std::string const& text, bool mark) {
  std::string out = mark ? "\xff\xfe" : "";
  for (char c : text) out += std::string{c, '\0'};
  return out;
}

// "role: worker" and all that a worker needs.
std::string worker() {
  return example("worker");
}
constexpr auto kType = "Content-Type: application/vnd.haagent.node+yaml\n";
std::string message(std::string const& parts) {
  return "Content-Type: multipart/mixed; boundary=\"B\"\nMIME-Version: 1.0\n\n" + parts + "--B--\n";
}
std::string part(std::string const& headers, std::string const& text) {
  return "--B\n" + headers + "\n" + text + "\n";
}
std::string const kCloudConfig =
    part("Content-Type: text/cloud-config\n", "#cloud-config\nntp: {}");
std::string full_message() {
  return message(kCloudConfig + part(kType, worker()));
}

// What a page names is looked for in whatever letters it is written.
std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// A verdict, without its words.
struct Verdict {
  bool good = false;
  std::string role;  // of a good one
  std::size_t warnings = 0;
  bool operator==(Verdict const&) const = default;
};
void PrintTo(Verdict const& verdict, std::ostream* out) {
  *out << (verdict.good ? "a " + verdict.role : "refused") << ", " << verdict.warnings
       << " warnings";
}

class Desk {
 public:
  explicit Desk(std::string const& bytes) : bytes_(bytes) {
    write_bytes(directory_ / "user-data", bytes);
    write_bytes(directory_ / "haagent.yaml", example("master"));
    write_bytes(image_("/etc/haagent/haagent.yaml"), example("master"));
  }

  // The boot's own step, its user-data from instance metadata.
  Verdict boot(bool with_image) {
    test::ScriptedHttp http;
    test::FakeClock clock;
    http.always("PUT http://imds/latest/api/token", answer(200, "token"));
    http.always("GET http://imds/latest/user-data", answer(200, bytes_));
    aws::Imds imds(http, clock, {"http://imds"});
    Fact<NodeConfig> config;
    Facts facts;
    auto step = config_step(with_image ? image_ : bare_, {}, imds, config, /*waits=*/false, clock);
    auto const found = step->look(facts, {});
    if (!found) {
      EXPECT_EQ(found.error().kind, Kind::invalid);
      EXPECT_EQ(found.error().message.reason, Reason::ConfigurationInvalid);
      page_ = lower(found.error().message.text);
      return {};
    }
    page_ = lower(std::get<Done>(*found).message.text);
    std::size_t warnings = 0;
    for (auto at = page_.find("; warning: "); at != page_.npos;
         at = page_.find("; warning: ", at + 1))
      ++warnings;
    EXPECT_EQ(std::get<Done>(*found).message.reason,
              warnings == 0 ? Reason::ConfigurationRead : Reason::ConfigurationDoubtful);
    return {true, config.get()->role == Role::master ? "master" : "worker", warnings};
  }

  Verdict check(bool with_image, ConfigRequest request) {
    auto const result = config_check(with_image ? image_ : bare_, {.request = std::move(request)});
    page_ = lower(result.err);
    EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 78) << result.exit_code;
    if (result.exit_code != 0) return {};
    std::size_t warnings = 0;
    for (auto at = page_.find(" warning: "); at != page_.npos;
         at = page_.find(" warning: ", at + 1))
      ++warnings;
    return {true, result.out.starts_with("ok: a master") ? "master" : "worker", warnings};
  }

  std::filesystem::path file(std::string const& name) const { return directory_ / name; }
  std::string const& bytes() const { return bytes_; }
  std::string const& page() const { return page_; }

 private:
  std::string bytes_;
  std::string page_;
  test::TemporaryDirectory directory_;
  Root image_{directory_ / "image"};
  Root bare_{directory_ / "bare"};
};

struct Row {
  std::string what;
  std::string bytes;
  // Beside an image with the whole configuration of a master: "worker" where it is read, "master"
  // where it is legal and for others, "" where it is refused.
  std::string beside_an_image;
  std::size_t warnings = 0;
  std::string names{};  // what the page has to name, of what is refused or changed
};

class UserDataVerdict : public testing::TestWithParam<Row> {};

TEST_P(UserDataVerdict, IsTheSameAtTheBootAndAtTheCommandLine) {
  auto const& row = GetParam();
  Desk desk(row.bytes);
  auto const expected =
      row.beside_an_image.empty() ? Verdict{} : Verdict{true, row.beside_an_image, row.warnings};
  EXPECT_EQ(desk.boot(true), expected) << desk.page();
  EXPECT_NE(desk.page().find(lower(row.names)), std::string::npos) << desk.page();
  EXPECT_EQ(desk.check(true, {.user_data = desk.bytes()}), expected) << desk.page();
  EXPECT_NE(desk.page().find(lower(row.names)), std::string::npos) << desk.page();
  EXPECT_EQ(desk.check(false, {.files = {desk.file("haagent.yaml")}, .user_data = desk.bytes()}),
            expected)
      << desk.page();
  EXPECT_EQ(desk.check(false, {.files = {desk.file("haagent.yaml"), desk.file("user-data")}}),
            expected)
      << desk.page();

  // The same bytes alone.
  auto const alone = desk.boot(false);
  EXPECT_EQ(desk.check(false, {.user_data = desk.bytes()}), alone) << desk.page();
  EXPECT_EQ(desk.check(false, {.files = {desk.file("user-data")}}), alone) << desk.page();
  if (row.beside_an_image.empty()) {
    EXPECT_FALSE(alone.good);
    EXPECT_NE(desk.page().find(lower(row.names)), std::string::npos) << desk.page();
  }
  if (alone.good) {
    EXPECT_EQ(alone, expected);
  }
}

std::vector<Row> read_rows() {
  return {
      {"as_it_is", worker(), "worker"},
      {"a_fragment", "role: worker\n", "worker"},
      {"a_fragment_of_another_section", "log: {level: debug}\n", "master"},
      {"gzip", gzipped(worker()), "worker"},
      {"crlf", replaced(worker(), "\n", "\r\n"), "worker"},
      {"cr", replaced(worker(), "\n", "\r"), "worker"},
      {"utf8_mark", "\xef\xbb\xbf" + worker(), "worker"},
      {"json", R"({"apiVersion": "haagent.io/v1", "kind": "NodeConfig", "role": "worker"})",
       "worker"},
      {"json_over_lines", "{\n  \"apiVersion\": \"haagent.io/v1\",\n  \"role\": \"worker\"\n}\n",
       "worker"},
      {"marks_around_it", "---\n" + worker() + "---\n", "worker"},
      {"an_end_mark", worker() + "...\n", "worker"},
      {"blank_lines_first", "\n\n" + worker(), "worker"},
      // Terraform's <<EOF without its dash.
      {"heredoc_fragment", "    role: worker\n", "worker", 1, "4 spaces"},
      {"heredoc", indented(worker(), "    "), "worker", 1, "4 spaces"},
      {"heredoc_two", indented(worker(), "  "), "worker", 1, "2 spaces"},
      {"heredoc_one", indented(worker(), " "), "worker", 1, "1 space"},
      {"heredoc_by_tabs", indented(worker(), "\t\t"), "worker", 1, "2 tabs"},
      {"heredoc_with_a_mark", indented("---\n" + worker(), "      "), "worker", 1, "6 spaces"},
      {"heredoc_from_the_second_line",
       indented(worker().substr(worker().find("apiV")), "    ", false), "worker", 1, "second line"},
      {"heredoc_message", indented(full_message(), "    "), "worker", 1, "4 characters"},
      {"heredoc_in_a_part", message(part(kType, indented(worker(), "    "))), "worker", 1,
       "4 spaces"},
      {"heredoc_by_tabs_in_a_part", message(part(kType, indented(worker(), "\t"))), "worker", 1,
       "1 tab"},
      // user_data = base64encode(...), and more of it.
      {"base64", to_base64(worker()), "worker", 1, "base64"},
      {"base64_of_a_fragment", to_base64("role: worker\n"), "worker", 1, "base64"},
      {"base64_twice", to_base64(to_base64(worker())), "worker", 2, "base64"},
      {"base64_thrice", to_base64(to_base64(to_base64(worker()))), "worker", 3, "base64"},
      {"base64_of_gzip", to_base64(gzipped(worker())), "worker", 1, "base64"},
      {"gzip_of_base64", gzipped(to_base64(worker())), "worker", 1, "base64"},
      {"base64_of_a_message", to_base64(full_message()), "worker", 1, "base64"},
      {"base64_of_a_heredoc", to_base64(indented(worker(), "    ")), "worker", 2, "4 spaces"},
      {"base64_in_a_heredoc", "    " + to_base64(worker()) + "\n", "worker", 1, "base64"},
      {"base64_in_a_part", message(part(kType, to_base64(worker()))), "worker", 1, "base64"},
      // Messages.
      {"message", full_message(), "worker"},
      {"message_crlf", replaced(full_message(), "\n", "\r\n"), "worker"},
      {"message_gzip", gzipped(full_message()), "worker"},
      {"message_behind_a_blank_line", "\n" + full_message(), "worker", 1, "blank line"},
      {"message_behind_blanks_in_a_heredoc", "  \n" + indented(full_message(), "  "), "worker", 2,
       "blank line"},
      {"message_of_mail", "From nobody Thu Nov 26 10:00:00 2026\n" + full_message(), "worker"},
      {"message_in_latin1",
       message(part("Content-Type: application/vnd.haagent.node+yaml; charset=iso-8859-1\n",
                    "role: worker\n")),
       "worker"},
      {"message_with_a_part_for_another_tool",
       message(part(kType, "role: worker") + part("Content-Type: application/x-tool\n", "x: 1")),
       "worker", 1, "part 2"},
      {"message_of_two_configs", message(part(kType, worker()) + part(kType, "log: {level: warn}")),
       "worker"},
      {"archive",
       "#cloud-config-archive\n- type: text/cloud-config\n  content: |\n    #cloud-config\n"
       "    ntp: {}\n- type: application/vnd.haagent.node+yaml\n  content: |\n    role: worker\n",
       "worker"},
      // Legal, and not for haagent.
      {"nothing", "", "master"},
      {"white_space", " \n\n", "master"},
      {"comments", "# nothing yet\n", "master"},
      {"an_empty_map", "{}\n", "master"},
      {"cloud_config", "#cloud-config\nusers: [default]\n", "master"},
      {"cloud_config_in_a_heredoc", "    #cloud-config\n    users: [default]\n", "master"},
      {"cloud_config_that_writes_the_file",
       "#cloud-config\nwrite_files:\n- path: /x\n  content: |\n    apiVersion: haagent.io/v1\n",
       "master"},
      {"script", "#!/bin/sh\ncat >/x <<E\napiVersion: haagent.io/v1\nrole: worker\nE\n", "master"},
      {"boothook", "#cloud-boothook\n#!/bin/sh\ncat >/x <<E\napiVersion: haagent.io/v1\nE\n",
       "master"},
      {"jinja_of_a_cloud_config", "## template: jinja\n#cloud-config\nfqdn: {{ v1.instance_id }}\n",
       "master"},
      {"jinja_of_a_script",
       "## template: jinja\n#!/bin/sh\ncat <<E\napiVersion: haagent.io/v1\nE\n", "master"},
      {"include", "#include\nhttps://example.com/cloud-config\n", "master"},
      {"ignition", R"({"ignition": {"version": "3.4.0"}})", "master"},
      {"message_of_a_cloud_config", message(kCloudConfig), "master"},
      {"message_of_plain_text_that_is_a_script",
       message(part("Content-Type: text/plain\n", "#!/bin/sh\necho")), "master"},
      {"archive_of_others", "#cloud-config-archive\n- type: text/x-shellscript\n  content: echo\n",
       "master"},
  };
}

std::vector<Row> refused_rows() {
  auto const cut = worker().substr(0, worker().find("name:") + 8);
  return {
      {"another_tools_node_config",
       "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {}\n", "", 0, "nodeadm"},
      {"kubeadm", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\netcd: {}\n", "",
       0, "kubeadm"},
      {"kubelet", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n", "", 0,
       "kubelet.config"},
      {"a_manifest", "apiVersion: v1\nkind: Pod\n", "", 0, "kind: Pod"},
      {"nodeup", "ClusterName: x\nConfigBase: s3://x/y\nInstanceGroupName: nodes\n", "", 0, "kops"},
      {"talos", "version: v1alpha1\nmachine: {type: worker}\ncluster: {}\n", "", 0, "Talos"},
      {"k3s", "server: https://x:6443\ntoken: y\n", "", 0, "k3s"},
      {"butane", "variant: fcos\nversion: 1.5.0\n", "", 0, "butane"},
      {"bottlerocket", "[settings.kubernetes]\ncluster-name = \"x\"\n", "", 0, "TOML"},
      {"ecs", "ECS_CLUSTER=x\n", "", 0, "NAME=value"},
      {"cloud_config_without_its_line", "users: [default]\npackages: [x]\n", "", 0,
       "#cloud-config"},
      {"cloud_config_with_a_blank", "# cloud-config\nruncmd: [x]\n", "", 0, "#cloud-config"},
      {"cloud_config_before_a_node_config", "#cloud-config\n" + worker(), "", 0, "#cloud-config"},
      {"cloud_config_and_a_node_config", "#cloud-config\nntp: {}\n---\n" + worker(), "", 0,
       "#cloud-config"},
      {"cloud_config_with_a_role", "#cloud-config\nrole: worker\nntp: {}\n", "", 0,
       "#cloud-config"},
      {"shebang_before_a_node_config", "#!/bin/sh\n" + worker(), "", 0, "#!/bin/sh"},
      {"jinja_of_a_node_config", "## template: jinja\n" + worker(), "", 0, "jinja"},
      {"jinja_with_a_field", "## template: jinja\napiVersion: haagent.io/v1\nrole: {{ role }}\n",
       "", 0, "jinja"},
      {"commands_without_a_shebang", "set -eu\nhostname x\n", "", 0, "#!"},
      {"windows", "<powershell>\necho\n</powershell>\n", "", 0, "Windows"},
      {"html", "<!DOCTYPE html>\n<html><body>404</body></html>\n", "", 0, "HTML"},
      {"html_behind_a_blank_line", "\n<html><head/></html>\n", "", 0, "HTML"},
      {"base64_of_html", to_base64("<html><body>Forbidden</body></html>\n"), "", 0, "HTML"},
      {"html_in_a_part", message(part(kType, "<html></html>")), "", 0, "HTML"},
      {"s3_error", "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>\n", "", 0,
       "XML"},
      {"pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "", 0, "PEM"},
      {"ssh_key", "ssh-ed25519 AAAA x\n", "", 0, "SSH"},
      {"a_files_name", "file://worker.yaml", "", 0, "file://"},
      {"an_address", "s3://bucket/worker.yaml\n", "", 0, "s3://"},
      {"a_path", "worker.yaml", "", 0, "worker.yaml"},
      {"a_word", "consolelogin", "", 0, "consolelogin"},
      {"a_number", "42\n", "", 0, "42"},
      {"a_list", "- role: worker\n", "", 0, "a list with a NodeConfig"},
      {"another_list", "- a\n- b\n", "", 0, "list"},
      {"below_a_key", "user_data:\n  apiVersion: haagent.io/v1\n  role: worker\n", "", 0,
       "user_data"},
      {"text_below_a_key", "UserData: |\n" + indented(worker(), "  "), "", 0, "UserData"},
      {"quoted", "\"apiVersion: haagent.io/v1\\nrole: worker\\n\"\n", "", 0, "quotes"},
      {"escaped_line_ends", "apiVersion: haagent.io/v1\\nkind: NodeConfig\\nrole: worker\\n", "", 0,
       ""},
      {"other_keys", "foo: 1\nbar: 2\n", "", 0, ""},
      {"a_near_key", "rol: worker\n", "", 0, "role"},
      {"unfilled_terraform", "${indent(4, node_config)}\n", "", 0, ""},
      {"unfilled_helm", "{{ .Values.userData }}\n", "", 0, ""},
      {"no_value", "<no value>\n", "", 0, "<no value>"},
      {"unfilled_role", "apiVersion: haagent.io/v1\nrole: ${role}\n", "", 0, "${role}"},
      {"unfilled_label", "node: {labels: {team: \"<no value>\"}}\n", "", 0, ""},
      {"unfilled_flag", "kubelet: {extraArgs: {v: \"${verbosity}\"}}\n", "", 0, "${verbosity}"},
      {"utf16", utf16(worker(), true), "", 0, "UTF-16"},
      {"utf16_without_a_mark", utf16(worker(), false), "", 0, "UTF-16"},
      {"zero_bytes", worker() + std::string("\0\0", 2), "", 0, "binary"},
      {"latin1", worker() + "# caf\xe9\n", "", 0, "UTF-8"},
      {"binary",
       std::string("\x7f"
                   "ELF\2\1\1\0\0\0\0\0\0\0",
                   14),
       "", 0, "binary"},
      {"gzip_cut_off", gzipped(worker()).substr(0, 80), "", 0, "cut off"},
      {"gzip_and_more", gzipped(worker()) + "role: master\n", "", 0, "follow"},
      {"xz",
       std::string("\xfd"
                   "7zXZ\0\0\4",
                   8),
       "", 0, "xz"},
      {"zip", std::string("PK\x03\x04\x14\0\0\0", 8), "", 0, "zip"},
      {"base64_cut_off", to_base64(worker()).substr(0, 121), "", 0, "base64"},
      {"base64_with_a_stray_byte", to_base64(worker()).insert(100, "!"), "", 0, "base64"},
      {"cut_off_at_the_limit", (worker() + "#" + std::string(16384, 'x')).substr(0, 16384), "", 0,
       "cut off"},
      {"cut_off_in_a_key", cut.substr(0, cut.find("name:") + 3), "", 0, ""},
      {"two_documents", worker() + "---\nlog: {level: debug}\n", "", 0, "second document"},
      {"tabs_below_a_key", "apiVersion: haagent.io/v1\nlog:\n\tlevel: debug\n", "", 0, "tab"},
      {"mixed_indentation", "role: worker\n  log: {}\n", "", 0, ""},
      {"another_version", "apiVersion: haagent.io/v2\nrole: worker\n", "", 0, "haagent.io/v1"},
      {"message_behind_a_comment", "# by terraform\n" + full_message(), "", 0, "MIME"},
      {"message_behind_cloud_config", "#cloud-config\n" + full_message(), "", 0, "MIME"},
      {"message_without_headers", part(kType, worker()) + "--B--\n", "", 0, "MIME"},
      {"message_without_boundary", replaced(full_message(), "; boundary=\"B\"", ""), "", 0,
       "boundary"},
      {"message_with_another_boundary",
       replaced(full_message(), "boundary=\"B\"", "boundary=\"C\""), "", 0, "--C"},
      {"message_cut_off", full_message().substr(0, full_message().size() - 20), "", 0, "cut off"},
      {"message_in_utf16",
       message(part("Content-Type: application/vnd.haagent.node+yaml; charset=utf-16\n", "x")), "",
       0, "utf-16"},
      {"message_with_yaml_for_a_type", message(part("Content-Type: text/yaml\n", worker())), "", 0,
       "text/yaml"},
      {"message_with_a_fragment_of_another_type",
       message(part("Content-Type: text/yaml\n", "role: worker")), "", 0, "text/yaml"},
      {"message_with_a_near_type",
       message(part("Content-Type: text/vnd.haagent.node+yaml\n", "log: {}")), "", 0,
       "text/vnd.haagent"},
      {"message_with_a_script_that_is_none",
       message(part("Content-Type: text/x-shellscript\n", worker())), "", 0, "text/x-shellscript"},
      {"message_with_a_cloud_config_that_is_none",
       message(part("Content-Type: text/cloud-config\n", "#cloud-config\n" + worker())), "", 0,
       "#cloud-config"},
      {"message_with_an_empty_part", message(kCloudConfig + part(kType, "")), "", 0, "empty"},
      {"message_with_comments_alone", message(part(kType, "# role: worker")), "", 0, "empty"},
      {"message_without_a_blank_line",
       message("--B\nContent-Type: application/vnd.haagent.node+yaml\n" +
               worker().substr(worker().find("apiV")) + "\n"),
       "", 0, "blank line"},
      {"message_behind_a_node_config", worker().substr(worker().find("apiV")) + full_message(), "",
       0, "among its headers"},
      {"message_in_front_of_a_node_config", message(kCloudConfig) + worker(), "", 0, "outside"},
      {"message_around_a_node_config",
       replaced(message(kCloudConfig), "1.0\n\n", "1.0\n\n" + worker()), "", 0, "outside"},
      {"cloud_config_around_a_node_config",
       "#cloud-config\nhaagent:\n  apiVersion: haagent.io/v1\n  role: worker\n", "", 0,
       "#cloud-config"},
      {"commands_around_a_node_config", "cat >x <<EOF\n" + worker() + "EOF\n", "", 0, "#!"},
      {"a_heredocs_marks", "<<EOF\n" + worker() + "EOF\n", "", 0, ""},
      {"message_with_a_script_for_haagent", message(part(kType, "#!/bin/sh\necho")), "", 0,
       "#!/bin/sh"},
      {"message_with_another_kind",
       message(part(kType, "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n")), "", 0,
       "nodeadm"},
      {"message_with_bad_base64",
       message(part(std::string(kType) + "Content-Transfer-Encoding: base64\n", worker())), "", 0,
       "base64"},
      {"archive_with_another_type",
       "#cloud-config-archive\n- type: text/plain\n  content: |\n" + indented(worker(), "    "), "",
       0, "text/plain"},
      {"archive_that_is_broken", "#cloud-config-archive\n- [\n", "", 0, "archive"},
  };
}

std::string name_of(testing::TestParamInfo<Row> const& row) {
  return row.param.what;
}
INSTANTIATE_TEST_SUITE_P(Read, UserDataVerdict, testing::ValuesIn(read_rows()), name_of);
INSTANTIATE_TEST_SUITE_P(Refused, UserDataVerdict, testing::ValuesIn(refused_rows()), name_of);

}  // namespace
}  // namespace haagent
