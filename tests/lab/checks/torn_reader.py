"""Runs inside a guest: reads a certificate and its key until /run/torn-stop is there, and says what it met."""

import glob
import hashlib
import json
import os
import subprocess
import sys

directory, how = sys.argv[1:3]
seen, pairs = {}, {}
counts = {"reads": 0, "missing": 0}
current = glob.glob(f"{directory}/.phoenix/*/current")[0]


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    name = hashlib.sha256(data).digest()
    seen.setdefault(name, data)
    return name


def both():
    if how == "once":
        version = f"{os.path.dirname(current)}/{os.readlink(current)}"
        return read(f"{version}/fullchain.pem"), read(f"{version}/key.pem")
    return read(f"{directory}/a.pem"), read(f"{directory}/a.key")


def key_of(name):
    words = ["x509", "-noout", "-pubkey"] if b"CERTIFICATE" in seen[name] else ["pkey", "-pubout"]
    done = subprocess.run(["openssl", *words], input=seen[name], capture_output=True)
    return done.stdout if done.returncode == 0 else None


open(f"/run/torn-reads-{how}", "w").close()
before = None
while not os.path.exists("/run/torn-stop"):
    counts["reads"] += 1
    try:
        first = both()
        # What changed is looked at again at once, as a program would that found it not to fit.
        again = both() if first != before else first
    except FileNotFoundError:
        counts["missing"] += 1
        continue
    before = first
    pairs[(first, again)] = pairs.get((first, again), 0) + 1
os.remove(f"/run/torn-reads-{how}")
keys = {name: key_of(name) for name in seen}


def fits(pair):
    return keys[pair[0]] is not None and keys[pair[0]] == keys[pair[1]]


counts["mismatched"] = sum(count for (first, _), count in pairs.items() if not fits(first))
counts["mismatched twice"] = sum(count for (first, again), count in pairs.items() if not fits(first) and not fits(again))
counts["leaves"] = len({first[0] for first, _ in pairs})
print(json.dumps(counts))
