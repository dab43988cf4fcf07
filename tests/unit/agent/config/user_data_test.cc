#include "agent/config/user_data.h"

#include <gtest/gtest.h>

#include "agent/base/base64.h"
#include "agent/config/load.h"
#include "tests/support/gzip.h"

namespace haagent {
namespace {

using test::gzipped;

constexpr auto kDocument = "apiVersion: haagent.io/v1\nkind: NodeConfig\nrole: worker\n";

// In lines, as mail programs write it.
std::string base64(std::string_view bytes) {
  auto const line = to_base64(bytes);
  std::string out;
  for (std::size_t i = 0; i < line.size(); i += 76) out += line.substr(i, 76) + '\n';
  return out;
}

std::string part(std::string headers, std::string_view body) {
  return headers + "\n\n" + std::string(body);
}

std::string ours(std::string_view body) {
  return part("Content-Type: application/vnd.haagent.node+yaml", body);
}

std::string message(std::vector<std::string> const& parts, std::string const& boundary = "BOUND") {
  auto text = "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\nMIME-Version: 1.0\n\n";
  for (auto const& one : parts) text += "--" + boundary + "\n" + one + "\n";
  return text + "--" + boundary + "--\n";
}

std::string with_crlf(std::string const& text) {
  std::string out;
  for (char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

using Lines = std::vector<std::string>;
Lines errors_of(UserData const& data) {
  Lines errors;
  for (auto const& each : data.problems)
    if (each.severity == Severity::error) errors.push_back(each.message);
  return errors;
}

struct Found {
  std::string what;
  std::string bytes;
  std::vector<UserDataDocument> documents;
};
class UserDataHolds : public testing::TestWithParam<Found> {};
TEST_P(UserDataHolds, Documents) {
  auto const data = read_user_data(GetParam().bytes);
  EXPECT_EQ(errors_of(data), Lines()) << data.note;
  ASSERT_EQ(data.documents.size(), GetParam().documents.size()) << data.note;
  for (std::size_t i = 0; i < data.documents.size(); ++i) {
    EXPECT_EQ(data.documents[i].name, GetParam().documents[i].name);
    EXPECT_EQ(data.documents[i].text, GetParam().documents[i].text);
  }
  EXPECT_EQ(data.note, "");
}

std::string const kCloudConfig = part("Content-Type: text/cloud-config", "#cloud-config\nx: 1");
std::string const kScript =
    part("Content-Type: text/x-shellscript", "#!/bin/sh\ncat <<E\napiVersion: haagent.io/v1\nE");
std::vector<UserDataDocument> const kBare = {{"user-data", kDocument}};
INSTANTIATE_TEST_SUITE_P(
    Encodings, UserDataHolds,
    testing::Values(
        Found{"bare", kDocument, kBare}, Found{"bare_crlf", with_crlf(kDocument), kBare},
        Found{"bare_bom", "\xef\xbb\xbf" + std::string(kDocument), kBare},
        Found{"comment_first",
              "# mine\n---\n" + std::string(kDocument),
              {{"user-data", "# mine\n---\n" + std::string(kDocument)}}},
        Found{"quoted_key",
              "\"apiVersion\": 'haagent.io/v1'\n",
              {{"user-data", "\"apiVersion\": 'haagent.io/v1'\n"}}},
        Found{"json",
              R"({"kind": "NodeConfig", "apiVersion": "haagent.io/v1"})",
              {{"user-data", R"({"kind": "NodeConfig", "apiVersion": "haagent.io/v1"})"}}},
        Found{"gzip", gzipped(kDocument), kBare},
        Found{"gzip_two_members",
              gzipped("apiVersion: haagent.io/v1\nkind: NodeConfig\n") + gzipped("role: worker\n"),
              kBare},
        Found{"base64", base64(kDocument), kBare},
        Found{"base64_gzip", base64(gzipped(kDocument)), kBare},
        Found{"gzip_base64", gzipped(base64(kDocument)), kBare},
        Found{"later_version",
              "apiVersion: haagent.io/v9\n",
              {{"user-data", "apiVersion: haagent.io/v9\n"}}},
        Found{"mime",
              message({kCloudConfig, ours(kDocument), kScript}),
              {{"user-data part 2", kDocument}}},
        Found{"mime_crlf",
              with_crlf(message({kCloudConfig, ours(kDocument)})),
              {{"user-data part 2", kDocument}}},
        Found{"mime_gzip", gzipped(message({ours(kDocument)})), {{"user-data part 1", kDocument}}},
        Found{"mime_base64_gzip",
              base64(gzipped(message({ours(kDocument)}))),
              {{"user-data part 1", kDocument}}},
        Found{"mime_two_documents",
              message({ours("role: worker"), kScript, ours("log: {}")}),
              {{"user-data part 1", "role: worker"}, {"user-data part 3", "log: {}"}}},
        Found{"part_base64",
              message({part("Content-Type: application/vnd.haagent.node+yaml; charset=UTF-8\n"
                            "content-transfer-encoding:  BASE64",
                            base64(kDocument))}),
              {{"user-data part 1", kDocument}}},
        Found{"part_base64_gzip",
              message({part("Content-Type: application/vnd.haagent.node+yaml\n"
                            "Content-Transfer-Encoding: base64",
                            base64(gzipped(kDocument)))}),
              {{"user-data part 1", kDocument}}},
        Found{"part_gzip",
              message({kScript, ours(gzipped(kDocument))}),
              {{"user-data part 2", kDocument}}},
        Found{"part_of_type_gzip",
              message({part("Content-Type: application/gzip", gzipped(kDocument)),
                       part("Content-Type: application/x-gzip\nContent-Transfer-Encoding: base64",
                            base64(gzipped("#!/bin/sh\n")))}),
              {{"user-data part 1", kDocument}}},
        Found{"part_quoted_printable",
              message({part("Content-Type: application/vnd.haagent.node+yaml\n"
                            "Content-Transfer-Encoding: quoted-printable",
                            "a: =C3=A9=3D   \nlong: one =\nline\n  b: =E2=82=AC")}),
              {{"user-data part 1", "a: \xc3\xa9=\nlong: one line\n  b: \xe2\x82\xac"}}},
        Found{"type_in_any_case",
              message({part("CONTENT-TYPE: Application/Vnd.Haagent.Node+YAML", "role: worker")}),
              {{"user-data part 1", "role: worker"}}},
        Found{"folded_headers",
              "MIME-Version: 1.0\nContent-Type: multipart/mixed;\n charset=\"utf-8; x=1\";\n"
              "\tboundary=\"a \\\"b\\\"\"\n\nPreamble.\n--a \"b\"\nContent-Type:\n "
              "application/vnd.haagent.node+yaml;\n  name=x\n\nrole: worker\n--a \"b\"--  "
              "\nEpilogue\n",
              {{"user-data part 1", "role: worker"}}},
        Found{"unquoted_boundary",
              "Content-Type: multipart/mixed; boundary=abc ; x=y\n\n--abc\n" + ours("log: {}") +
                  "\n--abc--",
              {{"user-data part 1", "log: {}"}}},
        Found{"nested",
              message({kScript, message({kCloudConfig, ours("role: worker")}, "INNER"),
                       ours("log: {}")}),
              {{"user-data part 3", "role: worker"}, {"user-data part 4", "log: {}"}}},
        Found{"one_entity",
              "Content-Type: application/vnd.haagent.node+yaml\n"
              "Content-Transfer-Encoding: base64\n\n" +
                  base64(kDocument),
              kBare},
        Found{"headers_without_blank_line",
              "Content-Type: multipart/mixed; boundary=b\n--b\n" + ours("log: {}") + "\n--b--\n",
              {{"user-data part 1", "log: {}"}}},
        Found{"broken_part_of_another",
              message({part("Content-Type: text/x-shellscript\nContent-Transfer-Encoding: base64",
                            "!!!"),
                       part("Content-Type: text/plain\nContent-Transfer-Encoding: x-odd", "?"),
                       ours("log: {}")}),
              {{"user-data part 3", "log: {}"}}}),
    [](auto const& found) { return found.param.what; });

struct Other {
  std::string what;
  std::string bytes;
  std::string note;
};
class UserDataIsSomethingElse : public testing::TestWithParam<Other> {};
TEST_P(UserDataIsSomethingElse, WithANoteAndNoError) {
  auto const data = read_user_data(GetParam().bytes);
  EXPECT_EQ(errors_of(data), Lines());
  EXPECT_TRUE(data.documents.empty());
  EXPECT_EQ(data.note, GetParam().note);
}
INSTANTIATE_TEST_SUITE_P(
    Formats, UserDataIsSomethingElse,
    testing::Values(
        Other{"nothing", "", ""}, Other{"white", " \r\n\t\n", ""},
        Other{"comments", "# role: worker\n---\n", "user-data is nothing but comments"},
        Other{"script", "#!/bin/bash -e\ncat >f <<E\napiVersion: haagent.io/v1\nE\n",
              "user-data is a script (#!/bin/bash -e)"},
        Other{"cloud_config", "#cloud-config\nruncmd: []\n",
              "user-data is for cloud-init (#cloud-config)"},
        Other{"cloud_config_gzip", gzipped("#cloud-config\n"),
              "user-data is for cloud-init (#cloud-config)"},
        Other{"script_base64", base64("#!/bin/sh\necho\n"), "user-data is a script (#!/bin/sh)"},
        Other{"jinja", "## template: jinja\n#cloud-config\n",
              "user-data is for cloud-init (## template: jinja)"},
        Other{"boothook", "#cloud-boothook\n#!/bin/sh\ncat >f <<E\napiVersion: haagent.io/v1\nE\n",
              "user-data is for cloud-init (#cloud-boothook)"},
        Other{"include", "#include\nhttps://example.com/x\n",
              "user-data is for cloud-init (#include)"},
        Other{"ignition", R"({"ignition": {"version": "3.4.0"}})", "user-data is for Ignition"},
        Other{"mime", message({kCloudConfig, kScript}),
              "user-data is a MIME message of text/cloud-config, text/x-shellscript, with no part "
              "of type application/vnd.haagent.node+yaml"}),
    [](auto const& other) { return other.param.what; });

struct Broken {
  std::string what;
  std::string bytes;
  std::string error;
};
class UserDataIsBroken : public testing::TestWithParam<Broken> {};
TEST_P(UserDataIsBroken, AndSaysHow) {
  auto const data = read_user_data(GetParam().bytes);
  auto const errors = errors_of(data);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_TRUE(errors[0].starts_with(GetParam().error)) << errors[0];
  EXPECT_TRUE(data.note.empty()) << data.note;
  for (auto const& each : data.problems) {
    if (each.severity == Severity::error && GetParam().what != "too_many_parts") {
      EXPECT_FALSE(each.hint.empty()) << each.message << " says nothing about what to do";
    }
  }
}

std::string deep_message() {
  auto text = ours("log: {}");
  for (int i = 0; i < 8; ++i) text = message({text}, "B" + std::to_string(i));
  return text;
}
std::string deep_gzip() {
  std::string bytes = kDocument;
  for (int i = 0; i < 9; ++i) bytes = gzipped(bytes);
  return bytes;
}
std::string half(std::string const& bytes) {
  return bytes.substr(0, bytes.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, UserDataIsBroken,
    testing::Values(
        Broken{"no_boundary", "Content-Type: multipart/mixed\n\n--x\n\n--x--\n",
               "user-data is multipart/mixed but names no boundary: Content-Type is "
               "'multipart/mixed'"},
        Broken{"wrong_boundary",
               "Content-Type: multipart/mixed; boundary=one\n\n--two\n" + ours("") + "\n--two--\n",
               "user-data names the boundary 'one', but has no line '--one'; there is a line "
               "'--two'"},
        Broken{"empty_message", "Content-Type: multipart/mixed; boundary=one\n\n",
               "user-data names the boundary 'one', but has no line '--one'"},
        Broken{"cut_off", "Content-Type: multipart/mixed; boundary=one\n\n--one\n" + ours("a: 1"),
               "user-data ends without the line '--one--' that closes it, in part 1: cut off?"},
        Broken{"closing_line_mistyped",
               "Content-Type: multipart/mixed; boundary=one\n\n--one\n\n\n--one\n\n--on--\n",
               "user-data ends without the line '--one--' that closes it, in part 2; there is a "
               "line '--on--': cut off?"},
        Broken{"bad_base64",
               message({part("Content-Type: application/vnd.haagent.node+yaml\n"
                             "Content-Transfer-Encoding: base64",
                             "role: worker")}),
               "user-data part 1 says that it is base64, and is not"},
        Broken{"bad_quoted_printable",
               message({part("Content-Type: application/vnd.haagent.node+yaml\n"
                             "Content-Transfer-Encoding: quoted-printable",
                             "a: =ZZ")}),
               "user-data part 1 says that it is quoted-printable, and is not"},
        Broken{"odd_encoding",
               message({part("Content-Type: application/vnd.haagent.node+yaml\n"
                             "Content-Transfer-Encoding: x-uuencode",
                             "a")}),
               "user-data part 1 has the encoding 'x-uuencode'; base64, quoted-printable and 7bit "
               "are read"},
        Broken{
            "odd_charset",
            message({part("Content-Type: application/vnd.haagent.node+yaml; charset=utf-16", "a")}),
            "user-data part 1 has the charset 'utf-16'; UTF-8 is read"},
        Broken{"wrong_type", message({part("Content-Type: text/yaml", kDocument)}),
               "user-data part 1 is a haagent document, but says Content-Type: text/yaml"},
        Broken{"no_type", message({part("X: y", kDocument)}),
               "user-data part 1 is a haagent document, but says Content-Type: text/plain"},
        Broken{"gzip_cut_off", half(gzipped(kDocument)),
               "user-data is compressed, and cannot be unpacked: "},
        Broken{"gzip_damaged", std::string("\x1f\x8b\x08\0\0\0\0\0\0\0 nonsense", 19),
               "user-data is compressed, and cannot be unpacked: "},
        Broken{"gzip_bomb", gzipped(std::string(64u << 20u, 'x')),
               "user-data is compressed, and cannot be unpacked: "},
        Broken{"bomb_by_parts",
               message({ours(gzipped("a: " + std::string(3u << 20u, 'x'))),
                        ours(gzipped("a: " + std::string(3u << 20u, 'x')))}),
               "user-data part 2 is compressed, and cannot be unpacked: "},
        Broken{"too_deep_messages", deep_message(), "user-data is nested too deeply"},
        Broken{"too_deep_gzip", deep_gzip(), "user-data is nested too deeply"},
        Broken{"too_many_parts", message(std::vector<std::string>(101, kScript)),
               "user-data has more than 100 parts"}),
    [](auto const& broken) { return broken.param.what; });

TEST(UserData, PositionsAreThoseOfTheDecodedPart) {
  auto encoded = message({kScript, part("Content-Type: application/vnd.haagent.node+yaml\n"
                                        "Content-Transfer-Encoding: base64",
                                        base64("# one\nlog:\n  levle: info\n"))});
  auto gathered =
      gather_config(Root("/nowhere"), {.files = {}, .user_data = encoded, .settings = {}});
  auto page = read_config(gathered).page();
  EXPECT_TRUE(page.starts_with(
      "user-data part 2:3:3: error: log.levle: unknown key (did you mean 'level'?)\n"
      "    levle: info\n"
      "    ^~~~~\n"))
      << page;
}

}  // namespace
}  // namespace haagent
