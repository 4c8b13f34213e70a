"""What the tests share: a host in a directory, and a real step-ca."""

import grp
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import phoenix_py

REPOSITORY = Path(__file__).resolve().parents[2]
SITE = "/usr/local/phoenix_hypervisor"
PROVISIONER = "admin@example.org"
PASSWORD = b"a password of the test's own"


def leave_out(why):
    """Skips a test, unless nothing may be left out."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{why}, and nothing may be left out where CI=true")
    pytest.skip(why)


@dataclass(frozen=True)
class Host:
    """A copy of a host that has the embedded CA and no guest that runs."""

    root: Path

    @property
    def etc(self):
        return self.root / SITE.lstrip("/") / "etc"

    @property
    def manifest(self):
        return self.etc / "certificate-manifest.json"

    def site(self, **options):
        return phoenix_py.Site.open(SITE, root=self.root, **options)

    def want(self, *entries):
        self.manifest.write_text(json.dumps(list(entries), indent=4))

    def path(self, name):
        return self.root / name.lstrip("/")


def entry(name, **fields):
    return {"common_name": name, "cert_path": f"/srv/tls/{name}.crt", "key_path": f"/srv/tls/{name}.key", **fields}


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "host"
    host = Host(root)
    host.etc.mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text(f"root:x:{os.getuid()}:{os.getgid()}:root:/root:/bin/sh\n")
    (root / "etc/group").write_text(f"root:x:{os.getgid()}:\n")
    (root / "srv/tls").mkdir(parents=True)
    (host.etc / "phoenix_hypervisor_config.json").write_text(json.dumps({"domain_name": "internal.example"}))
    host.want(entry("web.internal.example"))
    return host


@dataclass(frozen=True)
class Here(Host):
    """A site on this host itself, in a directory: hooks are run, addresses are asked."""

    def want(self, *entries):
        owner = f"{pwd.getpwuid(os.getuid()).pw_name}:{grp.getgrgid(os.getgid()).gr_name}"
        moved = []
        for wanted in entries:
            paths = {key: f"{self.root}{wanted[key]}" for key in ("cert_path", "key_path")}
            moved.append({"owner": owner, **wanted, **paths})
        super().want(*moved)

    def site(self, **options):
        options.setdefault("state", self.root / "state")
        return phoenix_py.Site.open(self.root / SITE.lstrip("/"), **options)


@pytest.fixture
def here(tmp_path):
    here = Here(tmp_path / "here")
    here.etc.mkdir(parents=True)
    (here.root / "srv/tls").mkdir(parents=True)
    (here.etc / "phoenix_hypervisor_config.json").write_text(json.dumps({"domain_name": "internal.example"}))
    here.want(entry("web.internal.example"))
    return here


@pytest.fixture
def sample(tmp_path):
    """A copy of the sample site: guests, rules, a template; its CA is the embedded one."""
    host = Host(tmp_path / "sample")
    shutil.copytree(REPOSITORY / "tests/sample-site/etc", host.etc)
    lxcs = host.etc / "phoenix_lxc_configs.json"
    lxcs.write_text(lxcs.read_text().replace('"step_ca"', '"none"').replace("bootstrap_ca_url", "no_ca_url"))
    config = host.etc / "phoenix_hypervisor_config.json"
    config.write_text(config.read_text().replace('"step_ca"', '"no_ca"'))
    return host


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def tool(name):
    found = shutil.which(name) or shutil.which(name, path=str(Path.home() / "go/bin"))
    return found or leave_out(f"`{name}` is missing")


@dataclass
class StepCaServer:
    """A step-ca on a port of 127.0.0.1."""

    port: int
    root_path: Path
    password_path: Path
    process: subprocess.Popen

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def root(self):
        return phoenix_py.Anchor.from_pem(self.root_path.read_bytes())

    def client(self, **options):
        with_all = {"provisioner": PROVISIONER, "password": self.password_path, **options}
        return phoenix_py.StepCa([self.url], [self.root], **with_all)


@pytest.fixture(scope="session")
def step_ca(tmp_path_factory):
    step, server = tool("step"), tool("step-ca")
    home = tmp_path_factory.mktemp("step-ca")
    password = home / "password"
    password.write_bytes(PASSWORD + b"\n")
    password.chmod(0o600)
    port = free_port()
    environment = {**os.environ, "STEPPATH": str(home)}
    names = ["--dns", "127.0.0.1", "--dns", "localhost", "--address", f"127.0.0.1:{port}"]
    words = [step, "ca", "init", "--deployment-type", "standalone", "--name", "Test", "--provisioner", PROVISIONER, *names]
    words += ["--password-file", str(password), "--provisioner-password-file", str(password)]
    subprocess.run(words, env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    config = home / "config/ca.json"
    settings = json.loads(config.read_text())
    settings["crl"] = {"enabled": True, "generateOnRevoke": True}
    settings["authority"]["provisioners"][0]["claims"] = {"maxTLSCertDuration": "72h"}
    config.write_text(json.dumps(settings))
    with open(home / "log", "wb") as log:
        words = [server, str(config), "--password-file", str(password)]
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        for _ in range(300):
            assert process.poll() is None, (home / "log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise AssertionError((home / "log").read_text())
        yield StepCaServer(port, home / "certs/root_ca.crt", password, process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def ca(tmp_path):
    """A CA in a directory."""
    return phoenix_py.EmbeddedCa.open(tmp_path / "ca")


def is_hex(text):
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None
