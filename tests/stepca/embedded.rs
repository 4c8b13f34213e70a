//! What the CAs of our own issue, judged by OpenSSL, Go and Python's cryptography.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};

use phoenix_core::ca::{Authority as _, CaDesign, EmbeddedCa, Request};
use phoenix_core::names::SubjectAltName;
use phoenix_core::system::Root;
use phoenix_core::time::SystemClock;
use phoenix_core::x509::{KeyType, Permitted, PrivateKey, RevocationReason, Usage};
use phoenix_testkit::{Need, Scratch, need};
use rcgen::{CertificateParams, Issuer, KeyPair};

use super::{name, names};

fn make(scratch: &Scratch, design: &CaDesign) -> EmbeddedCa {
    let dir = scratch.path().join("ca");
    let clock = Arc::new(SystemClock);
    EmbeddedCa::open_or_init(&Root::host(), &dir, "the CA", design, clock).unwrap()
}

/// For `internal.test`, `localhost`, a network of each kind.
fn site() -> CaDesign {
    CaDesign::site(Permitted {
        domains: Some(["internal.test".to_owned(), "localhost".to_owned()].into()),
        networks: Some(
            ["10.0.0.0/24", "127.0.0.0/8", "2001:db8::/32"]
                .iter()
                .map(|network| network.parse().unwrap())
                .collect(),
        ),
    })
}

fn within() -> BTreeSet<SubjectAltName> {
    names(&[
        "docker.internal.test",
        "internal.test",
        "localhost",
        "10.0.0.111",
        "127.0.0.1",
        "2001:db8::1",
    ])
}

#[test]
fn openssl_accepts_every_kind_of_leaf_for_its_usage_alone() {
    let Some(openssl) = need(Need::Openssl) else {
        return;
    };
    let scratch = Scratch::new("openssl");
    let ca = make(&scratch, &site());
    let root = scratch.file("root.pem", ca.anchor().to_pem());
    let cn = name("docker.internal.test");
    let mut sans = within();
    sans.extend(names(&[
        "*.internal.test",
        "me@other.test",
        "https://other.test/x",
    ]));
    for kind in KeyType::ALL {
        let key = PrivateKey::generate(kind).unwrap();
        let private = scratch.file("key.pem", key.to_pem().expose_secret());
        let public = Command::new(&openssl)
            .args(["pkey", "-pubout", "-outform", "DER", "-in"])
            .arg(&private)
            .output()
            .unwrap();
        assert_eq!(public.stdout, key.public_key(), "{kind}: {public:?}");
        for (usage, purpose, wrong) in [
            (Usage::Server, "sslserver", "sslclient"),
            (Usage::Client, "sslclient", "sslserver"),
        ] {
            let issued = ca
                .enroll(&Request::new(&cn, &sans, &key).usage(usage))
                .unwrap();
            let chain = scratch.file("chain.pem", issued.chain.to_pem());
            let verify = |purpose: &str| {
                Command::new(&openssl)
                    .args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile"])
                    .arg(&root)
                    .arg("-untrusted")
                    .args([&chain, &chain])
                    .output()
                    .unwrap()
            };
            let good = verify(purpose);
            assert!(good.status.success(), "{kind}: {good:?}");
            assert!(
                !verify(wrong).status.success(),
                "{kind} also passes as {wrong}"
            );
        }
    }
}

/// A verifier that is not ours: whether it takes the chain for this usage, under this root.
struct Judge {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Judge {
    fn takes(&self, root: &Path, chain: &Path, usage: Usage) -> Result<bool, String> {
        let output: Output = if self.name == "openssl" {
            let purpose = match usage {
                Usage::Client => "sslclient",
                _ => "sslserver",
            };
            Command::new(&self.program)
                .args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile"])
                .arg(root)
                .arg("-untrusted")
                .args([chain, chain])
                .output()
                .unwrap()
        } else {
            Command::new(&self.program)
                .args(&self.arguments)
                .args([root, chain])
                .arg(usage.to_string())
                .output()
                .unwrap()
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => Ok(true),
            // Each has another status for "I could not look at it at all".
            Some(1) if self.name != "openssl" => Ok(false),
            Some(2) if self.name == "openssl" => Ok(false),
            _ => Err(said),
        }
    }
}

fn judges() -> Vec<Judge> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/stepca");
    let mut judges = Vec::new();
    if let Some(program) = need(Need::Openssl) {
        judges.push(Judge {
            name: "openssl",
            program,
            arguments: Vec::new(),
        });
    }
    if let Some(go) = need(Need::Go) {
        judges.push(Judge {
            name: "go",
            program: go_verifier(&go, &here.join("verify.go")).to_owned(),
            arguments: Vec::new(),
        });
    }
    if let Some(program) = need(Need::PythonCryptography) {
        let script = here.join("verify.py").display().to_string();
        judges.push(Judge {
            name: "cryptography",
            program,
            arguments: vec![script],
        });
    }
    judges
}

