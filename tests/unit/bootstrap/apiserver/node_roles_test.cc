#include "bootstrap/apiserver/node_roles_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/support/found.h"
#include "tests/support/scripted_http.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using test::Found;
using test::ScriptedHttp;

constexpr char kUrl[] =
    "https://127.0.0.1:6443/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/"
    "haagent:kubelet-client-renewal";
// As an apiserver prints it: with more than was applied, and in an order of its own.
constexpr char kThere[] =
    R"({"kind":"ClusterRoleBinding","apiVersion":"rbac.authorization.k8s.io/v1","metadata":)"
    R"({"name":"haagent:kubelet-client-renewal","uid":"1","resourceVersion":"2"},"subjects":)"
    R"([{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"system:nodes"}],"roleRef":)"
    R"({"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":)"
    R"("system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"}})";

class NodeRoles : public testing::Test {
 protected:
  Found look() { return test::found(step_.look(facts_, {})); }
  test::TemporaryDirectory directory_;
  ScriptedHttp http_;
  Facts facts_;
  NodeRolesStep step_{ApiserverClient(http_, local_apiserver(Root(directory_.path())))};
};

TEST_F(NodeRoles, AppliesTheBindingWhereItIsNot) {
  http_.always(std::string("GET ") + kUrl, test::answer(404, "{}"));
  http_.on(std::string("PATCH ") + kUrl + "?fieldManager=haagent", test::answer(201, kThere));
  EXPECT_EQ(look().message.reason, Reason::NodeRolesToBind);
  EXPECT_EQ(test::found(test::look_and_act(step_, facts_)).as, Found::As::acted);
  auto const sent = http_.requests().back();
  EXPECT_TRUE(binds_the_same(json::parse(sent.body).value(), kubelet_renewal_binding().object));
  EXPECT_THAT(sent.headers, testing::Contains(std::pair<std::string, std::string>(
                                "content-type", "application/apply-patch+yaml")));
}

TEST_F(NodeRoles, LeavesTheOneThatIsThere) {
  http_.on(std::string("GET ") + kUrl, test::answer(200, kThere));
  EXPECT_EQ(look().message.reason, Reason::NodeRolesBound);
}

TEST_F(NodeRoles, PutsRightWhatSomebodyHasChanged) {
  std::string changed(kThere);
  changed.replace(changed.find("system:nodes"), 12, "system:other");
  http_.on(std::string("GET ") + kUrl, test::answer(200, changed));
  EXPECT_EQ(look().message.reason, Reason::NodeRolesToBind);
}

TEST_F(NodeRoles, KeepsNothingUpWhileTheApiserverIsSilent) {
  http_.on(std::string("GET ") + kUrl, std::unexpected(Error{Kind::transient, "refused"}));
  http_.on(std::string("GET ") + kUrl, test::answer(503, ""));
  http_.on(std::string("GET ") + kUrl, test::answer(403, ""));
  for (int i = 0; i < 3; ++i) {
    auto const found = look();
    EXPECT_EQ(found.as, Found::As::done);
    EXPECT_EQ(found.message.reason, Reason::NodeRolesAwaitApiserver);
  }
}

}  // namespace
}  // namespace haagent::bootstrap
