//! Programs that read a certificate and its key in a tight loop while both are rotated: what each of them meets.
//!
//! Phoenix on the host and through a guest's shell, beside `step ca renew --force` and `step ca certificate --force`. A pair
//! is missing when a file cannot be opened or holds no whole certificate or key, mismatched when the key is another's.
//! Needs `step-ca` and `step` for the latter two; without them it says so.
//!
//! With the word `lab`, run in the host's view of the lab, it rotates in the container 102 there, by the real `pct`, and
//! nothing else.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use phoenix_benches::is_measured;
use phoenix_core::ca::{Authority as _, CaDesign, EmbeddedCa, Request};
use phoenix_core::deploy::{CERT_FILE, KEY_FILE, PairTarget, stage};
use phoenix_core::names::{CommonName, FileMode, Owner, Slug};
use phoenix_core::secret::Secret;
use phoenix_core::system::{HostCommands, Root};
use phoenix_core::time::SystemClock;
use phoenix_core::transport::{
    Delivery, GuestTransport as _, PairFile, Pct, Program, Step, StepResult,
};
use phoenix_core::x509::{Chain, KeyType, Permitted, PrivateKey, public_key_of_pem};
use phoenix_testkit::Scratch;
use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server, Setup};

/// Versions beside the current one: rotations follow each other within milliseconds here, and a reader that has resolved
/// `current` may be kept waiting by the others for longer than that.
const KEEP: usize = 20;

type Pairs = Vec<(Vec<u8>, Vec<u8>, String)>;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (rotations, of_step) = if is_measured() { (1_000, 300) } else { (5, 2) };
    let dir = Scratch::new("bench-torn");
    let same = pairs(dir.path(), 20, true)?;
    let new = pairs(dir.path(), 20, false)?;
    say(
        "                                                     reads  missing  mismatched  on a second read  per rotation",
    );
    let mut torn = 0;
    let lab = std::env::args().any(|word| word == "lab");
    let places: &[(&str, usize)] = if lab {
        &[("lab", rotations)]
    } else {
        &[("host", rotations), ("guest", rotations.min(of_step))]
    };
    for (place, count) in places.iter().copied() {
        let bench = Ours::new(dir.path(), place)?;
        for (what, pairs, once) in [
            ("same key, two opens", &same, false),
            ("new key, `current` resolved once", &new, true),
            ("new key, two opens", &new, false),
        ] {
            bench.put(&pairs[0], 0)?;
            let mut number = 0;
            let reads = bench.rotate(once, count, || {
                number += 1;
                bench.put(&pairs[number % pairs.len()], number)
            })?;
            reads.say(&format!("{place}: {what}"), count);
            torn += reads.missing + reads.mismatched_twice;
            if once || what.starts_with("same") {
                torn += reads.mismatched;
            }
        }
    }
    if !lab {
        others(dir.path(), of_step)?;
    }
    say(&format!("{torn} reads that should never be (expected 0)"));
    Ok(if torn == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// `step` in the two ways that keep and change the key.
fn others(dir: &Path, count: usize) -> Result<(), Box<dyn Error>> {
    let Some(step) = step() else {
        say("step is missing: it is left out");
        return Ok(());
    };
    let Some(server) = Server::start(&Setup::default()) else {
        return Ok(());
    };
    let dir = dir.join("step");
    fs::create_dir(&dir)?;
    fs::write(dir.join("root.pem"), server.anchor.to_pem())?;
    fs::write(dir.join("password"), PASSWORD)?;
    let run = |words: &[&str]| -> Result<(), Box<dyn Error>> {
        let done = Command::new(&step)
            .arg("ca")
            .args(words)
            .args(["--ca-url", &server.url().to_string()])
            .args(["--root", "root.pem"])
            .current_dir(&dir)
            .env("STEPPATH", &dir)
            .stdin(Stdio::null())
            .output()?;
        if done.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&done.stderr).into_owned().into())
    };
    let issue = || {
        run(&[
            "certificate",
            "a.test",
            "a.crt",
            "a.key",
            "--force",
            "--provisioner",
            PROVISIONER,
            "--provisioner-password-file",
            "password",
        ])
    };
    issue()?;
    let paths = [dir.join("a.crt"), dir.join("a.key")];
    let renewed = rotate(&paths, None, count, || {
        run(&["renew", "a.crt", "a.key", "--force"])
    })?;
    renewed.say("step ca renew --force, two opens", count);
    let reissued = rotate(&paths, None, count, issue)?;
    reissued.say("step ca certificate --force, two opens", count);
    Ok(())
}