/// Built once: the standard library alone, so nothing is fetched.
fn go_verifier(go: &Path, source: &Path) -> &'static Path {
    static BUILT: OnceLock<(Scratch, PathBuf)> = OnceLock::new();
    let (_, program) = BUILT.get_or_init(|| {
        let scratch = Scratch::new("go-verifier");
        let program = scratch.path().join("verify");
        let built = Command::new(go)
            .args(["build", "-o"])
            .arg(&program)
            .arg(source)
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "-mod=mod")
            .env("GOTOOLCHAIN", "local")
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        (scratch, program)
    });
    program
}

#[test]
fn three_verifiers_accept_what_the_ca_issues_and_refuse_what_it_may_not() {
    let scratch = Scratch::new("three");
    let ca = make(&scratch, &site());
    let root = scratch.file("root.pem", ca.anchor().to_pem());
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let cn = name("docker.internal.test");
    for judge in judges() {
        for usage in [Usage::Server, Usage::Client] {
            for sans in [
                within(),
                names(&["docker.internal.test", "*.internal.test"]),
            ] {
                let issued = ca
                    .enroll(&Request::new(&cn, &sans, &key).usage(usage))
                    .unwrap();
                let chain = scratch.file("chain.pem", issued.chain.to_pem());
                let verdict = judge.takes(&root, &chain, usage);
                assert_eq!(verdict, Ok(true), "{}: {sans:?}", judge.name);
            }
        }
        // Whoever has the intermediate's key and ignores its limits gets nothing that is believed.
        for foreign in [
            &["a.other.test"][..],
            &["docker.internal.test", "evilinternal.test"],
            &["10.0.1.1"],
            &["2001:db9::1"],
            &["docker.internal.test", "8.8.8.8"],
        ] {
            let chain = scratch.file("forged.pem", forged(&scratch, &ca, foreign, false));
            let verdict = judge.takes(&root, &chain, Usage::Server);
            assert_eq!(verdict, Ok(false), "{}: {foreign:?}", judge.name);
        }
        let good = scratch.file(
            "forged.pem",
            forged(&scratch, &ca, &["a.internal.test"], false),
        );
        assert_eq!(
            judge.takes(&root, &good, Usage::Server),
            Ok(true),
            "{}: what the forgeries are like is else in order",
            judge.name
        );
        // No CA follows behind the intermediate.
        let longer = scratch.file(
            "longer.pem",
            forged(&scratch, &ca, &["a.internal.test"], true),
        );
        let verdict = judge.takes(&root, &longer, Usage::Server);
        assert_eq!(verdict, Ok(false), "{}: path length", judge.name);
    }
}

