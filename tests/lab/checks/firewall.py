"""The firewall's part of the main job: what packets do while the link moves, and that Proxmox's files stay right."""

import json
import threading
import time

from .ask import SITE, eq, guest, has, host, soon
from .link import SERVER, as_traefik, changing, docker_as_traefik, migrated, mutual_tls_holds, phoenix, report

PVE = "/etc/pve/firewall"


def settled():
    soon("the rules", lambda: "pending" not in host("pve-firewall", "status").stdout)


class Watch:
    """Looks at both ports and at the deployed leaf all the time, and keeps when each was first seen to change."""

    def __init__(self):
        self.first = {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _look(self):
        probe = (
            "import socket,sys\n"
            "for port in (2375, 2376):\n"
            "    s = socket.socket(); s.settimeout(0.3)\n"
            "    try: s.connect(('10.0.0.111', port)); print('open')\n"
            "    except ConnectionRefusedError: print('open')\n"
            "    except OSError: print('shut')\n"
        )
        while not self.over.is_set():
            now = time.monotonic()
            plain, encrypted = as_traefik("python3", "-c", probe).stdout.split()
            deployed = host("test", "-e", SERVER).returncode == 0
            serves = encrypted == "open" and docker_as_traefik("/_ping").stdout == "OK"
            for name, holds in (("opened", encrypted == "open"), ("deployed", deployed), ("serves", serves), ("shut", plain == "shut")):
                if holds:
                    self.first.setdefault(name, now)
            time.sleep(0.1)


def the_encrypted_port_opens_after_its_pair_and_the_plain_one_shuts_after_the_proof():
    for name in ("phoenix_vm_configs.json", "phoenix_hypervisor_config.json"):
        target = "vm:1001" if "vm" in name else "global"
        eq(phoenix("firewall", "remove", target, "--port", "2376").returncode, 0)
    eq(host("bash", f"{SITE}/bin/hypervisor_setup/hypervisor_feature_setup_firewall.sh").returncode, 0)
    settled()
    migrated()
    with Watch() as seen:
        time.sleep(1)
        eq([name for name in ("opened", "deployed", "serves", "shut") if name in seen.first], [])
        done, data = report("sync", "all")
        settled()
        time.sleep(1.5)
    eq((done, [o for o in data["outcomes"] if o["status"] != "done"], data["blocked"]), (0, [], []))
    eq(sorted(seen.first, key=seen.first.get), ["deployed", "opened", "serves", "shut"])
    mutual_tls_holds()
    files = host("sh", "-c", f"cat {PVE}/*.fw").stdout
    assert "2375" not in files, files
    again, data = report("sync", "all")
    eq((again, changing(data)), (0, []))


def a_plain_port_stays_open_while_the_link_is_not_proved():
    """Docker cannot move, so the run fails; Traefik's way to it must not be shut."""
    migrated()
    guest("1001", "sh", "-c", "sed -i 's/{/{\"live-restore\": true,/' /etc/docker/daemon.json")
    done = phoenix("sync", "all")
    eq(done.returncode, 1)
    settled()
    has(host("cat", f"{PVE}/1001.fw").stdout, "-dport 2375")
    eq(as_traefik("curl", "-s", "-m", "5", "http://10.0.0.111:2375/_ping").stdout, "OK")


def what_somebody_changes_in_proxmoxs_files_is_shown_and_repaired():
    migrated()
    eq(phoenix("sync", "all").returncode, 0)
    settled()
    path = f"{PVE}/1001.fw"
    right = host("cat", path).stdout
    own = "IN ACCEPT -source 10.0.0.99 -p tcp -dport 4444 # somebody's own"
    lines = [line for line in right.splitlines() if "-dport 2376" not in line]
    host("tee", path, input="\n".join([*lines, own]) + "\n")
    shown = phoenix("plan", "firewall")
    has(shown.stdout, "2376")
    eq(phoenix("plan", "firewall", "--check").returncode, 1)
    eq(phoenix("sync", "firewall").returncode, 0)
    settled()
    after = host("cat", path).stdout
    has(after, "-dport 2376")
    has(after, own)
    eq(phoenix("plan", "--check").returncode, 0)
    mutual_tls_holds()


def rules_that_nobody_confirms_are_taken_back():
    migrated()
    eq(phoenix("sync", "all").returncode, 0)
    settled()
    before = host("sh", "-c", f"sha256sum {PVE}/*.fw").stdout
    eq(phoenix("firewall", "remove", "lxc:102", "--port", "8080").returncode, 0)
    done = phoenix("firewall", "render", "--apply", "--confirm-within", "3s")
    eq(done.returncode, 1)
    has(done.stdout + done.stderr, "confirm")
    eq(host("sh", "-c", f"sha256sum {PVE}/*.fw").stdout, before)
    settled()
    eq(host("curl", "-s", "-o", "/dev/null", "-m", "5", "http://10.0.0.12:8080/api/overview").returncode, 0)
    eq(json.loads(phoenix("--output-format", "json", "pending", "list").stdout), [])


SCENARIOS = [
    the_encrypted_port_opens_after_its_pair_and_the_plain_one_shuts_after_the_proof,
    a_plain_port_stays_open_while_the_link_is_not_proved,
    what_somebody_changes_in_proxmoxs_files_is_shown_and_repaired,
    rules_that_nobody_confirms_are_taken_back,
]
