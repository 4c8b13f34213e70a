//! The ACME provisioner of a real step-ca.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use phoenix_core::ca::{AccountKey, Acme, Authority as _, EnrollError, Request, Revoked, TlsFault};
use phoenix_core::settings::AcmeChallenge;
use phoenix_core::system::{HostCommands, Root};
use phoenix_core::x509::{Anchor, KeyType, PrivateKey, RevocationReason, Usage};
use phoenix_testkit::Scratch;
use phoenix_testkit::dns::Dns;
use phoenix_testkit::loopback::{Loopback, free_port};
use phoenix_testkit::stepca::{Looks, Server, Setup};

use super::{name, names, whole};

/// A server, the names that it sees, and a state directory.
struct Place {
    server: Server,
    dns: Dns,
    http: SocketAddr,
    scratch: Scratch,
    dial: Arc<Loopback>,
}

impl Place {
    fn new(change: impl FnOnce(&mut Setup)) -> Option<Self> {
        let dns = Dns::start();
        let http = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut setup = Setup::default();
        setup.acme = Some(Looks {
            http_port: http.port(),
            resolver: dns.address(),
        });
        change(&mut setup);
        Some(Self {
            server: Server::start(&setup)?,
            dns,
            http,
            scratch: Scratch::new("acme"),
            dial: Arc::default(),
        })
    }

    fn client(&self, challenge: AcmeChallenge) -> Acme {
        self.client_of(challenge, self.server.anchor.clone())
    }

    fn client_of(&self, challenge: AcmeChallenge, anchor: Anchor) -> Acme {
        let root = Root::at(self.scratch.path()).unwrap();
        Acme::new(
            self.server.acme_directory().parse().unwrap(),
            vec![anchor],
            challenge,
            AccountKey::new(root, PathBuf::from("/acme/account.key")),
            self.dial.clone(),
            Arc::new(HostCommands::new("/usr/bin:/bin")),
        )
    }

    fn http(&self) -> AcmeChallenge {
        AcmeChallenge::Http01 { listen: self.http }
    }

    fn dns(&self) -> AcmeChallenge {
        let hook = self.dns.hook(&self.log());
        AcmeChallenge::Dns01 {
            hook: vec![hook.display().to_string()],
        }
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("hook-log")
    }

    fn account_key(&self) -> PathBuf {
        self.scratch.path().join("acme/account.key")
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::EcP256).unwrap()
}

#[test]
fn names_and_addresses_are_proved_over_http_and_renewed_with_the_same_key() {
    let Some(place) = Place::new(|_| ()) else {
        return;
    };
    let ca = place.client(place.http());
    assert_eq!(
        ca.describe(),
        format!(
            "ACME at {}, http-01 on {}",
            place.server.acme_directory(),
            place.http
        )
    );
    assert_eq!(ca.health().unwrap().at, place.server.acme_directory());
    let (cn, sans, key) = (
        name("a.test"),
        names(&["a.test", "b.test", "127.0.0.1"]),
        key(),
    );
    let request = Request::new(&cn, &sans, &key);
    let issued = ca
        .enroll(&request)
        .unwrap_or_else(|error| panic!("{}", whole(&error)));
    let leaf = issued.chain.leaf();
    assert_eq!(leaf.sans, sans);
    assert_eq!(leaf.public_key, key.public_key());
    assert_eq!(issued.chain.certificates().len(), 2);
    assert_eq!(issued.warnings, Vec::<String>::new());
    let mode = fs::metadata(place.account_key())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert!(TcpListener::bind(place.http).is_ok(), "it listens no more");

    // Another process: the same account, found by its key.
    let account = fs::read(place.account_key()).unwrap();
    let renewed = place
        .client(place.http())
        .renew(&issued.chain, &request)
        .unwrap();
    assert_eq!(fs::read(place.account_key()).unwrap(), account);
    assert_eq!(renewed.chain.leaf().public_key, key.public_key());
    assert_ne!(renewed.chain.leaf().serial, leaf.serial);
    let other = PrivateKey::generate(KeyType::EcP384).unwrap();
    let error = ca
        .renew(&issued.chain, &Request::new(&cn, &sans, &other))
        .unwrap_err();
    assert!(matches!(error, EnrollError::KeyMismatch { .. }), "{error}");
    let client = Request::new(&cn, &sans, &other).usage(Usage::Client);
    let other = ca.enroll(&client).unwrap();
    let why = RevocationReason::Superseded;
    assert_eq!(ca.revoke(&other.chain, why).unwrap(), Revoked::Now);
    assert_eq!(ca.revoke(&other.chain, why).unwrap(), Revoked::Already);
}

