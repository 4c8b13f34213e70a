"""The commands of `lab`: the order in which the parts come and go."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import view
from .base import LAB, OWNER, RUN, LabError, load_state, locked, mounted_below, save_state, say

DAEMONS = ("debian", "moby")


def run(command, words):
    if os.geteuid() != 0:
        raise LabError("the lab needs root")
    if os.environ.get("PHOENIX_LAB_INSIDE") == str(RUN):
        return INSIDE[command](words)
    if command == "status":
        return status()
    with locked():
        return {"setup": setup, "up": up, "down": down}.get(command, lambda w: into_view(command, w))(words)


def into_view(command, words):
    """The rest of a command, run inside the host's view while the lock is held out here."""
    if not view.exists():
        raise LabError("the lab is not up")
    env = view.host_env() | {"PHOENIX_LAB_INSIDE": str(RUN)}
    argv = view.enter_argv([sys.executable, str(LAB / "lab"), command, *words])
    return subprocess.run(argv, env=env, stdin=subprocess.DEVNULL).returncode


def setup(_):
    from . import tree

    if load_state().get("up") and not tree.layers_fresh():
        raise LabError("the lab is up and its cached parts are out of date: `lab down` first")
    tree.setup()
    return 0


def up(words):
    from . import tree

    daemon = words[1] if words[:1] == ["--daemon"] and len(words) == 2 else "debian"
    if (words and words[:1] != ["--daemon"]) or daemon not in DAEMONS:
        raise LabError("usage: lab up [--daemon debian|moby]")
    if missing := tree.ready():
        raise LabError(f"`lab setup` first; missing: {', '.join(missing)}")
    if load_state().get("up"):
        if load_state()["daemon"] == daemon:
            say("already up (`lab reset` for the starting state)")
            return 0
        down([])
    elif RUN.exists():
        down([])
    # Two labs would take each other's mount points on the machine away.
    if OWNER.exists() and (owner := Path(OWNER.read_text())) != RUN and owner.exists():
        raise LabError(f"this machine has a lab in {owner} already")
    OWNER.write_text(str(RUN))
    RUN.mkdir(parents=True, exist_ok=True)
    RUN.chmod(0o755)
    save_state(daemon=daemon)
    start = time.monotonic()
    view.create()
    code = into_view("up", [])
    if code == 0:
        save_state(up=True)
        say(f"up in {time.monotonic() - start:.0f} s")
    return code


def up_inside(_):
    from concurrent.futures import ThreadPoolExecutor

    from . import ca, docker, guests, host, site, traefik

    host.restore()
    guests.prepare_all()
    host.restore_firewall()
    docker.configure()
    traefik.configure()
    guests.start_all(only={"103", "1001"})
    ids = list(site.guests())
    with ThreadPoolExecutor(len(ids)) as pool:
        swarm = pool.submit(lambda: (guests.wait_booted("1001"), docker.begin()))
        guests.wait_booted("103")
        ca.init()
        ca.restore()
        ca.install_old_pairs()
        guests.start_all(only=set(ids) - {"103", "1001"})
        for guest_id in ids:
            guests.wait_booted(guest_id)
        ca.wait()
        swarm.result()
    docker.wait_services()
    guests.record_baseline()
    return 0


def reset_inside(_):
    from . import ca, docker, faults, guests, host, site, traefik

    start = time.monotonic()
    host.restore()
    started = [i for i in site.guests() if not guests.running(i)]
    for guest_id in started:
        guests.start(guest_id)
    for guest_id in started:
        guests.wait_booted(guest_id)
    faults.clear()
    for guest_id in site.guests():
        if guests.revert_additions(guest_id):
            guests.systemctl(guest_id, "daemon-reload")
    ca.restore()
    ca.install_old_pairs()
    host.restore_firewall()
    docker.restore()
    traefik.restore()
    guests.systemctl("101", "reload-or-restart", "nginx")
    if guests.active("1002", "docker") != "active":
        guests.systemctl("1002", "restart", "docker")
    ca.wait()
    docker.wait_services()
    say(f"reset in {time.monotonic() - start:.1f} s")
    return 0


def firewall_inside(words):
    from . import firewall

    if words == ["apply"]:
        say(f"rules applied on the host and in guests {' '.join(firewall.apply_all())}")
    elif words == ["compile"]:
        print(firewall.everything(), end="")
    elif words == ["status"]:
        print(f"Status: enabled/running{' (pending changes)' if firewall.pending() else ''}")
    else:
        raise LabError("usage: lab firewall apply|compile|status")
    return 0


def fault_inside(words):
    from . import faults

    if len(words) < 2:
        faults.switch("", "", [])
    faults.switch(words[0], words[-1], words[1:-1])
    return 0


def status():
    if not view.exists():
        say("down")
        return 1
    return into_view("status", [])


def status_inside(_):
    from . import docker, faults, guests, site

    for guest in site.guests().values():
        units = {"1001": "docker", "1002": "docker", "101": "nginx", "102": "traefik", "103": "step-ca"}
        state = (
            f"running  {units[guest.id]} {guests.active(guest.id, units[guest.id])}"
            if guests.running(guest.id)
            else "stopped"
        )
        print(f"{guest.kind}:{guest.id:<5} {guest.ip:<11} {guest.name:<17} {state}")
    if guests.running(docker.MANAGER):
        print(docker.summary())
        print(f"swarm {'active' if docker.swarm_active() else 'not active'}")
    for fault in sorted(faults.FAULTS.glob("*")):
        print(f"fault {fault.name}: {fault.read_text()}")
    print("up" if load_state().get("up") else "half up: `lab down`, then `lab up`")
    return 0


def down(_):
    """Ends everything of the lab, also what a half-failed `up` left."""
    from . import guests

    if not RUN.exists():
        return 0
    start = time.monotonic()
    save_state(up=False)
    if view.exists():
        into_view("down", [])
    view.remove()
    guests.remove_cgroups()
    if left := mounted_below(RUN):
        raise LabError(f"still mounted: {left}")
    shutil.rmtree(RUN)
    OWNER.unlink(missing_ok=True)
    say(f"down in {time.monotonic() - start:.1f} s")
    return 0


def down_inside(_):
    from . import guests

    guests.stop_all()
    return 0


INSIDE = {
    "up": up_inside,
    "down": down_inside,
    "reset": reset_inside,
    "firewall": firewall_inside,
    "fault": fault_inside,
    "status": status_inside,
}
