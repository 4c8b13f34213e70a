"""The client of step-ca, and sites that have one, against a real server."""

import json
import ssl
import socket
import subprocess
import sys
from datetime import timedelta

import pytest

import phoenix_py
from conftest import PASSWORD, PROVISIONER, SITE, entry, free_port


def test_a_certificate_is_got_renewed_rekeyed_and_revoked(step_ca):
    ca = step_ca.client()
    key = phoenix_py.PrivateKey.generate()
    issued = ca.enroll("web.internal.example", key, sans=["web.internal.example", "127.0.0.1"], validity=timedelta(hours=2))
    chain = issued.chain
    chain.verify([step_ca.root])
    assert set(chain.leaf.names) == {"web.internal.example", "127.0.0.1"}
    assert chain.leaf.not_after - chain.leaf.not_before <= timedelta(hours=2, minutes=5)
    renewed = ca.renew(chain, key).chain
    assert renewed.leaf.serial != chain.leaf.serial
    assert ca.renew(chain, key, by_token=True).chain.leaf.names == chain.leaf.names
    other = phoenix_py.PrivateKey.generate("rsa-2048")
    assert ca.rekey(renewed, key, other).chain.leaf.key_type == "rsa-2048"
    assert ca.revoke(chain.leaf.serial, reason="superseded", words="a test") == "now"
    assert ca.revoke(chain.leaf.serial) == "already"
    assert chain.leaf.serial in [revoked.serial for revoked in ca.crl()]
    assert ca.revoke_pair(renewed, key, reason="keyCompromise") in ("now", "already")
    with pytest.raises(phoenix_py.EnrollError) as caught:
        ca.renew(chain, key)
    assert caught.value.certificate == "web.internal.example"


def test_tokens_let_others_ask(step_ca):
    ca = step_ca.client()
    key = phoenix_py.PrivateKey.generate()
    token = ca.token("agent.internal.example", sans=["agent.internal.example"])
    assert isinstance(token, bytes) and token.count(b".") == 2
    stranger = phoenix_py.StepCa([step_ca.url], [step_ca.root])
    chain = stranger.enroll("agent.internal.example", key, token=token).chain
    assert chain.leaf.common_name == "agent.internal.example"
    with pytest.raises(phoenix_py.EnrollError):
        stranger.enroll("agent.internal.example", phoenix_py.PrivateKey.generate(), token=token)
    csr = phoenix_py.Csr.create(key, "elsewhere.internal.example")
    assert ca.sign(csr, validity=timedelta(hours=1)).chain.leaf.common_name == "elsewhere.internal.example"
    bound = ca.token("elsewhere.internal.example", csr=csr)
    assert stranger.sign(csr, token=bound).chain.leaf.common_name == "elsewhere.internal.example"


def test_it_says_what_it_is(step_ca):
    ca = step_ca.client()
    health = ca.health()
    assert health.version == ca.version() and abs(health.clock_skew or 0) < 5
    (provisioner,) = ca.provisioners()
    assert isinstance(provisioner, phoenix_py.Provisioner)
    assert (provisioner.name, provisioner.kind, provisioner.has_encrypted_key) == (PROVISIONER, "JWK", True)
    assert provisioner.claims["maxTLSCertDuration"].startswith("72h") and provisioner.key_id and provisioner.key_type
    assert ca.open_provisioner() == PROVISIONER
    assert ca.roots() == ca.federation() == ca.anchors() == (step_ca.root,)
    (intermediate,) = ca.intermediates()
    assert intermediate != step_ca.root
    assert step_ca.url in ca.describe() and step_ca.url in repr(ca)
    assert PASSWORD.decode() not in repr(ca)


def test_a_root_is_fetched_by_its_fingerprint(step_ca):
    assert phoenix_py.StepCa.bootstrap(step_ca.url, step_ca.root.fingerprint) == step_ca.root
    with pytest.raises(phoenix_py.TrustError):
        phoenix_py.StepCa.bootstrap(step_ca.url, "0" * 64)


