"""Firewall rules: read, edited, simulated, rendered, tried."""

import ipaddress
import pickle
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

import phoenix_py
from phoenix_py import Rule, Selector


def test_a_rule_is_a_value():
    rule = Rule("in", "ACCEPT", source=ipaddress.ip_network("10.0.0.0/24"), proto="tcp", port=443, comment="web")
    assert (rule.direction, rule.action, rule.source, rule.proto, rule.port, rule.comment) == ("in", "ACCEPT", "10.0.0.0/24", "tcp", "443", "web")
    assert rule.enabled and (rule.macro_name, rule.iface, rule.dest, rule.sport, rule.icmp_type, rule.log) == (None,) * 6
    assert str(rule) == "IN ACCEPT -source 10.0.0.0/24 -p tcp -dport 443 # web"
    assert rule == Rule.from_dict(rule.to_dict()) == pickle.loads(pickle.dumps(rule))
    assert rule != Rule("in", "DROP") and hash(rule) == hash(Rule.from_dict(rule.to_dict()))
    assert Rule.from_dict({"direction": "out", "action": "DROP", "enabled": False}) == Rule("out", "DROP", enabled=False)


def test_a_rule_that_cannot_be_is_refused():
    for words, parameter in (
        ({"direction": "up", "action": "ACCEPT"}, "direction"),
        ({"direction": "in", "action": "PERHAPS!"}, "action"),
        ({"direction": "in", "action": "ACCEPT", "source": "10.0.0.1/24"}, "source"),
        ({"direction": "in", "action": "ACCEPT", "port": "1-2"}, "port"),
        ({"direction": "in", "action": "ACCEPT", "macro_name": "SSHH"}, "macro_name"),
    ):
        with pytest.raises(phoenix_py.ArgumentError) as caught:
            Rule(**words)
        assert caught.value.parameter == parameter and isinstance(caught.value, ValueError)
    with pytest.raises(TypeError, match="'port'"):
        Rule("in", "ACCEPT", port=1.5)


def test_what_proxmox_would_ignore_is_a_problem():
    assert Rule("in", "ACCEPT", proto="tcp", port=443).problems() == ()
    problem = Rule("in", "ACCEPT", port=443).problems("guest")[0]
    assert isinstance(problem, phoenix_py.RuleProblem)
    assert problem.field and problem.severity in ("error", "warning") and problem.message
    assert problem.help is None or problem.help
    with pytest.raises(phoenix_py.ArgumentError):
        Rule("in", "ACCEPT").problems("moon")


def test_rules_are_listed_with_their_places(sample):
    site = sample.site()
    lists = {rules.target: rules for rules in site.firewall_rules()}
    assert {"global", "vm:1001", "lxc:102"} <= set(lists)
    manager = lists["vm:1001"]
    assert isinstance(manager, phoenix_py.RuleList)
    assert manager.file.name == "phoenix_vm_configs.json" and manager.faults == () and manager.enabled
    first = manager[0]
    assert isinstance(first, phoenix_py.ListedRule)
    assert first.index == 0 and first.place.line > 1 and isinstance(first.rule, Rule) and first in manager
    assert [found.index for found in manager.rules] == list(range(len(manager)))
    (only,) = site.firewall_rules(["vm:1001"], Selector(port=2375))
    assert all("2375" in found.rule.port for found in only) and len(only) == 1
    with pytest.raises(phoenix_py.ArgumentError) as caught:
        site.firewall_rules(["vm"])
    assert caught.value.parameter == "targets"


def test_a_selector_is_a_value():
    selector = Selector(direction="in", action="ACCEPT", proto="tcp", port="80,443", source="10.0.0.1", dest="10.0.0.2", comment="x", index=3)
    assert (selector.direction, selector.action, selector.proto, selector.port) == ("in", "ACCEPT", "tcp", "80,443")
    assert (selector.source, selector.dest, selector.comment, selector.index) == ("10.0.0.1", "10.0.0.2", "x", 3)
    assert Selector.from_dict(selector.to_dict()) == selector
    with pytest.raises(phoenix_py.ArgumentError):
        Selector(direction="sideways")


