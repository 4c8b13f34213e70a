"""Proxmox's firewall files at work: nftables in each guest's network namespace, and in the host's.

Proxmox filters a guest's traffic outside it, before the guest's own NAT (Docker's published ports) sees it. So the
rules stand in `prerouting` before destination NAT, and look only at what comes in by eth0: loopback and the guest's
own bridges are untouched. The host's rules are those of `host.fw` and `cluster.fw` and Proxmox's own for its management.
"""

import re

from . import fw, guests, site
from .base import HOST, sh

PVE = HOST / "pve"
NODE = "phoenix"
LOCAL_NETWORK = "10.0.0.0/24"
MANAGEMENT = "tcp dport { 22, 3128, 5900-5999, 8006, 60000-60050 }"
MANAGEMENT_OUT = "tcp dport { 22, 3128, 5900-5999, 8006 }"


def apply(guest_id, pid):
    sh("nsenter", "-t", pid, "-n", "nft", "-f", "-", input=guest_rules(guest_id))


def apply_all():
    applied = []
    for guest in site.guests().values():
        if pid := guests.init_pid(guest.id):
            apply(guest.id, pid)
            applied.append(guest.id)
    sh("nft", "-f", "-", input=host_rules())
    (HOST / "pve-firewall.applied").write_text(everything())
    return applied


def everything():
    """All that the files come to: what `pve-firewall compile` prints."""
    parts = [f"# guest {guest_id}\n{guest_rules(guest_id)}" for guest_id in site.guests()]
    return "".join([*parts, f"# host\n{host_rules()}"])


def pending():
    """Whether the files say something else than what was applied last."""
    applied = HOST / "pve-firewall.applied"
    return not applied.exists() or applied.read_text() != everything()


def guest_rules(guest_id):
    cluster, own = fw.read(PVE / "firewall/cluster.fw"), fw.read(PVE / f"firewall/{guest_id}.fw")
    incoming, outgoing = [], []
    if on(cluster) and on(own) and filtered(guest_id):
        names = fw.Names(own, cluster)

        def interface(word):
            return [] if word == "net0" else None

        incoming = fw.statements(own.rules, "in", names, interface)
        outgoing = fw.statements(own.rules, "out", names, interface)
        incoming.append(fw.VERDICTS[own.options.get("policy_in", "DROP")])
        outgoing.append(fw.VERDICTS[own.options.get("policy_out", "ACCEPT")])
    return table(
        f"""chain in {{
        type filter hook prerouting priority mangle; policy accept;
        iifname != "eth0" accept
        ct state established,related accept
        {lines(incoming)}
    }}
    chain rules_out {{
        {lines(outgoing)}
    }}
    chain out {{
        type filter hook output priority filter; policy accept;
        oifname "eth0" ct state new jump rules_out
    }}
    chain forward {{
        type filter hook forward priority filter - 1; policy accept;
        oifname "eth0" ct state new jump rules_out
    }}"""
    )


def host_rules():
    cluster, own = fw.read(PVE / "firewall/cluster.fw"), fw.read(PVE / f"nodes/{NODE}/host.fw")
    incoming, outgoing = [], []
    if on(cluster) and on(own, default="1"):
        names, rules = fw.Names(own, cluster), own.rules + cluster.rules
        incoming = fw.statements(rules, "in", names, lambda word: [f'iifname "{word}"'])
        outgoing = fw.statements(rules, "out", names, lambda word: [f'oifname "{word}"'])
        incoming.append(f"ip saddr {LOCAL_NETWORK} {MANAGEMENT} accept")
        outgoing.append(f"ip daddr {LOCAL_NETWORK} {MANAGEMENT_OUT} accept")
        incoming.append(fw.VERDICTS[cluster.options.get("policy_in", "DROP")])
        outgoing.append(fw.VERDICTS[cluster.options.get("policy_out", "ACCEPT")])
    return table(
        f"""chain in {{
        type filter hook input priority filter; policy accept;
        iifname "lo" accept
        ct state established,related accept
        {lines(incoming)}
    }}
    chain out {{
        type filter hook output priority filter; policy accept;
        oifname "lo" accept
        ct state established,related accept
        {lines(outgoing)}
    }}"""
    )


def on(file, default="0"):
    return file.options.get("enable", default) == "1"


def filtered(guest_id):
    """Whether the guest's own configuration asks for the firewall."""
    directory = {"lxc": "lxc", "vm": "qemu-server"}[site.guests()[guest_id].kind]
    config = (PVE / directory / f"{guest_id}.conf").read_text()
    return re.search(r"^net0:.*\bfirewall=1\b", config, re.M) is not None


def lines(statements):
    return "\n        ".join(statements)


def table(chains):
    return f"""table inet phoenix_lab
delete table inet phoenix_lab
table inet phoenix_lab {{
    {chains}
}}
"""