def test_the_password_is_asked_for_when_it_is_needed(step_ca):
    asked = []

    def password():
        asked.append(True)
        return PASSWORD

    ca = step_ca.client(password=password)
    ca.health()
    assert asked == []
    ca.enroll("web.internal.example", phoenix_py.PrivateKey.generate())
    assert asked
    assert step_ca.client(password=PASSWORD).open_provisioner() == PROVISIONER
    with pytest.raises(TypeError, match="argument 'password'"):
        step_ca.client(password="a str is taken for neither")
    with pytest.raises(TypeError):
        step_ca.client(password=3)


def test_what_a_wrong_password_raises_holds_none(step_ca):
    ca = step_ca.client(password=b"a wrong one of ours")
    with pytest.raises(phoenix_py.EnrollError) as caught:
        ca.enroll("web.internal.example", phoenix_py.PrivateKey.generate())
    assert "a wrong one of ours" not in f"{caught.value!r} {caught.value} {caught.value.__dict__}"

    def broken():
        raise RuntimeError("no terminal")

    with pytest.raises(phoenix_py.EnrollError, match="no terminal"):
        step_ca.client(password=broken).open_provisioner()


def test_a_ca_with_another_root_is_not_trusted(step_ca, ca):
    stranger = phoenix_py.StepCa([step_ca.url], [ca.root])
    with pytest.raises(phoenix_py.TrustError) as caught:
        stranger.health()
    assert caught.value.stage == "enroll"


def test_a_ca_that_is_not_there_is_unreachable(ca):
    patience = timedelta(seconds=1)
    gone = phoenix_py.StepCa([f"https://127.0.0.1:{free_port()}"], [ca.root], connect_timeout=patience, request_timeout=patience, total_timeout=patience)
    with pytest.raises(phoenix_py.UnreachableError) as caught:
        gone.health()
    assert isinstance(caught.value, phoenix_py.EnrollError)
    behind = phoenix_py.StepCa(["https://ca.example.org"], [ca.root], proxy=f"http://127.0.0.1:{free_port()}", total_timeout=patience)
    with pytest.raises(phoenix_py.UnreachableError):
        behind.health()


def test_arguments_of_the_client_are_judged(ca):
    for words, parameter in (
        (([], [ca.root]), "urls"),
        ((["ftp://ca"], [ca.root]), "urls"),
        ((["https://ca.example.org"], []), "roots"),
    ):
        with pytest.raises(phoenix_py.ArgumentError) as caught:
            phoenix_py.StepCa(*words)
        assert caught.value.parameter == parameter
    with pytest.raises(phoenix_py.ArgumentError):
        phoenix_py.StepCa(["https://ca.example.org"], [ca.root], proxy="socks5://x:1")


@pytest.fixture
def with_step_ca(here, step_ca):
    """A site that has the real step-ca."""
    settings = [
        "[ca]",
        f'url = "{step_ca.url}"',
        f'root = "{step_ca.root_path}"',
        f'provisioner = "{PROVISIONER}"',
        f'provisioner_password_file = "{step_ca.password_path}"',
    ]
    (here.etc / "phoenix.toml").write_text("\n".join(settings) + "\n")
    return here


def test_a_site_is_renewed_by_its_step_ca(with_step_ca, step_ca):
    with_step_ca.want(*(entry(f"web{number}.internal.example") for number in range(5)))
    site = with_step_ca.site()
    report = site.sync()
    report.raise_for_status()
    assert report.changes_done == 10
    for number in range(5):
        pem = with_step_ca.path(f"/srv/tls/web{number}.internal.example.crt").read_bytes()
        phoenix_py.Chain.from_pem(pem).verify([step_ca.root])
    view = site.ca_view(online=True)
    assert isinstance(view, phoenix_py.CaView) and isinstance(view.online, phoenix_py.CaOnline)
    assert (view.kind, view.at, view.provisioner) == ("step-ca", (step_ca.url,), PROVISIONER)
    assert view.password_files == ((step_ca.password_path, True),) and view.root_files == ((step_ca.root_path, True),)
    assert isinstance(view.pinned, phoenix_py.CaRoot)
    assert view.pinned.fingerprint == step_ca.root.fingerprint and view.said_by and view.docker_clients is None
    assert (view.server_name, view.proxy, view.challenge) == (None, None, None)
    assert view.online.health.version and view.online.roots == (view.pinned,) and view.online.notes == ()
    assert len(view.online.provisioners) == len(view.online.intermediates) == 1
    assert view.online.revoked is not None and view.online.permitted is None
    assert site.ca_health().version == view.online.health.version
    out = with_step_ca.root / "list.pem"
    assert isinstance(site.ca_crl(out=out), phoenix_py.Crl) and out.exists()


