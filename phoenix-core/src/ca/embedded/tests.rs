use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::ca::Revoked;
use crate::names::CommonName;
use crate::time::SystemClock;
use crate::x509::{ChainFault, Crl, NextUpdate, RevocationReason};

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
        self.open(&CaDesign::site(Permitted::default()), Arc::new(SystemClock))
            .unwrap()
    }

    fn open(&self, design: &CaDesign, clock: Arc<dyn Clock>) -> Result<EmbeddedCa, EnrollError> {
        let dir = self.0.join("state/ca");
        EmbeddedCa::open_or_init(&Root::host(), &dir, "the embedded CA", design, clock)
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
        (CRL, 0o644),
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
    let design = CaDesign::site(Permitted::default());
    let open = || scratch.open(&design, Arc::new(SystemClock)).err();
    let error = open().unwrap();
    assert!(error.to_string().contains("does not belong"), "{error}");
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(
        open(),
        Some(EnrollError::Keep {
            source: FileError::NotFound { act: "read", .. },
            ..
        })
    ));
}

struct FixedClock(SystemTime);

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        self.0
    }

    fn monotonic(&self) -> std::time::Instant {
        std::time::Instant::now()
    }

    fn sleep(&self, _: Duration) {}
}

fn limited() -> CaDesign {
    CaDesign::site(Permitted {
        domains: Some(["internal.test".to_owned()].into()),
        networks: Some(["10.0.0.0/24".parse().unwrap()].into()),
    })
}

#[test]
fn a_ca_issues_for_the_names_that_it_was_made_for() {
    let scratch = Scratch::new("embedded-limited");
    let ca = scratch.open(&limited(), Arc::new(SystemClock)).unwrap();
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let ask = |names: &[&str]| {
        let sans = names.iter().map(|name| name.parse().unwrap()).collect();
        ca.enroll(&Request::new(&name(), &sans, &key))
    };
    ask(&["docker.internal.test", "*.internal.test", "10.0.0.111"]).unwrap();
    let error = ask(&["docker.internal.test", "a.other.test", "10.0.1.1"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} may not issue `docker.internal.test`: a.other.test, 10.0.1.1 lies outside of what it was made for \
             (internal.test; 10.0.0.0/24)",
            ca.describe()
        )
    );
    // What it is for stands in its certificates, not in what it is opened with.
    let other = CaDesign::site(Permitted::default());
    let again = scratch.open(&other, Arc::new(SystemClock)).unwrap();
    assert_eq!(again.permitted(), ca.permitted());
}

#[test]
fn the_ca_of_dockers_clients_issues_that_client_and_nothing_else() {
    let scratch = Scratch::new("embedded-client");
    let client: CommonName = "traefik-client.internal.test".parse().unwrap();
    let ca = scratch
        .open(&CaDesign::docker_client(&client), Arc::new(SystemClock))
        .unwrap();
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let sans = BTreeSet::from([client.as_dns().unwrap()]);
    let request = Request::new(&client, &sans, &key);
    let issued = ca.enroll(&request.usage(Usage::Client)).unwrap();
    assert!(issued.chain.leaf().client_auth && !issued.chain.leaf().server_auth);
    ca.renew(&issued.chain, &request.usage(Usage::Client))
        .unwrap();
    assert!(matches!(
        ca.enroll(&request.usage(Usage::Server)),
        Err(EnrollError::NotPermitted { .. })
    ));
    for other in ["docker.internal.test", "internal.test", "10.0.0.111"] {
        let sans = BTreeSet::from([client.as_dns().unwrap(), other.parse().unwrap()]);
        let request = Request::new(&client, &sans, &key).usage(Usage::Client);
        assert!(
            matches!(ca.enroll(&request), Err(EnrollError::NotPermitted { .. })),
            "{other}"
        );
    }
}

