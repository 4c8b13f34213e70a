"""What goes wrong: each time the old state serves, the error says why, and the next run completes."""

import json
import os
import signal
import subprocess
import time

from .ask import LAB, eq, guest, has, host, lab, soon
from .link import PHOENIX, ROOT, changing, migrated, mutual_tls_holds, phoenix, plain_docker_serves, report, started


def failing(*, fault, arguments=(), expect, repaired=True, plain=True):
    """Exit 1, a clear error, the old state serving; once the fault is gone, the next run completes."""
    eq(lab("fault", fault, *arguments, "on").returncode, 0)
    done = phoenix("sync", "all")
    eq(done.returncode, 1)
    has(done.stdout + done.stderr, expect)
    if plain:
        assert plain_docker_serves(), "the old state does not serve"
    eq(lab("fault", fault, *arguments, "off").returncode, 0)
    if repaired:
        done = phoenix("sync", "all")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        mutual_tls_holds()


def with_the_ca_stopped_nothing_moves_and_the_next_run_completes():
    migrated()
    failing(fault="ca-stopped", expect="could not reach")


def with_a_wrong_password_nothing_moves_and_the_next_run_completes():
    migrated()
    failing(fault="wrong-password", expect="password")


def with_traefiks_guest_stopped_docker_does_not_move_alone():
    migrated()
    eq(lab("fault", "guest-stopped", "102", "on").returncode, 0)
    done = phoenix("sync", "all")
    eq(done.returncode, 1)
    has(done.stdout, "stopped")
    has(guest("1001", "ss", "-ltn").stdout, ":2375 ")
    eq(lab("fault", "guest-stopped", "102", "off").returncode, 0)
    done = phoenix("sync", "all")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    mutual_tls_holds()


def a_command_that_fails_while_qm_exits_0_is_seen_and_undone():
    """The first restart fails inside the guest, `qm` exits 0 as always; the restart of the undo works."""
    migrated()
    before = guest("1001", "cat", "/etc/docker/daemon.json").stdout
    wrapper = """#!/bin/sh
if [ "$*" = "restart docker.service" ] && mkdir /tmp/failed-once 2>/dev/null; then echo planted >&2; exit 5; fi
exec /usr/bin/systemctl "$@"
"""
    eq(guest("1001", "sh", "-c", "cat > /usr/local/sbin/systemctl && chmod 755 /usr/local/sbin/systemctl", input=wrapper).returncode, 0)
    done = phoenix("sync", "all")
    eq(done.returncode, 1)
    has(done.stdout, "ended with status 5 in the guest")
    eq(guest("1001", "cat", "/etc/docker/daemon.json").stdout, before)
    eq(guest("1001", "ls", "/etc/systemd/system/docker.service.d").stdout.split(), ["10-daemon-json-hosts.conf"])
    soon("the plain daemon", plain_docker_serves, 40)
    eq(guest("1001", "rm", "-r", "/usr/local/sbin/systemctl", "/tmp/failed-once").returncode, 0)
    # Nobody watches: a restart that failed is left alone for an hour, and said to be.
    docker = started("1001", "docker")
    done, data = report("sync", "all", "--unattended")
    eq((done, "tried again after" in json.dumps(data["blocked"]), started("1001", "docker")), (1, True, docker))
    pending = json.loads(phoenix("--output-format", "json", "pending", "list").stdout)
    eq([(item["kind"]["kind"], item["tries"]) for item in pending if item["kind"]["kind"] == "restart"], [("restart", 1)])
    # Somebody who runs it by hand has repaired something: it is tried at once.
    done = phoenix("sync", "all")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    mutual_tls_holds()
    eq(json.loads(phoenix("--output-format", "json", "pending", "list").stdout), [])
    quiet = phoenix("sync", "all", "--unattended", "-q")
    eq((quiet.returncode, quiet.stdout, quiet.stderr), (0, "", ""))


def a_dockerd_that_refuses_its_file_keeps_the_old_state():
    migrated()
    failing(fault="dockerd-refuses", expect="live-restore")


def a_template_that_traefik_refuses_stops_before_docker_moves():
    migrated()
    failing(fault="traefik-refuses", expect="Traefik does not start")


def a_run_killed_in_the_middle_is_completed_by_the_next():
    migrated()
    stopped = subprocess.Popen([LAB, "host", PHOENIX, "sync", "all"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    time.sleep(2)
    subprocess.run(["pkill", "-INT", "-f", f"^{PHOENIX} sync all"])
    shown, _ = stopped.communicate(timeout=120)
    eq((stopped.returncode, "the run was stopped" in shown), (1, True))
    for seconds in (0.6, 1.5, 3.0, 5.0, 7.5, 9.0):
        run = subprocess.Popen([LAB, "host", PHOENIX, "sync", "all"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True)
        time.sleep(seconds)
        killed = subprocess.run(["pkill", "-KILL", "-f", f"^{PHOENIX} sync all"])
        os.killpg(run.pid, signal.SIGKILL) if run.poll() is None and killed.returncode else None
        run.wait()
    done = phoenix("sync", "all")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    mutual_tls_holds()
    done, data = report("sync", "all")
    eq((done, changing(data)), (0, []))


def a_changed_root_stops_the_run_until_it_is_trusted():
    migrated()
    eq(phoenix("sync", "all").returncode, 0)
    kept = host("cat", ROOT).stdout
    host("sh", "-c", f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=other -days 2 -out {ROOT} 2>/dev/null")
    done = phoenix("sync", "all")
    eq(done.returncode, 1)
    has(done.stderr, "phoenix ca trust --fingerprint")
    host("sh", "-c", f"cat > {ROOT}", input=kept)
    eq(phoenix("sync", "all").returncode, 0)


SCENARIOS = [
    with_the_ca_stopped_nothing_moves_and_the_next_run_completes,
    with_a_wrong_password_nothing_moves_and_the_next_run_completes,
    with_traefiks_guest_stopped_docker_does_not_move_alone,
    a_command_that_fails_while_qm_exits_0_is_seen_and_undone,
    a_dockerd_that_refuses_its_file_keeps_the_old_state,
    a_template_that_traefik_refuses_stops_before_docker_moves,
    a_run_killed_in_the_middle_is_completed_by_the_next,
    a_changed_root_stops_the_run_until_it_is_trusted,
]
