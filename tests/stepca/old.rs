//! step-ca 0.19, which differs: no revocation list, no intermediates, no `cnf`, other words.
//!
//! `tests/stepca/old-server` builds it from Debian's package.

use std::thread::sleep;
use std::time::Duration;

use phoenix_core::ca::{
    Authority as _, EnrollError, Permit, Request, Revocation, Revoked, TokenContent,
};
use phoenix_core::x509::{KeyType, PrivateKey, RevocationReason, Usage};
use phoenix_testkit::provisioner::Kind;
use phoenix_testkit::stepca::{Server, Setup};
use serde_json::json;

use super::{Client, name, names, whole};

fn start(change: impl FnOnce(&mut Setup)) -> Option<(Server, Client)> {
    let mut setup = Setup::default();
    change(&mut setup);
    let server = Server::start_old(&setup)?;
    let client = Client::new(server.url(), server.anchor.clone());
    Some((server, client))
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::EcP256).unwrap()
}

#[test]
fn every_kind_of_provisioner_key_issues_and_certificates_are_renewed_and_rekeyed() {
    for kind in [Kind::P256, Kind::P384, Kind::P521, Kind::Rsa, Kind::Ed25519] {
        let Some((_server, client)) = start(|setup| setup.kind = kind) else {
            return;
        };
        let (cn, key) = (name("a.test"), key());
        let sans = names(&[
            "a.test",
            "*.a.test",
            "10.0.0.111",
            "2001:db8::1",
            "me@a.test",
        ]);
        let request = Request::new(&cn, &sans, &key).usage(Usage::Client);
        let issued = client
            .ca
            .enroll(&request)
            .unwrap_or_else(|error| panic!("{kind:?}: {}", whole(&error)));
        assert_eq!(issued.chain.leaf().sans, sans);
        let renewed = client
            .ca
            .renew(&issued.chain, &request)
            .unwrap_or_else(|error| panic!("{kind:?}: {}", whole(&error)));
        assert_ne!(renewed.chain.leaf().serial, issued.chain.leaf().serial);
        let new = PrivateKey::generate(KeyType::EcP384).unwrap();
        let rekeyed = client
            .ca
            .rekey(&issued.chain, &key, &Request::new(&cn, &sans, &new))
            .unwrap_or_else(|error| panic!("{kind:?}: {}", whole(&error)));
        assert_eq!(rekeyed.chain.leaf().public_key, new.public_key());
    }
}

#[test]
fn it_keeps_no_list_and_shows_no_intermediates_and_that_is_said() {
    let Some((_server, client)) = start(|_| ()) else {
        return;
    };
    client.ca.health().unwrap();
    assert!(client.ca.crl().unwrap().is_none());
    let error = client.ca.intermediates().unwrap_err();
    assert!(
        matches!(&error, EnrollError::Unexpected { path, .. } if path == "/intermediates"),
        "{error}"
    );
    assert_eq!(client.ca.roots().unwrap(), client.ca.anchors().unwrap());
    assert_eq!(client.ca.list_provisioners().unwrap().len(), 1);
}

#[test]
fn a_revocation_counts_although_it_takes_any_text_for_a_serial_number() {
    let Some((_server, client)) = start(|_| ()) else {
        return;
    };
    let (cn, sans, key, other) = (name("a.test"), names(&["a.test"]), key(), key());
    let request = Request::new(&cn, &sans, &key);
    let issued = client.ca.enroll(&request).unwrap();
    let revocation = Revocation::new(issued.chain.leaf().serial_number())
        .reason(RevocationReason::KeyCompromise, None);
    assert_eq!(client.ca.revoke(&revocation).unwrap(), Revoked::Now);
    assert_eq!(client.ca.revoke(&revocation).unwrap(), Revoked::Already);
    let error = client.ca.renew(&issued.chain, &request).unwrap_err();
    assert!(whole(&error).contains("was revoked"), "{}", whole(&error));
    let request = Request::new(&cn, &sans, &other);
    let issued = client.ca.enroll(&request).unwrap();
    let revoked =
        client
            .ca
            .revoke_by_certificate(&issued.chain, &other, RevocationReason::Superseded, None);
    assert_eq!(revoked.unwrap(), Revoked::Now);
    assert!(client.ca.renew(&issued.chain, &request).is_err());
}

#[test]
fn an_expired_certificate_is_renewed_by_its_own_token() {
    let claims = json!({"minTLSCertDuration": "1s", "allowRenewalAfterExpiry": true});
    let Some((_server, client)) = start(|setup| setup.claims = claims) else {
        return;
    };
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let request = Request::new(&cn, &sans, &key);
    let issued = client
        .ca
        .enroll(&request.validity(Some("4s".parse().unwrap())))
        .unwrap();
    sleep(Duration::from_secs(6));
    let error = client.ca.renew(&issued.chain, &request).unwrap_err();
    assert!(
        matches!(error, EnrollError::RenewalImpossible { .. }),
        "{error}"
    );
    let renewed = client
        .ca
        .renew_by_token(&issued.chain, &request)
        .unwrap_or_else(|error| panic!("{}", whole(&error)));
    assert_ne!(renewed.chain.leaf().serial, issued.chain.leaf().serial);
}

#[test]
fn a_token_serves_once_and_its_maximum_is_learnt() {
    let claims = json!({"maxTLSCertDuration": "48h"});
    let Some((_server, client)) = start(|setup| setup.claims = claims) else {
        return;
    };
    let (cn, sans, key) = (name("a.test"), names(&["a.test"]), key());
    let request = Request::new(&cn, &sans, &key);
    let token = client
        .ca
        .one_time_token(Permit::Sign {
            common_name: &cn,
            sans: &sans,
            csr: None,
        })
        .unwrap();
    assert_eq!(TokenContent::read(&token).unwrap().subject, "a.test");
    client.ca.enroll_with_token(&request, &token).unwrap();
    let error = client.ca.enroll_with_token(&request, &token).unwrap_err();
    assert!(
        matches!(&error, EnrollError::Unauthorized { causes, .. } if causes[0].contains("was used before")),
        "{error}"
    );
    let issued = client
        .ca
        .enroll(&request.validity(Some("720h".parse().unwrap())))
        .unwrap();
    assert_eq!(issued.warnings.len(), 1);
    assert!(
        issued.warnings[0].contains("allows 48h0m0s"),
        "{:?}",
        issued.warnings
    );
}
