//! `phoenix edit FILE set` beside `jq`, in one run: time, peak memory, and how the cost grows with the file.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use phoenix_benches::{
    TARGET, built, growth_of, guests, is_measured, least, milliseconds, peak, peak_of_child, say,
};

/// jq's time over ours, at least.
const FASTER: f64 = 3.0;
/// Peak memory over the file's size, at most; for the largest file, beside which the program itself is small.
const MEMORY: f64 = 4.0;
/// Time for 50 MB over that for 5 MB, at most.
const GROWTH: f64 = 12.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(status) = peak_of_child()? {
        return Ok(status);
    }
    let phoenix = built()?;
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole-command");
    fs::create_dir_all(dir.join("site"))?;
    let has_jq = Command::new("jq")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !has_jq {
        say("jq is not installed: its times are left out");
    }
    let sizes: &[(usize, usize)] = if is_measured() {
        &[(50_000, 40), (5_000_000, 10), (50_000_000, 7)]
    } else {
        &[(50_000, 1)]
    };
    let mut holds = true;
    let mut ours_by_size = Vec::new();
    say("     file      phoenix           jq    ratio    peak memory");
    for (bytes, runs) in sizes {
        let file = dir.join(format!("{bytes}.json"));
        fs::write(&file, guests(*bytes))?;
        let size = fs::metadata(&file)?.len();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for run in 0..*runs {
            let value = format!("\"{run}\"");
            ours.push(timed(&mut edit(&phoenix, &dir, &file, &value))?);
            if has_jq {
                theirs.push(timed(&mut jq(&file, &value))?);
            }
        }
        check(&file, &format!("\"{}\"", runs - 1))?;
        let peak = peak(&edit(&phoenix, &dir, &file, "\"peak\""))?;
        check(&file, "\"peak\"")?;
        let (ours, theirs) = (least(&ours), has_jq.then(|| least(&theirs)));
        let ratio = theirs.map(|theirs| theirs.as_secs_f64() / ours.as_secs_f64());
        let memory = ratio_of(peak, size);
        say(&format!(
            "{:>6} KB {:>12} {:>12} {:>8}    {:.1} MB, {memory:.1} x the file",
            size / 1000,
            milliseconds(ours),
            theirs.map_or("-".to_owned(), milliseconds),
            ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1}")),
            ratio_of(peak, 1_000_000),
        ));
        holds &= ratio.is_none_or(|ratio| ratio >= FASTER);
        holds &= *bytes < 50_000_000 || memory <= MEMORY;
        ours_by_size.push(ours);
    }
    if !is_measured() {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(growth) = growth_of(&ours_by_size) {
        say(&format!(
            "ten times the file costs {growth:.1} times the time"
        ));
        holds &= growth <= GROWTH;
    }
    if holds {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!(
        "missed: at least {FASTER} times as fast as jq, at most {MEMORY} times the file in memory, at most {GROWTH} times the time for ten times the file"
    ));
    Ok(ExitCode::FAILURE)
}

fn edit(phoenix: &Path, dir: &Path, file: &Path, value: &str) -> Command {
    let mut command = Command::new(phoenix);
    command
        .arg("--site")
        .arg(dir.join("site"))
        .arg("--state")
        .arg(dir.join("state"));
    command.arg("edit").arg(file).args(["set", TARGET.0, value]);
    command.stdout(Stdio::null());
    command
}

/// jq does not write in place; an operator does it so.
fn jq(file: &Path, value: &str) -> Command {
    let mut command = Command::new("sh");
    let script = "jq --indent 4 \"$1 = $2\" \"$3\" > \"$3.new\" && mv \"$3.new\" \"$3\"";
    command
        .args(["-c", script, "sh", TARGET.1, value])
        .arg(file);
    command
}

fn timed(command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let status = command.status()?;
    let taken = start.elapsed();
    if status.success() {
        return Ok(taken);
    }
    Err(format!("{command:?}: {status}").into())
}

fn check(file: &Path, value: &str) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let line = format!("\"port\": {value},");
    match text.matches(&line).count() {
        1 => Ok(()),
        count => Err(format!("found {count} of `{line}`, expected one").into()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio to be read by people")]
fn ratio_of(bytes: u64, of: u64) -> f64 {
    bytes as f64 / of as f64
}
