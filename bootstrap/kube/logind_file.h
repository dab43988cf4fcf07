// How long logind lets the kubelet hold up a shutdown, in which pods are ended. The kubelet asks
// for as much by a file of its own, 99-kubelet.conf, which counts for nothing where a file behind
// it says less, as that of Debian's unattended-upgrades does: then it holds up nothing, and pods
// are killed with the machine.
#pragma once

#include <optional>

#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

// Its name sorts after those of other packages, so that it wins. haagent does not reload logind:
// the kubelet does, if logind's time is shorter than its own.
inline constexpr char kLogindFile[] = "/etc/systemd/logind.conf.d/zz-haagent.conf";

// Of the kubelet's rendered document, overlay included; nothing where it holds up no shutdown.
std::optional<RenderedFile> render_logind(Tree const& kubelet);

}  // namespace haagent::bootstrap::kube
