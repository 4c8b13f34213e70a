"""Documents, edits of the site's files, templates, what check finds."""

import json
import pickle
from pathlib import Path

import pytest

import phoenix_py
from phoenix_py import Document, Edit
from conftest import entry

JSON = '{\n  "a": [1, 2.50, "three"],  \n  "b": {"c": null}\n}\n'


@pytest.mark.parametrize(
    "text, format, pointer, value",
    [
        (JSON, "json", "/a/1", 2.5),
        ("a:\n  - 1  # one\nb: x\n", "yaml", "/a/0", 1),
        ("[a]\nb = true # yes\n", "toml", "/a/b", True),
    ],
)
def test_documents_are_read_and_edited_without_loss(text, format, pointer, value):
    document = Document.parse(text, format=format)
    assert (document.format, document.text, str(document)) == (format, text, text)
    assert document.value(pointer) == document[pointer] == value
    assert pointer in document and "/none" not in document
    assert document.place(pointer).line >= 1
    edited = document.edited([Edit.set(pointer, "new")])
    assert edited.value(pointer) == "new" and document.value(pointer) == value
    assert len(edited.text.splitlines()) == len(text.splitlines())
    assert "+" in document.diff(edited) and document.diff(document) == ""
    assert pickle.loads(pickle.dumps(document)) == document and document != edited and document != 3
    assert hash(document) == hash(pickle.loads(pickle.dumps(document)))


def test_every_kind_of_edit():
    document = Document.parse(JSON, path="x.json")
    assert document.path == Path("x.json") and "x.json" in repr(document)
    assert document.value() == {"a": [1, 2.5, "three"], "b": {"c": None}}
    edited = document.edited([Edit.insert("/b/d", {"x": [True]}), Edit.remove("/a/0"), Edit.move_to("/a/2", before="1")])
    assert edited.value() == {"a": ["three", 2.5], "b": {"c": None, "d": {"x": [True]}}}
    assert "  \n" in edited.text, "what need not change stays as it is"
    assert document.edited([Edit.insert("/b/d", 1, before="c")]).text.index('"d"') < document.text.index('"c"') + 4
    edit = Edit.set("/a", 1)
    assert edit == Edit.set("/a", 1) and edit != Edit.set("/a", 2) and hash(edit) == hash(Edit.set("/a", 1))
    assert edit.pointer == "/a" and "/a" in repr(edit)


def test_what_cannot_be_edited_is_refused():
    document = Document.parse(JSON, path="x.json")
    with pytest.raises(phoenix_py.RefusedError) as caught:
        document.edited([Edit.set("/none", 1)])
    assert caught.value.place.file == Path("x.json")
    for missing in (document.value, document.place, document.__getitem__):
        with pytest.raises(KeyError):
            missing("/none")
    with pytest.raises(phoenix_py.InputError) as caught:
        Document.parse("{", path="y.json")
    assert caught.value.faults[0].place.line == 1
    for call, parameter in (
        (lambda: Document.parse("", path="x.ini"), "format"),
        (lambda: Document.parse("", format="ini"), "format"),
        (lambda: Edit.move_to("/a"), "before"),
        (lambda: Edit.insert("/a", 1, before="x", after="y"), "after"),
    ):
        with pytest.raises(phoenix_py.ArgumentError) as caught:
            call()
        assert caught.value.parameter == parameter
    with pytest.raises(TypeError):
        Edit.set("/a", object())
    with pytest.raises(ValueError):
        Edit.set("/a", float("nan"))


def test_a_file_of_the_site_is_edited_as_one_change(host):
    site = host.site()
    assert site.document("etc/certificate-manifest.json").value("/0/common_name") == "web.internal.example"
    change = site.edit("etc/certificate-manifest.json", [Edit.insert("/0/keep", 2)], dry_run=True)
    assert not change.written and '"keep": 2' in change[0].diff
    assert site.edit("etc/certificate-manifest.json", [Edit.insert("/0/keep", 2)]).written
    assert site.manifest()[0].keep == 2
    assert len(site.edit("etc/certificate-manifest.json", [Edit.set("/0/keep", 2)], format="json")) == 0
    with pytest.raises(phoenix_py.RefusedError):
        site.edit("etc/certificate-manifest.json", [Edit.remove("/7")])


def test_entries_of_the_manifest_are_edited(host):
    site = host.site()
    fields = {"cert_path": "/srv/tls/new.crt", "key_path": "/srv/tls/new.key", "sans": ["10.1.2.3"], "keep": 3}
    change = site.manifest_add("new.internal.example", fields)
    assert change.written and "new.internal.example" in str(change)
    assert site.manifest().entry("new.internal.example").keep == 3
    site.manifest_set("new.internal.example", {"keep": None, "owner": "root:root"})
    assert site.manifest().entry("new.internal.example").keep is None
    (resolved,) = site.manifest_resolved("new.internal.example")
    assert resolved["keep"] == 1 and resolved["sans"]
    assert len(site.manifest_resolved()) == 2
    assert site.manifest_remove("new.internal.example", dry_run=True).files
    assert site.manifest_remove("new.internal.example").written
    with pytest.raises(phoenix_py.RefusedError) as caught:
        site.manifest_remove("new.internal.example")
    assert caught.value.code == "manifest-edit"
    with pytest.raises(phoenix_py.ArgumentError) as caught:
        site.manifest_set("web.internal.example", {"colour": "red"})
    assert caught.value.parameter == "colour"


