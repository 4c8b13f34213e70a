//! `check` beside the parsing of the files that it looks at: linear, and under three times its cost. And the whole command
//! on a site, as an operator waits for it.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use phoenix_benches::{built, growth_of, is_measured, least, milliseconds, say, site};
use phoenix_core::check::{Facts, Selection, check};
use phoenix_core::document::{Document, Format};
use phoenix_core::model::{Model, SiteFiles, SourceFile};

/// All of `check` over the parsing of its files, at most.
const OVER_PARSING: f64 = 3.0;
/// The time for ten times the guests over that for these, at most.
const GROWTH: f64 = 12.0;
/// The whole command on a site, at most.
const WHOLE: Duration = Duration::from_millis(30);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (sizes, runs): (&[usize], _) = if is_measured() {
        (&[1_000, 10_000], 15)
    } else {
        (&[100], 1)
    };
    let mut holds = true;
    let mut all = Vec::new();
    say("  guests     rules      parse   and read    and check   over parsing");
    for guests in sizes {
        let (parse, read, checked) = rules(*guests, runs)?;
        let ratio = checked.as_secs_f64() / parse.as_secs_f64();
        say(&format!(
            "{guests:>8} {:>9} {:>10} {:>10} {:>12} {ratio:>11.2} x",
            guests * 10,
            milliseconds(parse),
            milliseconds(read),
            milliseconds(checked),
        ));
        holds &= ratio <= OVER_PARSING;
        all.push(checked);
    }
    let growth = growth_of(&all);
    if let Some(growth) = growth {
        say(&format!(
            "ten times the guests cost {growth:.1} times the time"
        ));
    }
    holds &= growth.is_none_or(|growth| growth <= GROWTH);
    let phoenix = built()?;
    let runs = if is_measured() { 40 } else { 1 };
    for site in sites() {
        let taken = whole(&phoenix, &site, runs)?;
        say(&format!(
            "the whole command on {}: {}",
            site.display(),
            milliseconds(taken)
        ));
        holds &= taken <= WHOLE;
    }
    if holds || !is_measured() {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!(
        "missed: at most {OVER_PARSING} times the parsing, at most {GROWTH} times the time for ten times the guests, at most {} for the whole command",
        milliseconds(WHOLE)
    ));
    Ok(ExitCode::FAILURE)
}

/// The parsing of a site's files; that and reading them; that and all rules. By turns, so that all fare alike.
fn rules(guests: usize, runs: usize) -> Result<(Duration, Duration, Duration), Box<dyn Error>> {
    let (lxcs, host) = site(guests);
    let file = |name: &str, text: &str| SourceFile {
        path: format!("/site/etc/{name}").into(),
        bytes: text.as_bytes().to_vec(),
    };
    let files = || SiteFiles {
        manifest: file("certificate-manifest.json", "[]"),
        vms: None,
        lxcs: Some(file("phoenix_lxc_configs.json", &lxcs)),
        host: file("phoenix_hypervisor_config.json", &host),
        settings: None,
        template: None,
        beside_template: Vec::new(),
    };
    let (facts, selection) = (Facts::default(), Selection::default());
    let (mut parse, mut read, mut checked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let start = Instant::now();
        for text in [&lxcs, &host] {
            let document = Document::parse("s.json".as_ref(), text.clone().into(), Format::Json)?;
            black_box(document);
        }
        parse.push(start.elapsed());
        let start = Instant::now();
        black_box(Model::read(files(), true)?);
        read.push(start.elapsed());
        let start = Instant::now();
        let model = Model::read(files(), true)?;
        let found = check(&model, &facts, &selection).0.len();
        drop(model);
        checked.push(start.elapsed());
        if found < guests / 100 {
            return Err(format!(
                "found {found}, expected a copied rule in each of {guests} / 100 guests"
            )
            .into());
        }
    }
    Ok((least(&parse), least(&read), least(&checked)))
}

/// The repository's site, and the real one where it is at hand.
fn sites() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let real = ["../..", "../../.."].map(|near| here.join(near).join("shared/corpus/site"));
    let real = real.into_iter().find(|site| site.is_dir());
    let own = here.join("../tests/sample-site");
    std::iter::once(own).chain(real).collect()
}

fn whole(phoenix: &Path, site: &Path, runs: usize) -> Result<Duration, Box<dyn Error>> {
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check-state");
    fs::create_dir_all(&state)?;
    let mut times = Vec::new();
    for _ in 0..runs {
        let mut command = Command::new(phoenix);
        command.arg("--site").arg(site).arg("--state").arg(&state);
        command.arg("check").stdout(Stdio::null());
        let start = Instant::now();
        let status = command.status()?;
        times.push(start.elapsed());
        // Both sites have errors.
        if status.code() != Some(1) {
            return Err(format!("{command:?}: {status}, expected 1").into());
        }
    }
    Ok(least(&times))
}
