"""Keys, certificates, a CA in a directory, and one written in Python."""

import ipaddress
import pickle
from datetime import datetime, timedelta, timezone

import pytest

import phoenix_py
from conftest import is_hex


def test_a_key_is_made_and_read_again():
    key = phoenix_py.PrivateKey.generate()
    assert key.key_type == "ec-p256"
    again = phoenix_py.PrivateKey.from_pem(key.secret_pem())
    assert again.public_key == key.public_key
    assert phoenix_py.PrivateKey.generate("ed25519").key_type == "ed25519"


def test_a_key_is_never_shown_nor_pickled():
    key = phoenix_py.PrivateKey.generate()
    secret = key.secret_pem().decode().splitlines()[1]
    assert secret not in repr(key) and "[redacted]" in repr(key)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(key)
    with pytest.raises(phoenix_py.ArgumentError) as caught:
        phoenix_py.PrivateKey.from_pem(key.secret_pem()[:-40])
    assert secret not in str(caught.value)


def test_a_request_says_what_it_asks_for():
    key = phoenix_py.PrivateKey.generate()
    csr = phoenix_py.Csr.create(key, "web.internal.example", ["10.1.2.3", ipaddress.ip_address("fd00::1")])
    assert csr.common_name == "web.internal.example"
    assert set(csr.names) == {"web.internal.example", "10.1.2.3", "fd00::1"}
    assert csr.key_type == "ec-p256" and csr.public_key == key.public_key
    assert phoenix_py.Csr.from_pem(csr.to_pem()) == csr
    assert csr.to_der() and hash(csr) == hash(phoenix_py.Csr.from_pem(csr.to_pem()))
    assert repr(csr) == '<Csr for "web.internal.example">'
    with pytest.raises(phoenix_py.ArgumentError) as caught:
        phoenix_py.Csr.create(key, "web.internal.example", ["not a name"])
    assert caught.value.parameter == "sans"


def test_a_ca_in_a_directory_issues(ca):
    key = phoenix_py.PrivateKey.generate()
    issued = ca.enroll("web.internal.example", key, sans=["web.internal.example", ipaddress.ip_address("10.1.2.3")], validity=timedelta(hours=8))
    assert isinstance(issued, phoenix_py.Issued) and issued.warnings == ()
    leaf = issued.chain.leaf
    assert isinstance(leaf, phoenix_py.Certificate)
    assert leaf.common_name == "web.internal.example" and set(leaf.names) == {"web.internal.example", "10.1.2.3"}
    assert leaf.server_auth and not leaf.client_auth and not leaf.is_ca
    assert leaf.not_before < datetime.now(timezone.utc) < leaf.not_after
    assert leaf.not_after - datetime.now(timezone.utc) <= timedelta(hours=8)
    assert is_hex(leaf.fingerprint) and leaf.serial.isdigit() and leaf.key_type == "ec-p256"
    assert leaf.issuer == issued.chain.issuers[0].subject and leaf.subject
    assert len(issued.chain) == 2 and issued.chain.not_after == leaf.not_after
    issued.chain.verify([ca.root])
    assert "<Chain of 2" in repr(issued.chain) and repr(issued).startswith("Issued(chain=<Chain")


def test_a_chain_is_judged(ca, tmp_path):
    chain = ca.enroll("web.internal.example", phoenix_py.PrivateKey.generate()).chain
    other = phoenix_py.EmbeddedCa.open(tmp_path / "other")
    with pytest.raises(phoenix_py.TrustError) as caught:
        chain.verify([other.root])
    assert (caught.value.certificate, caught.value.stage) == ("web.internal.example", "verify")
    with pytest.raises(phoenix_py.TrustError):
        chain.verify([ca.root], at=datetime.now(timezone.utc) + timedelta(days=365))
    with pytest.raises(phoenix_py.TrustError):
        chain.verify([ca.root], usage="client")
    with pytest.raises(TypeError):
        chain.verify([ca.root], at=datetime(2026, 1, 1))


def test_what_is_public_can_be_pickled(ca):
    issued = ca.enroll("web.internal.example", phoenix_py.PrivateKey.generate())
    csr = phoenix_py.Csr.create(phoenix_py.PrivateKey.generate(), "web.internal.example")
    for value in (issued, issued.chain, issued.chain.leaf, ca.root, csr):
        again = pickle.loads(pickle.dumps(value))
        assert again == value and hash(again) == hash(value)


