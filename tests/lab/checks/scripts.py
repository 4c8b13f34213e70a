"""The old scripts, each replaced alone while the others stay, called as their callers call them, and brought back."""

import contextlib
import json

from .ask import SITE, eq, guest, has, host, lab, qm, soon
from .link import PHOENIX, ROOT, migrated, mutual_tls_holds, phoenix, started

BIN = f"{SITE}/bin"
MANAGER = f"{BIN}/managers/certificate-renewal-manager.sh"
BOOTSTRAP = f"{BIN}/hypervisor_setup/hypervisor_feature_bootstrap_step_cli.sh"
FIREWALL = f"{BIN}/hypervisor_setup/hypervisor_feature_setup_firewall.sh"
AUTO = f"{BIN}/hypervisor_setup/hypervisor_feature_setup_auto_renewal.sh"
PROXY = f"{BIN}/vm_features/feature_install_docker_proxy.sh"
VM_TRUST = f"{BIN}/vm_features/feature_install_trusted_ca.sh"
LXC_TRUST = f"{BIN}/lxc_setup/phoenix_hypervisor_feature_install_trusted_ca.sh"
TRAEFIK = f"{BIN}/lxc_setup/phoenix_hypervisor_feature_install_traefik.sh"
ROUTES = f"{BIN}/generate_traefik_config.sh"
CRON = "/etc/cron.d/phoenix-cert-renewal"


def files(*places):
    """Path, mode, owner and digest of every file, as find and sha256sum have them."""
    look = "find \"$@\" -type f -printf '%p %m %u:%g\\n' -exec sha256sum {} + | sort"
    return host("sh", "-c", look, "sh", *places).stdout


@contextlib.contextmanager
def replaced(script):
    """Phoenix in one script's place; the others are what they were, and afterwards this one is, too."""
    before = files(BIN)
    done = phoenix("scripts", "replace", script)
    eq((done.returncode, done.stderr), (0, ""))
    changed = set(before.splitlines()) - set(files(BIN).splitlines())
    eq({line.split()[-1] if len(line.split()) == 2 else line.split()[0] for line in changed}, {script})
    yield
    done = phoenix("scripts", "restore", script)
    eq((done.returncode, done.stderr), (0, ""))
    eq(files(BIN), before)


def ways(script, *words):
    """As a file, sourced, and as a text: each gives status and what was said."""
    text = host("cat", script).stdout
    for argv in (
        ["bash", script, *words],
        ["bash", "-c", '. "$0" "$@"', script, *words],
        ["bash", "-c", text, "bash", *words],
    ):
        done = host(*argv)
        yield done.returncode, done.stdout + done.stderr


def said(done):
    return done.returncode, done.stdout + done.stderr


def the_renewal_manager_alone():
    line = host("cat", CRON).stdout.split(None, 6)[6].strip()
    # Traefik does not run in the starting state, and reloading it fails.
    migrated()
    eq(phoenix("sync", "all").returncode, 0)
    with replaced(MANAGER):
        for status, text in ways(MANAGER):
            eq((status, text if status else ""), (0, ""))
        docker, nginx = started("1001", "docker"), started("101", "nginx")
        # By cron, with cron's own line and environment.
        done = host("env", "-i", "HOME=/root", "SHELL=/bin/sh", "PATH=/usr/bin:/bin:" + path_of_tools(), "sh", "-c", f"bash {line}")
        eq(said(done), (0, ""))
        eq((started("1001", "docker"), started("101", "nginx")), (docker, nginx))
        for status, text in ways(MANAGER, "--froce"):
            eq(status, 2)
            has(text, "usage:")
        eq(lab("fault", "ca-stopped", "on").returncode, 0)
        done = host("bash", MANAGER, "--force")
        eq(done.returncode, 1)
        has(done.stdout + done.stderr, "10.0.0.10:9000")
        eq(lab("fault", "ca-stopped", "off").returncode, 0)


def path_of_tools():
    return host("sh", "-c", 'dirname "$(command -v pct)"').stdout.strip()


def the_step_bootstrap_alone_and_the_old_manager_goes_on_with_it():
    step = "STEPPATH=/var/lib/phoenix/step-of-the-lab"
    with replaced(BOOTSTRAP):
        # The old manager sources it, and asks the CA by the step CLI with what it wrote.
        host("rm", "-f", "/etc/docker/certs.d/server-cert.pem", "/etc/docker/certs.d/server-key.pem")
        done = host("env", step, "bash", MANAGER)
        eq(done.returncode, 0)
        eq(host("openssl", "verify", "-CAfile", ROOT, "-untrusted", "/etc/docker/certs.d/server-cert.pem", "/etc/docker/certs.d/server-cert.pem").returncode, 0)
        defaults = json.loads(host("cat", "/var/lib/phoenix/step-of-the-lab/config/defaults.json").stdout)
        eq(defaults["ca-url"], "https://10.0.0.10:9000")
        eq(host("env", step, "step", "ca", "health").stdout.strip(), "ok")
        # Nothing of a caller changes, with the CA away, too.
        eq(lab("fault", "ca-stopped", "on").returncode, 0)
        caller = 'before=$-; . "$0"; echo "status $? $before $- $CA_URL"; log_info here'
        done = host("env", step, "bash", "-euc", caller, BOOTSTRAP)
        eq(done.returncode, 0)
        words = done.stdout.split()
        eq(words[:2], ["status", "0"])
        eq(words[2], words[3])
        has(done.stdout, "https://10.0.0.10:9000")
        eq(lab("fault", "ca-stopped", "off").returncode, 0)


def the_docker_script_alone_looks_in_the_machine_and_changes_nothing():
    with replaced(PROXY):
        eq(run_in_machine(PROXY)[0], 1)
        has(run_in_machine(PROXY)[1], "plain port 2375")
    migrated()
    eq(phoenix("sync", "all").returncode, 0)
    with replaced(PROXY):
        before = guest("1001", "sha256sum", "/etc/docker/daemon.json").stdout
        docker = started("1001", "docker")
        status, text = run_in_machine(PROXY)
        eq((status, text if status else ""), (0, ""))
        has(text, "Docker serves TLS on port 2376")
        # On the host it is about that machine.
        eq(said(host("bash", PROXY, "1001"))[0], 0)
        eq(said(host("bash", PROXY, "nine"))[0], 2)
        eq(guest("1001", "sha256sum", "/etc/docker/daemon.json").stdout, before)
        eq(started("1001", "docker"), docker)
    mutual_tls_holds()


def run_in_machine(script):
    """Copied into the VM and run there; and the same as a text by the guest agent: both must say the same."""
    text = host("cat", script).stdout
    place = "/mnt/persistent/.phoenix_scripts"
    eq(guest("1001", "sh", "-c", f"mkdir -p {place} && cat > {place}/script.sh", input=text).returncode, 0)
    copied = guest("1001", "bash", f"{place}/script.sh")
    told = qm("1001", "--", "bash", "-c", text)
    eq(told["exitcode"], copied.returncode)
    return copied.returncode, copied.stdout + copied.stderr


def the_traefik_script_alone():
    migrated()
    eq(phoenix("sync", "all").returncode, 0)
    unit = guest("102", "cat", "/etc/systemd/system/traefik.service").stdout
    with replaced(TRAEFIK):
        eq(said(host("bash", TRAEFIK))[0], 2)
        done = host("bash", TRAEFIK, "102", "https://10.0.0.10:9000")
        eq((done.returncode, done.stderr if done.returncode else ""), (0, ""))
        has(guest("102", "cat", "/etc/systemd/system/traefik.service").stdout, "ExecReload=/usr/bin/pkill -HUP traefik")
        eq(guest("102", "test", "-d", "/etc/traefik/dynamic").returncode, 0)
        eq(lab("fault", "guest-stopped", "102", "on").returncode, 0)
        eq(said(host("bash", TRAEFIK, "102"))[0], 1)
        eq(lab("fault", "guest-stopped", "102", "off").returncode, 0)
        soon("Traefik's guest", lambda: guest("102", "systemctl", "is-active", "traefik").stdout.strip() == "active", 60)
    eq(phoenix("sync", "all").returncode, 0)
    mutual_tls_holds()
    guest("102", "sh", "-c", "cat > /etc/systemd/system/traefik.service && systemctl daemon-reload", input=unit)


def the_routes_script_alone_on_the_host_and_as_a_copy_in_the_container():
    with replaced(ROUTES):
        for status, text in ways(ROUTES):
            eq((status, text if status else ""), (0, ""))
        has(host("cat", f"{SITE}/etc/traefik/dynamic_conf.yml").stdout, "nginx-router")
        text = host("cat", ROUTES).stdout
        guest("102", "sh", "-c", "mkdir -p /etc/traefik/dynamic && [ -s /etc/traefik/dynamic/dynamic_conf.yml ] || echo 'http: {}' > /etc/traefik/dynamic/dynamic_conf.yml")
        done = host("pct", "exec", "102", "--", "bash", "-c", text)
        eq(done.returncode, 0)
        has(done.stdout, "the host makes")


def the_firewall_script_alone():
    with replaced(FIREWALL):
        done = host("bash", FIREWALL, f"{SITE}/etc/phoenix_hypervisor_config.json")
        eq((done.returncode, done.stderr if done.returncode else ""), (0, ""))
        has(host("cat", "/etc/pve/firewall/1001.fw").stdout, "[phx:")
        eq(said(host("bash", FIREWALL, "/etc/hosts"))[0], 2)


