#include "agent/commands/config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/yaml.h"
#include "agent/runtime/exit_codes.h"
#include "tests/support/golden.h"
#include "tests/support/gzip.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using test::bytes_of;
using test::write_bytes;

std::filesystem::path const kExamples = test::source_dir() / "packaging/examples";

class ConfigCommand : public testing::Test {
 protected:
  void write(std::string_view path, std::string_view text) {
    write_bytes(root_(std::filesystem::path(path)), text);
  }
  // The root's own name differs from run to run.
  std::string without_root(std::string text) const {
    auto const prefix = directory_.path().string();
    for (auto at = text.find(prefix); at != text.npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }
  CommandResult check(ConfigCommandOptions const& options = {}) const {
    auto result = config_check(root_, options);
    result.out = without_root(result.out);
    result.err = without_root(result.err);
    return result;
  }

  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
};

TEST_F(ConfigCommand, EveryExampleIsGood) {
  std::size_t seen = 0;
  for (auto const& entry : std::filesystem::directory_iterator(kExamples)) {
    if (entry.path().extension() == ".md") continue;
    ++seen;
    auto result = config_check(root_, {.request = {.files = {entry.path()}}});
    EXPECT_EQ(result.exit_code, 0) << entry.path() << "\n" << result.err;
    EXPECT_EQ(result.err, "");
    // As user-data, raw and compressed, it is the same.
    auto bytes = bytes_of(entry.path());
    for (auto const& data : {bytes, test::gzipped(bytes)}) {
      auto as_data = config_check(root_, {.request = {.user_data = data}});
      EXPECT_EQ(as_data.exit_code, 0) << entry.path() << "\n" << as_data.err;
    }
  }
  EXPECT_GE(seen, 4u);
}

TEST_F(ConfigCommand, TheMachinesSourcesAreMergedInOrder) {
  write("/usr/share/haagent/defaults.yaml",
        "log: {level: error}\nkubelet: {extraArgs: {v: 0}}\nvolumes: {filesystem: xfs}\n");
  write("/etc/haagent/haagent.yaml", bytes_of(kExamples / "master.yaml"));
  write("/etc/haagent/conf.d/20-b.yaml", "log: {level: warn}\n");
  write("/etc/haagent/conf.d/10-a.yaml", "log: {level: debug}\nkubelet: {extraArgs: {v: 1}}\n");
  write("/etc/haagent/conf.d/.30-half-written.yaml", "log: [");
  write("/etc/haagent/conf.d/notes.txt", "nothing");
  ConfigCommandOptions options{
      .request = {.user_data = "apiVersion: haagent.io/v1\nkubelet: {extraArgs: {v: 2}}\n",
                  .settings = {"pki.leafLifetime=60m"}}};
  auto loaded = read_config(gather_config(root_, options.request));
  ASSERT_TRUE(loaded.ok()) << loaded.page();
  EXPECT_EQ(loaded.config.volumes.filesystem, "xfs");
  EXPECT_EQ(loaded.config.log.level, "warn");
  EXPECT_EQ(loaded.config.kubelet.extra_args.at(0).second, "2");
  EXPECT_EQ(loaded.config.pki.leaf_lifetime, std::chrono::minutes(60));
  auto result = check(options);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "ok: a master of prod.haagent.io, Kubernetes 1.33.2 (from "
            "/usr/share/haagent/defaults.yaml, /etc/haagent/haagent.yaml, "
            "/etc/haagent/conf.d/10-a.yaml, /etc/haagent/conf.d/20-b.yaml, user-data, --set)\n");
}

TEST_F(ConfigCommand, EverySourcesProblemsAreOnOnePage) {
  write("/etc/haagent/haagent.yaml", "cluster:\n  nam: prod\n");
  write("/etc/haagent/conf.d/10-broken.yaml", "role: [\n");
  write("/etc/haagent/conf.d/20.yml", "role: master\n");
  auto result = check({.request = {.user_data = "#!/bin/sh\n", .settings = {"log.levl=info"}}});
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(test::matches_golden("config/machine.expected", result.err));
}