def test_what_others_change_meanwhile_is_not_overwritten(host):
    """Two threads edit at once: one after the other, by the lock."""
    from concurrent.futures import ThreadPoolExecutor

    names = [f"n{number}.internal.example" for number in range(8)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: host.site().manifest_add(name, {key: text for key, text in entry(name).items() if key != "common_name"}), names))
    assert {entry.common_name for entry in host.site().manifest()} == {*names, "web.internal.example"}


def test_templates_are_rendered_with_given_values():
    assert phoenix_py.render("{{ name }}:{{ port }}", {"name": "x", "port": 1}) == "x:1"
    with pytest.raises(phoenix_py.InputError) as caught:
        phoenix_py.render("a\n{{ missing }}", path="t.conf")
    assert caught.value.place.file == Path("t.conf") and caught.value.place.line == 2


def test_templates_of_a_site_know_its_values(host):
    site = host.site()
    template = host.etc / "x.conf.template"
    template.write_text("domain {{ domain }} {{ mine }}\n")
    report = site.render_template("etc/x.conf.template", set={"mine": 7})
    assert isinstance(report, phoenix_py.RenderReport)
    assert (report.text, report.files, report.written) == ("domain internal.example 7\n", (), False)
    written = site.render_template("etc/x.conf.template", out="/srv/x.conf", set={"mine": 8})
    assert written.written and host.path("/srv/x.conf").read_text() == "domain internal.example 8\n"
    variables = {variable.name: variable for variable in site.template_variables("etc/x.conf.template", set={"mine": 7})}
    domain = variables["domain"]
    assert isinstance(domain, phoenix_py.Variable)
    assert (domain.value, domain.line, domain.file.name) == ("internal.example", 1, "x.conf.template") and domain.from_
    names = {name.name: name for name in site.template_names()}
    assert isinstance(names["domain"], phoenix_py.SiteName)
    assert names["domain"].value == "internal.example" and names["domain"].what and names["domain"].from_
    with pytest.raises(phoenix_py.InputError) as caught:
        site.render_template("etc/x.conf.template")
    assert caught.value.faults[0].place.line == 1


def test_keys_of_a_template_are_set(host):
    (host.etc / "t.yml.template").write_text('providers:\n  docker:\n    endpoint: "{{ x }}"  # here\n')
    site = host.site()
    change = site.set_in_template("etc/t.yml.template", ["providers.docker.endpoint=tcp://10.0.0.1:2376"])
    assert change.written and "# here" in (host.etc / "t.yml.template").read_text()
    assert site.set_in_template("etc/t.yml.template", ["providers.docker.network=x"], add=True, dry_run=True).files
    with pytest.raises(phoenix_py.RefusedError):
        site.set_in_template("etc/t.yml.template", ["none=x"])
    with pytest.raises(phoenix_py.ArgumentError):
        site.set_in_template("etc/t.yml.template", [])


def test_check_finds_and_explains(sample):
    site = sample.site()
    findings = site.check()
    assert isinstance(findings, phoenix_py.Findings) and len(findings) > 0 and findings.has_errors
    finding = next(finding for finding in findings if finding.code.startswith("PX"))
    assert isinstance(finding, phoenix_py.Finding)
    assert finding.severity in ("error", "warning", "note") and finding.message and finding.name
    assert finding.place is None or finding.place.line >= 0
    assert finding.places is not None and isinstance(finding.fixable, bool) and finding in findings
    assert isinstance(finding.notes, tuple) and (finding.help is None or finding.help)
    assert finding.code in str(findings) and isinstance(findings.notes, tuple)
    only = site.check(select=[finding.code])
    assert {found.code for found in only if found.code.startswith("PX")} == {finding.code}
    assert finding.code not in {found.code for found in site.check(ignore=[finding.name])}
    rule = phoenix_py.check_rule(finding.code)
    assert isinstance(rule, phoenix_py.CheckRule) and isinstance(rule.example, phoenix_py.RuleExample)
    assert rule in phoenix_py.check_rules() and rule.name == finding.name
    assert rule.why and rule.mend and rule.summary and rule.severity and rule.needs in ("site", "host", "guests", "ca")
    assert rule.example.file and rule.example.good and rule.example.bad is not None
    assert isinstance(rule.blocks, tuple) and isinstance(rule.fixable, bool) and rule.code in str(rule)
    with pytest.raises(phoenix_py.ArgumentError):
        phoenix_py.check_rule("PX999")
    with pytest.raises(phoenix_py.ArgumentError) as caught:
        site.check(select=["nonsense"])
    assert caught.value.parameter == "select"


