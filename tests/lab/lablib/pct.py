"""`pct`, the command for containers, with the behaviour of the real one where Phoenix meets it."""

import ctypes
import os
import sys

from . import guests, pve, site
from .base import GUEST_PATH
from .pve import Die


def main(argv):
    commands = {
        "config": pve.config("lxc"),
        "exec": execute,
        "list": list_,
        "pull": pull,
        "push": push,
        "shutdown": pve.stop("lxc", kill=False),
        "start": pve.start("lxc"),
        "status": pve.status("lxc"),
        "stop": pve.stop("lxc", kill=True),
    }
    return pve.main(commands, "pct", argv)


def execute(argv):
    """Becomes lxc-attach, as the real one does: stdin, output and exit status are the command's own."""
    words, rest = [], list(argv)
    while rest and (rest[0].startswith("-") or not words):
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--keep-env"):
            if word == "--keep-env" and rest and rest[0] in ("0", "1"):
                rest.pop(0)
            continue
        words.append(word)
    if rest[:1] == ["--"]:
        rest.pop(0)
    if not words:
        raise Die("400 not enough arguments\npct exec <vmid> [<extra-args>] [OPTIONS]")
    found = pve.guest(words[0], "lxc")
    if not guests.running(found.id):
        raise Die(f"container '{found.id}' not running!")
    if not rest:
        raise Die("missing command")
    env = {k: v for k, v in os.environ.items() if not k.startswith("PHOENIX_LAB_")} | {"PATH": GUEST_PATH}
    sys.stdout.flush()
    os.execve("/usr/bin/lxc-attach", ["lxc-attach", "-n", found.id, "--", *rest], env)


def list_(_):
    print(f"{'VMID':<10} {'Status':<10} {'Lock':<12} {'Name':<20}")
    for found in site.guests().values():
        if found.kind == "lxc":
            state = "running" if guests.running(found.id) else "stopped"
            print(f"{found.id:<10} {state:<10} {'':<12} {found.name:<20}")


OWNERSHIP = {"perms": "value", "user": "value", "group": "value"}


def push(argv):
    words, options, _ = pve.split(argv, OWNERSHIP)
    guest_id, source, target = words
    found = pve.guest(guest_id, "lxc")
    pid = guests.init_pid(found.id)
    if pid is None:
        raise Die("can only push files to a running VM")
    try:
        data = open(source, "rb")
    except OSError as e:
        raise Die(f"failed to open {source} for reading: {e.strerror}", e.errno)
    enter_mounts(pid)
    uid = lookup("/etc/passwd", options["user"]) if "user" in options else None
    gid = lookup("/etc/group", options["group"]) if "group" in options else None
    os.umask(0o022)
    try:
        created = not os.path.exists(target)
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    except OSError as e:
        raise Die(f"failed to open {target} for writing: {e.strerror}", e.errno)
    # In place, and owner and mode before the data, as the real one does it.
    if created or uid is not None or gid is not None:
        own_uid, own_gid = found.host_ids(uid or 0, gid or 0)
        os.fchown(fd, own_uid if created or uid is not None else -1, own_gid if created or gid is not None else -1)
    if "perms" in options:
        os.fchmod(fd, int(options["perms"], 8))
    copy(data, fd)


def pull(argv):
    words, options, _ = pve.split(argv, OWNERSHIP)
    guest_id, source, target = words
    found = pve.guest(guest_id, "lxc")
    pid = guests.init_pid(found.id)
    if pid is None:
        raise Die("can only pull files from a running VM")
    uid = lookup("/etc/passwd", options["user"]) if "user" in options else -1
    gid = lookup("/etc/group", options["group"]) if "group" in options else -1
    os.umask(0o022)
    try:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    except OSError as e:
        raise Die(f"failed to open {target} for writing: {e.strerror}", e.errno)
    enter_mounts(pid)
    try:
        data = open(source, "rb")
    except OSError as e:
        raise Die(f"failed to open {source} for reading: {e.strerror}", e.errno)
    os.fchown(fd, uid, gid)
    if "perms" in options:
        os.fchmod(fd, int(options["perms"], 8))
    copy(data, fd)


def copy(data, fd):
    with data, os.fdopen(fd, "wb") as out:
        while block := data.read(1 << 20):
            out.write(block)


def lookup(table, name):
    """An id, or a name as the file in reach has it."""
    if name.isdigit():
        return int(name)
    with open(table) as lines:
        for line in lines:
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2])
    raise Die(f"{name} does not exist in {table}")


def enter_mounts(pid):
    """This process goes on with the guest's files as its own."""
    with open(f"/proc/{pid}/ns/mnt") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), 0) != 0:
            raise Die(f"setns: {os.strerror(ctypes.get_errno())}")
