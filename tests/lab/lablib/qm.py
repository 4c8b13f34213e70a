"""`qm`, the command for virtual machines: above all `qm guest exec`, which exits 0 whatever its command did.

The guest agent is played by this program itself: it joins the guest's namespaces and the cgroup of the (stand-in)
agent unit, so a command sees what it would see below a real agent, and outlives the `qm` that started it.
"""

import ctypes
import json
import os
import re
import select
import signal
import sys
from pathlib import Path

from . import guests, pve, site
from .base import GUEST_PATH, RUN
from .pve import Die

MAX_STDIN = 1 << 20
MAX_OUTPUT = 16 << 20
AGENT_UNIT = "system.slice/qemu-guest-agent.service"


def main(argv):
    commands = {
        "agent": agent,
        "config": pve.config("vm"),
        "guest cmd": agent,
        "guest exec": guest_exec,
        "guest exec-status": exec_status,
        "list": list_,
        "shutdown": pve.stop("vm", kill=False),
        "start": pve.start("vm"),
        "status": pve.status("vm"),
        "stop": pve.stop("vm", kill=True),
    }
    return pve.main(commands, "qm", argv)


def list_(_):
    print(f"{'VMID':>10} {'NAME':<20} {'STATUS':<10} {'MEM(MB)':<10} {'BOOTDISK(GB)':>12} {'PID':<10}")
    for found in site.guests().values():
        if found.kind == "vm":
            pid = guests.init_pid(found.id)
            print(
                f"{found.id:>10} {found.name:<20} {'running' if pid else 'stopped':<10} {2048:<10} {'20.00':>12} {pid or 0:<10}"
            )


def agent(argv):
    words, _, _ = pve.split(argv, {})
    reach_agent(words[0])
    if words[1:2] != ["ping"]:
        raise Die(f"Agent command '{' '.join(words[1:2])}' is not part of the lab")


def guest_exec(argv):
    words, options, rest = pve.split(argv, {"timeout": "value", "synchronous": "flag", "pass-stdin": "flag"})
    command = words[1:] + rest
    found, pid, tasks = reach_agent(words[0])
    given = b""
    if options.get("pass-stdin") == "1":
        given = sys.stdin.buffer.read(MAX_STDIN + 1)
        if len(given) > MAX_STDIN:
            raise Die("'input-data' (STDIN) is limited to 1 MiB, aborting")
    if not command:
        raise Die("No command or pass-stdin given")
    place = RUN / "qga" / found.id
    place.mkdir(parents=True, exist_ok=True)
    inner, done = launch(found.id, pid, tasks, place, broken(command), given)
    if options.get("synchronous", "1") != "1":
        show({"pid": inner})
        return
    timeout = int(options.get("timeout", 30))
    if select.select([done], [], [], timeout or None)[0]:
        show(take(place, inner))
    else:
        print("timeout reached, returning pid", file=sys.stderr)
        show({"pid": inner})


def exec_status(argv):
    words, _, _ = pve.split(argv, {})
    found, _, _ = reach_agent(words[0])
    place = RUN / "qga" / found.id
    if not (place / f"{words[1]}.out").exists():
        raise Die(f"Agent error: PID {words[1]} does not exist")
    show(take(place, int(words[1])) if (place / f"{words[1]}.json").exists() else {"exited": 0})


def reach_agent(guest_id):
    """The guest, its init pid and the agent's cgroup directories; an error where the real agent would not answer."""
    found = pve.guest(guest_id, "vm")
    pid = guests.init_pid(found.id)
    if pid is None:
        raise Die(f"VM {found.id} is not running")
    tasks = [p for p in Path("/sys/fs/cgroup").glob(f"*/phoenix-lab/{found.id}/{AGENT_UNIT}/cgroup.procs")]
    tasks += Path("/sys/fs/cgroup").glob(f"phoenix-lab/{found.id}/{AGENT_UNIT}/cgroup.procs")
    if not any(t.read_text().strip() for t in tasks):
        raise Die("QEMU guest agent is not running")
    return found, pid, tasks