def test_a_certificate_is_renewed_and_rekeyed(ca):
    key, other = phoenix_py.PrivateKey.generate(), phoenix_py.PrivateKey.generate("ec-p384")
    chain = ca.enroll("web.internal.example", key).chain
    renewed = ca.renew(chain, key).chain
    assert renewed.leaf.serial != chain.leaf.serial and renewed.leaf.names == chain.leaf.names
    assert ca.rekey(chain, other).chain.leaf.key_type == "ec-p384"
    with pytest.raises(phoenix_py.EnrollError) as caught:
        ca.renew(chain, other)
    assert (caught.value.certificate, caught.value.stage) == ("web.internal.example", "enroll")


def test_what_was_revoked_is_on_the_list(ca):
    chain = ca.enroll("web.internal.example", phoenix_py.PrivateKey.generate()).chain
    assert len(ca.crl()) == 0
    assert ca.revoke(chain.leaf.serial, reason="keyCompromise") == "now"
    assert ca.revoke(chain.leaf.serial) == "already"
    crl = ca.crl()
    assert isinstance(crl, phoenix_py.Crl)
    (revoked,) = crl
    assert isinstance(revoked, phoenix_py.RevokedAt)
    assert (revoked.serial, revoked.reason) == (chain.leaf.serial, "keyCompromise")
    assert revoked.at <= datetime.now(timezone.utc) < crl.next_update
    assert revoked in crl and crl.issuer and crl.number and crl.this_update <= datetime.now(timezone.utc)
    assert crl.pem.startswith("-----BEGIN X509 CRL-----") and crl.revoked == (revoked,)


def test_a_ca_keeps_to_what_it_was_made_for(tmp_path):
    ca = phoenix_py.EmbeddedCa.open(tmp_path / "ca", domains=["internal.example"], networks=[ipaddress.ip_network("10.0.0.0/8"), "192.168.0.0/16"])
    assert "internal.example" in ca.permitted
    ca.enroll("web.internal.example", phoenix_py.PrivateKey.generate())
    with pytest.raises(phoenix_py.EnrollError) as caught:
        ca.enroll("web.example.com", phoenix_py.PrivateKey.generate())
    assert caught.value.certificate == "web.example.com" and "outside" in caught.value.reason


def test_a_ca_stays_and_can_be_set_aside(tmp_path):
    ca = phoenix_py.EmbeddedCa.open(tmp_path / "ca")
    assert phoenix_py.EmbeddedCa.open(tmp_path / "ca").root == ca.root
    assert (tmp_path / "ca/root.key").stat().st_mode & 0o77 == 0
    aside = phoenix_py.EmbeddedCa.set_aside(tmp_path / "ca")
    assert aside.is_dir() and not (tmp_path / "ca").exists()
    assert phoenix_py.EmbeddedCa.open(tmp_path / "ca").root != ca.root
    with pytest.raises(phoenix_py.EnrollError):
        phoenix_py.EmbeddedCa.set_aside(tmp_path / "none")


def test_anchors_are_certificates_of_a_ca(ca):
    root, issuer = ca.root, ca.issuer
    assert ca.anchors() == (root,) and root != issuer
    assert phoenix_py.Anchor.from_pem(root.to_pem().decode()) == root
    assert phoenix_py.Anchor.from_der(root.to_der()) == root
    assert phoenix_py.Anchor.all_from_pem(root.to_pem() + issuer.to_pem()) == (root, issuer)
    assert root.not_before < datetime.now(timezone.utc) < root.not_after
    assert is_hex(root.fingerprint) and root.subject in repr(root)
    assert phoenix_py.Anchor.all_from_pem(b"nothing") == ()
    with pytest.raises(phoenix_py.ArgumentError):
        phoenix_py.Anchor.from_pem(b"nothing")
    with pytest.raises(phoenix_py.ArgumentError):
        phoenix_py.Anchor.from_der(b"\x00")


def test_a_ca_in_a_directory_says_that_it_can_issue(ca):
    health = ca.health()
    assert isinstance(health, phoenix_py.Health)
    assert (health.version, health.clock_skew) == (None, None) and health.at in ca.describe()
    assert repr(ca).startswith("<EmbeddedCa the CA in ")