def test_edits_change_what_they_say_and_show_it(sample):
    site = sample.site()
    rule = Rule("in", "ACCEPT", proto="tcp", port=8443, source="10.0.0.0/24", comment="ours")
    vms = sample.etc / "phoenix_vm_configs.json"
    before = vms.read_text()
    shown = site.firewall_add(["vm:1001"], rule, dry_run=True)
    assert isinstance(shown, phoenix_py.ChangeReport) and isinstance(shown[0], phoenix_py.FileChange)
    assert not shown.written and vms.read_text() == before and "8443" in shown[0].diff
    assert site.firewall_add(["vm:1001"], rule, before=0).written
    assert len(site.firewall_add(["vm:1001"], rule)) == 0, "a rule that is there is not added again"
    ours = Selector(comment="ours")
    change = site.firewall_set(["vm:1001"], ours, {"port": 9443, "source": None, "log": "info", "enabled": False})
    assert change.files[0].path.name == "phoenix_vm_configs.json" and change.files[0].reasons and change.files[0].notes == ()
    ((found,),) = site.firewall_rules(["vm:1001"], ours)
    assert (found.rule.port, found.rule.source, found.rule.log, found.rule.enabled) == ("9443", None, "info", False)
    site.firewall_enable(["vm:1001"], True, ours)
    site.firewall_move(["vm:1001"], ours, after=1)
    ((found,),) = site.firewall_rules(["vm:1001"], ours)
    assert found.index == 1 and found.rule.enabled
    site.firewall_set_port(["vm:1001"], ours, 7443)
    assert site.firewall_rules(["vm:1001"], ours)[0][0].rule.port == "7443"
    site.firewall_remove(["vm:1001"], ours)
    assert len(site.firewall_rules(["vm:1001"], ours)[0]) == 0
    assert isinstance(site.firewall_dedupe(["vm:1001"], ignore_comments=True, dry_run=True), phoenix_py.ChangeReport)


def test_what_does_not_match_is_refused_with_what_is_there(sample):
    site = sample.site()
    with pytest.raises(phoenix_py.RefusedError) as caught:
        site.firewall_set(["vm:1001"], Selector(comment="no such rule"), {"port": 1})
    assert caught.value.faults and caught.value.code == "faults"
    for call, parameter in (
        (lambda: site.firewall_remove([], Selector()), "targets"),
        (lambda: site.firewall_move(["vm:1001"], Selector(index=0)), "before"),
        (lambda: site.firewall_move(["vm:1001"], Selector(index=0), before=1, after=2), "after"),
        (lambda: site.firewall_set(["vm:1001"], Selector(index=0), {"portt": 1}), "portt"),
    ):
        with pytest.raises(phoenix_py.ArgumentError) as caught:
            call()
        assert caught.value.parameter == parameter


def test_who_would_lock_himself_out_is_refused(sample):
    site = sample.site()
    rules = [rule for rules in site.firewall_rules(["global"]) for rule in rules]
    ssh = [found for found in rules if found.rule.port == "22" or found.rule.macro_name == "SSH"]
    if not ssh:
        site.firewall_add(["global"], Rule("in", "ACCEPT", proto="tcp", port=22, comment="ssh"))
        selector = Selector(comment="ssh")
    else:
        selector = Selector(index=ssh[0].index)
    drop = Rule("in", "DROP", proto="tcp", port=22)
    with pytest.raises(phoenix_py.RefusedError):
        site.firewall_add(["global"], drop, before=0)
    assert site.firewall_add(["global"], drop, before=0, allow_lockout=True, dry_run=True).files
    assert selector is not None


def test_a_connection_is_judged(sample):
    verdict = sample.site().firewall_test("lxc:102", "vm:1001", port=2375)
    assert isinstance(verdict, phoenix_py.FirewallVerdict)
    assert verdict.admitted == (verdict.verdict == "ACCEPT")
    assert (verdict.from_, verdict.to, verdict.proto, verdict.port) == ("lxc:102", "vm:1001", "tcp", 2375)
    assert verdict.dest_address == ipaddress.ip_address(verdict.dest) and verdict.source_address == ipaddress.ip_address(verdict.source)
    assert isinstance(verdict.decision, (dict, str)) and str(verdict)
    assert verdict.list is None or ":" in verdict.list or verdict.list == "global"
    if verdict.rule is not None:
        assert verdict.rule.place.line > 0
    outside = sample.site().firewall_test("outside", ipaddress.ip_address(verdict.dest), port=2375)
    assert outside.to
    with pytest.raises(phoenix_py.ArgumentError) as caught:
        sample.site().firewall_test("moon", "host", port=22)
    assert caught.value.parameter == "from_"


def test_an_edit_changes_the_verdict(sample):
    site = sample.site()
    assert not site.firewall_test("lxc:101", "vm:1001", port=4999).admitted
    site.firewall_add(["vm:1001"], Rule("in", "ACCEPT", proto="tcp", port=4999))
    site.firewall_add(["lxc:101"], Rule("out", "ACCEPT", proto="tcp", port=4999))
    after = site.firewall_test("lxc:101", "vm:1001", port=4999)
    assert after.admitted and after.rule.rule.port == "4999"