def broken(command):
    """The command itself, or what `lab fault qm-command-fails` puts in its place."""
    try:
        pattern = (RUN / "faults/qm-command-fails").read_text()
    except FileNotFoundError:
        return command
    if re.search(pattern, " ".join(command)):
        return ["sh", "-c", "echo 'lab fault: the command fails' >&2; exit 1"]
    return command


def launch(guest_id, pid, tasks, place, command, given):
    """Starts the command in the guest below a small supervisor; its pid inside, and a descriptor that ends with it."""
    # Everything that is not the guest's is opened before its namespaces are entered.
    handles = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in ("ipc", "uts", "net", "pid", "mnt")]
    cgroups = [os.open(t, os.O_WRONLY) for t in tasks]
    directory = os.open(place, os.O_RDONLY)
    unnamed = f"new-{os.getpid()}"
    streams = [
        os.open(place / f"{unnamed}.{kind}", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        for kind in ("in", "out", "err")
    ]
    os.unlink(place / f"{unnamed}.in")
    os.write(streams[0], given)
    os.lseek(streams[0], 0, os.SEEK_SET)
    told, tell = os.pipe()
    done, hold = os.pipe()
    libc = ctypes.CDLL(None, use_errno=True)
    if os.fork() == 0:
        try:
            os.close(done)
            os.setsid()
            null = os.open("/dev/null", os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            for fd in cgroups:
                os.write(fd, b"0")
            for fd in handles:
                libc.setns(fd, 0)
            os.chdir("/")
            supervise(command, streams, directory, unnamed, tell)
        finally:
            os._exit(0)
    os.close(tell)
    os.close(hold)
    with os.fdopen(told) as answer:
        words = answer.read().split("\n", 1)
    if not words[0].isdigit():
        for kind in ("out", "err"):
            (place / f"{unnamed}.{kind}").unlink(missing_ok=True)
        raise Die(f"Agent error: Guest agent command failed, error was '{words[-1]}'")
    return int(words[0]), done


def supervise(command, streams, directory, unnamed, tell):
    failed, fail = os.pipe()
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            inner = str(os.getpid()).encode()
            os.close(ready)
            os.write(go, inner)
            os.close(go)
            for fd, stream in enumerate(streams):
                os.dup2(stream, fd)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            env = {"PATH": GUEST_PATH, "LANG": "C.UTF-8"}
            os.execvpe(command[0], command, env)
        except OSError as e:
            os.write(fail, f"\nFailed to execute child process “{command[0]}” ({e.strerror})".encode())
        finally:
            os._exit(127)
    os.close(fail)
    os.close(go)
    inner = os.read(ready, 32).decode()
    if error := os.read(failed, 4096):
        os.write(tell, error)
        os.waitpid(child, 0)
        return
    for kind in ("out", "err"):
        os.rename(f"{unnamed}.{kind}", f"{inner}.{kind}", src_dir_fd=directory, dst_dir_fd=directory)
    os.write(tell, inner.encode())
    os.close(tell)
    _, how = os.waitpid(child, 0)
    result = {"exited": 1}
    if os.WIFSIGNALED(how):
        result["signal"] = os.WTERMSIG(how)
    else:
        result["exitcode"] = os.WEXITSTATUS(how)
    fd = os.open(f"{inner}.json.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=directory)
    os.write(fd, json.dumps(result).encode())
    os.close(fd)
    os.rename(f"{inner}.json.new", f"{inner}.json", src_dir_fd=directory, dst_dir_fd=directory)


def take(place, inner):
    """The result of a finished command; the agent forgets it once told."""
    result = json.loads((place / f"{inner}.json").read_text())
    for kind in ("out", "err"):
        data = (place / f"{inner}.{kind}").read_bytes()
        if data:
            # The real one takes each byte for a character.
            result[f"{kind}-data"] = data[:MAX_OUTPUT].decode("latin-1")
        if len(data) > MAX_OUTPUT:
            result[f"{kind}-truncated"] = 1
        (place / f"{inner}.{kind}").unlink()
    (place / f"{inner}.json").unlink()
    return result


def show(value):
    """As Perl's JSON prints it, pretty and canonical."""
    lines = [f"   {json.dumps(k)} : {json.dumps(v, ensure_ascii=False)}" for k, v in sorted(value.items())]
    print("{\n" + ",\n".join(lines) + "\n}")
