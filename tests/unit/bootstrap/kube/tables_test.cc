#include "bootstrap/kube/tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "bootstrap/kube/render.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::kube {
namespace {

TEST(KubeMinors, AreRead) {
  auto some = Minors::parse("31-33,36-");
  for (int minor : {31, 32, 33, 36, 37}) EXPECT_TRUE(some.has(minor)) << minor;
  for (int minor : {30, 34, 35, 38}) EXPECT_FALSE(some.has(minor)) << minor;
  EXPECT_EQ(some.first(), 31);
  EXPECT_EQ(some.last(), 37);
  EXPECT_TRUE(Minors::parse("34").has(34));
  EXPECT_FALSE(Minors::parse("34").has(35));
  EXPECT_TRUE(Minors::parse("").has(kOldestKubeMinor));
  EXPECT_EQ(when_known(Minors::parse("36-"), 33), "it came with 1.36");
  EXPECT_EQ(when_known(Minors::parse("31-32"), 33), "1.33 took it away");
}

TEST(KubeTables, ReadTheirRows) {
  auto read = read_tables(
      "# of k8s.io/kubernetes 1.31.0 1.32.1\n[flags kubelet]\naddress ip 32- !\nold bool !33-\n"
      "[gates]\nB @kp 31-33:b+ 34-:g+* >A >35-:C\n[type Pod]\ntype string\nkind string 36-\n"
      "[words colour]\nred\n");
  EXPECT_EQ(read.releases, "1.31.0 1.32.1");
  auto const& flags = read.flags.at("kubelet");
  ASSERT_EQ(flags.size(), 2u);
  EXPECT_FALSE(flags[0].in.has(31));
  EXPECT_TRUE(flags[0].deprecated.has(32));
  EXPECT_TRUE(flags[1].in.has(31));
  EXPECT_FALSE(flags[1].deprecated.has(32));
  auto const& gate = read.gates.at(0);
  EXPECT_TRUE(gate.belongs_to(Component::kube_proxy));
  EXPECT_FALSE(gate.belongs_to(Component::scheduler));
  EXPECT_TRUE(gate.at(34)->locked);
  EXPECT_EQ(gate.at(33)->stage, 'b');
  EXPECT_TRUE(gate.needs.at(0).in.has(31));
  EXPECT_FALSE(gate.needs.at(1).in.has(34));
  EXPECT_EQ(gate.needs.at(1).gate, "C");
  EXPECT_EQ(read.types.at("Pod").at(0).name, "type");
  EXPECT_FALSE(read.types.at("Pod").at(1).in.has(35));
  EXPECT_EQ(read.words.at("colour").at(0).name, "red");
}

// A release that was left out would know nothing, and everything would be refused.
TEST(KubeTables, KnowEverySupportedMinor) {
  for (int minor = kOldestKubeMinor; minor <= kNewestKubeMinor; ++minor) {
    SCOPED_TRACE(minor);
    for (auto component : kComponents) {
      EXPECT_GT(names_in(tables().flags.at(program_of(component)), minor).size(), 40u);
      auto kind = document_type_of(component).kind;
      EXPECT_FALSE(names_in(tables().types.at(kind), minor).empty()) << kind;
    }
    int gates = 0;
    for (auto const& row : tables().gates) gates += row.at(minor) != nullptr;
    EXPECT_GT(gates, 100);
    // "schedulerPlugin.permit": a part of the plugins, which some releases have none of.
    for (auto const& [what, rows] : tables().words) {
      EXPECT_TRUE(what.contains('.') || !names_in(rows, minor).empty()) << what;
    }
  }
}

TEST(KubeTables, NameNoTypeThatTheyDoNotHold) {
  std::set<std::string_view> const plain = {"bool",   "string", "bytes",   "any",    "int8",
                                            "int16",  "int32",  "int64",   "uint8",  "uint16",
                                            "uint32", "uint64", "float32", "float64"};
  std::set<std::string_view> const special = {
      "Duration", "TimeOrMetaDuration", "Quantity", "QuantityValue", "IntOrString",
      "Time",     "MicroTime",          "FieldsV1", "RawExtension"};
  for (auto const& [name, fields] : tables().types) {
    for (auto const& field : fields) {
      auto type = field.type;
      while (type.starts_with("[]") || type.starts_with("{}")) type.remove_prefix(2);
      bool known = type.starts_with('=') ? special.contains(type.substr(1))
                                         : plain.contains(type) || tables().types.contains(type);
      EXPECT_TRUE(known) << name << '.' << field.name << ' ' << field.type;
    }
  }
}

// Trap: unknown flags are fatal. Nothing that haagent renders by itself may be one.
TEST(KubeTables, NoRenderedFlagIsUnknownToItsVersion) {
  static std::regex const flag("--([a-z0-9-]+)=");
  for (int minor = kOldestKubeMinor; minor <= kNewestKubeMinor; ++minor) {
    int seen = 0;
    for (auto config : {test::kube_master(), test::kube_worker()}) {
      config.kubernetes.version = fmt::format("1.{}.0", minor);
      auto files = render(config, test::kube_identity());
      ASSERT_TRUE(files);
      for (auto const& file : *files) {
        for (auto component : kComponents) {
          bool its_own =
              file.path.ends_with(fmt::format("/{}.yaml", program_of(component))) ||
              (component == Component::kubelet && file.path.ends_with("kubeadm-flags.env"));
          if (!its_own) continue;
          auto known = names_in(tables().flags.at(program_of(component)), minor);
          for (std::sregex_iterator it(file.bytes.begin(), file.bytes.end(), flag), end; it != end;
               ++it) {
            ++seen;
            EXPECT_NE(std::ranges::find(known, (*it)[1].str()), known.end())
                << file.path << " of 1." << minor << " has --" << (*it)[1];
          }
        }
      }
    }
    EXPECT_GT(seen, 60);
  }
}

}  // namespace
}  // namespace haagent::bootstrap::kube
