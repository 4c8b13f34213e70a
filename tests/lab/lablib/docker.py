"""VM 1001: a real dockerd with an active Swarm, listening in plain on 2375 as the old script left it.

How the old state can run at all: the old script writes `hosts` into daemon.json and removes only `override.conf`.
Beside the packaged unit's `-H fd://` dockerd refuses `hosts`, so production must have had another drop-in that takes
`-H` away; here it is `10-daemon-json-hosts.conf`.
"""

import io
import tarfile
from pathlib import Path

from . import guests
from .base import load_state, wait_for, write

MANAGER = "1001"
DAEMON_JSON = """{
  "hosts": ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2375"]
}
"""
# dockerd waits 15 s before it serves plain TCP, unless told `"tls": false`. So it is started with this, and the file
# is put into its true state once it runs: what differs is only the time.
QUICK_START = DAEMON_JSON.replace("{", '{\n  "tls": false,', 1)
DROP_IN = """[Service]
ExecStart=
ExecStart=/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
"""
DROP_IN_DIR = "/etc/systemd/system/docker.service.d"
KEPT = ("key.json",)  # the daemon's own
SERVICES = ("web", "prod_portainer_service_portainer")


def configure():
    """Puts /etc/docker and the unit's drop-ins into the starting state; true if anything differed."""
    etc, drop_ins = guests.path_in(MANAGER, "/etc/docker"), guests.path_in(MANAGER, DROP_IN_DIR)
    changed = False
    for place, name, text in ((etc, "daemon.json", DAEMON_JSON), (drop_ins, "10-daemon-json-hosts.conf", DROP_IN)):
        # Untouched files stay: systemd wants a daemon-reload for each new modification time.
        if _content(place) != {name: text.encode()}:
            guests.clear_directory(place, keep=KEPT)
            write(place / name, QUICK_START if text == DAEMON_JSON else text)
            changed = True
    return changed


def settle():
    """After the start: daemon.json in its true state."""
    write(guests.path_in(MANAGER, "/etc/docker/daemon.json"), DAEMON_JSON)


def _content(place):
    found = (p for p in place.rglob("*") if not p.is_dir() and p.name not in KEPT) if place.exists() else ()
    return {str(p.relative_to(place)): p.read_bytes() if p.is_file() else None for p in found}


def restore():
    """The starting state on a running guest: daemon on 2375, Swarm active, services running."""
    if configure() or guests.active(MANAGER, "docker") != "active":
        write(guests.path_in(MANAGER, "/etc/docker/daemon.json"), QUICK_START)
        guests.systemctl(MANAGER, "daemon-reload")
        guests.systemctl(MANAGER, "reset-failed", "docker.service", "docker.socket", check=False)
        guests.systemctl(MANAGER, "restart", "docker")
    begin()


def begin():
    """What is to do once the daemon has been told to start."""
    wait()
    settle()
    if not swarm_active():
        init_swarm()
    services, secrets = (docker(kind, "ls", "--format", "{{.Name}}").split() for kind in ("service", "secret"))
    if secrets:
        docker("service", "rm", *services)
        docker("secret", "rm", *secrets)
        services = []
    if surplus := [name for name in services if name not in SERVICES]:
        docker("service", "rm", *surplus)
    if not set(SERVICES) <= set(services):
        create_services()


def docker(*words, **kw):
    return guests.run_in(MANAGER, "docker", *words, **kw).stdout.strip()


def wait():
    wait_for(
        "dockerd of guest 1001",
        lambda: guests.run_in(MANAGER, "docker", "version", check=False).returncode == 0,
        60,
        0.2,
    )


def swarm_active():
    return docker("info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}") == "active true"


def init_swarm():
    docker("swarm", "init", "--advertise-addr", "10.0.0.111")
    docker("network", "create", "--driver", "overlay", "--attachable", "traefik-public")
    guests.run_in(MANAGER, "docker", "import", "--change", 'CMD ["/bin/httpd","-f","-p","80","-h","/www"]', "-", "lab/web:1",
                  input=image(), text=False)  # fmt: skip


def create_services():
    have = docker("service", "ls", "--format", "{{.Name}}").split()
    common = (
        "--detach",
        "--no-resolve-image",
        "--stop-grace-period",
        "1s",
        "--update-monitor",
        "500ms",
        "--restart-delay",
        "500ms",
    )
    if "web" not in have:
        labels = {
            "traefik.enable": "true",
            "traefik.http.routers.web.rule": "Host(`web.internal.example`)",
            "traefik.http.routers.web.entrypoints": "web",
            "traefik.http.services.web.loadbalancer.server.port": "80",
        }
        flags = [word for label in labels.items() for word in ("--label", "=".join(label))]
        docker("service", "create", "--name", "web", "--network", "traefik-public", *common, *flags, "lab/web:1")
    if "prod_portainer_service_portainer" not in have:
        # What the manifest's hook updates; the HTTPS answers come from the stand-in on 9443.
        docker("service", "create", "--name", "prod_portainer_service_portainer", *common, "lab/web:1")


def wait_services(timeout=60):
    def running():
        lines = docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()
        return all(f"{name} 1/1" in lines for name in SERVICES)

    wait_for("the Swarm's services", running, timeout, 0.3)


def image():
    """A tar of busybox-static: the image that needs no registry."""
    busybox = next(p for p in (Path("/bin/busybox"), Path("/usr/bin/busybox")) if p.exists()).read_bytes()
    page = b"hello from the Swarm\n"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("bin", "www", "tmp", "etc"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, data, mode in (("bin/busybox", busybox, 0o755), ("www/index.html", page, 0o644)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
        for name in ("sh", "httpd", "sleep", "wget"):
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return out.getvalue()


def summary():
    """One line for `lab status`."""
    version = docker("version", "--format", "{{.Server.Version}} (API {{.Server.APIVersion}})", check=False)
    return f"dockerd {version}, {load_state().get('daemon')}"