def test_what_is_known_is_left_out(sample):
    site = sample.site()
    path = sample.root / "known.json"
    count = site.write_baseline("/known.json")
    assert count == len(site.check()) and path.exists()
    left = site.check(baseline="/known.json")
    assert len(left) == 0 and left.notes


def test_what_is_safe_is_repaired(sample):
    site = sample.site()
    shown, findings = site.check_fix(dry_run=True)
    assert not shown.written
    repaired, left = site.check_fix()
    assert repaired.written == bool(shown.files) and len(left) <= len(findings)


def test_a_link_is_moved_to_mutual_tls(sample):
    site = sample.site()
    report = site.migrate_docker_tls(dry_run=True, client_ca="dedicated", provider="swarm")
    assert isinstance(report, phoenix_py.MigrateReport)
    assert report.files and not report.written and report.disarmed == () and isinstance(report.notes, tuple)
    assert site.migrate_docker_tls().written
    assert site.firewall_test("lxc:102", "vm:1001", port=2376).admitted
    for words, parameter in (({"provider": "x"}, "provider"), ({"client_ca": "x"}, "client_ca")):
        with pytest.raises(phoenix_py.ArgumentError) as caught:
            site.migrate_docker_tls(**words)
        assert caught.value.parameter == parameter


def test_an_old_cron_file_is_disarmed(sample):
    cron = sample.root / "etc/cron.d/certificate-renewal"
    cron.parent.mkdir(parents=True)
    cron.write_text("0 * * * * root /usr/local/phoenix_hypervisor/bin/managers/certificate-renewal-manager.sh\n")
    with pytest.raises(phoenix_py.RefusedError) as caught:
        sample.site().migrate_docker_tls()
    assert caught.value.code == "would-be-undone"
    report = sample.site().migrate_docker_tls(disarm=True)
    (moved,) = report.disarmed
    assert isinstance(moved, phoenix_py.DisarmedFile)
    assert moved.from_.name == cron.name and not cron.exists() and moved.to.name != cron.name


def test_cas_of_our_own_are_made(sample):
    site = sample.site()
    shown = site.ca_init(dry_run=True)
    assert isinstance(shown, phoenix_py.CaInit) and shown.root is None and not shown.made
    made = site.ca_init()
    assert made.made and made.used and made.kind == "site" and made.root.fingerprint and made.replaced is None and made.permitted
    assert site.ca_init(replace=True).replaced is not None
    clients = site.ca_init("docker-client")
    assert clients.made and clients.dir != made.dir
    view = site.ca_view()
    assert view.kind == "embedded" and isinstance(view.docker_clients, phoenix_py.ClientCa)
    assert view.docker_clients.root.fingerprint == clients.root.fingerprint and not view.docker_clients.used and view.docker_clients.dir
    assert view.pinned.subject and view.pinned.not_after
    with pytest.raises(phoenix_py.ArgumentError):
        site.ca_init("other")


def test_the_manifests_certificates_are_listed(host):
    site = host.site()
    (missing,) = site.certs(in_need=True)
    assert isinstance(missing, phoenix_py.ListedCertificate)
    assert (missing.state, missing.installed, missing.usage) == ("missing", None, "server")
    site.sync()
    assert site.certs(in_need=True) == ()
    (web,) = site.certs(["web.internal.example"])
    assert (web.certificate, web.state, web.trouble, web.delivered_to) == ("web.internal.example", "good", None, ())
    installed = web.installed
    assert isinstance(installed, phoenix_py.InstalledCertificate)
    assert installed.names == ("web.internal.example",) and installed.key_type == "ec-p256" and installed.issuer
    assert installed.not_before < installed.due < installed.not_after and installed.serial and installed.fingerprint
    assert web.cert_path == Path("/srv/tls/web.internal.example.crt") and web.key_path.suffix == ".key"


def test_a_change_that_was_cut_off_is_settled(host):
    """A journal of which nothing was done yet: its files are the old ones afterwards."""
    site = host.site()
    site.sync()
    assert json.loads(json.dumps(site.recover().to_dict()))["transactions"] == []
    assert phoenix_py.Recovery.from_dict(
        {"transactions": [{"outcome": "completed", "paths": ["/a"], "foreign": []}], "firewall": {"files": ["/b"], "foreign": [], "warnings": []}, "waits_until": None}
    ) == phoenix_py.Recovery.from_dict(
        {
            "transactions": [phoenix_py.RecoveredTransaction.from_dict({"outcome": "completed", "paths": ["/a"], "foreign": []}).to_dict()],
            "firewall": phoenix_py.TakenBack.from_dict({"files": ["/b"], "foreign": [], "warnings": []}).to_dict(),
        }
    )
