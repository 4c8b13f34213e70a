"""The manifest as a sequence of frozen entries."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import phoenix_py

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
    from importlib.metadata import version

    assert phoenix_py.__version__ == version("phoenix-py")


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
    assert web.hook == "pct exec 7 -- systemctl reload nginx"
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
    with pytest.raises(IndexError):
        manifest[2]


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
    assert repr(manifest[1]).startswith("Entry(common_name='client.internal.example', cert_type='client'")
    assert repr(manifest).startswith("Manifest([Entry(")


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
        assert {"message", "file", "line", "column", "pointer", "code"} <= set(fault)
        assert fault["file"] == str(path)
        assert fault["line"] > 1
    assert {"/0/permissions", "/0/cert_pth", "/1/cert_type"} == {fault["pointer"] for fault in error.faults}
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
