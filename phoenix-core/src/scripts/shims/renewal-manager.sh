#!/bin/bash
(
@PRELUDE@
    force='' only='' unattended=''
    for word in "$@"; do
        case $word in
            --force) force=--force ;;
            --generate-only) only=--generate-only ;;
            *)
                echo "usage: certificate-renewal-manager.sh [--force] [--generate-only], found: $word" >&2
                exit 2
                ;;
        esac
    done
    # Without a terminal nobody watches: what failed is left alone until its pause is over.
    [ -n "$force" ] || [ -t 2 ] || unattended='-q --unattended --deadline 1800'
    phoenix sync certs $force $only $unattended
)
