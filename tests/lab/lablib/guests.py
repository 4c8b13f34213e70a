"""The guests: LXC containers on overlays of the cached trees.

A virtual machine is a privileged container here, a container of the site an unprivileged one with the site's id maps.
All of this runs inside the host's view (view.py).
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from . import site
from .base import CACHE, CGROUP, GUEST_PATH, LAB, RUN, LabError, cgroup_roots, load_state, sh, wait_for, write
from .tree import SHIFTED, TREE
from .view import HOSTS

LXC = RUN / "lxc"
GUESTS = RUN / "guests"


def rootfs(guest_id):
    return GUESTS / guest_id / "rootfs"


def path_in(guest_id, path):
    """The place of a guest's file on the machine; only below directories that are not mount points of the guest."""
    return rootfs(guest_id) / path.lstrip("/")


def init_pid(guest_id):
    """The init process of a running guest, or None."""
    answer = sh("/usr/bin/lxc-info", "-n", guest_id, "-p", "-H", check=False).stdout.strip()
    return int(answer) if answer.isdigit() and answer != "0" else None


def running(guest_id):
    return init_pid(guest_id) is not None


def attach_argv(guest_id, argv):
    return [
        "/usr/bin/lxc-attach",
        "-n",
        guest_id,
        "--clear-env",
        "-v",
        f"PATH={GUEST_PATH}",
        "-v",
        "HOME=/root",
        "-v",
        "LANG=C.UTF-8",
        "--",
        *argv,
    ]


def run_in(guest_id, *argv, **kw):
    return sh(*attach_argv(guest_id, argv), **kw)


def prepare(guest):
    """Overlay, bind mounts and LXC configuration of one guest."""
    home = GUESTS / guest.id
    for name in ("upper", "work", "rootfs"):
        (home / name).mkdir(parents=True, exist_ok=True)
    root_uid, root_gid = guest.host_ids(0, 0)
    os.chown(home / "upper", root_uid, root_gid)
    lower = [SHIFTED if guest.unprivileged else TREE]
    lower.insert(0, CACHE / f"layer-{guest.id}")
    if guest.id == "1001" and load_state().get("daemon") == "moby":
        lower.insert(0, CACHE / "layer-moby")
    options = f"lowerdir={':'.join(map(str, lower))},upperdir={home}/upper,workdir={home}/work"
    sh("mount", "-t", "overlay", "-o", options, f"lab-{guest.id}", home / "rootfs")
    mounts = [(source, target) for source, target, _, _ in guest.mounts]
    if guest.id == "1001":
        # Docker's overlay2 cannot stand on an overlay.
        for name in ("docker", "containerd"):
            (home / name).mkdir(exist_ok=True)
            mounts.append((home / name, f"/var/lib/{name}"))
    for _, target in mounts:
        place = path_in(guest.id, target)
        for directory in reversed([place, *place.parents]):
            if rootfs(guest.id) in directory.parents and not directory.exists():
                directory.mkdir()
                os.chown(directory, root_uid, root_gid)
    for path, text in (("/etc/hostname", guest.name + "\n"), ("/etc/hosts", HOSTS + f"127.0.1.1 {guest.name}\n")):
        write(path_in(guest.id, path), text, 0o644, root_uid, root_gid)
    access = "proc:mixed sys:mixed cgroup:mixed" if guest.unprivileged else "proc:rw sys:rw cgroup:rw"
    lines = [
        f"lxc.uts.name = {guest.name}",
        f"lxc.rootfs.path = dir:{rootfs(guest.id)}",
        "lxc.apparmor.profile = unconfined",
        "lxc.cap.drop = sys_module sys_time sys_rawio mac_admin mac_override",
        f"lxc.mount.auto = {access}",
        "lxc.net.0.type = empty",
        "lxc.autodev = 1",
        "lxc.pty.max = 256",
        "lxc.tty.max = 0",
        "lxc.signal.halt = SIGRTMIN+4",
        f"lxc.cgroup.dir.container = {CGROUP}/{guest.id}",
        f"lxc.cgroup.dir.monitor = {CGROUP}/monitor-{guest.id}",
        f"lxc.hook.start-host = {LAB}/lab _network {guest.id} {guest.address}",
        "lxc.environment = container=lxc",
        *(f"lxc.idmap = {m}" for m in guest.id_maps()),
        *(f"lxc.mount.entry = {source} {target.lstrip('/')} none bind 0 0" for source, target in mounts),
    ]
    write(LXC / guest.id / "config", "\n".join(lines) + "\n")


