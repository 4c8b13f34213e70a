"""A CA that Docker's clients have to themselves: introduced and taken back while a consumer asks."""

import json
import threading
import time

from .ask import eq, has, host
from .link import (
    CERTS,
    ROOT,
    TLS,
    as_traefik,
    changing,
    docker_as_traefik,
    migrated,
    mutual_tls_holds,
    phoenix,
    report,
    started,
)


def dockers_clients_get_a_ca_of_their_own_and_the_shared_one_back():
    """Whoever has a leaf of step-ca commands Docker with the shared root, and no longer with a dedicated one.

    A prober in Traefik's place asks all the time with whatever pair Traefik has: it may be refused as long as dockerd
    restarts, and never by a certificate that dockerd does not know before or after that.
    """
    migrated()
    eq(phoenix("sync", "all").returncode, 0)
    other = "/mnt/pve/tank/lxc-persistent-data/102/certs/traefik.internal.example"

    def stranger():
        pair = ["--cert", f"{other}.crt", "--key", f"{other}.key"]
        return as_traefik("curl", "-s", "-m", "5", "--cacert", ROOT, *pair, f"{TLS}/_ping").stdout

    def issuer():
        return host("openssl", "x509", "-in", f"{CERTS}/client-cert.pem", "-noout", "-issuer").stdout

    def same_ca(data):
        return [p["verdict"] for o in data["outcomes"] for p in o.get("probes", []) if p["name"] == "docker/same-ca"]

    eq(stranger(), "OK")
    eq(same_ca(report("verify")[1]), ["noted"])
    has(phoenix("check").stdout, "PX053")
    for which, words, strangers, verdict in (
        ("dedicated", "Phoenix Docker Client", "", "passed"),
        ("shared", "", "OK", "noted"),
    ):
        docker, traefik = started("1001", "docker"), started("102", "traefik")
        eq(phoenix("migrate", "docker-tls", "--client-ca", which).returncode, 0)
        if which == "dedicated":
            # Wanted and not done yet: verification says so, and nothing moved.
            done, data = report("verify")
            eq((done, same_ca(data)), (1, ["failed"]))
        with probing() as seen:
            done, data = report("sync", "all")
        eq((done, [o for o in data["outcomes"] if o["status"] != "done"], data["blocked"]), (0, [], []))
        mutual_tls_holds()
        eq(stranger(), strangers)
        eq(same_ca(report("verify")[1]), [verdict])
        has(issuer(), words)
        assert started("1001", "docker") != docker, "dockerd did not restart"
        eq(started("102", "traefik"), traefik)
        away = longest_absence(seen)
        print(f"  {which}: {len(seen)} questions, Docker away for {away:.1f} s", flush=True)
        assert away < 25, f"Traefik's place was without Docker for {away:.1f} s"
        done, data = report("sync", "all")
        assert (done, changing(data)) == (0, []), json.dumps(data)[:6000]
    eq("PX053" in phoenix("check").stdout, True)


class probing:
    """Asks Docker from Traefik's place, with Traefik's pair of the moment, as long as the block runs."""

    def __enter__(self):
        self.seen, self.stop = [], threading.Event()
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()
        return self.seen

    def ask(self):
        while not self.stop.is_set():
            self.seen.append((time.monotonic(), docker_as_traefik("/_ping").stdout == "OK"))
            time.sleep(0.2)

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def longest_absence(seen):
    longest, since = 0.0, None
    for at, answered in seen:
        since = None if answered else since or at
        longest = max(longest, at - since) if since else longest
    return longest


SCENARIOS = [dockers_clients_get_a_ca_of_their_own_and_the_shared_one_back]
