//! Rules put in force on trial: confirmed from another session, or taken back.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use phoenix_core::Error;
use phoenix_core::present;
use phoenix_core::site::{FirewallOptions, Site};
use phoenix_core::store::TrialEnd;
use phoenix_core::system::leave_session;

use crate::args::Global;
use crate::exit::{FAILED, Failure, OK};
use crate::output::Output;

pub(super) fn apply(
    site: &Site,
    options: FirewallOptions,
    within: Duration,
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    let mut report = site.try_firewall(options, within, || start_watch(site, global))?;
    if report.until.is_none() {
        output.answer(&report.change, |style| {
            present::change(&report.change, style)
        })?;
        return Ok(OK);
    }
    if !output.is_json() {
        // The terminal may be gone already: the change is taken back all the same.
        let _ = Output::text(&present::trial(&report, output.style()));
    }
    // When the terminal is gone this goes on; only a person's wish ends it before its time.
    report.end = site.await_firewall(&|| output.stop().told())?;
    let status = if report.end == Some(TrialEnd::Confirmed) {
        OK
    } else {
        FAILED
    };
    output.answer(&report, |_| present::trial_end(report.end))?;
    Ok(status)
}

pub(super) fn confirm(site: &Site, lock_timeout: u64, output: &Output) -> Result<u8, Failure> {
    let trial = site.confirm_firewall(Duration::from_secs(lock_timeout))?;
    output.answer(&trial, |_| present::trial_end(Some(TrialEnd::Confirmed)))?;
    Ok(OK)
}

/// In the process that outlives the session.
pub(super) fn watch(site: &Site) -> Result<u8, Failure> {
    leave_session().map_err(|error| Failure::io("leave the session", &error))?;
    Output::text(READY)?;
    Ok(match site.await_firewall(&|| false)? {
        Some(TrialEnd::Confirmed) | None => OK,
        Some(_) => FAILED,
    })
}

/// Starts the process that takes the change back when this one cannot; returns once it has left the session.
fn start_watch(site: &Site, global: &Global) -> Result<(), Error> {
    let failed = |source| Error::Spawn {
        what: "the process that takes the change back when this session dies",
        source,
    };
    let paths = site.paths();
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg("--site").arg(&paths.site);
    command.arg("--state").arg(&paths.state);
    if let Some(root) = &global.root {
        let root = std::path::absolute(root).map_err(failed)?;
        command.arg("--root").arg(root);
    }
    let mut child = command
        .args(["firewall", "watch"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut said = [0; READY.len()];
    let heard = child
        .stdout
        .take()
        .map_or(Ok(()), |mut out| out.read_exact(&mut said));
    if let Err(error) = heard {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(error));
    }
    Ok(())
}

/// What the watching process says once it has left the session.
const READY: &str = "ready\n";
