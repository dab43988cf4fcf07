#!/bin/sh
# As the unit of the image runs it, once the images are there.
. /usr/share/haagent-tests/minor.sh
# As a unit that is started again: the kubelet's process is younger than the files that it reads.
[ -e /run/images-imported ] && [ -e /var/lib/kubelet/config.yaml ] || { sleep 0.2; exit 1; }
. /var/lib/kubelet/kubeadm-flags.env
# shellcheck disable=SC2086 # one word a flag
exec "${release:-/usr/local/bin}/kubelet" --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS
