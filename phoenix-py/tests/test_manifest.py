"""The manifest as a sequence of frozen entries."""

import json
from datetime import timedelta
from collections.abc import Sequence
from pathlib import Path

import pytest

import phoenix_py
from conftest import leave_out

WEB = {
    "common_name": "web.internal.example",
    "sans": ["10.1.2.3", "*.internal.example"],
    "cert_path": "/srv/tls/web.crt",
    "key_path": "/srv/tls/web.key",
    "owner": "root:www-data",
    "permissions": "644",
    "post_renewal_command": "pct exec 7 -- systemctl reload nginx",
}
CLIENT = {
    "common_name": "client.internal.example",
    "cert_type": "client",
    "cert_path": "/srv/tls/client.crt",
    "key_path": "/srv/tls/client.key",
}


def write(path: Path, entries) -> Path:
    path.write_text(json.dumps(entries, indent=4))
    return path


@pytest.fixture
def manifest(tmp_path):
    return phoenix_py.Manifest.load(write(tmp_path / "m.json", [WEB, CLIENT]))


def test_version_is_that_of_the_distribution():
    from importlib.metadata import PackageNotFoundError, version

    try:
        distribution = version("phoenix-py")
    except PackageNotFoundError:
        leave_out("the module is not installed as a distribution")
    assert phoenix_py.__version__ == distribution


def test_all_names_exist():
    assert [name for name in phoenix_py.__all__ if not hasattr(phoenix_py, name)] == []


def test_entries_have_typed_fields(manifest):
    web, client = manifest
    assert web.common_name == "web.internal.example"
    assert set(web.names) == {"web.internal.example", "10.1.2.3", "*.internal.example"}
    assert web.cert_path == Path("/srv/tls/web.crt")
    assert web.key_path == Path("/srv/tls/web.key")
    assert web.owner == "root:www-data"
    assert web.permissions == "644"
    assert web.key_permissions == "640", "the key is not opened to others"
    assert web.cert_type == "server"
    assert web.hook.command == "pct exec 7 -- systemctl reload nginx"
    assert web.hook.timeout == timedelta(seconds=120)
    assert "pct" in web.hook.argv[0] or web.hook.argv[0] == "sh"
    assert (client.cert_type, client.hook) == ("client", None)


def test_a_manifest_is_a_sequence(manifest):
    assert isinstance(manifest, Sequence)
    assert len(manifest) == 2
    assert manifest[-1].common_name == "client.internal.example"
    assert manifest[:1] == (manifest[0],)
    assert list(reversed(manifest)) == [manifest[1], manifest[0]]
    assert manifest[1] in manifest
    assert manifest.index(manifest[1]) == 1
    assert manifest.count("web.internal.example") == 0
    assert manifest.count(manifest[0]) == 1
    with pytest.raises(ValueError):
        manifest.index("web.internal.example")
    with pytest.raises(IndexError):
        manifest[2]
    assert manifest[::-1] == (manifest[1], manifest[0])


def test_an_entry_is_found_by_name(manifest):
    assert manifest.entry("web.internal.example") is not None
    with pytest.raises(KeyError):
        manifest.entry("none.internal.example")


def test_all_that_an_entry_may_say_is_typed(tmp_path):
    full = {
        **WEB,
        "ca_path": "/srv/tls/root.crt",
        "validity": "48h",
        "renew_before": "8h",
        "key_type": "rsa-2048",
        "deploy": [{"guest": "lxc:102", "cert": "/etc/tls/web.crt", "key": "/etc/tls/web.key"}],
        "after": ["client.internal.example"],
        "keep": 3,
        "rekey": "720h",
        "verify": {"address": "10.1.2.3:443"},
    }
    web = phoenix_py.Manifest.load(write(tmp_path / "m.json", [full, CLIENT])).entry("web.internal.example")
    assert web.ca_path == Path("/srv/tls/root.crt")
    assert (web.validity, web.renew_before) == (timedelta(hours=48), "8h0m0s")
    assert (web.key_type, web.keep, web.rekey) == ("rsa-2048", 3, "720h0m0s")
    assert web.after == ("client.internal.example",)
    (target,) = web.deploy
    assert isinstance(target, phoenix_py.Target)
    assert (target.guest, target.cert, target.key_permissions) == ("lxc:102", Path("/etc/tls/web.crt"), "600")
    assert (target.key, target.ca, target.owner, target.permissions) == (Path("/etc/tls/web.key"), None, "root:root", "644")
    assert isinstance(web.verify, phoenix_py.Verification)
    assert (web.verify.address, web.verify.server_name, web.verify.client) == ("10.1.2.3:443", "10.1.2.3", None)
    assert isinstance(web.hook, phoenix_py.Hook) and not web.hook.only_if_running


def test_the_old_delivery_names_its_guest(tmp_path):
    old = {**WEB, "guest_id": 102, "guest_type": "lxc"}
    (web,) = phoenix_py.Manifest.load(write(tmp_path / "m.json", [old]))
    assert web.old_guest == "lxc:102"


def test_text_is_read_without_a_file():
    (client,) = phoenix_py.Manifest.parse(json.dumps([CLIENT]))
    assert client.cert_type == "client"
    with pytest.raises(phoenix_py.ManifestError) as caught:
        phoenix_py.Manifest.parse("[", path="/nowhere/m.json")
    assert caught.value.place.file == Path("/nowhere/m.json")


def test_the_schema_names_the_fields():
    schema = phoenix_py.Manifest.schema()
    assert "post_renewal_command" in json.dumps(schema)


def test_entries_compare_by_value_and_are_frozen(manifest, tmp_path):
    again = phoenix_py.Manifest.load(write(tmp_path / "again.json", [WEB, CLIENT]))
    assert manifest == again
    assert hash(manifest[0]) == hash(again[0])
    assert manifest[0] != manifest[1]
    other = phoenix_py.Manifest.load(write(tmp_path / "other.json", [WEB]))
    assert manifest != other
    assert manifest != "text"
    with pytest.raises(AttributeError):
        manifest[0].owner = "root:root"


def test_reprs_name_the_entry(manifest):
    assert repr(manifest[1]).startswith("Entry(common_name='client.internal.example', names=")
    assert repr(manifest).startswith("Manifest(entries=(Entry(")


def test_all_faults_come_at_once_with_their_places(tmp_path):
    faulty = {**WEB, "permissions": "999", "cert_pth": "x"}
    path = write(tmp_path / "m.json", [faulty, {**CLIENT, "cert_type": "both"}])
    with pytest.raises(phoenix_py.ManifestError) as caught:
        phoenix_py.Manifest.load(path)
    error = caught.value
    assert isinstance(error, phoenix_py.PhoenixError)
    assert error.code == "faults"
    assert len(error.faults) == 3
    for fault in error.faults:
        assert fault.place.file == path
        assert fault.place.line > 1 and fault.place.column > 0
        assert fault.severity == "error" and fault.message
        assert str(fault).startswith(f"{path}:{fault.place.line}:")
    assert {"/0/permissions", "/0/cert_pth", "/1/cert_type"} == {fault.place.pointer for fault in error.faults}
    assert error.place == error.faults[0].place and error.stage == "read"
    assert str(error).count(str(path)) == 3


def test_text_that_is_no_json_is_a_manifest_error(tmp_path):
    path = tmp_path / "m.json"
    path.write_bytes(b'[{"common_name": \xff')
    with pytest.raises(phoenix_py.ManifestError) as caught:
        phoenix_py.Manifest.load(path)
    assert caught.value.faults


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        phoenix_py.Manifest.load(tmp_path / "none.json")
