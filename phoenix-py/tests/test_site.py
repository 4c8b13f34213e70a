"""A plan on a copy of a host."""

import json

import pytest

import phoenix_py

SITE = "usr/local/phoenix_hypervisor"


@pytest.fixture
def host(tmp_path):
    """A host with one entry, no guest and no CA: the embedded one is planned with."""
    root = tmp_path / "host"
    etc = root / SITE / "etc"
    etc.mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "srv/tls").mkdir(parents=True)
    (etc / "phoenix_hypervisor_config.json").write_text(json.dumps({"domain_name": "internal.example"}))
    (etc / "certificate-manifest.json").write_text(
        json.dumps(
            [
                {
                    "common_name": "web.internal.example",
                    "cert_path": "/srv/tls/web.crt",
                    "key_path": "/srv/tls/web.key",
                }
            ]
        )
    )
    return root


def tree(root):
    return sorted(str(path) for path in root.rglob("*"))


def test_a_plan_says_what_and_why_and_writes_nothing(host):
    before = tree(host)
    plan = phoenix_py.Site.open(f"/{SITE}", root=host).plan()
    assert plan.has_work
    kinds = {step.id: step.kind for step in plan.steps}
    assert kinds["issue web.internal.example"] == "issue"
    issue = next(step for step in plan.steps if step.kind == "issue")
    assert issue.reasons and all(isinstance(reason, str) and reason for reason in issue.reasons)
    assert tree(host) == before


def test_a_plan_is_plain_data_too(host):
    plan = phoenix_py.Site.open(f"/{SITE}", root=host, state="/var/lib/elsewhere").plan()
    data = plan.to_dict()
    assert [step["id"] for step in data["steps"]] == [step.id for step in plan.steps]
    assert json.loads(json.dumps(data)) == data


def test_faults_of_several_files_come_together(host):
    etc = host / SITE / "etc"
    (etc / "certificate-manifest.json").write_text('[{"common_name": 1}]')
    (etc / "phoenix.toml").write_text("[docker]\nport = 0\n")
    with pytest.raises(phoenix_py.InputError) as caught:
        phoenix_py.Site.open(f"/{SITE}", root=host).plan()
    files = {fault["file"].rsplit("/", 1)[1] for fault in caught.value.faults}
    assert files == {"certificate-manifest.json", "phoenix.toml"}


def test_a_site_that_is_not_there_is_an_error_with_a_code(host):
    with pytest.raises(phoenix_py.PhoenixError) as caught:
        phoenix_py.Site.open("/none", root=host).plan()
    assert caught.value.code == "file"


def test_root_and_state_are_keywords(host):
    with pytest.raises(TypeError):
        phoenix_py.Site.open(f"/{SITE}", host)
