"""The main job: the link moves in two commands, stays as it is, and gives no secret away."""

import json

from .ask import SITE, eq, guest, has, host
from .link import (
    CERTS,
    FILES,
    PHOENIX,
    SERVER,
    changing,
    migrated,
    mutual_tls_holds,
    phoenix,
    plain_docker_serves,
    report,
    served_leaf,
    started,
)


def two_commands_move_the_link_and_a_second_run_changes_nothing():
    assert plain_docker_serves()
    before = {name: host("cat", f"{SITE}/{name}").stdout for name in FILES}
    stopped = phoenix("migrate", "docker-tls")
    eq(stopped.returncode, 1)
    has(stopped.stderr, "--disarm")
    eq({name: host("cat", f"{SITE}/{name}").stdout for name in FILES}, before)
    shown = phoenix("migrate", "docker-tls", "--dry-run")
    eq(shown.returncode, 0)
    has(shown.stdout, '+    endpoint: "tcp://10.0.0.111:2376"')
    eq({name: host("cat", f"{SITE}/{name}").stdout for name in FILES}, before)
    migrated()
    after = {name: host("cat", f"{SITE}/{name}").stdout for name in FILES}
    eq([name for name in FILES if after[name] == before[name]], [])
    eq([name for name in FILES if '"2375"' in after[name] or ":2375" in after[name]], [])
    eq(host("ls", "/etc/cron.d").stdout.split(), ["phoenix-cert-renewal.disarmed-by-phoenix"])
    again, data = report("migrate", "docker-tls")
    eq((again, data["files"], data["written"]), (0, [], False))

    host("sh", "-c", "umask 077; mkdir -p /var/lib/phoenix; echo ptr_lab_key > /var/lib/phoenix/portainer_key")
    host("sh", "-c", f"printf '[portainer]\\napi_key_file = \"/var/lib/phoenix/portainer_key\"\\n' > {SITE}/etc/phoenix.toml")
    done, data = report("sync", "all")
    eq((done, [o for o in data["outcomes"] if o["status"] != "done"], data["blocked"]), (0, [], []))
    mutual_tls_holds()
    probes = {p["name"]: p["verdict"] for o in data["outcomes"] for p in o.get("probes", [])}
    eq(probes["portainer/services"], "passed")

    docker, traefik, leaf = started("1001", "docker"), started("102", "traefik"), served_leaf()
    state = host("sh", "-c", "find /mnt/pve /usr/local/phoenix_hypervisor -type f -newer /var/lib/phoenix/portainer_key | sort | xargs sha256sum").stdout
    done, data = report("sync", "all")
    eq((done, changing(data)), (0, []))
    eq((started("1001", "docker"), started("102", "traefik"), served_leaf()), (docker, traefik, leaf))
    eq(host("sh", "-c", "find /mnt/pve /usr/local/phoenix_hypervisor -type f -newer /var/lib/phoenix/portainer_key | sort | xargs sha256sum").stdout, state)
    eq(phoenix("verify").returncode, 0)
    eq(phoenix("plan", "--check").returncode, 0)


def a_forced_run_renews_with_the_same_keys_and_one_restart():
    migrated()
    eq(phoenix("sync", "all").returncode, 0)
    key, leaf = host("sha256sum", f"{CERTS}/client-key.pem").stdout, served_leaf()
    before = started("102", "traefik")
    done, data = report("sync", "all", "--force")
    eq((done, [o for o in data["outcomes"] if o["status"] != "done"]), (0, []))
    eq(host("sha256sum", f"{CERTS}/client-key.pem").stdout, key)
    assert served_leaf() != leaf
    eq(started("102", "traefik"), before)
    mutual_tls_holds()


def no_secret_is_seen_by_others():
    """Arguments and environments of every process of a whole run, and the modes of every file with a key."""
    migrated()
    pattern = ["strace", "-f", "-s", "100000", "-e", "trace=execve", "-v", "-o", "/var/log/phoenix/strace", PHOENIX, "sync", "all"]
    eq(host(*pattern).returncode, 0)
    seen = host("cat", "/var/log/phoenix/strace").stdout
    assert seen.count("execve(") > 5
    password = host("cat", "/mnt/pve/tank/lxc-persistent-data/103/ssl/provisioner_password.txt").stdout.strip()
    bodies = []
    for path in (f"{CERTS}/client-key.pem", SERVER.replace("cert.pem", "key.pem")):
        bodies += [line for line in host("cat", path).stdout.splitlines() if "---" not in line and len(line) > 20]
    assert password and bodies
    eq([secret for secret in [password, *bodies] if secret in seen], [])
    keys = host("sh", "-c", "find /mnt/pve/tank /var/lib/phoenix -type f -exec grep -l 'PRIVATE KEY' {} +").stdout.split()
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    seen = [path for path in keys if host(*nobody, "test", "-r", path).returncode == 0]
    assert len(keys) > 5
    eq([path for path in seen if "/.phoenix/" in path or path.startswith("/var/lib")], [])


SCENARIOS = [
    two_commands_move_the_link_and_a_second_run_changes_nothing,
    a_forced_run_renews_with_the_same_keys_and_one_restart,
    no_secret_is_seen_by_others,
]
