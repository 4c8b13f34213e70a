#!/bin/sh
(
    set +eu
    unset IFS
    program=@PROGRAM@
    case $#:${1-} in
        1:*[!0-9]* | 1: | [!01]*)
            echo "usage: feature_install_trusted_ca.sh [VMID], found: $*" >&2
            exit 2
            ;;
    esac
    if [ -x "$program" ] && [ -d @SITE@/etc ]; then
        phoenix() { @CALL@ "$@"; }
        if [ $# = 0 ]; then
            echo "usage on the host: feature_install_trusted_ca.sh VMID" >&2
            exit 2
        fi
        phoenix sync trust "vm:$1"
        exit
    fi
    # In the VM: the root stands here and comes from no directory in which others can write.
    place=@GUEST_FILE@ bundle=@BUNDLE@
    new=$place.new
    umask 022
    trap 'rm -f "$new"' EXIT
    mkdir -p "${place%/*}" && cat >"$new" <<'ROOT'
@ROOT@
ROOT
    if cmp -s "$new" "$place" && [ -s "$bundle" ] && grep -qxF -e "$(tail -n 3 "$new" | head -n 1)" "$bundle"; then
        echo "phoenix: the root is in the trust store already"
        exit 0
    fi
    [ -s "$new" ] && mv -f "$new" "$place" &&
        { update-ca-certificates --fresh || update-ca-certificates; } || {
        echo "phoenix: the root could not be put into the trust store" >&2
        exit 1
    }
    # Docker reads the store when it starts.
    if command -v systemctl >/dev/null && systemctl is-active --quiet docker; then
        systemctl restart docker || {
            echo "phoenix: the root is in the trust store, Docker could not be restarted to read it" >&2
            exit 1
        }
    fi
    echo "phoenix: the root is in the trust store"
)
