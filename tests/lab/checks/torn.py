"""Programs inside a guest that read a pair in a tight loop while it is rotated: what each of them meets."""

import json
import os
import subprocess
from pathlib import Path

from .ask import LAB, eq, guest, soon
from .link import phoenix

NAME = "torn.internal.example"
DIR = "/etc/torn"
ENTRY = ["--cert", "/var/lib/phoenix/torn/a.pem", "--key", "/var/lib/phoenix/torn/a.key", "--owner", "root:root",
         "--set", json.dumps([{"guest": "lxc:102", "cert": f"{DIR}/a.pem", "key": f"{DIR}/a.key"}]).join(("deploy=", ""))]
ROTATIONS = int(os.environ.get("PHOENIX_LAB_ROTATIONS", "12"))
READER = (Path(__file__).parent / "torn_reader.py").read_text()


def a_pair_in_a_guest_is_never_torn_while_it_is_rotated():
    phoenix("manifest", "add", NAME, *ENTRY)
    for what, entry in (("same key", []), ("new key", ["rekey=always"])):
        if entry:
            eq(phoenix("manifest", "set", NAME, *entry).returncode, 0)
        eq(phoenix("sync", "certs", NAME).returncode, 0)
        readers = {once: reader(once) for once in (False, True)}
        soon("the readers", lambda: guest("102", "ls", "/run").stdout.count("torn-reads-") == 2)
        for _ in range(ROTATIONS):
            done = phoenix("sync", "certs", NAME, "--force")
            assert done.returncode == 0, done.stdout + done.stderr
        eq(guest("102", "sh", "-c", "touch /run/torn-stop").returncode, 0)
        for once, running in readers.items():
            said, _ = running.communicate(timeout=600)
            found = json.loads(said)
            how = "`current` resolved once" if once else "two opens"
            print(f"{what}, {how}: {ROTATIONS} rotations, {found}", flush=True)
            eq((found["missing"], found["mismatched twice"]), (0, 0))
            if once or what == "same key":
                eq(found["mismatched"], 0)
            assert found["leaves"] > ROTATIONS // 2, found
        guest("102", "rm", "-f", "/run/torn-stop")


def reader(once):
    words = [LAB, "guest", "102", "python3", "-", DIR, "once" if once else "twice"]
    running = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    running.stdin.write(READER)
    running.stdin.close()
    running.stdin = None
    return running


SCENARIOS = [a_pair_in_a_guest_is_never_torn_while_it_is_rotated]
