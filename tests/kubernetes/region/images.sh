#!/bin/sh
# An image of a machine has them; this one has an archive.
. /usr/share/haagent-tests/minor.sh
until ctr --namespace k8s.io images import --local "${release:-/usr/share/haagent-tests}/images.tar"; do sleep 0.5; done
touch /run/images-imported
exec sleep infinity
