//! What a real step-ca does besides issuing and renewing: new keys, revocation, tokens, lists.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use phoenix_core::ca::{
    Authority as _, EnrollError, Issued, Permit, Request, Revocation, Revoked, TokenContent,
};
use phoenix_core::x509::{
    ChainFault, Csr, KeyType, PrivateKey, RevocationReason, Usage, create_csr,
};
use phoenix_testkit::provisioner::{Kind, jwk_provisioner};
use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server, Setup};
use serde_json::json;

use super::{Client, name, names, whole};

fn start(change: impl FnOnce(&mut Setup)) -> Option<(Server, Client)> {
    let mut setup = Setup::default();
    change(&mut setup);
    let server = Server::start(&setup)?;
    let client = Client::new(server.url(), server.anchor.clone());
    Some((server, client))
}

fn key(kind: KeyType) -> PrivateKey {
    PrivateKey::generate(kind).unwrap()
}

fn issue(client: &Client, key: &PrivateKey, validity: Option<&str>) -> Issued {
    let (cn, sans) = (name("a.test"), names(&["a.test", "10.0.0.1"]));
    let validity = validity.map(|text| text.parse().unwrap());
    client
        .ca
        .enroll(&Request::new(&cn, &sans, key).validity(validity))
        .unwrap_or_else(|error| panic!("{}", whole(&error)))
}

#[test]
fn a_new_key_keeps_names_and_lifetime() {
    let Some((_server, client)) = start(|_| ()) else {
        return;
    };
    let old = key(KeyType::EcP256);
    let issued = issue(&client, &old, Some("2h"));
    let (cn, sans) = (name("a.test"), names(&["a.test", "10.0.0.1"]));
    for kind in KeyType::ALL {
        let new = key(kind);
        let rekeyed = client
            .ca
            .rekey(&issued.chain, &old, &Request::new(&cn, &sans, &new))
            .unwrap_or_else(|error| panic!("{kind}: {}", whole(&error)));
        let leaf = rekeyed.chain.leaf();
        assert_eq!(leaf.public_key, new.public_key());
        assert_eq!(leaf.sans, sans);
        assert_eq!(leaf.lifetime(), issued.chain.leaf().lifetime());
    }
    let new = key(KeyType::EcP256);
    let error = client
        .ca
        .rekey(&issued.chain, &new, &Request::new(&cn, &sans, &new))
        .unwrap_err();
    assert!(
        matches!(error, EnrollError::KeyMismatch { .. }),
        "{error:?}"
    );
}

#[test]
fn a_revoked_certificate_is_renewed_no_more_and_stands_in_the_list() {
    let Some((server, client)) = start(|setup| setup.crl = true) else {
        return;
    };
    let empty = client.ca.crl().unwrap().expect("a list");
    assert!(empty.revoked.is_empty());
    let (one, two) = (key(KeyType::EcP256), key(KeyType::EcP256));
    let (by_token, by_certificate) = (issue(&client, &one, None), issue(&client, &two, None));
    let serial = by_token.chain.leaf().serial_number();
    let revocation = Revocation::new(serial.clone())
        .reason(RevocationReason::KeyCompromise, Some("lost".to_owned()));
    assert_eq!(client.ca.revoke(&revocation).unwrap(), Revoked::Now);
    assert_eq!(client.ca.revoke(&revocation).unwrap(), Revoked::Already);
    let (cn, sans) = (name("a.test"), names(&["a.test"]));
    let error = client
        .ca
        .renew(&by_token.chain, &Request::new(&cn, &sans, &one))
        .unwrap_err();
    assert!(whole(&error).contains("was revoked"), "{}", whole(&error));
    let error = client
        .ca
        .renew_by_token(&by_token.chain, &Request::new(&cn, &sans, &one))
        .unwrap_err();
    assert!(
        matches!(error, EnrollError::Unauthorized { .. }),
        "{error:?}"
    );

    let passwords = client.passwords_read();
    let revoked = client.ca.revoke_by_certificate(
        &by_certificate.chain,
        &two,
        RevocationReason::Superseded,
        None,
    );
    assert_eq!(revoked.unwrap(), Revoked::Now);
    assert_eq!(client.passwords_read(), passwords);

    let kept = client.ca.crl().unwrap().unwrap();
    assert!(Arc::ptr_eq(&kept, &empty), "kept until the next one is due");
    let fresh = Client::new(server.url(), server.anchor.clone());
    let list = fresh.ca.crl().unwrap().unwrap();
    assert_eq!(list.reason(&serial), Some(RevocationReason::KeyCompromise));
    let other = by_certificate.chain.leaf().serial_number();
    assert_eq!(list.reason(&other), Some(RevocationReason::Superseded));
    assert!(list.next_update.unwrap().0 > SystemTime::now());
}

