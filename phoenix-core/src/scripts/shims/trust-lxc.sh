#!/bin/bash
(
@PRELUDE@
    case $#:${1-} in
        1:*[!0-9]* | 1: | 0:* | [!1]*)
            echo "usage: phoenix_hypervisor_feature_install_trusted_ca.sh CTID, found: $*" >&2
            exit 2
            ;;
    esac
    phoenix sync trust "lxc:$1"
)
