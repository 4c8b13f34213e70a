//! step-ca asked by us and by others, in one run, and how near the CA's own speed that comes.
//!
//! * `step`: issuing and renewing, beside a loop of `step`;
//! * `load`: the rate of `/sign`, beside a bare load generator;
//! * `sync`: a whole run for 200 new certificates, beside what the CA, the key and the disk take.
//!
//! `cargo bench -p phoenix-benches --bench authority -- load` does one of them. Needs `step-ca`, and `step` for the first;
//! without them it says so and measures nothing.

mod load;
mod sync;

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use phoenix_benches::is_measured;
use phoenix_core::ca::{Authority as _, PasswordSource, Request, StepCa};
use phoenix_core::names::{CommonName, SubjectAltName};
use phoenix_core::secret::Secret;
use phoenix_core::system::HostDial;
use phoenix_core::x509::{Chain, KeyType, PrivateKey};
use phoenix_testkit::Scratch;
use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server, Setup};

/// Times that we are faster than a loop of `step`, at least: for 50 certificates, for many, for renewals.
const FASTER: [f64; 3] = [30.0, 80.0, 10.0];
/// Connections, as many as a run uses.
const WORKERS: usize = 8;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut setup = Setup::default();
    // As `step ca provisioner add` writes it: the cost that the loop pays each time.
    setup.rounds = 600_000;
    let Some(server) = Server::start(&setup) else {
        say("step-ca is missing: nothing is measured");
        return Ok(ExitCode::SUCCESS);
    };
    let mut holds = true;
    if wanted("step") {
        holds &= beside_step(&server)?;
    }
    if wanted("load") {
        holds &= load::beside_a_generator(&server)?;
    }
    if wanted("sync") {
        holds &= sync::beside_its_parts(&server)?;
    }
    if holds || !is_measured() {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// Whether the command line names this part, or none at all.
fn wanted(part: &str) -> bool {
    let mut named = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .peekable();
    named.peek().is_none() || named.any(|word| word == part)
}

fn beside_step(server: &Server) -> Result<bool, Box<dyn Error>> {
    let Some(step) = step() else {
        say("step is missing: its loop is not measured");
        return Ok(true);
    };
    let bench = Bench::new(server, step)?;
    let (few, many, sample) = if is_measured() {
        (50, 1_000, 10)
    } else {
        (2, 4, 1)
    };
    // One `step` costs the same each time, so that a sample of its loop is enough.
    let (issue, renew) = bench.loop_of_step(sample)?;
    say(&format!(
        "step: {:.1} ms a certificate, {:.1} ms a renewal (mean of {sample})",
        ms(issue),
        ms(renew)
    ));
    let mut holds = true;
    let mut pairs = Vec::new();
    for (count, least) in [(few, FASTER[0]), (many, FASTER[1])] {
        // A new client each time: the key is opened and the connections are made within the time.
        let client = client(server);
        let started = Instant::now();
        pairs = issue_all(&client, count)?;
        let took = started.elapsed();
        holds &= compare(&format!("issue {count}"), took, issue, count, least);
    }
    pairs.truncate(100);
    let client = client(server);
    let started = Instant::now();
    renew_all(&client, &pairs)?;
    holds &= compare(
        &format!("renew {}", pairs.len()),
        started.elapsed(),
        renew,
        pairs.len(),
        FASTER[2],
    );
    Ok(holds)
}

/// A client that has asked nothing yet.
fn client(server: &Server) -> StepCa {
    StepCa::new(
        vec![server.url()],
        vec![server.anchor.clone()],
        Some(PROVISIONER.to_owned()),
        PasswordSource::file("the bench", || Ok(Secret::from(PASSWORD.to_owned()))),
        Arc::new(HostDial),
    )
}

struct Bench<'s> {
    server: &'s Server,
    step: PathBuf,
    dir: Scratch,
}

type Pair = (CommonName, BTreeSet<SubjectAltName>, PrivateKey, Chain);