#[test]
fn a_wildcard_and_its_own_name_are_proved_by_records_that_are_removed() {
    let Some(place) = Place::new(|_| ()) else {
        return;
    };
    let ca = place.client(place.dns());
    let (cn, sans, key) = (
        name("a.test"),
        names(&["*.a.test", "a.test", "b.test"]),
        key(),
    );
    let issued = ca
        .enroll(&Request::new(&cn, &sans, &key))
        .unwrap_or_else(|error| panic!("{}", whole(&error)));
    assert_eq!(issued.chain.leaf().sans, sans);
    let mut calls: Vec<String> = fs::read_to_string(place.log())
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    calls.sort();
    let of =
        |act: &str| ["a", "a", "b"].map(|letter| format!("{act} _acme-challenge.{letter}.test."));
    assert_eq!(calls, [of("cleanup"), of("present")].concat());
    for name in ["_acme-challenge.a.test.", "_acme-challenge.b.test."] {
        assert!(!place.dns.records(name).exists(), "{name}");
    }
}

#[test]
fn several_workers_share_one_account_and_one_server() {
    let Some(place) = Place::new(|_| ()) else {
        return;
    };
    let ca = place.client(place.http());
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let ca = &ca;
            scope.spawn(move || {
                for one in 0..3 {
                    let text = format!("w{worker}-{one}.test");
                    let (cn, sans, key) = (name(&text), names(&[&text]), key());
                    ca.enroll(&Request::new(&cn, &sans, &key))
                        .unwrap_or_else(|error| panic!("{text}: {}", whole(&error)));
                }
            });
        }
    });
    assert!(place.dial.dialled() <= 9, "{}", place.dial.dialled());
    assert!(TcpListener::bind(place.http).is_ok(), "it listens no more");
}