def test_single_certificates_by_a_sites_ca(with_step_ca, step_ca):
    site, root = with_step_ca.site(), with_step_ca.root
    cert, key = root / "one.crt", root / "one.key"
    report = site.issue(cert, common_name="one.internal.example", key_path=key, key_type="ec-p256", validity=timedelta(hours=1))
    assert isinstance(report, phoenix_py.CertReport) and isinstance(report.certificate, phoenix_py.CertificateFacts)
    assert report.written and report.act == "issue" and set(report.files) == {cert, key}
    assert (report.common_name, report.names) == ("one.internal.example", ("one.internal.example",))
    assert report.request is None and report.kept is None and step_ca.url in report.authority
    first = report.certificate.serial
    with pytest.raises(phoenix_py.FileAccessError) as caught:
        site.issue(cert, common_name="one.internal.example", key_path=key, key_type="ec-p256")
    assert caught.value.code == "exists"
    kept = site.renew(cert, key, within="10m")
    assert kept.kept and not kept.written and kept.warnings == ()
    assert site.renew(cert, key, by="certificate").certificate.serial != first
    assert site.rekey(cert, key, force=True).written
    seen = site.inspect(cert, root_path=step_ca.root_path, key_path=key)
    assert isinstance(seen, phoenix_py.Inspection) and isinstance(seen.certificates[0], phoenix_py.InspectedCertificate)
    assert seen.is_sound and seen.key_fits and seen.order is None and seen.request is None and str(cert) in seen.source
    assert isinstance(seen.trust, phoenix_py.TrustVerdict)
    assert seen.trust.fault is None and seen.trust.fingerprint == step_ca.root.fingerprint and seen.trust.from_ and seen.trust.root
    leaf = seen.certificates[0]
    assert (leaf.state, leaf.provisioner, leaf.is_ca) == ("valid", PROVISIONER, False)
    assert int(leaf.serial) == int(leaf.serial_hex.replace(":", ""), 16)
    assert leaf.key == "EC P-256" and "serverAuth" in leaf.extended_key_usage and leaf.key_usage
    assert leaf.path_length is None and isinstance(leaf.revocation_lists, tuple)
    revoked = site.revoke(cert_path=cert, reason="superseded")
    assert isinstance(revoked, phoenix_py.RevokeReport)
    assert (revoked.outcome, revoked.reason, revoked.common_name) == ("now", "superseded", "one.internal.example")
    assert revoked.serial == leaf.serial and step_ca.url in revoked.authority
    assert site.revoke(serial=first, dry_run=True).outcome is None
    assert site.token("two.internal.example").count(b".") == 2
    assert site.token(revoke_serial=first).count(b".") == 2


def test_a_request_is_made_and_signed(with_step_ca):
    site, root = with_step_ca.site(), with_step_ca.root
    report = site.csr("three.internal.example", root / "three.key", sans=["10.1.2.3"])
    assert report.request.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    made = site.csr("three.internal.example", root / "three.key", out=root / "three.csr")
    assert made.request is None and root / "three.csr" in made.files
    seen = site.inspect(root / "three.csr")
    assert isinstance(seen.request, phoenix_py.InspectedRequest)
    assert (seen.request.common_name, seen.request.key) == ("three.internal.example", "EC P-256") and seen.request.names
    assert site.issue(root / "three.crt", csr_path=root / "three.csr").written


