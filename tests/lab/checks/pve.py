"""The ways of `pct` and `qm`, as the table in README.md has them."""

import json
import os
import tempfile
import time
from pathlib import Path

from .ask import DOCKER, SSL, eq, guest, has, host, lab, qm, soon

# pct


def pct_exec_passes_stdin_and_exit_status():
    done = host("pct", "exec", "102", "--", "sh", "-c", "cat; exit 7", input="some bytes")
    eq((done.returncode, done.stdout), (7, "some bytes"))


def pct_exec_of_a_missing_program_is_127():
    eq(host("pct", "exec", "102", "--", "no-such-program").returncode, 127)


def pct_exec_runs_as_the_guests_root():
    eq(host("pct", "exec", "102", "--", "id", "-u").stdout.strip(), "0")
    eq(guest("102", "cat", "/proc/self/uid_map").stdout.split(), ["0", "100000", "65536"])


def status_is_0_for_running_and_2_for_unknown():
    for program, known, other in (("pct", "102", "1001"), ("qm", "1001", "102")):
        done = host(program, "status", known)
        eq((done.returncode, done.stdout), (0, "status: running\n"))
        eq(host(program, "status", other).returncode, 2)
        eq(host(program, "status", "999").returncode, 2)


def pct_push_truncates_in_place_with_the_guests_ids():
    with tempfile.NamedTemporaryFile("w") as source:
        source.write("new")
        source.flush()
        os.chmod(source.name, 0o600)
        guest("102", "sh", "-c", "echo older and longer > /root/in-place; ln /root/in-place /root/other-name")
        eq(
            host(
                "pct",
                "push",
                "102",
                source.name,
                "/root/in-place",
                "--perms",
                "640",
                "--user",
                "33",
                "--group",
                "www-data",
            ).returncode,
            0,
        )
        eq(guest("102", "cat", "/root/other-name").stdout, "new")
        eq(guest("102", "stat", "-c", "%a %u %g", "/root/in-place").stdout.strip(), "640 33 33")
        eq(host("pct", "push", "102", source.name, "/root/fresh").returncode, 0)
        eq(guest("102", "stat", "-c", "%a %u %g", "/root/fresh").stdout.strip(), "644 0 0")
        guest("102", "rm", "-f", "/root/in-place", "/root/other-name", "/root/fresh")
    assert host("pct", "push", "102", "/nonexistent", "/root/x").returncode != 0


def pct_pull_brings_a_file():
    with tempfile.TemporaryDirectory() as directory:
        eq(host("pct", "pull", "102", "/etc/hostname", f"{directory}/name").returncode, 0)
        eq(Path(directory, "name").read_text(), "traefik-internal\n")


def pct_config_names_mounts_and_privilege():
    text = host("pct", "config", "102").stdout
    has(text, "unprivileged: 1\n")
    has(text, "mp0: /mnt/pve/tank/lxc-persistent-data/102/certs,mp=/etc/traefik/certs\n")
    has(text, f"mp1: {SSL},mp=/etc/step-ca/ssl\n")
    has(host("pct", "config", "101").stdout, "lxc.idmap: g 33 33 1\n")


def lxc_info_gives_the_init_process():
    pid = host("lxc-info", "-n", "102", "-p", "-H").stdout.strip()
    done = host("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-br", "addr", "show", "eth0")
    has(done.stdout, "10.0.0.12/24")


def a_stopped_container_answers_as_the_real_one():
    eq(lab("fault", "guest-stopped", "102", "on").returncode, 0)
    done = host("pct", "status", "102")
    eq((done.returncode, done.stdout), (0, "status: stopped\n"))
    done = host("pct", "exec", "102", "--", "true")
    eq((done.returncode, done.stderr), (255, "container '102' not running!\n"))
    eq(host("pct", "push", "102", "/etc/hostname", "/root/x").returncode, 255)
    eq(host("pct", "start", "102").returncode, 0)
    soon("guest 102", lambda: guest("102", "systemctl", "is-system-running").stdout.strip() in ("running", "degraded"))
    eq(guest("102", "curl", "-s", "-m", "5", f"{DOCKER}/_ping").stdout, "OK")


