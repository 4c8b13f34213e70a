"""How Phoenix is called, and how Docker, Traefik, curl and openssl are asked about the link."""

import json
import os
from pathlib import Path

from .ask import eq, guest, has, host, soon

PHOENIX = os.environ.get("PHOENIX", str(Path(__file__).resolve().parents[3] / "target/debug/phoenix"))
CERTS = "/mnt/pve/tank/lxc-persistent-data/102/traefik/certs"
SERVER = "/mnt/pve/tank/vm-persistent-data/1001/docker/certs/server-cert.pem"
ROOT = "/mnt/pve/tank/lxc-persistent-data/103/ssl/phoenix_root_ca.crt"
TLS = "https://10.0.0.111:2376"
FILES = [
    "etc/certificate-manifest.json",
    "etc/traefik/traefik.yml.template",
    "etc/phoenix_vm_configs.json",
    "etc/phoenix_lxc_configs.json",
    "etc/phoenix_hypervisor_config.json",
]


def phoenix(*words, **kw):
    return host(PHOENIX, *words, **kw)


def report(*words):
    """A run's report as data, with its exit status."""
    done = phoenix("--output-format", "json", *words)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError as e:
        raise AssertionError(f"no JSON from {words}: {done.stdout[:500]!r} {done.stderr[-800:]!r}") from e


def migrated():
    done = phoenix("migrate", "docker-tls", "--disarm")
    eq((done.returncode, done.stderr if done.returncode else ""), (0, ""))


def as_traefik(*words):
    """A command of the host in Traefik's network: where the consumer stands."""
    pid = host("lxc-info", "-n", "102", "-p", "-H").stdout.strip()
    return host("nsenter", f"--net=/proc/{pid}/ns/net", *words)


def docker_as_traefik(path):
    pair = ["--cert", f"{CERTS}/client-cert.pem", "--key", f"{CERTS}/client-key.pem"]
    return as_traefik("curl", "-s", "-m", "5", "--cacert", ROOT, *pair, f"{TLS}{path}")


def served_leaf():
    done = as_traefik("sh", "-c", "openssl s_client -connect 10.0.0.111:2376 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256")
    return done.stdout.strip()


def deployed_leaf():
    return host("openssl", "x509", "-in", SERVER, "-noout", "-fingerprint", "-sha256").stdout.strip()


def routers():
    done = as_traefik("curl", "-s", "-m", "5", "http://127.0.0.1:8080/api/http/routers")
    return [r["name"] for r in json.loads(done.stdout)] if done.stdout.startswith("[") else []


def started(guest_id, unit):
    return guest(guest_id, "systemctl", "show", unit, "-p", "ExecMainStartTimestampMonotonic", "--value").stdout.strip()


def plain_docker_serves():
    # From inside: the migrated rules no longer admit Traefik to this port.
    return guest("1001", "curl", "-s", "-m", "5", "http://127.0.0.1:2375/_ping").stdout == "OK"


def mutual_tls_holds():
    eq(docker_as_traefik("/_ping").stdout, "OK")
    names = [s["Spec"]["Name"] for s in json.loads(docker_as_traefik("/services").stdout)]
    assert "web" in names, names
    eq(as_traefik("curl", "-s", "-m", "5", "--cacert", ROOT, f"{TLS}/_ping").returncode != 0, True)
    has(as_traefik("curl", "-s", "-m", "5", "http://10.0.0.111:2376/_ping").stdout, "HTTP request to an HTTPS server")
    has(served_leaf(), "Fingerprint=")
    eq(served_leaf(), deployed_leaf())
    listening = guest("1001", "ss", "-ltn").stdout
    assert ":2375 " not in listening and ":2376 " in listening, listening
    soon("Traefik's router of the Swarm", lambda: "web@swarm" in routers(), 40)
    eq(guest("102", "systemctl", "is-active", "traefik").stdout.strip(), "active")
    # By path: the service's own user is root of the guest, and nobody else reads the key.
    eq(guest("102", "stat", "-L", "-c", "%a %U", "/etc/traefik/certs/client-key.pem").stdout.strip(), "600 root")
    eq(guest("1001", "stat", "-L", "-c", "%a %U", "/etc/docker/tls/server-key.pem").stdout.strip(), "600 root")
    verified = host("openssl", "verify", "-x509_strict", "-CAfile", ROOT, "-untrusted", SERVER, SERVER)
    eq(verified.returncode, 0)


def statuses(data):
    return {o["step"]: o["status"] for o in data["outcomes"]}


def changing(data):
    return [o["step"] for o in data["outcomes"] if not o["step"].startswith("verify ")]
