//! Against the real server.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use phoenix_core::ca::{Authority, EnrollError, Request, Timeouts, TlsFault, bootstrap};
use phoenix_core::system::Dial;
use phoenix_core::time::{Clock, SystemClock};
use phoenix_core::x509::{
    Chain, ChainFault, Fingerprint, KeyType, PrivateKey, Usage, verify_chain,
};
use phoenix_testkit::loopback::{Loopback, free_port};
use phoenix_testkit::provisioner::{Kind, jwk_provisioner};
use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server, Setup};

use super::{Client, name, names, whole};

fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::EcP256).unwrap()
}

fn setup(change: impl FnOnce(&mut Setup)) -> Setup {
    let mut setup = Setup::default();
    change(&mut setup);
    setup
}

fn seams() -> (Arc<dyn Dial>, Arc<dyn Clock>) {
    (Arc::new(Loopback::default()), Arc::new(SystemClock))
}

#[test]
fn a_root_is_trusted_by_its_fingerprint_and_by_nothing_else() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let (dial, clock) = seams();
    let fetch = |fingerprint, server_name| {
        bootstrap(
            &server.url(),
            fingerprint,
            server_name,
            &dial,
            &clock,
            Timeouts::default(),
        )
    };
    assert_eq!(
        fetch(server.anchor.fingerprint, None).unwrap(),
        server.anchor
    );
    let other = Fingerprint::of(b"another root");
    assert!(matches!(
        fetch(other, None),
        Err(EnrollError::RootMismatch { found: None, .. })
    ));
    let wrong_name = fetch(server.anchor.fingerprint, Some("ca.test")).unwrap_err();
    assert!(
        matches!(&wrong_name, EnrollError::Tls { fault: TlsFault::NameMismatch { presented, .. }, .. } if presented.len() == 2),
        "{wrong_name:?}"
    );
    assert!(
        wrong_name.to_string().contains("`localhost`"),
        "{wrong_name}"
    );
}

#[test]
fn every_kind_of_provisioner_key_gets_a_certificate() {
    for kind in [Kind::P256, Kind::P384, Kind::P521, Kind::Rsa, Kind::Ed25519] {
        let Some(server) = Server::start(&setup(|setup| setup.kind = kind)) else {
            return;
        };
        let client = Client::new(server.url(), server.anchor.clone());
        let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
        let issued = client.ca.enroll(&Request::new(&cn, &sans, &key));
        issued.unwrap_or_else(|error| panic!("{kind:?}: {}", whole(&error)));
    }
}

#[test]
fn every_kind_of_leaf_key_and_name_is_issued_and_renewed() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let client = Client::new(server.url(), server.anchor.clone());
    let cn = name("a.test");
    let sans = names(&[
        "a.test",
        "*.a.test",
        "10.0.0.111",
        "2001:db8::1",
        "me@a.test",
        "https://a.test/x",
    ]);
    for kind in KeyType::ALL {
        let key = PrivateKey::generate(kind).unwrap();
        let request = Request::new(&cn, &sans, &key).usage(Usage::Client);
        let issued = client
            .ca
            .enroll(&request)
            .unwrap_or_else(|error| panic!("{kind}: {}", whole(&error)));
        assert_eq!(issued.chain.leaf().sans, sans);
        assert_eq!(issued.chain.certificates().len(), 2);
        let anchors = client.ca.anchors().unwrap();
        verify_chain(&issued.chain, &anchors, SystemTime::now(), Usage::Server).unwrap();

        let renewed = client
            .ca
            .renew(&issued.chain, &request)
            .unwrap_or_else(|error| panic!("{kind}: {}", whole(&error)));
        assert_ne!(renewed.chain.leaf().serial, issued.chain.leaf().serial);
        assert_eq!(
            renewed.chain.leaf().public_key,
            issued.chain.leaf().public_key
        );
        assert_eq!(
            renewed.chain.leaf().lifetime(),
            issued.chain.leaf().lifetime()
        );
    }
    assert_eq!(client.passwords_read(), 1);
}

