//! Whole runs killed at random points: afterwards every pair is there and is one, and the next run completes.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Instant, SystemTime};

use phoenix_benches::{built, is_measured};
use phoenix_core::secret::Secret;
use phoenix_core::x509::{Chain, public_key_of_pem};
use phoenix_testkit::Scratch;

/// The two arrangements: one directory, swapped by one rename; two directories, tied together by the journal.
const PAIRS: [(&str, [&str; 2]); 2] = [
    ("linked.test", ["tls/a.crt", "tls/a.key"]),
    ("split.test", ["public/b.crt", "private/b.key"]),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let site = Site::new(built()?)?;
    let kills = if is_measured() { 1_000 } else { 3 };
    site.want(0)?;
    site.phoenix(&["sync", "certs"])?;
    site.want(1)?;
    let started = Instant::now();
    site.phoenix(&["sync", "certs"])?;
    let mut whole = started.elapsed();
    let seed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .subsec_nanos();
    let mut random = Random(u64::from(seed) | 1);
    let (mut killed, mut lost, mut mixed, mut incomplete) = (0, 0, 0, 0);
    let mut changed = 0;
    let mut runs = 0;
    while killed < kills {
        runs += 1;
        site.want(runs)?;
        let before = site.read(0);
        let mut child = site
            .command(&["sync", "certs"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        std::thread::sleep(whole.mul_f64(random.next()));
        child.kill()?;
        // How long a run takes is not always the same: the points follow it.
        if child.wait()?.success() {
            whole = whole.mul_f64(0.95);
        } else {
            killed += 1;
            whole = whole.mul_f64(1.01);
        }
        // One rename needs no recovery.
        count(site.state(0), &mut lost, &mut mixed);
        changed += u64::from(site.read(0) != before);
        site.phoenix(&["recover"])?;
        for pair in 0..PAIRS.len() {
            count(site.state(pair), &mut lost, &mut mixed);
        }
        let next = site.command(&["sync", "certs"]).output()?;
        if !next.status.success() || site.unfinished()? {
            incomplete += 1;
            say(&String::from_utf8_lossy(&next.stdout));
        }
        for pair in 0..PAIRS.len() {
            count(site.state(pair), &mut lost, &mut mixed);
        }
    }
    say(&format!(
        "{runs} runs of {:.0} ms, seed {seed}: {killed} killed, {changed} with the new pair in place, {lost} lost, {mixed} mixed, {incomplete} not completed by the next run",
        whole.as_secs_f64() * 1e3
    ));
    Ok(if lost + mixed + incomplete == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// How a pair stands.
#[derive(Clone, Copy)]
enum State {
    Lost,
    Mixed,
    Whole,
}

fn count(state: State, lost: &mut u64, mixed: &mut u64) {
    match state {
        State::Lost => *lost += 1,
        State::Mixed => *mixed += 1,
        State::Whole => {}
    }
}

struct Site {
    phoenix: PathBuf,
    dir: Scratch,
}

impl Site {
    fn new(phoenix: PathBuf) -> Result<Self, Box<dyn Error>> {
        let dir = Scratch::new("bench-kills");
        let base = dir.path();
        fs::create_dir_all(base.join("site/etc"))?;
        for name in ["tls", "public", "private"] {
            fs::create_dir(base.join(name))?;
        }
        let host = r#"{"domain_name": "internal.test"}"#;
        fs::write(base.join("site/etc/phoenix_hypervisor_config.json"), host)?;
        Ok(Self { phoenix, dir })
    }

    /// Has the manifest ask for another kind of key each time, so that each run brings new keys.
    fn want(&self, number: usize) -> Result<(), Box<dyn Error>> {
        let base = self.dir.path();
        let key_type = ["ec-p256", "ec-p384"][number % 2];
        let owner = |flag: &str| -> Result<String, Box<dyn Error>> {
            let output = Command::new("id").arg(flag).output()?;
            Ok(String::from_utf8(output.stdout)?.trim().to_owned())
        };
        let owner = format!("{}:{}", owner("-un")?, owner("-gn")?);
        let entries: Vec<String> = PAIRS
            .iter()
            .map(|(name, [cert, key])| {
                let dir = base.display();
                format!(
                    r#"{{"common_name": "{name}", "cert_path": "{dir}/{cert}", "key_path": "{dir}/{key}", "owner": "{owner}",
                        "permissions": "600", "key_type": "{key_type}", "post_renewal_command": "true"}}"#
                )
            })
            .collect();
        let manifest = format!("[{}]", entries.join(","));
        fs::write(base.join("site/etc/certificate-manifest.json"), manifest)?;
        Ok(())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.phoenix);
        command
            .arg("--site")
            .arg(self.dir.path().join("site"))
            .arg("--state")
            .arg(self.dir.path().join("state"))
            .args(words)
            .stdin(Stdio::null());
        command
    }

    fn phoenix(&self, words: &[&str]) -> Result<Output, Box<dyn Error>> {
        let output = self.command(words).output()?;
        if output.status.success() {
            return Ok(output);
        }
        let said = [output.stdout, output.stderr].concat();
        Err(String::from_utf8_lossy(&said).into_owned().into())
    }

    fn read(&self, pair: usize) -> Option<[Vec<u8>; 2]> {
        let [cert, key] = PAIRS[pair]
            .1
            .map(|path| fs::read(self.dir.path().join(path)));
        Some([cert.ok()?, key.ok()?])
    }

    fn state(&self, pair: usize) -> State {
        let Some([cert, key]) = self.read(pair) else {
            return State::Lost;
        };
        match (Chain::from_pem(&cert), public_key_of_pem(&Secret::new(key))) {
            (Ok(chain), Ok(public)) if chain.leaf().public_key == public => State::Whole,
            (Ok(_), Ok(_)) => State::Mixed,
            _ => State::Lost,
        }
    }

    /// Whether something unfinished is left after a run that went well.
    fn unfinished(&self) -> Result<bool, Box<dyn Error>> {
        let mut dirs = vec![self.dir.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with(".new-") || name.starts_with(".phoenix-tmp") {
                    say(&format!("left behind: {}", entry.path().display()));
                    return Ok(true);
                }
                if entry.file_type()?.is_dir() {
                    dirs.push(entry.path());
                }
            }
        }
        Ok(!journal_is_empty(self.dir.path())?)
    }
}

fn journal_is_empty(dir: &Path) -> Result<bool, Box<dyn Error>> {
    for site in fs::read_dir(dir.join("state/sites"))? {
        let journal = site?.path().join("journal");
        if journal.is_dir() && fs::read_dir(journal)?.next().is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Numbers from 0 to 1 (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

fn say(line: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = writeln!(std::io::stdout(), "{}", line.trim_end());
}