class Delegating(phoenix_py.OwnAuthority):
    """A CA of the program's own: another signs for it, with the CSR alone."""

    def __init__(self, directory):
        x509 = pytest.importorskip("cryptography.x509")
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        self.x509, self.hashes = x509, hashes
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Own Root")])
        now = datetime.now(timezone.utc)
        self.root = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        self.asked = []
        self.names = None

    def describe(self):
        return "the test's own CA"

    def anchors(self):
        from cryptography.hazmat.primitives.serialization import Encoding

        return [phoenix_py.Anchor.from_pem(self.root.public_bytes(Encoding.PEM))]

    def health(self):
        return "1.0"

    def enroll(self, request):
        from cryptography.hazmat.primitives.serialization import Encoding

        self.asked.append(request)
        x509 = self.x509
        csr = x509.load_pem_x509_csr(request.csr.to_pem())
        now = datetime.now(timezone.utc)
        names = [x509.DNSName(name) for name in self.names or request.names]
        usage = {"server": x509.ExtendedKeyUsageOID.SERVER_AUTH, "client": x509.ExtendedKeyUsageOID.CLIENT_AUTH}[request.usage]
        leaf = (
            x509.CertificateBuilder()
            .subject_name(csr.subject)
            .issuer_name(self.name)
            .public_key(csr.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + (request.validity or timedelta(days=1)))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(self.key, self.hashes.SHA256())
        )
        return phoenix_py.Issued(phoenix_py.Chain.from_pem(leaf.public_bytes(Encoding.PEM)), ["signed by a test"])


def test_a_run_asks_an_own_authority(host, tmp_path):
    own = Delegating(tmp_path)
    site = host.site(authority=own)
    report = site.sync()
    report.raise_for_status()
    assert report.authority == "the test's own CA"
    assert "signed by a test" in [word for outcome in report for word in outcome.warnings]
    (request,) = own.asked
    assert isinstance(request, phoenix_py.Request)
    assert (request.common_name, request.names, request.usage) == ("web.internal.example", ("web.internal.example",), "server")
    assert request.validity is None and "web.internal.example" in repr(request)
    assert site.ca_view(online=True).kind == "own" and site.ca_health().version == "1.0"
    chain = phoenix_py.Chain.from_pem(host.path("/srv/tls/web.internal.example.crt").read_bytes())
    chain.verify(own.anchors())
    report = site.sync(force=True)
    assert report.ok and len(own.asked) == 2


def test_what_an_own_authority_gives_is_judged(host, tmp_path):
    own = Delegating(tmp_path)
    own.names = ["other.internal.example"]
    report = host.site(authority=own).sync()
    with pytest.raises(phoenix_py.EnrollError) as caught:
        report.raise_for_status()
    assert "other.internal.example" in caught.value.reason
    assert not host.path("/srv/tls/web.internal.example.crt").exists()


def test_what_an_own_authority_raises_is_said(host, tmp_path):
    class Failing(Delegating):
        def enroll(self, request):
            raise RuntimeError("out of paper")

    report = host.site(authority=Failing(tmp_path)).sync()
    with pytest.raises(phoenix_py.EnrollError, match="out of paper"):
        report.raise_for_status()

    class Odd(Delegating):
        def enroll(self, request):
            return "a certificate"

    report = host.site(authority=Odd(tmp_path)).sync()
    with pytest.raises(phoenix_py.EnrollError, match="the authority returned str, expected Issued or Chain"):
        report.raise_for_status()


def test_what_is_no_authority_is_a_type_error(host):
    with pytest.raises(TypeError, match="argument 'authority'"):
        host.site(authority=object())


def test_one_of_ours_may_be_a_sites_authority(host, ca):
    report = host.site(authority=ca).sync()
    report.raise_for_status()
    phoenix_py.Chain.from_pem(host.path("/srv/tls/web.internal.example.crt").read_bytes()).verify([ca.root])


def test_an_own_authority_has_defaults():
    assert all(hasattr(phoenix_py.OwnAuthority, name) for name in vars(phoenix_py.Authority) if not name.startswith("_"))
    own = phoenix_py.OwnAuthority()
    assert own.describe() == "OwnAuthority" and own.health() is None
    for missing in (own.anchors, lambda: own.enroll(None), lambda: own.renew(None, None)):
        with pytest.raises(NotImplementedError):
            missing()
