#include "tests/sim/standin/kubelet_standin.h"

#include <gtest/gtest.h>

namespace haagent::sim {
namespace {

TEST(KubeletStandin, AnswersWhereItsDocumentSays) {
  auto place = kubelet_health_place("{healthzBindAddress: '::1', healthzPort: 10999}");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->host, "::1");
  EXPECT_EQ(place->port, 10999);
  place = kubelet_health_place("{kind: KubeletConfiguration}");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->host, "127.0.0.1");
  EXPECT_EQ(place->port, 10248);
  EXPECT_EQ(kubelet_health_place("{healthzPort: 0}")->port, 0);
  EXPECT_FALSE(kubelet_health_place("{"));
}

TEST(KubeProxyStandin, AnswersWhereItsDocumentSays) {
  auto const place = kube_proxy_health_place("{healthzBindAddress: '127.0.0.1:11256'}");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->host, "127.0.0.1");
  EXPECT_EQ(place->port, 11256);
  EXPECT_EQ(kube_proxy_health_place("{kind: x}")->port, 10256);
}

TEST(KubeletStandin, IsWhoItsKubeconfigSays) {
  auto const place = read_kubelet_kubeconfig(
      "clusters: [{name: c, cluster: {server: 'https://10.0.0.1', certificate-authority: /ca}}]\n"
      "users: [{name: 'system:node:n1', user: {client-certificate: /c, client-key: /k}}]\n");
  ASSERT_TRUE(place) << place.error().message.text;
  EXPECT_EQ(place->server, "https://10.0.0.1");
  EXPECT_EQ(place->node, "n1");
  EXPECT_EQ(place->tls.ca_file, "/ca");
  EXPECT_EQ(place->tls.cert_file, "/c");
  EXPECT_EQ(place->tls.key_file, "/k");
  EXPECT_FALSE(read_kubelet_kubeconfig("{}"));
  EXPECT_FALSE(read_kubelet_kubeconfig("users: [{name: admin, user: {}}]"));
}

}  // namespace
}  // namespace haagent::sim
