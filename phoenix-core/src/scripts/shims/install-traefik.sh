#!/bin/bash
(
@PRELUDE@
    id=${1-}
    case $#:$id in
        [12]:*[!0-9]* | [12]: | 0:*)
            echo "usage: phoenix_hypervisor_feature_install_traefik.sh CTID [CA_URL], found: $*" >&2
            exit 2
            ;;
        [12]:*) ;;
        *)
            echo "usage: phoenix_hypervisor_feature_install_traefik.sh CTID [CA_URL], found: $*" >&2
            exit 2
            ;;
    esac
    # A second argument, the CA's address, is not needed: the site says which CA it has.
    guest() { pct exec "$id" -- "$@"; }
    fail() {
        echo "phoenix: Traefik was not installed in container $id: $*" >&2
        exit 1
    }
    binary=@BINARY@ static_file=@STATIC_FILE@ certs=@CERTS_DIR@ template=@TEMPLATE@
    source=@SOURCE@ version=@VERSION@ sha256=@SHA256@
    config=${static_file%/*} kept=@KEPT@
    guest mkdir -p "$config" "$config/dynamic" "$certs" /var/log/traefik || fail "its directories cannot be made"
    guest chmod 755 "$config" "$config/dynamic" /var/log/traefik || fail "the mode of its directories cannot be set"

    if guest test -x "$binary"; then
        echo "phoenix: $binary is there already"
    elif [ -n "$source" ]; then
        pct push "$id" "$source" "$binary.new" --perms 755 || fail "$source cannot be copied there"
    else
        # The download of the script of before, into a directory of its own: what came is judged before it is installed.
        [ -n "$version" ] && [ -n "$sha256" ] ||
            fail "etc/phoenix.toml names in [traefik] neither \`source\` nor \`version\` and \`sha256\`"
        step=$(sed -n '/^install_traefik_binary()/,/^}/p' "$kept")
        url=$(sed -n 's/^TRAEFIK_DOWNLOAD_URL=//p' "$kept")
        [ -n "$step" ] && [ -n "$url" ] || fail "$kept has no download step (install_traefik_binary)"
        staged=/tmp/phoenix-traefik
        guest rm -rf $staged && guest mkdir -m 700 $staged || fail "$staged cannot be made"
        (
            for word in info warn error success debug; do eval "log_$word() { echo \"\$*\" >&2; }"; done
            log_fatal() { echo "$*" >&2; exit 1; }
            CTID=$id TRAEFIK_VERSION=$version TRAEFIK_INSTALL_DIR=$staged
            eval "TRAEFIK_DOWNLOAD_URL=$url"
            eval "$step"
            install_traefik_binary
        ) || fail "the download failed"
        sum=$(guest sha256sum $staged/traefik) || fail "the download has left no program"
        if [ "${sum%% *}" != "$sha256" ]; then
            guest rm -rf $staged
            fail "what was downloaded has SHA-256 ${sum%% *}, expected $sha256"
        fi
        guest install -m 755 $staged/traefik "$binary.new" || fail "it cannot be copied to $binary"
        guest rm -rf $staged
    fi
    if guest test -e "$binary.new"; then
        guest mv -f "$binary.new" "$binary" || fail "it cannot be moved to $binary"
    fi

    guest sh -c '
        unit=/etc/systemd/system/traefik.service
        cat >$unit.new && if cmp -s $unit.new $unit; then rm $unit.new; else mv $unit.new $unit && systemctl daemon-reload; fi &&
        systemctl enable traefik' <<UNIT || fail "its unit cannot be installed"
[Unit]
Description=Traefik Ingress Controller
After=network-online.target
Wants=network-online.target

[Service]
Type=simple
ExecStart=$binary --configfile=$static_file
ExecReload=/usr/bin/pkill -HUP traefik
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT
    # Before the site is moved to TLS a run leaves the static file alone, so that a new container would have none.
    if ! guest test -e "$static_file"; then
        text=$(phoenix template render "$template") || fail "its static file cannot be made"
        printf '%s\n' "$text" | guest sh -c 'cat >"$0.new" && chmod 644 "$0.new" && mv "$0.new" "$0"' "$static_file" ||
            fail "its static file cannot be written"
    fi
    # Certificates, the static file, the routes; started and looked at.
    phoenix sync traefik "lxc:$id"
)
