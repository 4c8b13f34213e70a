#!/bin/bash
(
    set +eu
    unset IFS
    program=@PROGRAM@ dynamic=@DYNAMIC_FILE@
    phoenix() { @CALL@ "$@"; }
    if [ $# -gt 0 ]; then
        echo "usage: generate_traefik_config.sh, found: $*" >&2
        exit 2
    fi
    if [ -x "$program" ]; then
        phoenix template render --routes --out @SITE@/etc/traefik/dynamic_conf.yml
        exit
    fi
    # A copy inside the container: there the host writes the file (`phoenix sync traefik`).
    if ! command -v pct >/dev/null && [ -s "$dynamic" ]; then
        echo "phoenix: the host makes $dynamic (phoenix sync traefik), it is there"
        exit 0
    fi
    echo "phoenix: nothing was done: there is no program at $program" >&2
    exit 1
)
