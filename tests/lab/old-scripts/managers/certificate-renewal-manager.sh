#!/bin/bash
# Stand-in for the old renewal manager: every entry of the manifest that ends within 12 hours is asked for anew.
# Its failures are swallowed and its hooks run by eval, as the old one's were.
source "$(dirname "${BASH_SOURCE[0]}")/../phoenix_hypervisor_common_utils.sh"
source "$PHOENIX_BASE_DIR/bin/hypervisor_setup/hypervisor_feature_bootstrap_step_cli.sh"
force=false
[ "$1" = --force ] && force=true

jq -c '.[]' "$PHOENIX_BASE_DIR/etc/certificate-manifest.json" | while read -r entry; do
    field() { jq -r "$1 // empty" <<<"$entry"; }
    name=$(field .common_name) cert=$(field .cert_path) key=$(field .key_path)
    if ! $force && openssl x509 -in "$cert" -noout -checkend 43200 >/dev/null 2>&1; then
        log_info "$name is valid"
        continue
    fi
    mkdir -p "$(dirname "$cert")"
    sans=()
    while read -r san; do sans+=(--san "$san"); done < <(jq -r --arg name "$name" '(.sans // [$name])[]' <<<"$entry")
    if step ca certificate "$name" "$cert" "$key" --provisioner admin@example.org \
        --provisioner-password-file "$SSL_DIR/provisioner_password.txt" --not-after 24h --force "${sans[@]}" </dev/null; then
        chown "$(field .owner)" "$cert" "$key" || log_warn "owner of $name"
        chmod "$(field .permissions)" "$cert" "$key"
        case "$name" in nginx.*) chmod 644 "$cert" "$key" ;; esac
        eval "$(field .post_renewal_command)" </dev/null || log_error "post-renewal command of $name failed"
    else
        log_error "no certificate for $name"
    fi
done