#[test]
fn an_expired_certificate_is_renewed_by_its_own_token_where_the_ca_allows_it() {
    let claims =
        |allowed: bool| json!({"minTLSCertDuration": "1s", "allowRenewalAfterExpiry": allowed});
    let Some((_server, client)) = start(|setup| setup.claims = claims(true)) else {
        return;
    };
    let Some((_other, strict)) = start(|setup| setup.claims = claims(false)) else {
        return;
    };
    let (cn, sans) = (name("a.test"), names(&["a.test", "10.0.0.1"]));
    let kinds = [
        KeyType::EcP256,
        KeyType::EcP384,
        KeyType::Rsa2048,
        KeyType::Ed25519,
    ];
    let pairs: Vec<_> = kinds.map(key).into_iter().collect();
    let issued: Vec<_> = pairs
        .iter()
        .map(|key| issue(&client, key, Some("1s")))
        .collect();
    let refused = issue(&strict, &pairs[0], Some("1s"));
    sleep(Duration::from_secs(3));
    for (key, issued) in pairs.iter().zip(&issued) {
        let request = Request::new(&cn, &sans, key);
        let error = client.ca.renew(&issued.chain, &request).unwrap_err();
        assert!(
            matches!(
                &error,
                EnrollError::RenewalImpossible {
                    reason: ChainFault::Expired { .. },
                    ..
                }
            ),
            "{error:?}"
        );
        // It lasts a second: whether it is still valid when it is judged is chance.
        match client.ca.renew_by_token(&issued.chain, &request) {
            Ok(renewed) => assert_ne!(renewed.chain, issued.chain),
            Err(EnrollError::Unacceptable { .. }) => {}
            Err(error) => panic!("{:?}: {}", key.key_type(), whole(&error)),
        }
    }
    let request = Request::new(&cn, &sans, &pairs[0]);
    let error = strict
        .ca
        .renew_by_token(&refused.chain, &request)
        .unwrap_err();
    assert!(
        whole(&error).contains("allowRenewalAfterExpiry"),
        "{}",
        whole(&error)
    );
}

#[test]
fn a_living_certificate_is_renewed_by_its_own_token_too() {
    let Some((_server, client)) = start(|_| ()) else {
        return;
    };
    let (cn, sans) = (name("a.test"), names(&["a.test", "10.0.0.1"]));
    for kind in KeyType::ALL {
        let key = key(kind);
        let issued = issue(&client, &key, None);
        let passwords = client.passwords_read();
        let renewed = client
            .ca
            .renew_by_token(&issued.chain, &Request::new(&cn, &sans, &key))
            .unwrap_or_else(|error| panic!("{kind}: {}", whole(&error)));
        assert_eq!(renewed.chain.leaf().public_key, key.public_key());
        assert_eq!(renewed.chain.leaf().sans, sans);
        assert_eq!(client.passwords_read(), passwords);
    }
}

#[test]
fn a_token_serves_whoever_has_it_and_once() {
    let Some((server, client)) = start(|_| ()) else {
        return;
    };
    let (cn, sans, key) = (
        name("a.test"),
        names(&["a.test", "10.0.0.1"]),
        key(KeyType::EcP256),
    );
    let permit = Permit::Sign {
        common_name: &cn,
        sans: &sans,
        csr: None,
    };
    let token = client.ca.one_time_token(permit).unwrap();
    let content = TokenContent::read(&token).unwrap();
    assert_eq!(content.subject, "a.test");
    assert_eq!(content.sans, ["a.test", "10.0.0.1"]);
    let other = Client::with(vec![server.url()], server.anchor.clone(), None, "");
    let request = Request::new(&cn, &sans, &key);
    other.ca.enroll_with_token(&request, &token).unwrap();
    assert_eq!(other.passwords_read(), 0);
    let error = other.ca.enroll_with_token(&request, &token).unwrap_err();
    assert!(
        whole(&error).contains("the token was used before"),
        "{}",
        whole(&error)
    );
}

