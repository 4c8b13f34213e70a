"""The host's view: network, mount and UTS namespace of the Proxmox host that the lab plays.

Everything of the lab lives in these namespaces: LXC is run inside them (its command socket is abstract, so it
belongs to the network namespace), and all mounts are made inside, so they vanish together with them. Handles
(bind mounts below RUN/ns) keep the namespaces without a process.
"""

import os
import signal
import time
from pathlib import Path

from .base import (
    CACHE,
    GUEST_PATH,
    HOST,
    LAB,
    NS,
    RUN,
    SITE,
    LabError,
    load_state,
    mounted_below,
    save_state,
    say,
    sh,
    write,
)

HANDLES = {"net": NS / "net", "uts": NS / "uts", "mnt": NS / "mnt"}
HOSTNAME = "phoenix"

# In the view, these are the lab's own directories. `/etc/docker` and `/etc/traefik` are among them because the old
# manifest names host paths there, `/etc/systemd/system` because timers may be installed.
BINDS = {
    "/mnt/pve": HOST / "mnt-pve",
    SITE: HOST / "site",
    "/var/lib/phoenix": HOST / "var-lib-phoenix",
    "/var/log/phoenix": HOST / "var-log-phoenix",
    "/etc/cron.d": HOST / "cron.d",
    "/etc/pve": HOST / "pve",
    "/etc/docker": HOST / "docker",
    "/etc/traefik": HOST / "traefik",
    "/etc/systemd/system": HOST / "systemd",
    "/var/lib/lxc": RUN / "lxc",
}

HOSTS = """127.0.0.1 localhost
10.0.0.13 phoenix phoenix.internal.example
10.0.0.10 ca.internal.example
10.0.0.12 traefik.internal.example
10.0.0.111 docker-daemon.internal.example portainer.internal.example
10.0.0.102 worker-agent.internal.example
10.0.0.153 nginx.internal.example
"""


def exists():
    return all(str(h) in mounted_below(NS) for h in HANDLES.values())


def enter_argv(argv):
    """The command line that runs `argv` inside the view."""
    return [
        "/usr/bin/nsenter",
        f"--mount={HANDLES['mnt']}",
        f"--net={HANDLES['net']}",
        f"--uts={HANDLES['uts']}",
        "--",
        *argv,
    ]


def host_env():
    env = dict(os.environ)
    env["PATH"] = f"{LAB}/host-bin:{CACHE}/host-bin:{GUEST_PATH}"
    env["PHOENIX_LAB_RUN"], env["PHOENIX_LAB_CACHE"] = str(RUN), str(CACHE)
    return env


def run_host(argv):
    """Becomes `argv` in the host's view."""
    if not HANDLES["mnt"].exists():
        raise LabError("the lab is not up")
    # Entering a mount namespace leads to its /; the caller's directory is the same one in there.
    os.execve("/usr/bin/nsenter", enter_argv(["/usr/bin/env", "-C", os.getcwd(), *argv]), host_env())


def create():
    NS.mkdir(parents=True, exist_ok=True)
    # Handles of mount namespaces need a private mount around them.
    sh("mount", "--bind", NS, NS)
    sh("mount", "--make-private", NS)
    for handle in HANDLES.values():
        handle.touch()
    made = load_state().get("made", [])
    for place, source in BINDS.items():
        source.mkdir(parents=True, exist_ok=True)
        missing = [p for p in [Path(place), *Path(place).parents] if not p.exists()]
        made += [str(p) for p in missing if str(p) not in made]
        save_state(made=made)
        Path(place).mkdir(parents=True, exist_ok=True)
    write(HOST / "hosts", HOSTS)
    binds = "\n".join(f"mount --bind {source} {place}" for place, source in BINDS.items())
    script = f"""set -e
    {binds}
    mount --bind {HOST}/hosts /etc/hosts
    hostname {HOSTNAME}
    ip link set lo up
    ip link add vmbr0 type bridge
    ip addr add 10.0.0.13/24 dev vmbr0
    ip link set vmbr0 up
    """
    flags = [f"--{kind}={HANDLES[file]}" for kind, file in (("net", "net"), ("uts", "uts"), ("mount", "mnt"))]
    sh("unshare", *flags, "--propagation", "private", "sh", "-c", script)


def processes():
    """Processes that stand in one of the lab's namespaces, or in the cgroups of its guests."""
    ours = set()
    for kind, handle in (("net", HANDLES["net"]), ("mnt", HANDLES["mnt"])):
        if str(handle) in mounted_below(NS):
            ours.add((kind, os.stat(handle).st_ino))
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        for kind, inode in ours:
            try:
                if os.stat(entry / "ns" / kind).st_ino == inode:
                    found.append(int(entry.name))
                    break
            except OSError:
                continue
    for tasks in Path("/sys/fs/cgroup").glob("**/phoenix-lab/**/cgroup.procs"):
        try:
            found += [int(pid) for pid in tasks.read_text().split() if int(pid) not in found]
        except OSError:
            continue
    return found


def end_processes():
    for sent in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + 3
        while left := processes():
            for pid in left:
                try:
                    os.kill(pid, sent)
                except ProcessLookupError:
                    pass
            if time.monotonic() > end:
                break
            time.sleep(0.05)
    if left := processes():
        raise LabError(f"these processes of the lab do not end: {left}")


def remove():
    end_processes()
    for point in mounted_below(RUN):
        sh("umount", point, check=False)
    if left := mounted_below(RUN):
        time.sleep(0.5)
        for point in left:
            sh("umount", "-l", point)
    for place in load_state().get("made", []):
        try:
            Path(place).rmdir()
        except OSError:
            say(f"{place} was made by the lab but is not empty, left alone")
