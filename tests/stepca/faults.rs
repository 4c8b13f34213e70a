//! Against the CA that misbehaves.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use phoenix_core::ca::{
    Authority, EnrollError, Issued, JudgeFault, Request, Timeouts, TlsFault, TransportError,
};
use phoenix_core::x509::{ChainFault, KeyType, PrivateKey};
use phoenix_testkit::fault_ca::{Fault, FaultCa};

use super::{Client, name, names, whole};

fn enroll(client: &Client) -> Result<Issued, EnrollError> {
    let (cn, sans) = (name("a.test"), names(&["a.test", "10.0.0.1"]));
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    client.ca.enroll(&Request::new(&cn, &sans, &key))
}

fn fails_with(fault: Fault) -> (EnrollError, FaultCa) {
    let server = FaultCa::start(fault);
    let client = Client::new(server.url(), server.anchor.clone());
    (enroll(&client).unwrap_err(), server)
}

fn unacceptable(fault: Fault) -> JudgeFault {
    let (error, server) = fails_with(fault);
    assert_eq!(
        server.tokens().len(),
        1,
        "a bad certificate is not asked for again"
    );
    match error {
        EnrollError::Unacceptable { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_fault_it_issues_and_the_token_says_what_it_must() {
    let server = FaultCa::start(Fault::None);
    let client = Client::new(server.url(), server.anchor.clone());
    enroll(&client).unwrap();
    let token = &server.tokens()[0];
    assert_eq!(token["aud"], format!("{}/1.0/sign", server.url()));
    assert_eq!(token["iss"], phoenix_testkit::stepca::PROVISIONER);
    assert_eq!(token["sub"], "a.test");
    assert_eq!(token["sans"], serde_json::json!(["a.test", "10.0.0.1"]));
    assert_eq!(token["sha"], server.anchor.fingerprint.to_string());
    assert_eq!(
        token["exp"].as_u64().unwrap() - token["iat"].as_u64().unwrap(),
        300
    );
    assert_eq!(token["jti"].as_str().unwrap().len(), 64);
    assert_eq!(token["cnf"]["x5rt#S256"].as_str().unwrap().len(), 43);
}

#[test]
fn wrong_and_extra_names_are_refused() {
    assert_eq!(
        unacceptable(Fault::ExtraName),
        JudgeFault::Names {
            missing: vec![],
            surplus: vec!["evil.test".to_owned()]
        }
    );
    assert!(
        matches!(unacceptable(Fault::WrongNames), JudgeFault::Names { missing, .. } if missing.len() == 2)
    );
}

#[test]
fn another_key_and_a_short_chain_are_refused() {
    assert_eq!(unacceptable(Fault::OtherKey), JudgeFault::OtherKey);
    assert!(matches!(
        unacceptable(Fault::ShortChain),
        JudgeFault::Chain(ChainFault::UnknownIssuer { .. })
    ));
}

#[test]
fn a_500_is_tried_once_more_with_a_fresh_token() {
    let server = FaultCa::start(Fault::FailsOnce);
    let client = Client::new(server.url(), server.anchor.clone());
    enroll(&client).unwrap();
    let ids: BTreeSet<String> = server
        .tokens()
        .iter()
        .map(|token| token["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(client.passwords_read(), 1);
}

#[test]
fn a_proxys_page_is_named_and_the_ca_asked_again_with_fresh_tokens() {
    let (error, server) = fails_with(Fault::Html);
    assert!(
        matches!(
            &error,
            EnrollError::Unreachable {
                source: TransportError::Unavailable { status: 502, .. },
                ..
            }
        ),
        "{error:?}"
    );
    assert!(whole(&error).contains("an HTML page"), "{}", whole(&error));
    let tokens = server.tokens();
    let ids: BTreeSet<String> = tokens
        .iter()
        .map(|token| token["jti"].to_string())
        .collect();
    assert!(
        ids.len() == tokens.len() && tokens.len() >= 3,
        "{} of {}",
        ids.len(),
        tokens.len()
    );
}

#[test]
fn redirects_are_not_followed() {
    let (error, server) = fails_with(Fault::Redirect);
    assert!(
        error
            .to_string()
            .contains("a redirect (307) to https://127.0.0.1:1/1.0/sign"),
        "{error}"
    );
    assert_eq!(server.tokens().len(), 1);
}

#[test]
fn a_cut_off_answer_is_tried_again_and_never_used() {
    let (error, server) = fails_with(Fault::CutOff);
    assert!(
        matches!(
            &error,
            EnrollError::Unreachable {
                source: TransportError::Broken(_),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(server.tokens().len() >= 3);
}

#[test]
fn ten_megabytes_are_not_read() {
    let (error, server) = fails_with(Fault::Huge);
    assert!(
        matches!(
            &error,
            EnrollError::Unreachable {
                source: TransportError::Large { .. },
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(server.tokens().len(), 1);
}

#[test]
fn a_skewed_clock_is_the_first_cause_named() {
    for (skew, words) in [(-600, "ahead of the CA's"), (600, "behind the CA's")] {
        let (error, server) = fails_with(Fault::Clock(skew));
        let EnrollError::Unauthorized { causes, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(
            causes[0].contains("600 s")
                || causes[0].contains("599 s")
                || causes[0].contains("601 s"),
            "{causes:?}"
        );
        // The last answer, to the look at the provisioners, has the true time again; the cause was kept before.
        assert!(causes[0].contains(words), "{causes:?}");
        assert_eq!(server.tokens().len(), 1, "a refusal is not tried again");
    }
}

#[test]
fn an_answer_after_the_deadline_is_no_answer() {
    let server = FaultCa::start(Fault::Slow(Duration::from_secs(30)));
    let mut client = Client::new(server.url(), server.anchor.clone());
    client.ca = client.ca.timeouts(Timeouts::new(
        Duration::from_secs(1),
        Duration::from_millis(500),
        Duration::from_secs(2),
    ));
    let started = Instant::now();
    let error = enroll(&client).unwrap_err();
    assert!(
        matches!(
            &error,
            EnrollError::Unreachable {
                source: TransportError::TimedOut,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(6),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn an_unknown_root_ends_it_before_a_token_is_made() {
    let server = FaultCa::start(Fault::None);
    let other = FaultCa::start(Fault::None);
    let client = Client::new(server.url(), other.anchor.clone());
    let error = enroll(&client).unwrap_err();
    assert!(
        matches!(
            &error,
            EnrollError::Tls {
                fault: TlsFault::UnknownRoot,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(server.tokens().is_empty());
    assert_eq!(client.passwords_read(), 0);
}

#[test]
fn an_expired_server_and_an_expired_root_are_told_apart() {
    let (error, server) = fails_with(Fault::ExpiredServer);
    assert!(
        matches!(
            &error,
            EnrollError::Tls {
                fault: TlsFault::Expired,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("compare the clocks"), "{error}");
    assert!(server.tokens().is_empty());
    let (error, server) = fails_with(Fault::ExpiredRoot);
    assert!(
        error.to_string().contains("`CN=Fault Root` is valid from"),
        "{error}"
    );
    assert!(server.tokens().is_empty());
}
