#!/bin/bash
# Stand-in: points the step CLI at the CA; sourced by the renewal manager.
source /usr/local/phoenix_hypervisor/bin/phoenix_hypervisor_common_utils.sh
export STEPPATH=$(mktemp -d)
trap 'rm -rf "$STEPPATH"' EXIT
step ca bootstrap --force --ca-url https://10.0.0.10:9000 \
    --fingerprint "$(step certificate fingerprint "$SSL_DIR/phoenix_root_ca.crt")" >/dev/null 2>&1 || log_warn "CA not reached"
