#!/bin/bash
(
@PRELUDE@
    config=@SITE@/etc/phoenix_hypervisor_config.json
    if [ $# -gt 1 ]; then
        echo "usage: hypervisor_feature_setup_firewall.sh [CONFIG], found: $*" >&2
        exit 2
    fi
    if [ $# = 1 ] && ! [ "$1" -ef "$config" ]; then
        echo "phoenix: nothing was done: $1 is not $config, whose rules are put in force" >&2
        exit 2
    fi
    phoenix sync firewall
)
