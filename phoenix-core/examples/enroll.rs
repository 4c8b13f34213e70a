//! Gets one certificate and puts the pair in its place.
//!
//! `enroll DIR` asks a CA in that directory, made there; `enroll DIR URL ROOT PROVISIONER PASSWORD_FILE` asks step-ca.
#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use phoenix_core::ca::{Authority, CaDesign, EmbeddedCa, PasswordSource, Request, StepCa};
use phoenix_core::deploy::{self, PairTarget};
use phoenix_core::names::{CommonName, FileMode, Slug, SubjectAltName};
use phoenix_core::secret::Secret;
use phoenix_core::system::{HostDial, Root};
use phoenix_core::time::SystemClock;
use phoenix_core::x509::{Anchor, KeyType, Permitted, PrivateKey};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (dir, ca): (PathBuf, Box<dyn Authority>) = match words[..] {
        [dir] => (dir.into(), Box::new(in_directory(Path::new(dir))?)),
        [dir, url, root, provisioner, password] => (
            dir.into(),
            Box::new(step_ca(url, root, provisioner, password)?),
        ),
        _ => return Err("expected DIR, or DIR URL ROOT PROVISIONER PASSWORD_FILE".into()),
    };

    let name: CommonName = "web.internal.example".parse()?;
    let sans: BTreeSet<SubjectAltName> =
        ["web.internal.example".parse()?, "10.1.2.3".parse()?].into();
    let key = PrivateKey::generate(KeyType::EcP256)?;
    // What comes back was judged: our key, exactly these names, the usage, the dates, the way to the root.
    let issued = ca.enroll(&Request::new(&name, &sans, &key))?;

    let tls = dir.join("tls");
    std::fs::create_dir_all(&tls)?;
    let this = std::fs::metadata(&tls)?;
    let owner = {
        use std::os::unix::fs::MetadataExt as _;
        (this.uid(), this.gid())
    };
    let target = PairTarget {
        cert: tls.join("web.crt"),
        key: tls.join("web.key"),
        ca: None,
        owner,
        cert_mode: FileMode::PUBLIC,
        key_mode: FileMode::PRIVATE,
        slug: Slug::of("web"),
        guest_writable: false,
        keep: 1,
        plain: false,
        journal_dir: dir.join("journal"),
    };
    let root = Root::host();
    let leaf = issued.chain.leaf();
    let pem = issued.chain.to_pem();
    let staged = deploy::stage(&root, &target, &leaf.serial, &pem, &key.to_pem(), None)?;
    // One rename swaps certificate and key.
    staged.commit()?.finish()?;
    println!("{} from {}", target.cert.display(), ca.describe());
    Ok(())
}

fn in_directory(dir: &Path) -> Result<EmbeddedCa, Box<dyn Error>> {
    let design = CaDesign::site(Permitted::default());
    let clock = Arc::new(SystemClock);
    Ok(EmbeddedCa::open_or_init(
        &Root::host(),
        &dir.join("ca"),
        "a CA",
        &design,
        clock,
    )?)
}

fn step_ca(
    url: &str,
    root: &str,
    provisioner: &str,
    password: &str,
) -> Result<StepCa, Box<dyn Error>> {
    let root = Anchor::from_pem(&std::fs::read(root)?)?;
    let file = password.to_owned();
    let password = PasswordSource::file(password, move || std::fs::read(&file).map(Secret::new));
    let provisioner = Some(provisioner.to_owned());
    Ok(StepCa::new(
        vec![url.parse()?],
        vec![root],
        provisioner,
        password,
        Arc::new(HostDial),
    ))
}