/// A pair of ours: on the host, in a guest that is the host itself, or in the lab's container.
struct Ours {
    root: Root,
    target: PairTarget,
    guest: Option<Pct>,
    /// Where the readers find the root in which the paths lie.
    seen: PathBuf,
}

impl Ours {
    fn new(dir: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let mut base = dir.join(name);
        fs::create_dir(&base)?;
        let me = fs::metadata(&base)?;
        let mut seen = PathBuf::from("/");
        let guest = if name == "lab" {
            let asked = Command::new("lxc-info")
                .args(["-n", "102", "-p", "-H"])
                .output()?;
            let pid = String::from_utf8(asked.stdout)?;
            seen = PathBuf::from(format!("/proc/{}/root", pid.trim()));
            base = PathBuf::from(format!("/run/phoenix-torn-{}", std::process::id()));
            let search = std::env::var("PATH")?;
            Some(Pct::new(Arc::new(HostCommands::new(search)), 102))
        } else if name == "guest" {
            let bin = dir.join("bin");
            fs::create_dir(&bin)?;
            fs::write(bin.join("pct"), "#!/bin/sh\nshift 3\nexec \"$@\"\n")?;
            fs::set_permissions(bin.join("pct"), fs::Permissions::from_mode(0o755))?;
            let search = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
            Some(Pct::new(Arc::new(HostCommands::new(search)), 102))
        } else {
            None
        };
        Ok(Self {
            seen,
            root: Root::host(),
            target: PairTarget {
                cert: base.join("a.crt"),
                key: base.join("a.key"),
                ca: None,
                owner: (me.uid(), me.gid()),
                cert_mode: FileMode::PUBLIC,
                key_mode: FileMode::PRIVATE,
                slug: Slug::of("a.test"),
                guest_writable: false,
                keep: KEEP,
                plain: false,
                journal_dir: dir.join("journal"),
            },
            guest,
        })
    }

    fn put(&self, pair: &(Vec<u8>, Vec<u8>, String), number: usize) -> Result<(), Box<dyn Error>> {
        let (chain, key, _) = pair;
        let version = format!("v{number}");
        let key = Secret::new(key.clone());
        let Some(guest) = &self.guest else {
            stage(&self.root, &self.target, &version, chain, &key, None)?
                .commit()?
                .finish()?;
            return Ok(());
        };
        let file = |path: &Path, bytes, mode| -> Result<PairFile, Box<dyn Error>> {
            Ok(PairFile {
                path: path.to_string_lossy().parse()?,
                bytes,
                mode,
            })
        };
        let target = &self.target;
        let delivery = Delivery {
            slug: target.slug.clone(),
            version: version.parse()?,
            cert: file(&target.cert, Secret::new(chain.clone()), target.cert_mode)?,
            key: file(&target.key, key, target.key_mode)?,
            ca: None,
            owner: Owner {
                user: target.owner.0.to_string(),
                group: target.owner.1.to_string(),
            },
            keep: u32::try_from(KEEP)?,
            beside: None,
        };
        let program = Program::new(vec![Step::Deliver(delivery)]);
        let answer = guest.run(&program, Duration::from_secs(60))?;
        match answer.results.first() {
            Some(StepResult::Delivered(_)) => Ok(()),
            other => Err(format!("not delivered: {other:?}").into()),
        }
    }

    fn rotate(
        &self,
        once: bool,
        count: usize,
        act: impl FnMut() -> Result<(), Box<dyn Error>>,
    ) -> Result<Reads, Box<dyn Error>> {
        let seen = |path: &Path| self.seen.join(path.strip_prefix("/").unwrap_or(path));
        let current = seen(&self.target.layout("x")?.current);
        let paths = [seen(&self.target.cert), seen(&self.target.key)];
        rotate(&paths, once.then_some(&*current), count, act)
    }
}

/// What readers met.
#[derive(Default)]
struct Reads {
    all: u64,
    missing: u64,
    mismatched: u64,
    mismatched_twice: u64,
    took: Duration,
}

