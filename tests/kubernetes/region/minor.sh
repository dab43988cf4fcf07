# Sourced: where the image has more than one minor of Kubernetes, `release` is the folder of the one that user-data names.
release=
if [ -d /opt/kubernetes ]; then
  until release=$(curl -sf -m 2 -H "X-aws-ec2-metadata-token: $(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
      http://169.254.169.254/latest/api/token)" http://169.254.169.254/latest/user-data |
      sed -n 's|^kubernetes: {version: "\([0-9]*\.[0-9]*\)\..*|/opt/kubernetes/\1|p') && [ -n "$release" ]; do
    sleep 0.2
  done
fi
