"""How the self test asks the lab, and how it compares."""

import json
import os
import subprocess
import time
from pathlib import Path

LAB = str(Path(__file__).resolve().parent.parent / "lab")
RUN = Path(os.environ.get("PHOENIX_LAB_RUN", "/run/phoenix-lab"))
SSL = "/mnt/pve/tank/lxc-persistent-data/103/ssl"
SITE = "/usr/local/phoenix_hypervisor"
DOCKER = "http://10.0.0.111:2375"


def lab(*words, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL) if "input" not in kw else None
    return subprocess.run([LAB, *words], capture_output=True, text=True, **kw)


def host(*words, **kw):
    return lab("host", *words, **kw)


def guest(guest_id, *words, **kw):
    return lab("guest", guest_id, *words, **kw)


def qm(*words, **kw):
    """`qm guest exec`: its answer as data; it must exit 0."""
    done = host("qm", "guest", "exec", *words, **kw)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def eq(found, wanted):
    assert found == wanted, f"found {found!r}, expected {wanted!r}"


def has(text, part):
    assert part in text, f"{part!r} is not in {text[:600]!r}"


def soon(what, probe, timeout=20):
    end = time.monotonic() + timeout
    while not probe():
        assert time.monotonic() < end, f"waited {timeout} s for {what}"
        time.sleep(0.2)
