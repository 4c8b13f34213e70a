"""`lab fault NAME on|off`: what can go wrong, switched on by hand. `lab reset` switches everything off."""

import json

from . import ca, docker, guests, site
from .base import HOST, RUN, LabError, load_state, write

FAULTS = RUN / "faults"


def ca_stopped(on, _):
    guests.systemctl("103", "stop" if on else "start", "step-ca")
    if not on:
        ca.wait()


def wrong_password(on, _):
    uid, gid = site.guests()["103"].host_ids(0, 0)
    password = "not the provisioner's password" if on else load_state()["provisioner_password"]
    write(ca.HOST_SSL / "provisioner_password.txt", password, 0o600, uid, gid)


def guest_stopped(on, words):
    if len(words) != 1 or words[0] not in site.guests():
        raise LabError("guest-stopped needs a guest's id")
    if on:
        guests.stop(words[0])
    elif not guests.running(words[0]):
        guests.start(words[0])
        guests.wait_booted(words[0])


def qm_command_fails(on, words):
    """qm asks for this file: a matching command fails inside the guest, while qm itself exits 0."""
    place = FAULTS / "qm-command-fails"
    if on:
        write(place, words[0] if words else "systemctl restart docker")
    else:
        place.unlink(missing_ok=True)


def agent_missing(on, _):
    guests.systemctl("1001", "stop" if on else "start", "qemu-guest-agent")


def traefik_refuses(on, _):
    template = HOST / "site/etc/traefik/traefik.yml.template"
    # Beneath a known key: unknown ones at the top are passed over by Traefik itself.
    line = "  labUnknownField: true\n"
    text = template.read_text().replace(line, "")
    write(template, text.replace("\nlog:\n", f"\nlog:\n{line}", 1) if on else text)


def dockerd_refuses(on, _):
    """dockerd does not start with this key in a Swarm; the running one goes on."""
    place = guests.path_in(docker.MANAGER, "/etc/docker/daemon.json")
    config = json.loads(place.read_text())
    config.pop("live-restore", None)
    write(place, json.dumps(config | ({"live-restore": True} if on else {}), indent=2) + "\n")


ALL = {
    "agent-missing": agent_missing,
    "ca-stopped": ca_stopped,
    "dockerd-refuses": dockerd_refuses,
    "guest-stopped": guest_stopped,
    "qm-command-fails": qm_command_fails,
    "traefik-refuses": traefik_refuses,
    "wrong-password": wrong_password,
}


def switch(name, state, words):
    if name not in ALL or state not in ("on", "off"):
        raise LabError(f"usage: lab fault {{{'|'.join(ALL)}}} [ARGUMENT] on|off")
    ALL[name](state == "on", words)


def clear():
    """What `reset` does not restore by itself."""
    for left in FAULTS.glob("*"):
        left.unlink()
    if guests.active("1001", "qemu-guest-agent") != "active":
        guests.systemctl("1001", "start", "qemu-guest-agent")