def the_trust_scripts_each_alone():
    def trusts(who):
        mark = host("sh", "-c", f"tail -n 3 {ROOT} | head -n 1").stdout.strip()
        return guest(who, "grep", "-qxF", "-e", mark, "/etc/ssl/certs/ca-certificates.crt").returncode == 0

    def forget(who):
        guest(who, "sh", "-c", "rm -f /usr/local/share/ca-certificates/phoenix*; update-ca-certificates --fresh >/dev/null 2>&1")
        eq(trusts(who), False)

    forget("101")
    with replaced(LXC_TRUST):
        done = host("bash", LXC_TRUST, "101")
        eq((done.returncode, done.stderr if done.returncode else ""), (0, ""))
        eq(trusts("101"), True)
        eq(said(host("bash", LXC_TRUST))[0], 2)
    forget("101")
    forget("1001")
    with replaced(VM_TRUST):
        status, text = run_in_machine(VM_TRUST)
        eq((status, text if status else ""), (0, ""))
        eq(trusts("1001"), True)
        docker = started("1001", "docker")
        eq(run_in_machine(VM_TRUST)[0], 0)
        eq(started("1001", "docker"), docker)
    forget("1001")


def the_dispatcher_passes_what_is_not_ours():
    place = f"{BIN}/dispatch/phoenix"
    log = "/var/lib/phoenix/dispatched"
    stub = f'#!/bin/bash\nprintf "<%s>" "$@" >>{log}; echo >>{log}\n[ "$1" != stop ] || exit 7\n'
    host("sh", "-c", f"mkdir -p {BIN}/dispatch && cat > {place} && chmod 755 {place}", input=stub)
    before = files(BIN)
    eq(phoenix("scripts", "replace", "phoenix", "--at", place).returncode, 0)
    done = host(place, "create", "9 9")
    eq(done.returncode, 0)
    has(done.stderr, "create 9 9: by ")
    eq(host(place, "stop", "9").returncode, 7)
    eq(host("cat", log).stdout, "<create><9 9>\n<stop><9>\n")
    eq(host(place, "plan", "certs").returncode, 0)
    eq(host("cat", log).stdout.count("\n"), 2)
    eq(phoenix("scripts", "restore", "phoenix", "--at", place).returncode, 0)
    eq(files(BIN), before)


def the_cron_script_alone_gives_way_to_a_timer_and_comes_back():
    """The host's view has no systemd of its own: what it would be told is written down. The timer itself is tried below."""
    log, tools = "/var/lib/phoenix/told-to-systemd", "/var/lib/phoenix/tools-of-the-lab"
    stub = f'#!/bin/sh\necho "$*" >>{log}\n'
    host("sh", "-c", f"mkdir -p {tools} && cat > {tools}/systemctl && chmod 755 {tools}/systemctl", input=stub)
    search = host("sh", "-c", "echo $PATH").stdout.strip()
    with_stub = ["env", f"PATH={tools}:{search}"]
    scripts, cron = files(BIN), files("/etc/cron.d")
    eq(phoenix("scripts", "replace", AUTO).returncode, 0)
    done = host(*with_stub, "bash", AUTO)
    eq((done.returncode, done.stderr if done.returncode else ""), (0, ""))
    eq(host("ls", "/etc/cron.d").stdout.split(), ["phoenix-cert-renewal.before-phoenix"])
    has(host("cat", log).stdout, "enable --now phoenix-sync.timer")
    files_of_units = [f"/etc/systemd/system/phoenix-sync.{kind}" for kind in ("service", "timer")]
    eq(host("systemd-analyze", "verify", *files_of_units).returncode, 0)
    eq(host(*with_stub, PHOENIX, "scripts", "restore", AUTO).returncode, 0)
    eq((files(BIN), files("/etc/cron.d")), (scripts, cron))
    eq(host("sh", "-c", "ls /etc/systemd/system | grep phoenix-sync").stdout, "")