#[test]
fn a_maximum_is_learnt_once_and_named_with_the_command_that_raises_it() {
    let claims = serde_json::json!({"maxTLSCertDuration": "48h0m0s"});
    let Some(server) = Server::start(&setup(|setup| setup.claims = claims)) else {
        return;
    };
    let client = Client::new(server.url(), server.anchor.clone());
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let request = Request::new(&cn, &sans, &key).validity(Some("720h".parse().unwrap()));
    for _ in 0..2 {
        let issued = client.ca.enroll(&request).unwrap();
        assert_eq!(
            issued.chain.leaf().lifetime(),
            Duration::from_secs(48 * 3_600 + 60)
        );
        assert_eq!(
            issued.warnings,
            [format!(
                "`a.test` was to be valid for 720h0m0s, the CA at {} allows 48h0m0s; to allow more: step ca provisioner update {PROVISIONER} --x509-max-dur 720h0m0s",
                server.url()
            )]
        );
    }
    let short = Request::new(&cn, &sans, &key).validity(Some("1m".parse().unwrap()));
    let error = client.ca.enroll(&short).unwrap_err();
    assert!(
        matches!(&error, EnrollError::Refused { status: 403, message, .. } if message.contains("minimum")),
        "{error}"
    );
}

#[test]
fn two_hundred_certificates_take_few_connections_and_one_password() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let client = Client::new(server.url(), server.anchor.clone());
    let started = Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for one in 0..25 {
                    let text = format!("w{worker}-{one}.test");
                    let (cn, sans, key) = (name(&text), names(&[&text]), key());
                    client.ca.enroll(&Request::new(&cn, &sans, &key)).unwrap();
                }
            });
        }
    });
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!(
            "200 certificates: {:?}, {} connections\n",
            started.elapsed(),
            client.dial.dialled()
        )
        .as_bytes(),
    );
    assert_eq!(client.passwords_read(), 1);
    assert!(
        client.dial.dialled() <= 9,
        "{} connections",
        client.dial.dialled()
    );
}

#[test]
fn a_wrong_password_is_read_and_tried_once() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let client = Client::with(vec![server.url()], server.anchor.clone(), None, "wrong");
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    for _ in 0..3 {
        let error = client
            .ca
            .enroll(&Request::new(&cn, &sans, &key))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the password from /etc/password does not open the key of provisioner `{PROVISIONER}`"
            )
        );
    }
    assert_eq!(client.passwords_read(), 1);
}

#[test]
fn a_provisioner_is_found_among_several_and_over_pages() {
    let others = (0..120)
        .map(|n| jwk_provisioner(&format!("p{n}"), Kind::P256, PASSWORD, 1_000))
        .collect();
    let Some(server) = Server::start(&setup(|setup| setup.others = others)) else {
        return;
    };
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let enroll = |provisioner| {
        Client::with(
            vec![server.url()],
            server.anchor.clone(),
            provisioner,
            PASSWORD,
        )
        .ca
        .enroll(&Request::new(&cn, &sans, &key))
    };
    enroll(Some("p119")).unwrap();
    enroll(Some(PROVISIONER)).unwrap();
    let missing = enroll(Some("nobody")).unwrap_err();
    assert!(
        matches!(&missing, EnrollError::NoSuchProvisioner { found, .. } if found.len() == 121),
        "{missing}"
    );
    assert!(matches!(
        enroll(None),
        Err(EnrollError::NoSuchProvisioner { wanted: None, .. })
    ));
}

#[test]
fn server_name_covers_an_address_that_the_certificate_lacks() {
    let Some(server) = Server::start(&setup(|setup| {
        setup.dns_names = vec!["ca.internal.test".to_owned()];
    })) else {
        return;
    };
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let request = Request::new(&cn, &sans, &key);
    let without = Client::new(server.url(), server.anchor.clone());
    let error = without.ca.enroll(&request).unwrap_err();
    assert!(
        error.to_string().contains(
            "its certificate is for `ca.internal.test`, not for `127.0.0.1`; set `server_name`"
        ),
        "{error}"
    );
    let mut with = Client::new(server.url(), server.anchor.clone());
    with.ca = with.ca.server_name(Some("ca.internal.test".to_owned()));
    with.ca.enroll(&request).unwrap();
}

#[test]
fn another_root_is_refused_before_anything_is_sent() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let Some(other) = Server::start(&Setup::default()) else {
        return;
    };
    let client = Client::new(server.url(), other.anchor.clone());
    let error = client.ca.health().unwrap_err();
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
    assert_eq!(client.passwords_read(), 0);
}

#[test]
fn a_second_address_serves_when_the_first_does_not() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let dead = format!("127.0.0.1:{}", free_port()).parse().unwrap();
    let client = Client::with(
        vec![dead, server.url()],
        server.anchor.clone(),
        None,
        PASSWORD,
    );
    let health = client.ca.health().unwrap();
    assert_eq!(health.at, server.url().to_string());
    assert!(
        health.version.is_some() && health.clock_skew.is_some_and(|skew| skew.abs() <= 1),
        "{health:?}"
    );
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    client.ca.enroll(&Request::new(&cn, &sans, &key)).unwrap();
}