#[test]
fn a_bound_token_serves_for_its_request_alone() {
    let Some((_server, client)) = start(|_| ()) else {
        return;
    };
    let (cn, sans) = (name("a.test"), names(&["a.test"]));
    let (one, two) = (key(KeyType::EcP256), key(KeyType::EcP256));
    let csr = create_csr(&one, &cn, &sans).unwrap();
    let permit = Permit::Sign {
        common_name: &cn,
        sans: &sans,
        csr: Some(&csr),
    };
    let token = client.ca.one_time_token(permit).unwrap();
    let theirs = client
        .ca
        .enroll_with_token(&Request::new(&cn, &sans, &two), &token);
    assert!(
        matches!(theirs, Err(EnrollError::Refused { status: 403, .. })),
        "{theirs:?}"
    );
    let token = client.ca.one_time_token(permit).unwrap();
    let issued = client
        .ca
        .sign_request(&csr, Usage::Server, None, Some(&token))
        .unwrap();
    assert_eq!(issued.chain.leaf().public_key, one.public_key());
}

#[test]
fn a_request_of_somebody_else_is_signed_as_it_stands() {
    let Some((_server, client)) = start(|_| ()) else {
        return;
    };
    let key = key(KeyType::Rsa2048);
    let sans = names(&[
        "a.test",
        "*.a.test",
        "2001:db8::1",
        "me@a.test",
        "https://a.test/x",
    ]);
    let csr = create_csr(&key, &name("a.test"), &sans).unwrap();
    let csr = Csr::from_pem(csr.to_pem().as_bytes()).unwrap();
    let validity = Some("2h".parse().unwrap());
    let issued = client
        .ca
        .sign_request(&csr, Usage::Client, validity, None)
        .unwrap();
    assert_eq!(issued.chain.leaf().sans, sans);
    assert_eq!(issued.chain.leaf().public_key, key.public_key());
}

#[test]
fn a_token_revokes_what_it_names() {
    let Some((_server, client)) = start(|_| ()) else {
        return;
    };
    let key = key(KeyType::EcP256);
    let serial = issue(&client, &key, None).chain.leaf().serial_number();
    let token = client.ca.one_time_token(Permit::Revoke(&serial)).unwrap();
    assert_eq!(
        TokenContent::read(&token).unwrap().subject,
        serial.to_string()
    );
}

#[test]
fn its_lists_are_read() {
    let others = vec![
        jwk_provisioner("second", Kind::P384, PASSWORD, 1_000),
        json!({"type": "ACME", "name": "acme"}),
    ];
    let claims = json!({"maxTLSCertDuration": "48h0m0s"});
    let Some((server, client)) = start(|setup| {
        setup.others = others;
        setup.claims = claims;
    }) else {
        return;
    };
    assert_eq!(
        client.ca.roots().unwrap(),
        std::slice::from_ref(&server.anchor)
    );
    assert_eq!(
        client.ca.federation().unwrap(),
        std::slice::from_ref(&server.anchor)
    );
    let intermediates = client.ca.intermediates().unwrap();
    assert!(intermediates.len() == 1 && intermediates[0].is_signed_by(&server.anchor));
    assert!(!client.ca.version().unwrap().is_empty());
    let provisioners = client.ca.list_provisioners().unwrap();
    let shown: Vec<_> = provisioners
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.kind.as_str(),
                one.key_type.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (PROVISIONER, "JWK", Some("EC P-256")),
            ("second", "JWK", Some("EC P-384")),
            ("acme", "ACME", None),
        ]
    );
    assert_eq!(provisioners[0].claims["maxTLSCertDuration"], "48h0m0s");
    assert!(client.ca.crl().unwrap().is_none(), "none is kept");
}
