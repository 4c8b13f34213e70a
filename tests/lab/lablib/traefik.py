"""LXC 102: the real Traefik with the template as its static file, which Traefik 3.7 refuses: the true starting state."""

import os

from . import guests, site
from .base import HOST, write

CTID = "102"
DYNAMIC = """http:
  routers:
    traefik-dashboard-router:
      rule: "Host(`traefik.internal.example`)"
      service: "api@internal"
      entryPoints:
        - web
"""


def configure():
    uid, gid = site.guests()[CTID].host_ids(0, 0)
    etc = guests.path_in(CTID, "/etc/traefik")
    etc.mkdir(exist_ok=True)
    guests.clear_directory(etc, keep=("certs",))
    template = (HOST / "site/etc/traefik/traefik.yml.template").read_text()
    write(etc / "traefik.yml", template, 0o644, uid, gid)
    write(etc / "dynamic/dynamic_conf.yml", DYNAMIC, 0o644, uid, gid)
    for place in (etc, etc / "dynamic"):
        os.chown(place, uid, gid)


def restore():
    configure()
    drop_ins = guests.path_in(CTID, "/etc/systemd/system/traefik.service.d")
    if drop_ins.exists():
        guests.clear_directory(drop_ins)
        drop_ins.rmdir()
        guests.systemctl(CTID, "daemon-reload")
    guests.systemctl(CTID, "reset-failed", "traefik", check=False)
    guests.systemctl(CTID, "restart", "traefik", check=False)
