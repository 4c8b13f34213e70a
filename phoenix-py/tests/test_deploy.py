"""A pair in its place without a site, and ways into guests of the program's own."""

import json
import os
import subprocess
from datetime import timedelta

import pytest

import phoenix_py
from conftest import entry


@pytest.fixture
def paths(tmp_path):
    (tmp_path / "tls").mkdir()
    return {"cert_path": tmp_path / "tls/web.crt", "key_path": tmp_path / "tls/web.key"}


def test_a_pair_is_deployed_and_an_earlier_one_brought_back(ca, paths, tmp_path):
    state = tmp_path / "state"
    key = phoenix_py.PrivateKey.generate()
    first = phoenix_py.deploy(ca.enroll("web.internal.example", key).chain, key, **paths, state=state, ca=ca.root, ca_path=tmp_path / "tls/root.crt")
    assert isinstance(first, phoenix_py.Deployed)
    assert first.previous is None and first.directory.is_dir() and first.version
    assert paths["key_path"].stat().st_mode & 0o777 == 0o600 and paths["cert_path"].stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "tls/root.crt").read_bytes() == ca.root.to_pem()
    old = paths["cert_path"].read_bytes()
    second = phoenix_py.deploy(ca.enroll("web.internal.example", key).chain, key, **paths, state=state, key_permissions="640", ca=ca.root, ca_path=tmp_path / "tls/root.crt")
    assert second.previous == first.version and paths["key_path"].stat().st_mode & 0o777 == 0o640
    versions = phoenix_py.pair_versions(*paths.values(), state=state)
    assert {version.name for version in versions} == {first.version, second.version}
    (current,) = [version for version in versions if version.current]
    assert isinstance(current, phoenix_py.PairVersion)
    assert current.name == second.version and current.serial.isdigit() and current.not_after > current.written
    back = phoenix_py.restore_pair(*paths.values(), first.version, state=state)
    assert back.version == first.version and paths["cert_path"].read_bytes() == old
    with pytest.raises(phoenix_py.DeployError) as caught:
        phoenix_py.restore_pair(*paths.values(), "20200101-0", state=state)
    assert caught.value.stage == "deploy" and caught.value.place is not None


def test_what_cannot_be_deployed_is_not_begun(ca, paths, tmp_path):
    key, other = phoenix_py.PrivateKey.generate(), phoenix_py.PrivateKey.generate()
    chain = ca.enroll("web.internal.example", key).chain
    for words, parameter in (
        ({"key": other}, "key"),
        ({"cert_path": "web.crt"}, "cert_path"),
        ({"ca": ca.root}, "ca"),
        ({"owner": "nobody-of-this-name:root"}, "owner"),
        ({"permissions": "999"}, "permissions"),
    ):
        with pytest.raises(phoenix_py.ArgumentError) as caught:
            phoenix_py.deploy(**{"chain": chain, "key": key, "state": tmp_path / "state", **paths, **words})
        assert caught.value.parameter == parameter
    paths["cert_path"].mkdir()
    with pytest.raises(phoenix_py.DeployError) as caught:
        phoenix_py.deploy(chain, key, **paths, state=tmp_path / "state")
    assert caught.value.place.file == paths["cert_path"]


class Shell:
    """A `phoenix_py.GuestShell`. A guest that is a directory: words run on this host, with every path beneath it."""

    def __init__(self, broken=None):
        self.calls = []
        self.broken = broken

    def run(self, argv, stdin, timeout):
        assert isinstance(timeout, timedelta) and (stdin is None or isinstance(stdin, bytes))
        self.calls.append((argv, stdin))
        if self.broken is not None:
            return self.broken()
        done = subprocess.run(argv, input=stdin or b"", capture_output=True, timeout=timeout.total_seconds())
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def with_guest(here):
    """A site whose guest is this very machine, reached by an own shell."""
    guest = {"102": {"name": "proxy", "features": [], "network_config": {"ip": "10.0.0.12/24"}, "unprivileged": False}}
    (here.etc / "phoenix_lxc_configs.json").write_text(json.dumps({"lxc_configs": guest}))
    inside = here.root / "inside"
    inside.mkdir()
    target = {"guest": "lxc:102", "cert": str(inside / "web.crt"), "key": str(inside / "web.key"), "owner": f"{os.getuid()}:{os.getgid()}"}
    here.want(entry("web.internal.example", deploy=[target]))
    return here, inside


def test_a_run_goes_an_own_way_into_a_guest(with_guest):
    here, inside = with_guest
    shell = Shell()
    site = here.site(transports={"lxc:102": shell})
    report = site.sync()
    report.raise_for_status()
    assert (inside / "web.crt").read_bytes() == here.path("/srv/tls/web.internal.example.crt").read_bytes()
    assert (inside / "web.key").stat().st_mode & 0o777 == 0o600
    assert all(b"PRIVATE KEY" not in "".join(argv).encode() for argv, _ in shell.calls), "keys come on standard input alone"
    assert any(b"PRIVATE KEY" in stdin for _, stdin in shell.calls if stdin)
    assert site.sync().changes_done == 0


@pytest.mark.parametrize(
    "broken, words",
    [
        (lambda: 1 / 0, "division by zero"),
        (lambda: (None, b"", b""), "took longer than"),
        (lambda: (1, b"", b"no such container"), "no such container"),
        (lambda: "done", ""),
    ],
)
def test_a_way_that_fails_is_said(with_guest, broken, words):
    here, inside = with_guest
    report = here.site(transports={"lxc:102": Shell(broken)}).sync()
    assert not report.ok and all(isinstance(blocked, phoenix_py.Blocked) for blocked in report.blocked)
    said = " ".join([blocked.reason for blocked in report.blocked] + [word for outcome in report for word in outcome.errors])
    assert words in said and said
    with pytest.raises(phoenix_py.RunError) as caught:
        report.raise_for_status()
    assert caught.value.code == "unfinished" and caught.value.stage == "plan"
    assert not (inside / "web.crt").exists()


def test_what_is_no_way_is_a_type_error(here):
    with pytest.raises(TypeError, match="argument 'transports'"):
        here.site(transports={"lxc:102": object()})
    with pytest.raises(phoenix_py.ArgumentError) as caught:
        here.site(transports={"102": Shell()})
    assert caught.value.parameter == "transports"