#[test]
fn the_revocation_list_grows_is_numbered_and_made_again_in_time() {
    const DAY: Duration = Duration::from_secs(86_400);
    let scratch = Scratch::new("embedded-crl");
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let at = |days: u32| {
        let clock = FixedClock(start + DAY * days);
        scratch.open(&limited(), Arc::new(clock)).unwrap()
    };
    let number = |list: &Crl| list.number.as_ref().unwrap().to_string();
    let ca = at(0);
    let first = ca.crl().unwrap();
    assert_eq!((number(&first), first.revoked.len()), ("1".to_owned(), 0));
    assert_eq!(first.next_update, Some(NextUpdate(start + DAY * 7)));
    assert_eq!(first.verify(&[ca.issuer().clone()], start), Ok(()));
    assert_eq!(at(3).crl().unwrap(), first, "not half of its time is over");
    assert_eq!(at(4).fresh_crl().unwrap(), None);
    let second = at(4).crl().unwrap();
    assert_eq!(number(&second), "2");
    assert_eq!(second.this_update, start + DAY * 4);

    let (paused, gone) = ("12".parse().unwrap(), "0x1234".parse().unwrap());
    let hold = RevocationReason::CertificateHold;
    let ca = at(5);
    assert_eq!(ca.revoke(&paused, hold).unwrap(), Revoked::Now);
    assert_eq!(ca.revoke(&paused, hold).unwrap(), Revoked::Already);
    let reason = RevocationReason::KeyCompromise;
    assert_eq!(ca.revoke(&gone, reason).unwrap(), Revoked::Now);
    let other = RevocationReason::Superseded;
    assert_eq!(ca.revoke(&gone, other).unwrap(), Revoked::Already);
    let list = ca.crl().unwrap();
    assert_eq!(number(&list), "4");
    assert_eq!(list.reason(&gone), Some(reason));
    assert_eq!(list.revoked[&paused].at, start + DAY * 5);
    let off = RevocationReason::RemoveFromCrl;
    let error = ca.revoke(&gone, off).unwrap_err();
    assert!(matches!(error, EnrollError::NotOnHold { .. }), "{error}");
    assert_eq!(ca.revoke(&paused, off).unwrap(), Revoked::Now);
    assert_eq!(
        at(20).crl().unwrap().revoked.keys().collect::<Vec<_>>(),
        [&gone]
    );

    // A list of somebody else's is not taken for one without entries.
    let foreign = Scratch::new("embedded-crl-foreign");
    let theirs = foreign.ca().crl().unwrap();
    std::fs::write(scratch.0.join("state/ca").join(CRL), theirs.to_pem()).unwrap();
    let error = ca.revoke(&paused, hold).unwrap_err();
    assert!(matches!(error, EnrollError::Damaged { .. }), "{error}");
}

#[test]
fn a_revoked_leaf_renews_nothing() {
    let scratch = Scratch::new("embedded-revoked");
    let ca = scratch.ca();
    let (name, sans) = (name(), sans());
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let request = Request::new(&name, &sans, &key);
    let issued = ca.enroll(&request).unwrap();
    assert!(ca.issued(&issued.chain));
    let serial = issued.chain.leaf().serial_number();
    ca.revoke(&serial, RevocationReason::Superseded).unwrap();
    let error = ca.renew(&issued.chain, &request).unwrap_err();
    assert!(matches!(error, EnrollError::Revoked { .. }), "{error}");
    let other = Scratch::new("embedded-revoked-other");
    assert!(!other.ca().issued(&issued.chain));
}

#[test]
fn a_ca_set_aside_makes_room_for_another() {
    let scratch = Scratch::new("embedded-aside");
    let first = scratch.ca().anchor().fingerprint;
    let dir = scratch.0.join("state/ca");
    let aside = EmbeddedCa::set_aside(&Root::host(), &dir).unwrap();
    let kept = std::fs::read(aside.join(ROOT)).unwrap();
    assert_eq!(Anchor::from_pem(&kept).unwrap().fingerprint, first);
    assert_ne!(scratch.ca().anchor().fingerprint, first);
}
