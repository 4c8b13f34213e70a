//! A run with nothing due beside `step certificate needs-renewal` for each certificate, and beside the mere reading and
//! parsing of the same files; and what it takes of memory.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use phoenix_benches::{
    built, growth_of, is_measured, least, milliseconds, peak, peak_of_child, say,
};
use phoenix_core::secret::Secret;
use phoenix_core::x509::{Chain, public_key_of_pem};

/// The loop of `step` over our run, at least.
const FASTER: f64 = 300.0;
/// Our run over reading and parsing the same files, at most.
const OVER_READING: f64 = 2.0;
/// The same where no signature is known yet.
const COLD: f64 = 6.0;
/// Time for ten times the certificates over that for these, at most.
const GROWTH: f64 = 12.0;
/// Memory for 10,000 certificates.
const MEMORY: u64 = 60_000_000;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(status) = peak_of_child()? {
        return Ok(status);
    }
    let phoenix = built()?;
    let sizes: &[usize] = if is_measured() {
        &[1_000, 10_000]
    } else {
        &[20]
    };
    let mut holds = true;
    let mut all = Vec::new();
    say(
        "certificates    reading       warm   over        cold   over   step's loop    ratio     memory",
    );
    for count in sizes {
        let site = Site::issued(&phoenix, *count)?;
        // The first look at what was issued keeps the signatures.
        site.run(&phoenix)?;
        let runs = if is_measured() { 7 } else { 1 };
        let (mut reading, mut warm, mut cold) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs {
            reading.push(site.read()?);
            site.forget_signatures()?;
            cold.push(site.run(&phoenix)?);
            warm.push(site.run(&phoenix)?);
        }
        let (reading, warm, cold) = (least(&reading), least(&warm), least(&cold));
        let theirs = site.step(*count)?;
        let memory = peak(&site.sync(&phoenix))?;
        let over = |time: Duration| time.as_secs_f64() / reading.as_secs_f64();
        let ratio = theirs.map(|theirs| theirs.as_secs_f64() / warm.as_secs_f64());
        say(&format!(
            "{count:>12} {:>10} {:>10} {:>5.1}x {:>11} {:>5.1}x {:>13} {:>8} {:>7} KB",
            milliseconds(reading),
            milliseconds(warm),
            over(warm),
            milliseconds(cold),
            over(cold),
            theirs.map_or("-".to_owned(), milliseconds),
            ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.0}x")),
            memory / 1000,
        ));
        holds &= over(warm) <= OVER_READING && over(cold) <= COLD && memory <= MEMORY;
        holds &= ratio.is_none_or(|ratio| ratio >= FASTER);
        all.push(warm);
    }
    if !is_measured() {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(growth) = growth_of(&all) {
        say(&format!(
            "ten times the certificates cost {growth:.1} times the time"
        ));
        holds &= growth <= GROWTH;
    }
    if holds {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!(
        "missed: at least {FASTER} times as fast as step's loop, at most {OVER_READING} times the reading ({COLD} cold), at most {GROWTH} times the time for ten times the certificates, at most {} KB",
        MEMORY / 1000
    ));
    Ok(ExitCode::FAILURE)
}

/// A site beneath a root of its own, whose certificates are all new.
struct Site {
    root: PathBuf,
    pairs: Vec<(PathBuf, PathBuf)>,
}

impl Site {
    fn issued(phoenix: &Path, count: usize) -> Result<Self, Box<dyn Error>> {
        // Where there is a file system in memory, the disk is left out of the making.
        let shared = Path::new("/dev/shm");
        let near = if shared.is_dir() {
            shared
        } else {
            Path::new(env!("CARGO_TARGET_TMPDIR"))
        };
        let root = near.join(format!(
            "phoenix-nothing-due-{}-{count}",
            std::process::id()
        ));
        fs::create_dir_all(root.join("site/etc"))?;
        fs::create_dir_all(root.join("etc"))?;
        let facts = fs::metadata(&root)?;
        fs::write(
            root.join("etc/passwd"),
            format!("owner:x:{}:{}::/:/bin/false\n", facts.uid(), facts.gid()),
        )?;
        fs::write(
            root.join("etc/group"),
            format!("owner:x:{}:\n", facts.gid()),
        )?;
        let entry = |number: usize| {
            serde_json::json!({
                "common_name": format!("service-{number}.internal.example"),
                "sans": [format!("10.{}.{}.{}", number / 62_500, number / 250 % 250, number % 250 + 1)],
                "cert_path": format!("/srv/tls/{number}/cert.pem"),
                "key_path": format!("/srv/tls/{number}/key.pem"),
                "owner": "owner:owner",
                "permissions": "600",
            })
        };
        let manifest: Vec<_> = (0..count).map(entry).collect();
        fs::write(
            root.join("site/etc/certificate-manifest.json"),
            serde_json::to_vec_pretty(&manifest)?,
        )?;
        fs::write(
            root.join("site/etc/phoenix_hypervisor_config.json"),
            r#"{"domain_name": "internal.example"}"#,
        )?;
        let pair = |number: usize| {
            let dir = root.join("srv/tls").join(number.to_string());
            (dir.join("cert.pem"), dir.join("key.pem"))
        };
        let site = Self {
            pairs: (0..count).map(pair).collect(),
            root,
        };
        site.run(phoenix)?;
        Ok(site)
    }

    fn sync(&self, phoenix: &Path) -> Command {
        let mut command = Command::new(phoenix);
        command.arg("--root").arg(&self.root);
        command.args(["--site", "/site", "--quiet", "sync", "certs"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn run(&self, phoenix: &Path) -> Result<Duration, Box<dyn Error>> {
        let mut command = self.sync(phoenix);
        let start = Instant::now();
        let status = command.status()?;
        let taken = start.elapsed();
        if status.success() {
            return Ok(taken);
        }
        Err(format!("{command:?}: {status}").into())
    }

    /// Reading and parsing the same files, and no more.
    fn read(&self) -> Result<Duration, Box<dyn Error>> {
        let start = Instant::now();
        for (cert, key) in &self.pairs {
            black_box(Chain::from_pem(&fs::read(cert)?)?);
            black_box(public_key_of_pem(&Secret::new(fs::read(key)?))?);
        }
        Ok(start.elapsed())
    }

    fn forget_signatures(&self) -> Result<(), Box<dyn Error>> {
        for site in fs::read_dir(self.root.join("var/lib/phoenix/sites"))? {
            let known = site?.path().join("signatures");
            // Gone where the run before forgot to keep them: then this measures nothing.
            fs::remove_file(known)?;
        }
        Ok(())
    }

    /// `step certificate needs-renewal` for each certificate, by some of them; `None` where `step` is not installed.
    fn step(&self, count: usize) -> Result<Option<Duration>, Box<dyn Error>> {
        let own = std::env::home_dir().map(|home| home.join("go/bin/step"));
        let step = own.filter(|step| step.is_file());
        let step = step.unwrap_or_else(|| PathBuf::from("step"));
        let mut times = Vec::new();
        for (cert, _) in self.pairs.iter().take(20) {
            let start = Instant::now();
            let mut command = Command::new(&step);
            command.args(["certificate", "needs-renewal"]).arg(cert);
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            let Ok(status) = status else {
                say("step is not installed: its time is left out");
                return Ok(None);
            };
            times.push(start.elapsed());
            // It exits 1 for a certificate that needs no renewal.
            if status.code() != Some(1) {
                return Err(format!("{command:?}: {status}, expected 1").into());
            }
        }
        Ok(Some(least(&times) * u32::try_from(count)?))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