impl Reads {
    fn say(&self, what: &str, rotations: usize) {
        let each = self.took.as_secs_f64() * 1e3 / f64::from(u32::try_from(rotations).unwrap_or(1));
        say(&format!(
            "{what:<46} {:>11}  {:>7}  {:>10}  {:>16}  {each:>9.1} ms",
            self.all, self.missing, self.mismatched, self.mismatched_twice
        ));
    }
}

/// Rotates so many times under two readers.
fn rotate(
    paths: &[PathBuf; 2],
    current: Option<&Path>,
    count: usize,
    mut act: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<Reads, Box<dyn Error>> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| read_until(&done, paths, current)))
            .collect();
        let started = Instant::now();
        let acted: Result<(), Box<dyn Error>> = (0..count).try_for_each(|_| act());
        let took = started.elapsed();
        done.store(true, Ordering::Relaxed);
        let mut all = Reads {
            took,
            ..Reads::default()
        };
        for reader in readers {
            let seen = reader.join().map_err(|_| "a reader panicked")?;
            all.all += seen.all;
            all.missing += seen.missing;
            all.mismatched += seen.mismatched;
            all.mismatched_twice += seen.mismatched_twice;
        }
        acted.map(|()| all)
    })
}

fn read_until(done: &AtomicBool, paths: &[PathBuf; 2], current: Option<&Path>) -> Reads {
    let mut seen = Reads::default();
    let mut keys = Keys::default();
    while !done.load(Ordering::Relaxed) {
        seen.all += 1;
        match keys.read(paths, current) {
            None => seen.missing += 1,
            Some(true) => {}
            Some(false) => {
                seen.mismatched += 1;
                match keys.read(paths, current) {
                    Some(true) => {}
                    Some(false) => seen.mismatched_twice += 1,
                    None => seen.missing += 1,
                }
            }
        }
    }
    seen
}

/// Which public key a file's bytes have; taken apart once.
#[derive(Default)]
struct Keys {
    certs: HashMap<Vec<u8>, Option<Vec<u8>>>,
    keys: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Keys {
    /// Whether certificate and key belong together; `None` when one of them is missing.
    fn read(&mut self, paths: &[PathBuf; 2], current: Option<&Path>) -> Option<bool> {
        let (cert, key) = match current {
            None => (fs::read(&paths[0]).ok()?, fs::read(&paths[1]).ok()?),
            Some(current) => {
                let version = current.parent()?.join(fs::read_link(current).ok()?);
                let read = |name: &str| fs::read(version.join(name)).ok();
                (read(CERT_FILE)?, read(KEY_FILE)?)
            }
        };
        let of_cert = self.certs.entry(cert).or_insert_with_key(|cert| {
            let chain = Chain::from_pem(cert).ok()?;
            Some(chain.leaf().public_key.clone())
        });
        let of_key = self
            .keys
            .entry(key)
            .or_insert_with_key(|key| public_key_of_pem(&Secret::new(key.clone())).ok());
        Some(of_cert.as_ref()? == of_key.as_ref()?)
    }
}

/// Pairs of one name, with one key or with as many.
fn pairs(dir: &Path, count: usize, same_key: bool) -> Result<Pairs, Box<dyn Error>> {
    let ca = EmbeddedCa::open_or_init(
        &Root::host(),
        &dir.join("ca"),
        "the CA",
        &CaDesign::site(Permitted::default()),
        Arc::new(SystemClock),
    )?;
    let name: CommonName = "a.test".parse()?;
    let sans = BTreeSet::from_iter(name.as_dns());
    let mut key = PrivateKey::generate(KeyType::EcP256)?;
    let mut all = Vec::new();
    for _ in 0..count {
        if !same_key {
            key = PrivateKey::generate(KeyType::EcP256)?;
        }
        let issued = ca.enroll(&Request::new(&name, &sans, &key))?;
        let pem = key.to_pem().expose_secret().to_vec();
        let serial = issued.chain.leaf().serial.clone();
        all.push((issued.chain.to_pem(), pem, serial));
    }
    Ok(all)
}

fn step() -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let go = std::env::var_os("HOME").map(|home| Path::new(&home).join("go/bin"));
    std::env::split_paths(&search)
        .chain(go)
        .map(|dir| dir.join("step"))
        .find(|path| path.is_file())
}

fn say(line: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = writeln!(std::io::stdout(), "{line}");
}
