use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::names::CommonName;
use crate::time::SystemClock;
use crate::x509::ChainFault;

/// A directory that is removed with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("phoenix-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn ca(&self) -> EmbeddedCa {
        EmbeddedCa::open_or_init(&self.0.join("state/ca"), Arc::new(SystemClock)).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn name() -> CommonName {
    "docker.internal.test".parse().unwrap()
}

fn sans() -> BTreeSet<SubjectAltName> {
    [
        "docker.internal.test",
        "10.0.0.111",
        "2001:db8::1",
        "*.internal.test",
    ]
    .iter()
    .map(|name| name.parse().unwrap())
    .collect()
}

#[test]
fn a_ca_is_made_once_and_its_keys_are_private() {
    let scratch = Scratch::new("embedded-once");
    let first = scratch.ca();
    assert_eq!(
        scratch.ca().anchor().fingerprint,
        first.anchor().fingerprint
    );
    let dir = scratch.0.join("state/ca");
    for (file, mode) in [
        ("", 0o700),
        (ROOT_KEY, 0o600),
        (INTERMEDIATE_KEY, 0o600),
        (ROOT, 0o644),
    ] {
        let found = std::fs::metadata(dir.join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(found & 0o777, mode, "{file}");
    }
    let beside: Vec<_> = std::fs::read_dir(scratch.0.join("state"))
        .unwrap()
        .collect();
    assert_eq!(beside.len(), 1, "nothing is left beside it");
}

#[test]
fn many_at_once_agree_on_one_ca() {
    let scratch = Scratch::new("embedded-many");
    let found: BTreeSet<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| scratch.ca().anchor().fingerprint))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(found.len(), 1);
}

#[test]
fn leaves_have_one_usage_and_the_asked_validity() {
    let scratch = Scratch::new("embedded-leaf");
    let ca = scratch.ca();
    let (name, sans) = (name(), sans());
    let key = PrivateKey::generate(KeyType::EcP384).unwrap();
    let request = Request::new(&name, &sans, &key)
        .usage(Usage::Client)
        .validity(Some("720h".parse().unwrap()));
    let issued = ca.enroll(&request).unwrap();
    let leaf = issued.chain.leaf();
    assert!(leaf.client_auth && !leaf.server_auth);
    assert_eq!(leaf.sans, sans);
    assert_eq!(leaf.lifetime(), Duration::from_secs(720 * 3_600 + 60));
    assert!(issued.warnings.is_empty());

    let renewed = ca.renew(&issued.chain, &request).unwrap();
    assert_ne!(renewed.chain.leaf().serial, leaf.serial);
    assert_eq!(renewed.chain.leaf().lifetime(), leaf.lifetime());
    let other = PrivateKey::generate(KeyType::EcP256).unwrap();
    let foreign = ca.renew(&issued.chain, &Request::new(&name, &sans, &other));
    assert!(matches!(foreign, Err(EnrollError::KeyMismatch { .. })));
    let as_server = ca.renew(&issued.chain, &Request::new(&name, &sans, &key));
    assert!(matches!(
        as_server,
        Err(EnrollError::RenewalImpossible {
            reason: ChainFault::WrongUsage { .. },
            ..
        })
    ));
}

#[test]
fn no_leaf_outlives_the_ca() {
    let scratch = Scratch::new("embedded-end");
    let ca = scratch.ca();
    let (name, sans) = (name(), sans());
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let request = Request::new(&name, &sans, &key).validity(Some("100000h".parse().unwrap()));
    let issued = ca.enroll(&request).unwrap();
    assert_eq!(issued.chain.leaf().not_after, ca.intermediate.not_after);
    assert_eq!(issued.warnings.len(), 1, "{:?}", issued.warnings);
}

#[test]
fn a_damaged_directory_is_named_and_not_replaced() {
    let scratch = Scratch::new("embedded-damaged");
    drop(scratch.ca());
    let key = scratch.0.join("state/ca").join(INTERMEDIATE_KEY);
    let other = PrivateKey::generate(KeyType::EcP256).unwrap();
    std::fs::write(&key, other.to_pem().expose_secret()).unwrap();
    let open =
        || EmbeddedCa::open_or_init(&scratch.0.join("state/ca"), Arc::new(SystemClock)).err();
    let error = open().unwrap();
    assert!(error.to_string().contains("does not belong"), "{error}");
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(
        open(),
        Some(EnrollError::Keep { action: "read", .. })
    ));
}
