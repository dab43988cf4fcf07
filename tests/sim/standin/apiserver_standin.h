// The simulator's stand-in for kube-apiserver, since instances run none. It takes the static pod's
// manifest at its word: serves with the certificate that it names, and is ready when the etcd that
// it names is healthy to the client certificate that it names. Nodes and Leases that are applied to
// it are kept in that etcd, so that all masters have the same ones, and are for clients with a
// certificate alone; what else is applied is kept for as long as it runs. Of other objects it has
// none. An instance whose image has a real kube-apiserver runs that instead, with the manifest's
// command line.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::sim {

struct ApiserverManifest {
  std::vector<std::string> etcd_servers;  // URLs
  HttpTls etcd_tls;
  int port = 6443;
  std::string cert_file, key_file;   // both empty: plain HTTP
  std::string client_ca_file;        // empty: it asks for no certificate
  std::string version;               // the image's tag: "v1.33.2"
  Duration shutdown_delay{0};        // --shutdown-delay-duration
  Duration grace{30'000};            // terminationGracePeriodSeconds; then the kubelet kills it
  std::vector<std::string> command;  // and its args, as written
  std::vector<std::string> folders;  // of the host, which the kubelet makes (DirectoryOrCreate)
};

// The real one, where an image has it. What it says goes to kApiserverLog.
inline constexpr char kRealApiserver[] = "/usr/local/bin/kube-apiserver";
inline constexpr char kApiserverLog[] = "/var/log/kube-apiserver.log";

// kube-apiserver.yaml: the flags of its first container's command and args, "--name=value" each.
Result<ApiserverManifest> read_apiserver_manifest(std::string_view yaml);

// Its process: serves until stopped, and for its shutdown delay after that, in which it is no
// longer ready. What it trusts of etcd is what it found at its start, as an apiserver does it.
// Errors where it cannot serve.
Result<void> run_apiserver_standin(std::filesystem::path const& manifest, std::stop_token stop);

}  // namespace haagent::sim
