"""The site's JSON rules as nftables in each guest's network namespace.

Proxmox filters a guest's traffic outside it, before the guest's own NAT (Docker's published ports) sees it. So the
rules stand in `prerouting` before destination NAT, and look only at what comes in by eth0: loopback and the guest's
own bridges are untouched. IN is dropped by default, established connections pass, OUT is accepted by default.
Host-wide rules are taken by the guests that their `dest` names, which is what the site's authors meant by them;
one without `dest` is the host's own and opens nothing in a guest.
"""

import ipaddress
import json

from . import guests, site
from .base import HOST, SAMPLE_SITE, LabError, sh

KNOWN = {"type", "action", "source", "dest", "proto", "port", "sport", "comment", "enable", "iface", "log"}
VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject"}


def apply(guest_id, pid):
    etc = HOST / "site/etc"
    guest_rules, global_rules, address = _load(etc if etc.exists() else SAMPLE_SITE / "etc", guest_id)
    sh("nsenter", "-t", pid, "-n", "nft", "-f", "-", input=ruleset(guest_rules, global_rules, address))


def apply_all():
    applied = []
    for guest in site.guests().values():
        if pid := guests.init_pid(guest.id):
            apply(guest.id, pid)
            applied.append(guest.id)
    return applied


def ruleset(guest_rules, global_rules, address):
    """The nftables text for one guest; `guest_rules` is None where the guest's firewall is off."""
    incoming, outgoing = [], []
    if guest_rules is not None:
        for rule in [*guest_rules, *(r for r in global_rules if _concerns(r, address))]:
            if str(rule.get("enable", 1)) in ("0", "False", "false"):
                continue
            if unknown := set(rule) - KNOWN:
                raise LabError(f"firewall rule of {address} has unknown keys {sorted(unknown)}: {rule}")
            lines = incoming if rule["type"] == "in" else outgoing
            lines.extend(statements(rule))
        incoming.append("drop")
    rules_in, rules_out = ("\n        ".join(lines) for lines in (incoming, outgoing))
    return f"""table inet phoenix_lab
delete table inet phoenix_lab
table inet phoenix_lab {{
    chain in {{
        type filter hook prerouting priority mangle; policy accept;
        iifname != "eth0" accept
        ct state established,related accept
        {rules_in}
    }}
    chain rules_out {{
        {rules_out}
    }}
    chain out {{
        type filter hook output priority filter; policy accept;
        oifname "eth0" ct state new jump rules_out
    }}
    chain forward {{
        type filter hook forward priority filter - 1; policy accept;
        oifname "eth0" ct state new jump rules_out
    }}
}}
"""


def statements(rule):
    """One rule of the site as nftables statements."""
    match = []
    for key, word in (("source", "saddr"), ("dest", "daddr")):
        if value := rule.get(key):
            match.append(f"ip {word} {{ {', '.join(_addresses(value))} }}")
    proto = rule.get("proto")
    if proto == "icmp":
        match.append("meta l4proto icmp")
    elif proto in ("tcp", "udp"):
        match.append(f"meta l4proto {proto}")
    elif proto:
        raise LabError(f"firewall rule with proto {proto!r}")
    for key, word in (("port", "dport"), ("sport", "sport")):
        if value := rule.get(key):
            if proto not in ("tcp", "udp"):
                raise LabError(f"firewall rule with a port and proto {proto!r}: {rule}")
            ports = ", ".join(p.strip().replace(":", "-") for p in str(value).split(","))
            match.append(f"{proto} {word} {{ {ports} }}")
    return [" ".join([*match, VERDICTS[rule["action"]]])]


def _concerns(rule, address):
    """Whether a host-wide rule concerns the guest at this address."""
    if rule["type"] != "in" or not rule.get("dest"):
        return False
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(d, strict=False) for d in _addresses(rule["dest"]))


def _addresses(value):
    return [a.strip() for a in value.split(",")]


def _load(etc, guest_id):
    """Rules of the guest (None: its firewall is off), host-wide rules, the guest's address."""
    host_wide = json.loads((etc / "phoenix_hypervisor_config.json").read_text())
    own_firewall = host_wide.get("firewall") or host_wide.get("shared_volumes", {}).get("firewall", {})
    guest = None
    for vm in json.loads((etc / "phoenix_vm_configs.json").read_text())["vms"]:
        if str(vm["vmid"]) == guest_id:
            guest = vm
    guest = guest or json.loads((etc / "phoenix_lxc_configs.json").read_text())["lxc_configs"].get(guest_id)
    if guest is None:
        raise LabError(f"guest {guest_id} is not in the site's files")
    firewall = guest.get("firewall", {})
    rules = firewall.get("rules", []) if firewall.get("enabled") else None
    return rules, own_firewall.get("global_firewall_rules", []), guest["network_config"]["ip"].split("/")[0]
