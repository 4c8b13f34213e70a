"""The host's files in the starting state: the site, the old scripts, the cron file, empty state directories."""

import os
import shutil

from . import firewall, site
from .base import HOST, LAB, SAMPLE_SITE, sh, write

CRON = "0 * * * * root /usr/local/phoenix_hypervisor/bin/managers/certificate-renewal-manager.sh\n"
EMPTY = ("var-lib-phoenix", "var-log-phoenix", "docker", "traefik", "systemd", "pve", "cron.d")


def restore():
    for name in EMPTY:
        _empty(HOST / name)
    (HOST / "var-lib-phoenix").chmod(0o700)
    write(HOST / "cron.d/phoenix-cert-renewal", CRON)
    for name in ("pve/firewall", "pve/nodes/phoenix", "pve/lxc", "pve/qemu-server"):
        (HOST / name).mkdir(parents=True)
    for guest in site.guests().values():
        directory = "lxc" if guest.kind == "lxc" else "qemu-server"
        write(HOST / "pve" / directory / f"{guest.id}.conf", guest_config(guest), 0o640)
    _restore_site()
    _restore_guest_data()


def restore_firewall():
    """Proxmox's firewall files as the old generator writes them."""
    sh("bash", HOST / "site/bin/hypervisor_setup/hypervisor_feature_setup_firewall.sh")
    firewall.apply_all()


def guest_config(guest):
    """The guest's configuration file as Proxmox keeps it, the lines that matter to Phoenix."""
    if guest.kind == "vm":
        lines = [
            "agent: 1",
            f"name: {guest.name}",
            "net0: virtio,bridge=vmbr0,firewall=1",
            f"ipconfig0: ip={guest.address},gw=10.0.0.1",
            "onboot: 1",
        ]
    else:
        lines = ["arch: amd64", f"hostname: {guest.name}", "onboot: 1", "ostype: debian"]
        lines += [f"mp{i}: {source},mp={target}" for i, (source, target, _, _) in enumerate(guest.mounts)]
        lines += [f"net0: name=eth0,bridge=vmbr0,firewall=1,gw=10.0.0.1,ip={guest.address},type=veth"]
        if guest.unprivileged:
            lines.append("unprivileged: 1")
        if guest.gid_maps:
            lines += [f"lxc.idmap: {m}" for m in guest.id_maps()]
    plain = sorted(line for line in lines if not line.startswith("lxc."))
    return "\n".join([*plain, *(line for line in lines if line.startswith("lxc."))]) + "\n"


def _restore_site():
    place = HOST / "site"
    _empty(place)
    shutil.copytree(SAMPLE_SITE / "etc", place / "etc")
    shutil.copytree(LAB / "old-scripts", place / "bin")


def _restore_guest_data():
    """The guests' directories on the host; 103's is the CA's to restore."""
    for guest in site.guests().values():
        for source, _, uid, gid in guest.mounts:
            place = HOST / "mnt-pve" / source.removeprefix("/mnt/pve/")
            if source != site.CA_SSL:
                _empty(place)
            place.mkdir(parents=True, exist_ok=True)
            os.chown(place, *guest.host_ids(uid, gid))
            place.chmod(0o755)


def _empty(place):
    """Empties a directory that is bind-mounted somewhere, so the directory itself must stay."""
    place.mkdir(parents=True, exist_ok=True)
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
