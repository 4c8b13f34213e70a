"""The guide's code, run."""

import re
from pathlib import Path

import pytest

import phoenix_py
from conftest import SITE, entry

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks():
    """Each heading with its code."""
    text = README.read_text()
    return {match[1]: match[2] for match in re.finditer(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", text, re.M | re.S)}


def run(heading, **names):
    exec(compile(blocks()[heading], f"README.md, {heading}", "exec"), names)
    return names


def test_all_of_it_is_run_here():
    text = Path(__file__).read_text()
    for heading in blocks():
        assert f'"{heading}"' in text, heading


def test_the_first_certificate(step_ca, tmp_path):
    tls = tmp_path / "tls"
    tls.mkdir()
    run("The first certificate", CA_URL=step_ca.url, ROOT=step_ca.root_path, PASSWORD_FILE=step_ca.password_path, TLS=tls, STATE=tmp_path / "state")
    chain = phoenix_py.Chain.from_pem((tls / "web.crt").read_bytes())
    chain.verify([step_ca.root])
    assert chain.leaf.names == ("10.1.2.3",) or "10.1.2.3" in chain.leaf.names
    body = blocks()["The first certificate"].strip().splitlines()
    assert len([line for line in body if line and not line.startswith(("import", "from"))]) <= 5


def test_a_nightly_job(here, capsys):
    here.want(entry("web.internal.example"), entry("mail.internal.example", post_renewal_command="false"))
    run("A nightly job", SITE=here.root / SITE.lstrip("/"), STATE=here.root / "state")
    said = capsys.readouterr().out
    assert "hook None" in said or "hook mail.internal.example" in said
    assert "web.internal.example good" in said


def test_a_firewall_change_with_a_guard(sample, capsys):
    (sample.root / "etc/pve/firewall").mkdir(parents=True)
    names = {"SITE": SITE, "ROOT_OF_A_COPY": sample.root, "STATE": "/var/lib/phoenix"}
    run("A firewall change with a guard", still_reachable=lambda: True, **names)
    assert "8443" in capsys.readouterr().out
    assert "8443" in (sample.root / "etc/pve/firewall/1001.fw").read_text()


def test_a_report_as_a_data_frame(here, capsys):
    try:
        import pandas  # noqa: F401
    except ImportError:
        # Optional by its nature: left out even where nothing else may be.
        pytest.skip("`pandas` is missing")
    here.site().sync()
    names = run("A report as a data frame", SITE=here.root / SITE.lstrip("/"), STATE=here.root / "state")
    assert list(names["frame"]["certificate"]) == ["web.internal.example"]
    assert "web.internal.example" in capsys.readouterr().out


def test_a_ca_and_ways_of_ones_own(here, ca, capsys):
    run(
        "A CA, and ways into guests, of one's own",
        SITE=here.root / SITE.lstrip("/"),
        STATE=here.root / "state",
        ROOT_OF_THE_LAB=ca.root,
        sign=None,
    )
    assert "web.internal.example" in capsys.readouterr().out


def test_errors(capsys):
    run("Errors")
    assert "999" in capsys.readouterr().out
