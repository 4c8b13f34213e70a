#!/bin/bash
(
@PRELUDE@
    if [ $# -gt 0 ]; then
        echo "usage: hypervisor_feature_install_trusted_ca.sh, found: $*" >&2
        exit 2
    fi
    phoenix sync trust host
)
