"""Traefik's dynamic file: made from the guests, taken up without a restart, taken back when Traefik refuses it."""

import json

from .ask import SITE, eq, guest, has, soon
from .link import as_traefik, changing, migrated, phoenix, report, started

LXCS = f"{SITE}/etc/phoenix_lxc_configs.json"
DYNAMIC = "/etc/traefik/dynamic/dynamic_conf.yml"


def api(kind):
    done = as_traefik("curl", "-s", "-m", "5", f"http://127.0.0.1:8080/api/http/{kind}?per_page=100")
    return {entry["name"]: entry for entry in json.loads(done.stdout)}


def the_guests_services_are_routed_without_a_restart_and_bad_routes_are_taken_back():
    migrated()
    before = guest("102", "cat", DYNAMIC).stdout
    eq(phoenix("sync", "all").returncode, 0)
    routers = api("routers")
    eq({name: routers[name]["status"] for name in ("ca-router@file", "nginx-router@file", "worker-router@file")},
       {"ca-router@file": "enabled", "nginx-router@file": "enabled", "worker-router@file": "enabled"})
    has(json.dumps(api("services")["worker-service@file"]), "https://10.0.0.102:9001")
    # What lay there before is kept, and nothing of ours but the file stands where Traefik watches.
    eq(guest("102", "cat", "/etc/traefik/dynamic_conf.yml.before-phoenix").stdout, before)
    eq(guest("102", "ls", "-A", "/etc/traefik/dynamic").stdout.split(), ["dynamic_conf.yml"])

    traefik = started("102", "traefik")
    eq(phoenix("edit", LXCS, "set", "/lxc_configs/101/traefik_service/port", "8080").returncode, 0)
    done, data = report("sync", "traefik")
    eq((done, changing(data)), (0, ["publish routes of traefik lxc:102"]))
    has(json.dumps(api("services")["nginx-service@file"]), "http://10.0.0.153:8080")
    eq(started("102", "traefik"), traefik)

    right = guest("102", "cat", DYNAMIC).stdout
    eq(phoenix("edit", LXCS, "set", "/lxc_configs/101/traefik_service/name", '"a`b"').returncode, 0)
    done, data = report("sync", "traefik")
    eq(done, 1)
    has(json.dumps(data), "the file of before was put back")
    eq(guest("102", "cat", DYNAMIC).stdout, right)
    soon("the router of before", lambda: api("routers").get("nginx-router@file", {}).get("status") == "enabled")
    eq(phoenix("edit", LXCS, "set", "/lxc_configs/101/traefik_service/name", '"nginx"').returncode, 0)
    eq(phoenix("sync", "traefik").returncode, 0)
    eq(phoenix("plan", "--check").returncode, 0)


SCENARIOS = [the_guests_services_are_routed_without_a_restart_and_bad_routes_are_taken_back]
