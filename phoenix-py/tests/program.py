"""A program as a user writes it; type checkers read it, nobody runs it."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Optional, Union

import phoenix_py


class Podman:
    def __init__(self, name: str) -> None:
        self.name = name

    def run(
        self, argv: list[str], stdin: Optional[bytes], timeout: timedelta
    ) -> tuple[Optional[int], bytes, bytes]:
        words = ["podman", "exec", "-i", self.name, *argv]
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=timeout.total_seconds())
        return done.returncode, done.stdout, done.stderr


class Own(phoenix_py.OwnAuthority):
    def __init__(self, ca: phoenix_py.EmbeddedCa) -> None:
        self.ca = ca

    def anchors(self) -> tuple[phoenix_py.Anchor, ...]:
        return self.ca.anchors()

    def enroll(self, request: phoenix_py.Request) -> Union[phoenix_py.Issued, phoenix_py.Chain]:
        raise PermissionError(request.common_name)


def heard(event: phoenix_py.Event) -> None:
    print(event.kind, event.step, event.text)


def nightly(ca: phoenix_py.EmbeddedCa) -> int:
    site = phoenix_py.Site.open(authority=Own(ca), transports={"lxc:102": Podman("proxy")})
    findings = site.check()
    worst: list[phoenix_py.Finding] = [finding for finding in findings if finding.severity == "error"]
    plan = site.plan(only=["web.internal.example"])
    first: phoenix_py.Step = plan[0]
    some: tuple[phoenix_py.Step, ...] = plan[1:]
    report = site.apply(plan, lock_timeout=timedelta(minutes=5), progress=heard)
    try:
        report.raise_for_status()
    except phoenix_py.DeployError as error:
        place: Optional[phoenix_py.Place] = error.place
        print(error.certificate, error.stage, place, worst, first, some)
    return report.exit_status


def one(directory: Path) -> phoenix_py.Deployed:
    root = phoenix_py.Anchor.from_pem((directory / "root.crt").read_bytes())
    ca = phoenix_py.StepCa(["https://ca.internal.example:9000"], [root], password=directory / "password")
    key = phoenix_py.PrivateKey.generate("ec-p256")
    issued = ca.enroll("web.internal.example", key, sans=["web", ip_address("10.1.2.3")], validity=timedelta(days=1))
    return phoenix_py.deploy(issued.chain, key, cert_path=directory / "web.crt", key_path=directory / "web.key")
