"""What `pct` and `qm` have in common: messages and exit statuses as the real ones have them."""

import os
import sys
import time
from pathlib import Path

from . import guests, site

NODE = "phoenix"


class Die(Exception):
    """Perl's die: the message, and the errno it left as exit status (255 without one)."""

    def __init__(self, message, code=255):
        super().__init__(message)
        self.code = code


def main(commands, program, argv):
    # A real call loads Perl and asks the cluster file system; only who measures wants that here.
    if latency := os.environ.get("PHOENIX_LAB_LATENCY"):
        time.sleep(float(latency))
    try:
        for length in (2, 1):
            if function := commands.get(" ".join(argv[:length])):
                return function(argv[length:]) or 0
        raise Die(f"ERROR: unknown command '{program} {' '.join(argv[:1])}'".rstrip())
    except Die as e:
        sys.stdout.flush()
        print(e, file=sys.stderr)
        return e.code
    except BrokenPipeError:
        return 1


def split(argv, options):
    """Getopt::Long's way: options anywhere before `--`; all after it is left alone."""
    words, found, rest = [], {}, list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return words, found, rest
        if word.startswith("-") and word != "-":
            name, _, value = word.lstrip("-").partition("=")
            if name not in options:
                raise Die(f"Unknown option: {name}\n400 unable to parse option")
            if not value:
                value = rest.pop(0) if rest and (options[name] == "value" or rest[0] in ("0", "1")) else "1"
            found[name] = value
        else:
            words.append(word)
    return words, found, []


def guest(guest_id, kind):
    directory = {"lxc": "lxc", "vm": "qemu-server"}[kind]
    if not guest_id.isdigit():
        raise Die("400 Parameter verification failed.\nvmid: invalid format - value does not look like a valid VM ID")
    found = site.guests().get(guest_id)
    if found is None or found.kind != kind:
        raise Die(f"Configuration file 'nodes/{NODE}/{directory}/{guest_id}.conf' does not exist", 2)
    return found


def status(kind):
    def command(argv):
        words, _, _ = split(argv, {"verbose": "flag"})
        found = guest(words[0], kind)
        print(f"status: {'running' if guests.running(found.id) else 'stopped'}")

    return command


def config(kind):
    """Prints the guest's configuration file, which lies where a real host has it."""

    def command(argv):
        words, _, _ = split(argv, {"current": "flag"})
        found = guest(words[0], kind)
        directory = {"lxc": "lxc", "vm": "qemu-server"}[kind]
        sys.stdout.write(Path(f"/etc/pve/{directory}/{found.id}.conf").read_text())

    return command


def start(kind):
    def command(argv):
        words, _, _ = split(argv, {"debug": "flag"})
        found = guest(words[0], kind)
        if guests.running(found.id):
            raise Die(f"CT {found.id} already running" if kind == "lxc" else f"VM {found.id} already running")
        guests.start(found.id)

    return command


def stop(kind, kill):
    def command(argv):
        words, options, _ = split(argv, {"timeout": "value", "forceStop": "flag", "skiplock": "flag"})
        found = guest(words[0], kind)
        if not guests.running(found.id):
            if kind == "vm":
                return  # qm finds nothing to do
            raise Die(f"CT {found.id} not running")
        guests.stop(found.id, kill=kill, timeout=int(options.get("timeout", 60)))

    return command