#[test]
fn what_cannot_be_proved_is_said_before_anybody_is_asked() {
    let Some(place) = Place::new(|_| ()) else {
        return;
    };
    let (http, dns) = (place.client(place.http()), place.client(place.dns()));
    let key = key();
    for (ca, cn, sans, words) in [
        (
            &http,
            "a.test",
            &["a.test", "*.a.test"][..],
            "`*.a.test` cannot be had from an ACME CA in this way: a wildcard is proved by `dns-01` only",
        ),
        (&dns, "a.test", &["a.test", "10.0.0.1"], "by `http-01` only"),
        (
            &http,
            "a.test",
            &["a.test", "me@a.test"],
            "DNS names and addresses only",
        ),
        (&http, "a.test", &["b.test"], "`a.test` cannot be had"),
    ] {
        let (cn, sans) = (name(cn), names(sans));
        let error = ca.enroll(&Request::new(&cn, &sans, &key)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(place.dial.dialled(), 0);
    assert!(!place.account_key().exists());
}

#[test]
fn a_proof_that_the_ca_does_not_find_is_explained() {
    let Some(place) = Place::new(|_| ()) else {
        return;
    };
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let request = Request::new(&cn, &sans, &key);
    // The CA asks another port than the one on which is answered.
    let elsewhere = AcmeChallenge::Http01 {
        listen: SocketAddr::from(([127, 0, 0, 1], free_port())),
    };
    let error = place.client(elsewhere).enroll(&request).unwrap_err();
    assert!(
        matches!(&error, EnrollError::Unproved { name, challenge: "http-01", .. } if name == "a.test"),
        "{error}"
    );
    assert!(error.to_string().contains("`http_listen`"), "{error}");
    // Something else answers there.
    let taken = TcpListener::bind(place.http).unwrap();
    let error = place.client(place.http()).enroll(&request).unwrap_err();
    assert!(matches!(error, EnrollError::Listen { .. }), "{error}");
    drop(taken);
    // A hook that writes nothing, and one that fails.
    let hook = |words: &[&str]| AcmeChallenge::Dns01 {
        hook: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    let error = place
        .client(hook(&["/bin/true"]))
        .enroll(&request)
        .unwrap_err();
    assert!(
        matches!(
            &error,
            EnrollError::Unproved {
                challenge: "dns-01",
                ..
            }
        ),
        "{error}"
    );
    let error = place
        .client(hook(&["sh", "-c", "echo no zone >&2; exit 3"]))
        .enroll(&request)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the hook `sh -c 'echo no zone >&2; exit 3'` could not write the record `_acme-challenge.a.test.`: it ended with status 3: no zone"
    );
}

#[test]
fn the_pinned_root_is_the_only_anchor() {
    let Some(place) = Place::new(|_| ()) else {
        return;
    };
    let Some(other) = Server::start(&Setup::default()) else {
        return;
    };
    let ca = place.client_of(place.http(), other.anchor.clone());
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let error = ca.enroll(&Request::new(&cn, &sans, &key)).unwrap_err();
    assert!(
        matches!(
            error,
            EnrollError::Tls {
                fault: TlsFault::UnknownRoot,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_lifetime_is_the_cas_and_the_command_that_changes_it_is_named() {
    let claims = serde_json::json!({"maxTLSCertDuration": "48h", "defaultTLSCertDuration": "48h"});
    let Some(place) = Place::new(|setup| setup.claims = claims) else {
        return;
    };
    let ca = place.client(place.http());
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let request =
        |validity: &str| Request::new(&cn, &sans, &key).validity(Some(validity.parse().unwrap()));
    let issued = ca.enroll(&request("720h")).unwrap();
    let hours = issued.chain.leaf().lifetime().as_secs() / 3_600;
    assert_eq!(hours, 48);
    assert_eq!(
        issued.warnings,
        [format!(
            "`a.test` was to be valid for 720h0m0s; with ACME the CA at {} decides, and gave 2d; to change it: step ca provisioner update acme --x509-default-dur 720h0m0s --x509-max-dur 720h0m0s",
            place.server.url()
        )]
    );
    assert_eq!(
        ca.enroll(&request("24h")).unwrap().warnings,
        Vec::<String>::new()
    );
}

#[test]
fn an_account_key_of_another_kind_and_a_directory_of_nobody_are_said() {
    let Some(place) = Place::new(|_| ()) else {
        return;
    };
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let request = Request::new(&cn, &sans, &key);
    fs::create_dir(place.scratch.path().join("acme")).unwrap();
    let rsa = PrivateKey::generate(KeyType::Rsa2048).unwrap().to_pem();
    fs::write(place.account_key(), rsa.expose_secret()).unwrap();
    let error = place.client(place.http()).enroll(&request).unwrap_err();
    assert!(
        whole(&error).contains("expected an EC P-256 key"),
        "{}",
        whole(&error)
    );
    fs::remove_file(place.account_key()).unwrap();
    let directory = format!("{}/acme/nobody/directory", place.server.url());
    let ca = Acme::new(
        directory.parse().unwrap(),
        vec![place.server.anchor.clone()],
        place.http(),
        AccountKey::new(
            Root::at(place.scratch.path()).unwrap(),
            PathBuf::from("/acme/account.key"),
        ),
        place.dial.clone(),
        Arc::new(HostCommands::new("/usr/bin:/bin")),
    )
    .timeouts(phoenix_core::ca::Timeouts::new(
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(20),
    ));
    for error in [ca.health().unwrap_err(), ca.enroll(&request).unwrap_err()] {
        assert!(error.to_string().contains("404"), "{error}");
    }
}
