#!/bin/bash
(
@PRELUDE@
    if [ $# -gt 0 ]; then
        echo "usage: hypervisor_feature_setup_auto_renewal.sh, found: $*" >&2
        exit 2
    fi
    phoenix systemd install --scope certs --instead-of /etc/cron.d/phoenix-cert-renewal
)