def start(guest_id):
    """Starts a guest and waits for its systemd to take commands; its network is laid by the start-host hook."""
    log = LXC / guest_id / "log"
    done = sh("/usr/bin/lxc-start", "-n", guest_id, "-d", "-o", log, "-l", "INFO", check=False)
    if done.returncode != 0:
        lines = (
            [line for line in log.read_text(errors="replace").splitlines() if "ERROR" in line] if log.exists() else []
        )
        raise LabError(f"guest {guest_id} does not start: {done.stderr.strip()}\n" + "\n".join(lines[:8]))


def wait_booted(guest_id, timeout=90):
    up = ("running", "degraded")
    wait_for(
        f"systemd of guest {guest_id}",
        lambda: run_in(guest_id, "systemctl", "is-system-running", check=False).stdout.strip() in up,
        timeout,
        0.2,
    )


def stop(guest_id, kill=False, timeout=30):
    sh("/usr/bin/lxc-stop", "-n", guest_id, *(["-k"] if kill else ["-t", str(timeout)]), check=False)


def start_all(only=None):
    guests = [g for g in site.guests().values() if only is None or g.id in only]
    with ThreadPoolExecutor(len(guests) or 1) as pool:
        list(pool.map(lambda g: start(g.id), guests))


def prepare_all():
    for guest in site.guests().values():
        prepare(guest)


def stop_all():
    """Ends all guests at once, whatever state they are in."""
    ids = [p.name for p in LXC.iterdir()] if LXC.exists() else []
    with ThreadPoolExecutor(len(ids) or 1) as pool:
        list(pool.map(lambda i: stop(i, kill=True), ids))


def remove_cgroups():
    """LXC removes a guest's cgroups itself; after a killed monitor they are left."""
    for root in cgroup_roots():
        for directory, _, _ in os.walk(root, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                pass


def systemctl(guest_id, *words, check=True):
    return run_in(guest_id, "systemctl", *words, check=check)


def active(guest_id, unit):
    return systemctl(guest_id, "is-active", unit, check=False).stdout.strip()


BASELINE = RUN / "baseline"
# Where a tool under test may leave files in a guest; what a daemon itself keeps elsewhere is not looked at.
WATCHED = ("etc", "usr", "root", "opt", "srv", "var/spool", "tmp", "var/tmp")


def _own_files(guest_id):
    """Paths that the guest has beyond its tree and layers, and those that it changed."""
    upper = GUESTS / guest_id / "upper"
    for name in WATCHED:
        for directory, names, files in os.walk(upper / name):
            yield from (os.path.relpath(os.path.join(directory, f), upper) for f in [*names, *files])


def record_baseline():
    for guest in site.guests():
        write(BASELINE / guest, "\n".join(sorted(_own_files(guest))))


def revert_additions(guest_id):
    """Removes files that came after `up`; true if systemd's were among them. Changed files are the parts' to restore."""
    known = set((BASELINE / guest_id).read_text().split("\n"))
    # step-ca's database is a daemon's own: without a table of it the CA does not start again.
    own = ("root/.step/db/",)
    added = [
        p
        for p in sorted(_own_files(guest_id))
        if p not in known and "systemd-private-" not in p and not p.startswith(own)
    ]
    systemd = False
    for path in added:
        place = rootfs(guest_id) / path
        systemd |= path.startswith("etc/systemd/")
        if any(os.path.lexists(t / path) for t in (TREE, CACHE / f"layer-{guest_id}")) or not os.path.lexists(place):
            continue  # changed or deleted, not added
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    return systemd


def clear_directory(place, keep=()):
    """Empties a directory of a guest but for the named entries."""
    if not place.exists():
        return
    for entry in place.iterdir():
        if entry.name in keep:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
