#!/bin/bash
# Stand-in, run inside the VM: Docker listens in plain on 2375. This would undo the change to TLS.
set -e
mkdir -p /etc/docker
rm -f /etc/systemd/system/docker.service.d/override.conf
cat >/etc/docker/daemon.json <<'JSON'
{
  "hosts": ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2375"]
}
JSON
systemctl daemon-reload
systemctl restart docker