TEST_F(ConfigCommand, NoConfigAtAllSaysWhereOneWouldBe) {
  auto result = check();
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_TRUE(test::matches_golden("config/nothing.expected", result.err));
}

TEST_F(ConfigCommand, BrokenUserDataIsAnErrorAndTheRestIsStillRead) {
  write("/etc/haagent/haagent.yaml", "log: {levl: info}\n");
  auto result =
      check({.request = {.user_data = "Content-Type: multipart/mixed; boundary=a\n\n--b--\n"}});
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_EQ(result.err,
            "/etc/haagent/haagent.yaml:1:7: error: log.levl: unknown key (did you mean 'level'?)\n"
            "  log: {levl: info}\n"
            "        ^~~~\n"
            "config: error: user-data names the boundary 'a', but has no line '--a'; there is a "
            "line '--b--' ('cloud-init devel make-mime' writes whole messages)\n"
            "2 errors\n");
}

// Each is a configuration that somebody wrote and that nobody reads.
TEST_F(ConfigCommand, FilesThatAreNotReadAreNamed) {
  auto const page_with = [&](std::string const& path) {
    std::filesystem::remove_all(root_("/etc"));
    write("/etc/haagent/haagent.yaml", bytes_of(kExamples / "master.yaml"));
    write(path, "role: worker\n");
    auto const result = check();
    EXPECT_EQ(result.exit_code, 0) << path << result.err;
    return result.err;
  };
  for (auto const* path :
       {"/etc/haagent/haagent.yml", "/etc/haagent/haagent.json", "/etc/haagent/Haagent.yaml",
        "/etc/haagent/haagent.yaml.txt", "/etc/haagent/haagent.conf", "/etc/haagent/config.yaml",
        "/etc/haagent/haagent.yaml.dpkg-dist", "/etc/haagent/haagent.yaml~",
        "/etc/haagent/conf.d/10.yml", "/etc/haagent/conf.d/10.YAML",
        "/etc/haagent/conf.d/10.yaml.dpkg-new", "/etc/haagent/conf.d/10.json", "/etc/haagent.yaml",
        "/etc/haagent.yml"}) {
    EXPECT_TRUE(page_with(path).starts_with(fmt::format("config: warning: {} is not read (", path)))
        << path << ": " << page_with(path);
  }
  EXPECT_TRUE(page_with("/etc/haagent/config.d/10.yaml")
                  .starts_with("config: warning: /etc/haagent/config.d is not read ("));
  for (auto const* path :
       {"/etc/haagent/etcd/main.yaml", "/etc/haagent/pki/ca.crt", "/etc/haagent/conf.d/README.md",
        "/etc/haagent/conf.d/notes.txt", "/etc/haagent/conf.d/10.yaml.disabled",
        "/etc/haagent/conf.d/.10.yaml.swp", "/etc/haagent/.haagent.yaml.swp"})
    EXPECT_EQ(page_with(path), "") << path;
  // As a file in the folder's place.
  std::filesystem::remove_all(root_("/etc"));
  write("/etc/haagent/haagent.yaml", bytes_of(kExamples / "master.yaml"));
  write("/etc/haagent/conf.d", "role: worker\n");
  EXPECT_NE(check().err.find("/etc/haagent/conf.d"), std::string::npos);
}

// A name with a mistake in it is no reason to wait for another file; what dpkg leaves is.
TEST_F(ConfigCommand, AMisnamedFileEndsTheWaitAndALeftoverDoesNot) {
  write("/etc/haagent/haagent.yaml", "# nothing yet\n");
  EXPECT_TRUE(says_nothing(gather_config(root_, {})));
  write("/etc/haagent/haagent.yaml.dpkg-dist", "# nothing yet\n");
  EXPECT_TRUE(says_nothing(gather_config(root_, {})));
  write("/etc/haagent/haagent.yml", "role: worker\n");
  EXPECT_FALSE(says_nothing(gather_config(root_, {})));
  auto const result = check();
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_NE(result.err.find("/etc/haagent/haagent.yml is not read"), std::string::npos);
}