def test_what_a_server_serves_is_inspected(with_step_ca, step_ca):
    seen = with_step_ca.site().inspect(f"127.0.0.1:{step_ca.port}", root_path=step_ca.root_path)
    assert seen.is_sound and "127.0.0.1" in seen.certificates[0].names
    with pytest.raises(phoenix_py.UnreachableError) as caught:
        with_step_ca.site().inspect(f"127.0.0.1:{free_port()}")
    assert caught.value.code == "unseen"


def test_another_ca_for_one_call(here, step_ca):
    ca = phoenix_py.Ca([step_ca.url], fingerprint=step_ca.root.fingerprint, provisioner=PROVISIONER, password=step_ca.password_path)
    assert step_ca.url in repr(ca)
    site = here.site()
    report = site.issue(here.root / "x.crt", common_name="x.internal.example", key_path=here.root / "x.key", key_type="ed25519", ca=ca)
    assert report.written and step_ca.url in report.authority
    assert site.ca_health(ca=step_ca.client()).version
    with pytest.raises(phoenix_py.ArgumentError) as caught:
        phoenix_py.Ca([step_ca.url], fingerprint="short")
    assert caught.value.parameter == "fingerprint"
    acme = phoenix_py.Ca(acme_directory="https://ca.example.org/acme/acme/directory", acme_dns_hook=["/bin/hook"])
    assert "ACME" in repr(acme)
    with pytest.raises(phoenix_py.ArgumentError):
        phoenix_py.Ca(acme_directory="https://ca.example.org/x", acme_dns_hook=["/bin/hook"], acme_listen="[::]:80")


def test_a_step_ca_is_taken_in(here, step_ca):
    site = here.site()
    report = site.ca_bootstrap(step_ca.url, step_ca.root.fingerprint, provisioner=PROVISIONER, password_path=step_ca.password_path)
    assert isinstance(report, phoenix_py.BootstrapReport)
    assert report.written and report.root.fingerprint == step_ca.root.fingerprint and report.instead_of is None
    assert report.provisioner == PROVISIONER and {change.path.name for change in report.files} >= {"phoenix.toml"}
    assert isinstance(report.notes, tuple)
    assert site.ca_view().kind == "step-ca" and site.sync().ok
    assert site.trust_root(step_ca.root.fingerprint) == step_ca.root
    with pytest.raises(phoenix_py.TrustError) as caught:
        site.trust_root("0" * 64)
    assert caught.value.code == "wrong-fingerprint"


def test_another_root_than_the_pinned_one_stops_a_run(with_step_ca, ca):
    site = with_step_ca.site()
    site.sync()
    other = with_step_ca.root / "other.crt"
    other.write_bytes(ca.root.to_pem())
    settings = with_step_ca.etc / "phoenix.toml"
    settings.write_text("".join(f'root = "{other}"\n' if line.startswith("root") else line for line in settings.read_text().splitlines(True)))
    with pytest.raises(phoenix_py.TrustError) as caught:
        site.sync()
    assert caught.value.code == "root-changed"


def test_a_served_leaf_that_is_another_is_a_verify_error(with_step_ca, ca, tmp_path):
    """A server goes on with its old pair: the new one is deployed, not seen, and said so."""
    old = ca.enroll("web.internal.example", key := phoenix_py.PrivateKey.generate())
    (tmp_path / "old.crt").write_bytes(old.chain.to_pem())
    (tmp_path / "old.key").write_bytes(key.secret_pem())
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port), str(tmp_path / "old.crt"), str(tmp_path / "old.key")], stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"ready\n"
        with_step_ca.want(entry("web.internal.example", verify={"address": f"127.0.0.1:{port}"}))
        site = with_step_ca.site()
        report = site.sync()
        with pytest.raises(phoenix_py.VerifyError) as caught:
            report.raise_for_status()
        assert caught.value.stage == "verify"
        probes = [probe for outcome in report for probe in outcome.probes]
        assert isinstance(probes[0], phoenix_py.Probe)
        failed = next(probe for probe in probes if probe.verdict == "failed")
        assert failed.name and failed.expected and failed.seen and failed.why is None
        assert not site.verify().ok
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


SERVER = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()
"""
