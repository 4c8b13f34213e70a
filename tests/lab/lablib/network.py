"""One guest's link to the bridge; LXC calls this through its start-host hook, before the guest's init runs."""

import os

from . import firewall
from .base import sh


def connect(guest_id, address):
    """A veth pair: one end on vmbr0, the other is the guest's eth0. No DHCP, no route out."""
    pid = os.environ["LXC_PID"]
    outer = f"veth{guest_id}i0"
    sh("ip", "link", "del", outer, check=False)
    sh("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", pid)
    sh("ip", "link", "set", outer, "master", "vmbr0", "up")
    batch = f"link set lo up\naddr add {address} dev eth0\nlink set eth0 up\n"
    sh("nsenter", "-t", pid, "-n", "ip", "-batch", "-", input=batch)
    firewall.apply(guest_id, pid)