def a_timer_starts_the_service_and_a_failure_is_told():
    """In a machine with a real systemd: the units as they are printed, their sandbox, the notice, and nothing left."""
    program, site, state = "/mnt/persistent/phoenix-under-test", "/srv/timer-site", "/var/lib/timer-state"
    eq(host("cp", PHOENIX, "/mnt/pve/tank/vm-persistent-data/1001/phoenix-under-test").returncode, 0)
    if guest("1001", "test", "-x", program).returncode != 0:
        eq(guest("1001", "sh", "-c", "cat /proc/mounts | grep persistent").stdout, "a mount of that directory")
    manifest = [
        {
            "common_name": "timer.internal.example",
            "cert_path": "/srv/timer-pair/a.crt",
            "key_path": "/srv/timer-pair/a.key",
            "owner": "root:root",
            "permissions": "600",
            "post_renewal_command": "touch /srv/timer-pair/hook-ran",
        }
    ]
    guest("1001", "mkdir", "-p", f"{site}/etc", "/srv/timer-pair")
    guest("1001", "sh", "-c", f"cat > {site}/etc/certificate-manifest.json", input=json.dumps(manifest))
    guest("1001", "sh", "-c", f"cat > {site}/etc/phoenix_hypervisor_config.json", input='{"domain_name": "internal.example"}')
    places = [program, "--site", site, "--state", state]
    units = ["--program", program, "--scope", "certs", "--on-calendar", "*-*-* *:*:00/5", "--delay", "1"]
    try:
        done = guest("1001", *places, "systemd", "install", *units)
        eq((done.returncode, done.stderr if done.returncode else ""), (0, ""))
        eq(guest("1001", "systemctl", "is-active", "phoenix-sync.timer").stdout.strip(), "active")
        eq(guest("1001", "systemctl", "is-enabled", "phoenix-sync.timer").stdout.strip(), "enabled")

        def service(name):
            return guest("1001", "systemctl", "show", "phoenix-sync.service", "-p", name, "--value").stdout.strip()

        soon("the timer's first run", lambda: service("ExecMainExitTimestampMonotonic") not in ("", "0"), 90)
        eq((service("Result"), guest("1001", "journalctl", "-u", "phoenix-sync", "-o", "cat", "--no-pager").stdout if service("Result") != "success" else ""), ("success", ""))
        eq(guest("1001", "test", "-f", "/srv/timer-pair/a.crt").returncode, 0)
        eq(guest("1001", "test", "-f", "/srv/timer-pair/hook-ran").returncode, 0)
        # A run that fails is told once: by the unit that is started for it.
        guest("1001", "sh", "-c", f"echo '[' > {site}/etc/certificate-manifest.json")
        soon("the notice of a failure", lambda: "phoenix-sync failed" in guest("1001", "journalctl", "-t", "phoenix-sync", "-o", "cat", "--no-pager").stdout, 90)
        soon("a failed run between two", lambda: service("Result") == "exit-code")
        eq(guest("1001", "systemctl", "show", "phoenix-sync-failed.service", "-p", "Result", "--value").stdout.strip(), "success")
        # In its sandbox what a run writes can be written, and nothing else.
        eq(guest("1001", "systemctl", "stop", "phoenix-sync.timer").returncode, 0)
        for place, status in (("/srv/timer-pair/written", "success"), ("/etc/written", "exit-code"), ("/usr/local/written", "exit-code")):
            dropin = f"[Service]\nExecStart=\nExecStart=/bin/touch {place}\n"
            guest("1001", "sh", "-c", "mkdir -p /etc/systemd/system/phoenix-sync.service.d && cat > /etc/systemd/system/phoenix-sync.service.d/probe.conf && systemctl daemon-reload", input=dropin)
            guest("1001", "systemctl", "reset-failed", "phoenix-sync.service")
            guest("1001", "systemctl", "start", "phoenix-sync.service")
            eq((place, service("Result")), (place, status))
        guest("1001", "sh", "-c", "rm -r /etc/systemd/system/phoenix-sync.service.d && systemctl daemon-reload && systemctl start phoenix-sync.timer")
        guest("1001", "sh", "-c", f"cat > {site}/etc/certificate-manifest.json", input=json.dumps(manifest))
        eq(guest("1001", *places, "systemd", "remove").returncode, 0)
        assert guest("1001", "systemctl", "is-active", "phoenix-sync.timer").stdout.strip() != "active"
        eq(guest("1001", "sh", "-c", "ls /etc/systemd/system | grep -c phoenix-sync").stdout.strip(), "0")
    finally:
        guest("1001", "sh", "-c", f"systemctl disable --now phoenix-sync.timer; rm -rf {site} {state} /srv/timer-pair {program} /etc/systemd/system/phoenix-sync*; systemctl daemon-reload")


SCENARIOS = [
    the_renewal_manager_alone,
    the_step_bootstrap_alone_and_the_old_manager_goes_on_with_it,
    the_docker_script_alone_looks_in_the_machine_and_changes_nothing,
    the_traefik_script_alone,
    the_routes_script_alone_on_the_host_and_as_a_copy_in_the_container,
    the_firewall_script_alone,
    the_trust_scripts_each_alone,
    the_dispatcher_passes_what_is_not_ours,
    the_cron_script_alone_gives_way_to_a_timer_and_comes_back,
    a_timer_starts_the_service_and_a_failure_is_told,
]
