"""Where the lab's things are, and how it runs commands."""

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
SAMPLE_SITE = LAB.parent / "sample-site"
CACHE = Path(os.environ.get("PHOENIX_LAB_CACHE", "/var/cache/phoenix-lab"))
RUN = Path(os.environ.get("PHOENIX_LAB_RUN", "/run/phoenix-lab"))

NS = RUN / "ns"  # handles on namespaces: machine-net, host-net, host-uts, mnt/host
HOST = RUN / "host"  # the directories that the host's view sees in place of the machine's
STATE = RUN / "state.json"
POOL = "/mnt/pve/tank"
SITE = "/usr/local/phoenix_hypervisor"

GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LabError(Exception):
    """Something that ends the command with a message."""


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


def sh(*argv, check=True, **kw):
    """Runs a command, its output captured as text; a failure carries that output."""
    kw.setdefault("capture_output", True)
    kw.setdefault("text", True)
    if kw.get("input") is None:
        kw.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(a) for a in argv], **kw)
    if check and done.returncode != 0:
        words = " ".join(str(a) for a in argv)
        raise LabError(
            f"`{words[:300]}` exited {done.returncode}: {(done.stderr or done.stdout or '').strip()[-2000:]}"
        )
    return done


def wait_for(what, probe, timeout=30.0, pause=0.1):
    """Waits until `probe()` is true; its last answer is returned."""
    end = time.monotonic() + timeout
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise LabError(f"waited {timeout:.0f} s for {what}")
        time.sleep(pause)


@contextmanager
def locked():
    """One user of the lab at a time; held by commands that change it."""
    RUN.parent.mkdir(parents=True, exist_ok=True)
    # Beside RUN, so that `down` can remove RUN while it holds the lock.
    with open(f"{RUN}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another user holds the lab, waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def load_state():
    try:
        return json.loads(STATE.read_text())
    except FileNotFoundError:
        return {}


def save_state(**changes):
    state = load_state() | changes
    beside = STATE.with_suffix(".new")
    beside.write_text(json.dumps(state))
    beside.rename(STATE)
    return state


def write(path, text, mode=0o644, uid=0, gid=0):
    """Replaces a file whose owner and mode are known."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".lab-new")
    data = text if isinstance(text, bytes) else text.encode()
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as f:
        os.fchown(fd, uid, gid)
        os.fchmod(fd, mode)
        f.write(data)
    os.rename(beside, path)


def mounted_below(directory):
    """Mount points at or below `directory`, deepest first."""
    prefix = str(directory)
    points = []
    with open("/proc/self/mountinfo") as f:
        for line in f:
            point = line.split()[4].encode().decode("unicode_escape")
            if point == prefix or point.startswith(prefix + "/"):
                points.append(point)
    return points[::-1]
