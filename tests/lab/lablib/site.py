"""What the site's files say about the guests: the lab is built from them, not beside them."""

import json
from dataclasses import dataclass, field

from .base import POOL, SAMPLE_SITE

SHIFT = 100000
RANGE = 65536


@dataclass
class Guest:
    id: str
    kind: str  # "vm" or "lxc"
    name: str
    address: str  # 10.0.0.12/24
    unprivileged: bool
    gid_maps: list = field(default_factory=list)  # (container id, host id)
    mounts: list = field(default_factory=list)  # (host path, path in the guest, uid, gid inside)

    @property
    def ip(self):
        return self.address.split("/")[0]

    def host_ids(self, uid, gid):
        """The host's ids of a guest's user and group."""
        if not self.unprivileged:
            return uid, gid
        return SHIFT + uid, dict(self.gid_maps).get(gid, SHIFT + gid)

    def id_maps(self):
        if not self.unprivileged:
            return []
        lines, at = [f"u 0 {SHIFT} {RANGE}"], 0
        for inside, outside in sorted(self.gid_maps):
            if inside > at:
                lines.append(f"g {at} {SHIFT + at} {inside - at}")
            lines.append(f"g {inside} {outside} 1")
            at = inside + 1
        lines.append(f"g {at} {SHIFT + at} {RANGE - at}")
        return lines


def guests():
    """The guests that the lab runs: templates are left out."""
    etc = SAMPLE_SITE / "etc"
    found = {}
    for vm in json.loads((etc / "phoenix_vm_configs.json").read_text())["vms"]:
        if vm.get("is_template"):
            continue
        # NFS exports /tank/..., which the host has at /mnt/pve/tank/...; here a bind mount stands in for NFS.
        mounts = [("/mnt/pve" + v["path"], v["mount_point"], 0, 0) for v in vm.get("volumes", [])]
        found[str(vm["vmid"])] = Guest(str(vm["vmid"]), "vm", vm["name"], vm["network_config"]["ip"], False, [], mounts)
    for ctid, lxc in json.loads((etc / "phoenix_lxc_configs.json").read_text())["lxc_configs"].items():
        if lxc.get("is_template"):
            continue
        gid_maps = [(m["container_id"], m["host_id"]) for m in lxc.get("id_maps", []) if m["type"] == "gid"]
        mounts = [
            (m["host_path"], m["container_path"], m.get("owner_uid", 0), m.get("owner_gid", 0))
            for m in lxc.get("mount_points", [])
        ]
        found[ctid] = Guest(
            ctid, "lxc", lxc["name"], lxc["network_config"]["ip"], lxc.get("unprivileged", True), gid_maps, mounts
        )
    return dict(sorted(found.items()))


CA_SSL = f"{POOL}/lxc-persistent-data/103/ssl"