TEST_F(ConfigCommand, MarksOfDocumentsAreHarmless) {
  auto const master = bytes_of(kExamples / "master.yaml");
  for (auto const& text : {master + "---\n", "---\n" + master, master + "...\n",
                           master + "---\n...\n", master + "---\n# the end\n",
                           "---\n---\n" + master, "# first\n---\n" + master + "...\n---\n"}) {
    write("/etc/haagent/haagent.yaml", text);
    auto const result = check();
    EXPECT_EQ(result.exit_code, 0) << text << result.err;
    EXPECT_EQ(result.err, "") << text;
  }
}

TEST_F(ConfigCommand, WhatIsForOthersIsNotedBesideAConfiguration) {
  write("/etc/haagent/haagent.yaml", bytes_of(kExamples / "master.yaml"));
  auto const result = check({.request = {.user_data = "#cloud-config\nntp: {}\n"}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "note: user-data is for cloud-init (#cloud-config)\n");
}

TEST_F(ConfigCommand, FilesAskedForAreReadInsteadOfTheMachines) {
  write("/etc/haagent/haagent.yaml", "nonsense: 1\n");
  write("/a.yaml", bytes_of(kExamples / "worker.yaml"));
  write("/b.yaml", "log: {level: debug}\n");
  auto result = check({.request = {.files = {directory_ / "a.yaml", directory_ / "b.yaml"}}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "ok: a worker of prod.haagent.io, Kubernetes 1.33.2 (from /a.yaml, /b.yaml)\n");
}

TEST_F(ConfigCommand, FilesThatHoldNoConfigAreErrors) {
  write("/script", "#!/bin/sh\n");
  write("/folder/x", "");
  auto page = [&](std::string const& name) {
    auto result = check({.request = {.files = {directory_ / name}}});
    EXPECT_EQ(result.exit_code, 78) << name;
    return result.err.substr(0, result.err.find('\n'));
  };
  EXPECT_EQ(page("script"),
            "config: error: /script is a script (#!/bin/sh) (no NodeConfig is in it)");
  EXPECT_EQ(page("missing"), "config: error: /missing does not exist");
  EXPECT_NE(page("folder").find("/folder"), std::string::npos);
  write("/empty.yaml", "");
  EXPECT_NE(page("empty.yaml").find("are missing"), std::string::npos);
}

TEST_F(ConfigCommand, AUserDataFileIsReadAsSuch) {
  auto result = check({.request = {.files = {kExamples / "worker.user-data"}}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("worker.user-data part 2"), std::string::npos) << result.out;
}

TEST_F(ConfigCommand, CheckAsJsonHasEveryProblem) {
  write("/a.yaml", "cluster:\n  nam: prod\n");
  auto result =
      check({.request = {.files = {directory_ / "a.yaml"}}, .format = OutputFormat::json});
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_EQ(result.err, "");
  auto answer = json::parse(result.out);
  ASSERT_TRUE(answer) << result.out;
  EXPECT_EQ(answer->find("ok")->as_boolean(), false);
  EXPECT_EQ(answer->find("errors")->as_integer(), 2);
  auto const& problem = answer->find("problems")->items().at(0);
  EXPECT_EQ(json::print(problem),
            R"({"severity":"error","source":"/a.yaml","line":2,"column":3,"path":"cluster.nam",)"
            R"("message":"unknown key","hint":"did you mean 'name'?"})");
  // Good ones too, and as YAML.
  auto good =
      check({.request = {.files = {kExamples / "master.yaml"}}, .format = OutputFormat::yaml});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.out, "ok: true\nerrors: 0\nwarnings: 0\nproblems: []\n");
}

TEST_F(ConfigCommand, ShowPrintsWhatReadsBack) {
  auto show = [&](OutputFormat format, bool origins) {
    return config_show(root_, {.request = {.files = {kExamples / "master-tuned.yaml"}},
                               .format = format,
                               .origins = origins});
  };
  auto yaml_tree = yaml::parse(show(OutputFormat::yaml, false).out);
  auto text_tree = yaml::parse(show(OutputFormat::text, true).out);
  auto json_tree = json::parse(show(OutputFormat::json, false).out);
  auto json_with = json::parse(show(OutputFormat::json, true).out);
  ASSERT_TRUE(yaml_tree && text_tree && json_tree && json_with);
  EXPECT_EQ(*yaml_tree, *text_tree);
  EXPECT_EQ(*yaml_tree, *json_tree);
  EXPECT_EQ(*json_with->find("config"), *json_tree);
  EXPECT_EQ(json_with->find("origins")
                ->text_at("log.level")
                .substr(json_with->find("origins")->text_at("log.level").rfind('/')),
            "/master-tuned.yaml:55:10");
}

TEST_F(ConfigCommand, ShowOfABadConfigIsThePage) {
  write("/a.yaml", "role: bishop\n");
  auto result =
      config_show(root_, {.request = {.files = {directory_ / "a.yaml"}}, .origins = true});
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("expected master or worker, found the text 'bishop'"),
            std::string::npos);
}

TEST_F(ConfigCommand, WarningsDoNotFail) {
  write("/a.yaml", bytes_of(kExamples / "master.yaml"));
  auto result = check({.request = {.files = {directory_ / "a.yaml"},
                                   .settings = {"cluster.endpoint=https://api.example.com"}}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_TRUE(result.err.ends_with("1 warning\n")) << result.err;
  EXPECT_TRUE(result.out.starts_with("ok: ")) << result.out;
}

// Of this machine's own configuration it is an error; another machine may have it.
TEST_F(ConfigCommand, AFileThatAFlagNamesAndNobodyHasIsToldAtItsPlace) {
  auto const text = bytes_of(kExamples / "master.yaml") +
                    "apiserver:\n  extraArgs:\n    audit-policy-file: /etc/audit/policy.yaml\n";
  auto const line = std::to_string(std::ranges::count(text, '\n'));
  write("/etc/haagent/haagent.yaml", text);
  auto own = check();
  EXPECT_EQ(own.exit_code, kExitBadConfig);
  EXPECT_TRUE(own.err.starts_with("/etc/haagent/haagent.yaml:" + line +
                                  ":5: error: apiserver.extraArgs.audit-policy-file: names "
                                  "/etc/audit/policy.yaml, which is not on this machine"))
      << own.err;
  auto other = check({.request = {.files = {directory_ / "etc/haagent/haagent.yaml"}}});
  EXPECT_EQ(other.exit_code, kExitOk);
  EXPECT_NE(other.err.find(":5: warning: apiserver.extraArgs.audit-policy-file"), std::string::npos)
      << other.err;
  write("/etc/audit/policy.yaml", "kind: Policy\n");
  own = check();
  EXPECT_EQ(own.exit_code, kExitOk);
  EXPECT_EQ(own.err, "");
}

TEST_F(ConfigCommand, ColourOnlyIfAsked) {
  EXPECT_EQ(check().err.find('\033'), std::string::npos);
  EXPECT_NE(check({.colour = true}).err.find('\033'), std::string::npos);
}

TEST_F(ConfigCommand, AFileThatCannotBeReadIsTold) {
  if (geteuid() == 0) {
    // root reads everything; a folder in a file's place cannot be read by anybody.
    std::filesystem::create_directories(root_("/etc/haagent/haagent.yaml"));
  } else {
    write("/etc/haagent/haagent.yaml", "role: master\n");
    std::filesystem::permissions(root_("/etc/haagent/haagent.yaml"), std::filesystem::perms::none);
  }
  auto result = check();
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_NE(result.err.find("/etc/haagent/haagent.yaml"), std::string::npos) << result.err;
  // What is in it nobody knows, so nothing is said to be missing.
  EXPECT_EQ(result.err.find("missing"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace haagent
