#!/bin/bash
# Stand-in: the CA answers.
curl -fsS -m 5 --cacert /mnt/pve/tank/lxc-persistent-data/103/ssl/phoenix_root_ca.crt https://10.0.0.10:9000/health
