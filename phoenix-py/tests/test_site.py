"""A site on a copy of a host: plans, runs, what they say."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import phoenix_py
from conftest import SITE, entry, is_hex


def tree(root):
    return sorted(str(path) for path in root.rglob("*"))


def test_a_plan_says_what_and_why_and_writes_nothing(host):
    before = tree(host.root)
    plan = host.site().plan()
    assert plan.has_work
    issue = plan["issue web.internal.example"]
    assert isinstance(issue, phoenix_py.Step)
    assert (issue.kind, issue.certificate, issue.changes) == ("issue", "web.internal.example", True)
    assert issue.reasons and all(isinstance(reason, str) and reason for reason in issue.reasons)
    assert issue.action["key_type"] == "ec-p256"
    deploy = next(step for step in plan if step.kind == "deploy")
    assert deploy.needs == (issue.id,) and deploy.undo == "previous-pair" and deploy.unit is None
    assert deploy.after == ()
    assert tree(host.root) == before


def test_a_plan_is_a_sequence_of_steps(host):
    plan = host.site().plan(scope="certs", only=["web.internal.example"])
    assert len(plan) == len(plan.steps) == len(list(plan))
    assert plan[0] == plan.steps[0] and plan[-1:] == plan.steps[-1:]
    assert plan[0] in plan and plan[0].id in plan and "none" not in plan and 3 not in plan
    with pytest.raises(KeyError):
        plan["none"]
    with pytest.raises(IndexError):
        plan[99]
    assert plan.kept == plan.blocked == ()
    assert isinstance(plan.notes, tuple)
    assert plan.decided.tzinfo is timezone.utc
    assert "embedded CA" in plan.authority
    assert "web.internal.example" in str(plan)
    assert repr(plan).startswith("<Plan of ")


def test_a_plan_is_plain_data_too(host):
    plan = host.site(state="/var/lib/elsewhere").plan()
    data = plan.to_dict()
    assert [step["id"] for step in data["steps"]] == [step.id for step in plan.steps]
    assert json.loads(json.dumps(data)) == data


def test_a_run_does_what_its_plan_says(host):
    site = host.site()
    plan = site.plan()
    report = site.apply(plan)
    assert report.ok and report.exit_status == 0 and report.changes_done == 2
    report.raise_for_status()
    assert [outcome.status for outcome in report] == ["done"] * len(report)
    assert all(isinstance(outcome, phoenix_py.Outcome) for outcome in report)
    assert {outcome.step for outcome in report} == {step.id for step in plan}
    assert (report.recovered, report.unfinished, report.blocked) == ((), None, ())
    deploy = next(outcome for outcome in report if outcome.step.startswith("deploy"))
    assert deploy.changes and deploy.certificate == "web.internal.example" and deploy.errors == ()
    assert isinstance(deploy.leaf, phoenix_py.LeafChange)
    assert deploy.leaf.old is None and is_hex(deploy.leaf.new)
    assert host.path("/srv/tls/web.internal.example.key").stat().st_mode & 0o777 == 0o600
    assert "web.internal.example" in str(report)
    again = site.sync()
    assert again.ok and len(again) == 0
    (kept,) = again.kept
    assert isinstance(kept, phoenix_py.Kept)
    assert kept.certificate == "web.internal.example" and not kept.held and kept.brought_back is None
    assert datetime.now(timezone.utc) < kept.due < kept.not_after


@pytest.mark.parametrize("form", ["data", "text"])
def test_a_plan_that_was_written_down_is_applied(host, form):
    site = host.site()
    data = site.plan().to_dict()
    report = site.apply(data if form == "data" else json.dumps(data), deadline=timedelta(minutes=5))
    assert report.ok


def test_a_dry_run_writes_nothing(host):
    before = tree(host.root)
    report = host.site().sync(dry_run=True)
    assert {outcome.status for outcome in report} == {"would-run"}
    assert tree(host.root) == before


def test_the_status_is_that_of_each_certificate(host):
    site = host.site()
    status = site.status()
    assert isinstance(status, phoenix_py.SiteStatus)
    (web,) = status
    assert isinstance(web, phoenix_py.CertificateStatus)
    assert (web.state, web.not_after, web.due, web.held) == ("missing", None, None, False)
    assert web.work and status.last_run is None and status.pending == () and status.blocked == ()
    site.sync()
    status = site.status()
    (web,) = status.certificates
    assert web.certificate == "web.internal.example" and web.state == "good" and web.work == ()
    (place,) = web.places
    assert isinstance(place, phoenix_py.PlaceStatus)
    assert place.good and place.place == "/srv/tls/web.internal.example.crt" and place.detail == ""
    run = status.last_run
    assert isinstance(run, phoenix_py.LastRun)
    assert (run.exit_status, run.done, run.failed, run.error) == (0, 2, (), None)
    assert run.started <= run.ended <= datetime.now(timezone.utc)
    assert status.seen.tzinfo is timezone.utc and "embedded CA" in status.authority
    assert "web.internal.example" in str(status)


def test_the_inventory_is_what_was_found(host):
    site = host.site()
    (web,) = site.inventory()
    assert isinstance(web, phoenix_py.PairFacts)
    assert (web.state, web.key_matches, web.fingerprint) == ("missing", None, None)
    site.sync()
    inventory = site.inventory()
    assert isinstance(inventory, phoenix_py.Inventory)
    (web,) = inventory.pairs
    assert web.certificate == "web.internal.example" and web.state == "present" and web.key_matches
    assert is_hex(web.fingerprint) and web.not_after > datetime.now(timezone.utc)
    assert (web.untrusted, web.candidate, web.held_until, web.detail) == (None, False, None, None)
    (place,) = web.placements
    assert isinstance(place, phoenix_py.PlacementFacts)
    assert (place.state, place.detail) == ("right", None)
    (root,) = inventory.roots
    assert isinstance(root, phoenix_py.Anchor)
    assert inventory.guests == () and inventory.pending == ()
    assert repr(inventory) == "<Inventory of 1 pairs and 0 guests>"


def test_guests_are_in_the_inventory(sample):
    guests = {guest.guest: guest for guest in sample.site().inventory().guests}
    manager = guests["vm:1001"]
    assert isinstance(manager, phoenix_py.GuestFacts)
    assert manager.down or manager.docker_state is not None
    assert (manager.served, manager.docker_version, manager.traefik_version) == (None, None, None)
    assert manager.traefik_state is None


def test_an_earlier_pair_is_brought_back(host):
    site = host.site()
    first = site.sync().outcomes[-1].leaf.new
    site.sync(force=True)
    report = site.rollback("web.internal.example")
    assert report.ok
    (kept,) = site.plan().kept
    assert kept.brought_back is not None
    assert site.inventory().pairs[0].fingerprint == first
    assert site.inventory().pairs[0].held_until is not None
    with pytest.raises(phoenix_py.DeployError) as caught:
        site.rollback("web.internal.example", to="none", dry_run=True, force=True)
    assert caught.value.code == "no-earlier-pair" and caught.value.certificate == "web.internal.example"


def test_a_hook_that_fails_is_pending_until_it_succeeds(here):
    marker = here.root / "well"
    here.want(entry("web.internal.example", post_renewal_command=["test", "-e", str(marker)]))
    site = here.site()
    report = site.sync()
    assert not report.ok and report.exit_status == 1
    with pytest.raises(phoenix_py.HookError) as caught:
        report.raise_for_status()
    assert caught.value.stage == "hook" and str(marker) in caught.value.message
    (item,) = [item for item in site.pending() if item.kind["kind"] == "hook"]
    assert isinstance(item, phoenix_py.Pending)
    assert item.tries == 1 and item.last_error and item.since <= item.last_try < item.next_try
    assert item.id in [pending.id for pending in site.status().pending]
    assert item.id in [pending.id for pending in site.inventory().pending]
    with pytest.raises(phoenix_py.NotPendingError):
        site.retry_pending(["none"])
    assert not site.retry_pending([item.id]).ok
    marker.touch()
    assert site.retry_pending().ok
    assert site.pending() == ()


def test_a_pending_item_can_be_forgotten(here):
    here.want(entry("web.internal.example", post_renewal_command="false"))
    site = here.site()
    site.sync()
    (item,) = site.pending()
    assert [dropped.id for dropped in site.drop_pending([item.id])] == [item.id]
    assert site.pending() == () and site.sync().ok


def test_a_verification_only_looks(host):
    site = host.site()
    site.sync()
    before = tree(host.root / "srv")
    report = site.verify()
    assert isinstance(report, phoenix_py.Report)
    assert tree(host.root / "srv") == before


def test_nothing_is_left_to_recover(host):
    site = host.site()
    site.sync()
    recovery = site.recover(lock_timeout=timedelta(seconds=5))
    assert isinstance(recovery, phoenix_py.Recovery)
    assert (recovery.transactions, recovery.firewall, recovery.waits_until) == ((), None, None)


def test_the_manifest_of_a_site_is_read_with_the_rest(host):
    assert [entry.common_name for entry in host.site().manifest()] == ["web.internal.example"]


def test_faults_of_several_files_come_together(host):
    host.manifest.write_text('[{"common_name": 1}]')
    (host.etc / "phoenix.toml").write_text("[docker]\nport = 0\n")
    with pytest.raises(phoenix_py.InputError) as caught:
        host.site().plan()
    files = {fault.place.file.name for fault in caught.value.faults}
    assert files == {"certificate-manifest.json", "phoenix.toml"}


def test_a_site_that_is_not_there_is_an_error_with_a_code(host):
    with pytest.raises(phoenix_py.FileAccessError) as caught:
        phoenix_py.Site.open("/none", root=host.root).plan()
    assert caught.value.code == "file"
    assert caught.value.place.file.name == "certificate-manifest.json" or caught.value.place.file


def test_where_a_site_lies(host):
    site = host.site(state="/var/lib/elsewhere")
    assert (site.path, site.state, site.root) == (Path(SITE), Path("/var/lib/elsewhere"), host.root)
    assert repr(site) == f"Site({SITE!r})"
    assert phoenix_py.Site.open().path == Path(SITE)


def test_root_and_state_are_keywords(host):
    with pytest.raises(TypeError):
        phoenix_py.Site.open(SITE, host.root)