def test_the_matrix_says_who_reaches_what(sample):
    matrix = sample.site().firewall_matrix()
    assert isinstance(matrix, phoenix_py.Matrix) and len(matrix) == len(matrix.cells) > 0
    cell = matrix[0]
    assert isinstance(cell, phoenix_py.MatrixCell)
    assert cell.from_ and cell.to and isinstance(cell.tcp, str) and isinstance(cell.udp, str) and isinstance(cell.ping, bool)
    assert cell.to_dict()["from"] == cell.from_ and cell in matrix and str(matrix)
    assert matrix.changes is None or isinstance(matrix.changes, tuple)


@pytest.fixture
def proxmox(sample):
    """A Proxmox host with an old file for one guest."""
    firewall = sample.root / "etc/pve/firewall"
    firewall.mkdir(parents=True)
    (firewall / "1001.fw").write_text("[OPTIONS]\nenable: 1\n\n[RULES]\nIN ACCEPT -p tcp -dport 22 # by hand\n")
    return sample


def test_rules_are_rendered_into_proxmox_files(proxmox):
    site = proxmox.site()
    for change in site.firewall_matrix().changes or ():
        assert isinstance(change, phoenix_py.MatrixChange) and change.from_ and change.to
        assert change.before is None or isinstance(change.before, phoenix_py.MatrixCell)
        assert change.after is None or isinstance(change.after, phoenix_py.MatrixCell)
    shown = site.firewall_render(dry_run=True, allow_lockout=True)
    assert not shown.written and any(file.path.name == "1001.fw" for file in shown)
    assert site.firewall_render(allow_lockout=True).written
    assert "[phx:" in (proxmox.root / "etc/pve/firewall/1001.fw").read_text()
    assert isinstance(site.firewall_matrix(installed=True), phoenix_py.Matrix)


def test_rules_on_trial_are_confirmed_or_go(proxmox):
    site = proxmox.site()
    old = (proxmox.root / "etc/pve/firewall/1001.fw").read_text()
    watched = []
    trial = site.firewall_try(timedelta(seconds=60), allow_lockout=True, watch=watched.append)
    assert isinstance(trial, phoenix_py.FirewallTrial)
    assert trial.written and watched == [site] or watched[0].path == site.path
    assert trial.until > datetime.now(timezone.utc) and trial.in_force and trial.end is None and trial.files
    assert isinstance(trial.warnings, tuple)
    with pytest.raises(phoenix_py.RefusedError):
        site.firewall_try(allow_lockout=True, watch=watched.append)
    assert site.firewall_await(lambda: True) == "reverted"
    assert (proxmox.root / "etc/pve/firewall/1001.fw").read_text() == old
    with pytest.raises(phoenix_py.RefusedError):
        site.firewall_confirm()
    site.firewall_try(allow_lockout=True, watch=watched.append)
    assert any(path.name == "1001.fw" for path in site.firewall_confirm())
    assert site.firewall_await() is None
    assert (proxmox.root / "etc/pve/firewall/1001.fw").read_text() != old


def test_what_watch_raises_leaves_all_files_alone(proxmox):
    def watch(site):
        raise OSError("no more processes")

    old = (proxmox.root / "etc/pve/firewall/1001.fw").read_text()
    with pytest.raises(phoenix_py.FirewallError, match="no more processes") as caught:
        proxmox.site().firewall_try(allow_lockout=True, watch=watch)
    assert caught.value.stage == "firewall"
    assert (proxmox.root / "etc/pve/firewall/1001.fw").read_text() == old


def test_what_the_program_put_in_force_goes_when_it_dies(proxmox):
    code = f"""
import datetime, os, phoenix_py
site = phoenix_py.Site.open(root={str(proxmox.root)!r})
trial = site.firewall_try(datetime.timedelta(seconds=1), allow_lockout=True)
assert trial.written
os._exit(9)
"""
    old = (proxmox.root / "etc/pve/firewall/1001.fw").read_text()
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 9
    assert (proxmox.root / "etc/pve/firewall/1001.fw").read_text() != old
    deadline = datetime.now(timezone.utc) + timedelta(seconds=20)
    while (proxmox.root / "etc/pve/firewall/1001.fw").read_text() != old:
        assert datetime.now(timezone.utc) < deadline, "nobody took it back"
        phoenix_py.Site.open(root=proxmox.root).firewall_await()


def test_what_raises_while_waiting_takes_the_change_back(proxmox):
    def give_up():
        raise ZeroDivisionError

    site = proxmox.site()
    site.firewall_try(allow_lockout=True, watch=lambda site: None)
    with pytest.raises(ZeroDivisionError):
        site.firewall_await(give_up)
    assert site.recover().waits_until is None