# qm


def qm_exits_0_whatever_the_command_did():
    eq(qm("1001", "--", "sh", "-c", "echo out; echo err >&2; exit 5"),
       {"exitcode": 5, "exited": 1, "out-data": "out\n", "err-data": "err\n"})  # fmt: skip
    eq(qm("1001", "--", "true"), {"exitcode": 0, "exited": 1})
    eq(qm("1001", "--", "sh", "-c", "kill -9 $$"), {"signal": 9, "exited": 1})


def qm_stops_waiting_and_the_command_goes_on():
    start = time.monotonic()
    done = host("qm", "guest", "exec", "1001", "--timeout", "1", "--", "sh", "-c", "sleep 6; echo late; exit 4")
    assert time.monotonic() - start < 5
    eq((done.returncode, done.stderr), (0, "timeout reached, returning pid\n"))
    pid = json.loads(done.stdout)
    eq(list(pid), ["pid"])
    status = ("qm", "guest", "exec-status", "1001", str(pid["pid"]))
    eq(json.loads(host(*status).stdout), {"exited": 0})
    time.sleep(6)
    eq(json.loads(host(*status).stdout), {"exitcode": 4, "exited": 1, "out-data": "late\n"})
    eq(host(*status).returncode, 255)


def qm_can_return_at_once():
    eq(list(qm("1001", "--synchronous", "0", "--", "sleep", "1")), ["pid"])


def qm_passes_stdin_only_when_told_and_up_to_1_mib():
    eq(qm("1001", "--", "wc", "-c", input="12345")["out-data"].strip(), "0")
    eq(qm("1001", "--pass-stdin", "1", "--", "wc", "-c", input="x" * (1 << 20))["out-data"].strip(), str(1 << 20))
    done = host("qm", "guest", "exec", "1001", "--pass-stdin", "1", "--", "wc", "-c", input="x" * ((1 << 20) + 1))
    eq(done.returncode, 255)
    has(done.stderr, "1 MiB")


def qm_tells_a_missing_program_and_a_missing_agent():
    done = host("qm", "guest", "exec", "1001", "--", "no-such-program")
    eq((done.returncode, done.stdout), (255, ""))
    eq(host("qm", "agent", "1001", "ping").returncode, 0)
    eq(lab("fault", "agent-missing", "on").returncode, 0)
    done = host("qm", "guest", "exec", "1001", "--", "true")
    eq((done.returncode, done.stderr), (255, "QEMU guest agent is not running\n"))
    lab("fault", "agent-missing", "off")
    eq(qm("1001", "--", "true")["exitcode"], 0)


def a_stopped_machine_answers_as_the_real_one():
    eq(lab("fault", "guest-stopped", "1002", "on").returncode, 0)
    eq(host("qm", "status", "1002").stdout, "status: stopped\n")
    done = host("qm", "guest", "exec", "1002", "--", "true")
    eq((done.returncode, done.stderr), (255, "VM 1002 is not running\n"))
    eq(lab("fault", "guest-stopped", "1002", "off").returncode, 0)
    eq(qm("1002", "--", "true")["exitcode"], 0)


CHECKS = [
    pct_exec_passes_stdin_and_exit_status,
    pct_exec_of_a_missing_program_is_127,
    pct_exec_runs_as_the_guests_root,
    status_is_0_for_running_and_2_for_unknown,
    pct_push_truncates_in_place_with_the_guests_ids,
    pct_pull_brings_a_file,
    pct_config_names_mounts_and_privilege,
    lxc_info_gives_the_init_process,
    a_stopped_container_answers_as_the_real_one,
    qm_exits_0_whatever_the_command_did,
    qm_stops_waiting_and_the_command_goes_on,
    qm_can_return_at_once,
    qm_passes_stdin_only_when_told_and_up_to_1_mib,
    qm_tells_a_missing_program_and_a_missing_agent,
    a_stopped_machine_answers_as_the_real_one,
]