#[test]
fn three_verifiers_hold_the_ca_of_dockers_clients_to_its_one_client() {
    let scratch = Scratch::new("three-client");
    let client = name("traefik-client.internal.test");
    let ca = make(&scratch, &CaDesign::docker_client(&client));
    let root = scratch.file("root.pem", ca.anchor().to_pem());
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let sans = BTreeSet::from([client.as_dns().unwrap()]);
    let issued = ca
        .enroll(&Request::new(&client, &sans, &key).usage(Usage::Client))
        .unwrap();
    let chain = scratch.file("chain.pem", issued.chain.to_pem());
    for judge in judges() {
        let takes = |chain: &Path, usage| judge.takes(&root, chain, usage);
        assert_eq!(takes(&chain, Usage::Client), Ok(true), "{}", judge.name);
        for foreign in ["docker.internal.test", "10.0.0.111", "2001:db8::1"] {
            let chain = scratch.file("forged.pem", forged(&scratch, &ca, &[foreign], false));
            let verdict = takes(&chain, Usage::Client);
            assert_eq!(verdict, Ok(false), "{}: {foreign}", judge.name);
        }
        // A leaf with both usages, which its issuer does not have.
        let both = forged(&scratch, &ca, &["traefik-client.internal.test"], false);
        let both = scratch.file("forged.pem", both);
        assert_eq!(takes(&both, Usage::Client), Ok(true), "{}", judge.name);
        // Python's cryptography looks at the usage of leaves alone.
        if judge.name != "cryptography" {
            assert_eq!(takes(&both, Usage::Server), Ok(false), "{}", judge.name);
        }
    }
}

#[test]
fn openssl_reads_the_revocation_list_and_heeds_it() {
    let Some(openssl) = need(Need::Openssl) else {
        return;
    };
    let scratch = Scratch::new("openssl-crl");
    let ca = make(&scratch, &site());
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let (cn, sans) = (name("docker.internal.test"), within());
    let issued = ca.enroll(&Request::new(&cn, &sans, &key)).unwrap();
    let root = scratch.file("root.pem", ca.anchor().to_pem());
    let chain = scratch.file("chain.pem", issued.chain.to_pem());
    let crl = scratch.path().join("ca/crl.pem");
    let verify = || {
        Command::new(&openssl)
            .args(["verify", "-crl_check", "-x509_strict", "-CAfile"])
            .arg(&root)
            .arg("-CRLfile")
            .arg(&crl)
            .arg("-untrusted")
            .args([&chain, &chain])
            .output()
            .unwrap()
    };
    let before = verify();
    assert!(before.status.success(), "{before:?}");
    let serial = issued.chain.leaf().serial_number();
    ca.revoke(&serial, RevocationReason::KeyCompromise).unwrap();
    let after = verify();
    let said = String::from_utf8_lossy(&after.stderr).into_owned();
    assert!(said.contains("certificate revoked"), "{after:?}");
    let shown = Command::new(&openssl)
        .args(["crl", "-noout", "-text", "-in"])
        .arg(&crl)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("Key Compromise"), "{shown}");
    let spaced: Vec<&str> = shown.split_whitespace().collect();
    assert!(spaced.join(" ").contains("X509v3 CRL Number: 2"), "{shown}");
}

/// A chain for these names, signed by the intermediate's key itself: what the CA would refuse to issue. `longer` puts one
/// more CA between.
fn forged(scratch: &Scratch, ca: &EmbeddedCa, sans: &[&str], longer: bool) -> Vec<u8> {
    let key = std::fs::read_to_string(scratch.path().join("ca/intermediate.key")).unwrap();
    let intermediate = KeyPair::from_pem(&key).unwrap();
    let issuer = Issuer::from_ca_cert_der(ca.issuer().der(), &intermediate).unwrap();
    let mut pems = vec![String::from_utf8(ca.issuer().to_pem()).unwrap()];
    let leaf = |issuer: &Issuer<'_, &KeyPair>| {
        let sans: Vec<String> = sans.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(sans).unwrap();
        params.use_authority_key_identifier_extension = true;
        params.is_ca = rcgen::IsCa::ExplicitNoCa;
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            rcgen::ExtendedKeyUsagePurpose::ServerAuth,
            rcgen::ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "forged");
        dated(&mut params);
        let own = KeyPair::generate().unwrap();
        params.signed_by(&own, issuer).unwrap().pem()
    };
    if longer {
        let mut params = CertificateParams::default();
        params.use_authority_key_identifier_extension = true;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "forged CA");
        dated(&mut params);
        let own = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&own, &issuer).unwrap();
        let between = Issuer::from_params(&params, &own);
        pems.insert(0, certificate.pem());
        pems.insert(0, leaf(&between));
    } else {
        pems.insert(0, leaf(&issuer));
    }
    pems.concat().into_bytes()
}

fn dated(params: &mut CertificateParams) {
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::minutes(5);
    params.not_after = now + time::Duration::hours(1);
}
