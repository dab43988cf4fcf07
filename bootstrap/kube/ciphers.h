// The TLS versions and cipher suites of every TLS server of Kubernetes on the node.
#pragma once

#include <string>
#include <string_view>

namespace haagent::bootstrap::kube {

inline constexpr std::string_view kTlsMinVersion = "VersionTLS12";

// For TLS 1.2, by Go's names: forward secrecy and authenticated encryption, the list of the CIS
// benchmark without what Go itself calls insecure. HTTP/2 needs the AES-128-GCM ones. The suites of
// TLS 1.3 cannot be chosen, and need not be.
inline constexpr std::string_view kTlsCiphers[] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",       "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",       "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
};

// For --tls-cipher-suites.
inline std::string tls_ciphers_flag() {
  std::string all;
  for (auto suite : kTlsCiphers) all += (all.empty() ? "" : ",") + std::string(suite);
  return all;
}

}  // namespace haagent::bootstrap::kube
