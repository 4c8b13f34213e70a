#!/bin/bash
# Stand-in: the dynamic file with one plain HTTP router for each LXC guest's traefik_service.
source /usr/local/phoenix_hypervisor/bin/phoenix_hypervisor_common_utils.sh
etc="$PHOENIX_BASE_DIR/etc"
domain=$(jq -r .domain_name "$etc/phoenix_hypervisor_config.json")
services=$(jq -c --arg domain "$domain" '.lxc_configs | .[] | select(.traefik_service)
    | {name: .traefik_service.name, url: "http://\(.network_config.ip | split("/")[0]):\(.traefik_service.port)", host: "\(.traefik_service.name).\($domain)"}' "$etc/phoenix_lxc_configs.json")
{
    printf 'http:\n  routers:\n'
    jq -r '"    \(.name)-router:\n      rule: \"Host(`\(.host)`)\"\n      service: \"\(.name)-service\"\n      entryPoints:\n        - web"' <<<"$services"
    printf '  services:\n'
    jq -r '"    \(.name)-service:\n      loadBalancer:\n        servers:\n          - url: \"\(.url)\""' <<<"$services"
} >"$etc/traefik/dynamic_conf.yml"
