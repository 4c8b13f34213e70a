//! What the embedded CA issues, judged by OpenSSL.

use std::process::Command;
use std::sync::Arc;

use phoenix_core::ca::{Authority as _, EmbeddedCa, Request};
use phoenix_core::time::SystemClock;
use phoenix_core::x509::{KeyType, PrivateKey, Usage};
use phoenix_testkit::{Need, Scratch, need};

use super::{name, names};

#[test]
fn openssl_accepts_every_kind_of_leaf_for_its_usage_alone() {
    let Some(openssl) = need(Need::Openssl) else {
        return;
    };
    let scratch = Scratch::new("openssl");
    let ca = EmbeddedCa::open_or_init(&scratch.path().join("ca"), Arc::new(SystemClock)).unwrap();
    let root = scratch.file("root.pem", ca.anchor().to_pem());
    let (cn, sans) = (
        name("docker.internal.test"),
        names(&[
            "docker.internal.test",
            "10.0.0.111",
            "2001:db8::1",
            "*.internal.test",
        ]),
    );
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
