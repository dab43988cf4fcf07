// The kubelet's client certificate on the disk, laid out as the kubelet itself does it (client-go,
// util/certificate, FileStore):
//
//   kubelet-client-2026-09-15-18-15-00.pem  the certificate, then its key; mode 0600
//   kubelet-client-current.pem              a symbolic link to the one in use
//
// The kubelet reads it when it starts, and never again. It refuses to put a certificate of its own
// where `current` is a file and not a link, and a certificate that has ended anywhere in the file
// makes a starting kubelet ask for a bootstrap kubeconfig that a master does not have. So the file
// holds the certificate and one key, and nothing of the pair before it. The link is relative, so
// that it holds below another root as well; a kubelet makes absolute ones.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/base/secret.h"

namespace haagent::bootstrap::pki {

struct CertificatePair {
  std::string certificates;  // PEM: the leaf, and what stands behind it
  Secret key;                // PEM: the first key of the file; empty: there is none
  // What a kubelet would stumble over, now or later: "it is a file and no link". Empty: nothing.
  std::string flaw;
};

// What `current` points to. Nothing where there is no file. `now` tells what has ended.
Result<std::optional<CertificatePair>> read_pair(std::filesystem::path const& current, UtcTime now);

// The name of a pair that is written at that time: beside `current`, with the date in it.
std::filesystem::path dated_pair(std::filesystem::path const& current, UtcTime now);
// Whether a file beside `current` has such a name, no matter who wrote it.
bool is_dated_pair(std::filesystem::path const& current, std::string const& name);

// Writes the certificate and its key under the dated name, and lets `current` point to it, both
// atomically. Of older pairs the youngest two are kept: each holds a key.
Result<void> write_pair(std::filesystem::path const& current, std::string const& certificate,
                        Secret const& key, UtcTime now);

// The first certificate, and behind it the authorities that stand in the file and are still good.
std::string without_flaws(CertificatePair const& pair, UtcTime now);

}  // namespace haagent::bootstrap::pki