#[test]
fn an_address_that_is_silent_is_waited_for_once() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("127.0.0.1:{port}").parse().unwrap();
    let mut client = Client::with(
        vec![url, server.url()],
        server.anchor.clone(),
        None,
        PASSWORD,
    );
    client.ca = client.ca.timeouts(Timeouts::new(
        Duration::from_millis(500),
        Duration::from_secs(5),
        Duration::from_secs(20),
    ));
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let started = Instant::now();
    client.ca.enroll(&Request::new(&cn, &sans, &key)).unwrap();
    let first = started.elapsed();
    assert!(
        first >= Duration::from_millis(500) && first < Duration::from_secs(4),
        "{first:?}"
    );
    let issued = client.ca.enroll(&Request::new(&cn, &sans, &key)).unwrap();
    // Renewal has connections of its own and the same knowledge.
    client
        .ca
        .renew(&issued.chain, &Request::new(&cn, &sans, &key))
        .unwrap();
    let rest = started.elapsed().saturating_sub(first);
    assert!(rest < Duration::from_millis(500), "{rest:?}");
}

#[test]
fn an_address_with_another_root_is_passed_over_and_named_when_no_other_answers() {
    let Some(mut server) = Server::start(&Setup::default()) else {
        return;
    };
    let Some(other) = Server::start(&Setup::default()) else {
        return;
    };
    let urls = vec![other.url(), server.url()];
    let client =
        |server: &Server| Client::with(urls.clone(), server.anchor.clone(), None, PASSWORD);
    let health = client(&server).ca.health().unwrap();
    assert_eq!(health.at, server.url().to_string());
    server.stop();
    let mut client = client(&server);
    client.ca = client.ca.timeouts(Timeouts::new(
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(3),
    ));
    let error = client.ca.health().unwrap_err();
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
fn a_kept_connection_that_the_server_closed_is_replaced() {
    let Some(mut server) = Server::start(&Setup::default()) else {
        return;
    };
    let client = Client::new(server.url(), server.anchor.clone());
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    client.ca.enroll(&Request::new(&cn, &sans, &key)).unwrap();
    server.run();
    client.ca.enroll(&Request::new(&cn, &sans, &key)).unwrap();
    server.stop();
    let error = client.ca.health().unwrap_err();
    assert!(
        matches!(error, EnrollError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(
        whole(&error).contains("could not connect"),
        "{}",
        whole(&error)
    );
}

#[test]
fn renewal_needs_the_right_key_and_a_living_certificate() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let Some(other) = Server::start(&Setup::default()) else {
        return;
    };
    let client = Client::new(server.url(), server.anchor.clone());
    let (cn, sans, mine) = (name("a.test"), names(&["a.test"]), key());
    let request = Request::new(&cn, &sans, &mine);
    let issued = client.ca.enroll(&request).unwrap();
    let theirs = key();
    let error = client
        .ca
        .renew(&issued.chain, &Request::new(&cn, &sans, &theirs))
        .unwrap_err();
    assert!(
        matches!(error, EnrollError::KeyMismatch { .. }),
        "{error:?}"
    );
    let foreign = Client::new(other.url(), other.anchor.clone())
        .ca
        .enroll(&request)
        .unwrap();
    let error = client.ca.renew(&foreign.chain, &request).unwrap_err();
    assert!(
        matches!(
            error,
            EnrollError::RenewalImpossible {
                reason: ChainFault::UnknownIssuer { .. } | ChainFault::BadSignature,
                ..
            }
        ),
        "{error:?}"
    );
    let bare = Chain::from_ders(vec![issued.chain.certificates()[0].to_vec()]).unwrap();
    assert!(client.ca.renew(&bare, &request).is_err());
}

#[test]
fn an_unknown_audience_is_explained() {
    // Through `localhost` the certificate fits, but the CA takes tokens for its listed names only, in their case.
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let mut client = Client::new(server.url(), server.anchor.clone());
    client.ca = client.ca.server_name(Some("LOCALHOST".to_owned()));
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let error = client
        .ca
        .enroll(&Request::new(&cn, &sans, &key))
        .unwrap_err();
    let EnrollError::Unauthorized { causes, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(causes[0].contains("https://LOCALHOST"), "{causes:?}");
    assert!(
        causes.last().unwrap().contains("the clocks agree"),
        "{causes:?}"
    );
}
