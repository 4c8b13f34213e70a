#!/bin/bash
# Stand-in: like the old one it writes Proxmox's files anew from the site's JSON, in place, and restarts the firewall.
set -e
etc="$(dirname "$0")/../../etc"
pve=/etc/pve/firewall
rules='def rule: [(.type | ascii_upcase), .action]
  + (if .source then ["-source", .source] else [] end)
  + (if .dest then ["-dest", .dest] else [] end)
  + (if .proto then ["-p", .proto] else [] end)
  + (if .port then ["-dport", (.port | tostring)] else [] end) | join(" ");'
rm -f "$pve"/*.fw
jq -r "$rules"' .firewall
  | "[OPTIONS]\nenable: 1\npolicy_in: \(.default_input_policy)\npolicy_out: \(.default_output_policy)\n\n[RULES]\nIN ACCEPT -i lo",
    (.global_firewall_rules[] | rule)' "$etc/phoenix_hypervisor_config.json" > "$pve/cluster.fw"
guest() {
    jq -r --arg id "$1" "$rules"'
      [.vms[]? | select("\(.vmid)" == $id)][0] // .lxc_configs[$id]? | .firewall
      | if .enabled then "[OPTIONS]\nenable: 1\n\n[RULES]", (.rules[] | rule) else empty end' "$2" > "$pve/$1.fw"
}
for id in $(jq -r '.lxc_configs | keys[]' "$etc/phoenix_lxc_configs.json"); do guest "$id" "$etc/phoenix_lxc_configs.json"; done
for id in $(jq -r '.vms[].vmid' "$etc/phoenix_vm_configs.json"); do guest "$id" "$etc/phoenix_vm_configs.json"; done
printf '[OPTIONS]\nenable: 1\n' > "$pve/$(hostname).fw"
pve-firewall restart