impl<'s> Bench<'s> {
    fn new(server: &'s Server, step: PathBuf) -> Result<Self, Box<dyn Error>> {
        let dir = Scratch::new("bench-ca");
        std::fs::write(dir.path().join("root.pem"), server.anchor.to_pem())?;
        std::fs::write(dir.path().join("password"), PASSWORD)?;
        Ok(Self { server, step, dir })
    }

    /// The mean times of one `step ca certificate` and of one `step ca renew`.
    fn loop_of_step(&self, count: u32) -> Result<(Duration, Duration), Box<dyn Error>> {
        let started = Instant::now();
        for number in 0..count {
            self.step(&[
                "certificate",
                &format!("s{number}.test"),
                &format!("s{number}.crt"),
                &format!("s{number}.key"),
                "--force",
                "--provisioner",
                PROVISIONER,
                "--provisioner-password-file",
                "password",
            ])?;
        }
        let issue = started.elapsed() / count;
        let started = Instant::now();
        for number in 0..count {
            let (cert, key) = (format!("s{number}.crt"), format!("s{number}.key"));
            self.step(&["renew", &cert, &key, "--force"])?;
        }
        Ok((issue, started.elapsed() / count))
    }

    fn step(&self, words: &[&str]) -> Result<(), Box<dyn Error>> {
        let status = Command::new(&self.step)
            .arg("ca")
            .args(words)
            .args(["--ca-url", &self.server.url().to_string()])
            .args(["--root", "root.pem"])
            .current_dir(self.dir.path())
            .env("STEPPATH", self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if status.success() {
            return Ok(());
        }
        Err(format!("step ca {} failed", words[0]).into())
    }
}

fn issue_all(client: &StepCa, count: usize) -> Result<Vec<Pair>, Box<dyn Error>> {
    in_turns(count, |number| {
        let name: CommonName = format!("p{number}.test").parse().map_err(words)?;
        let sans = BTreeSet::from_iter(name.as_dns());
        let key = PrivateKey::generate(KeyType::EcP256).map_err(words)?;
        let issued = client
            .enroll(&Request::new(&name, &sans, &key))
            .map_err(words)?;
        Ok((name, sans, key, issued.chain))
    })
}

fn renew_all(client: &StepCa, pairs: &[Pair]) -> Result<(), Box<dyn Error>> {
    in_turns(pairs.len(), |number| {
        let (name, sans, key, chain) = &pairs[number];
        client
            .renew(chain, &Request::new(name, sans, key))
            .map(drop)
            .map_err(words)
    })
    .map(drop)
}

/// Does something so many times, on as many threads as a run has.
fn in_turns<T: Send>(
    count: usize,
    act: impl Fn(usize) -> Result<T, String> + Sync,
) -> Result<Vec<T>, Box<dyn Error>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(done);
            }
            done.push(act(number)?);
        }
    };
    let all: Vec<Result<Vec<T>, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a thread panicked".to_owned()))
            })
            .collect()
    });
    let mut done = Vec::new();
    for part in all {
        done.extend(part?);
    }
    Ok(done)
}

fn compare(what: &str, took: Duration, one: Duration, count: usize, least: f64) -> bool {
    let each = took.as_secs_f64() / u32::try_from(count).map_or(f64::MAX, f64::from);
    let ratio = one.as_secs_f64() / each;
    say(&format!(
        "{what:<12} {:>8.1} ms, {:.2} ms each, {:.0} a second: {ratio:.1} x the loop of step (at least {least})",
        ms(took),
        each * 1e3,
        1.0 / each
    ));
    ratio >= least
}

fn step() -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let go = std::env::var_os("HOME").map(|home| Path::new(&home).join("go/bin"));
    std::env::split_paths(&search)
        .chain(go)
        .map(|dir| dir.join("step"))
        .find(|path| path.is_file())
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn say(line: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = writeln!(std::io::stdout(), "{line}");
}
