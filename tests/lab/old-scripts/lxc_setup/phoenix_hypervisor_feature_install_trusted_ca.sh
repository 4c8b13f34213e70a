#!/bin/bash
# Stand-in, CTID: the site's root into the container's trust store.
source /usr/local/phoenix_hypervisor/bin/phoenix_hypervisor_common_utils.sh
CTID="${1:?usage: $0 CTID}"
pct push "$CTID" "$SSL_DIR/phoenix_root_ca.crt" /usr/local/share/ca-certificates/phoenix_root_ca.crt
pct exec "$CTID" -- update-ca-certificates
