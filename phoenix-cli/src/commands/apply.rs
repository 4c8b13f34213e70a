//! `phoenix apply`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use phoenix_core::Error;
use phoenix_core::plan::Given;
use phoenix_core::present;
use phoenix_core::site::{Site, SyncOptions};

use crate::exit::{Failure, USAGE};
use crate::output::Output;

pub(super) fn run(
    site: &Site,
    file: &Path,
    lock_timeout: u64,
    output: &Output,
) -> Result<u8, Failure> {
    let given = Given::parse(&text(file)?).map_err(Error::from)?;
    let options = SyncOptions {
        lock_timeout: Duration::from_secs(lock_timeout),
        ..SyncOptions::default()
    };
    let report = site.apply(&given, &options, output)?;
    output.answer(&report, |style| {
        present::report(&report, SystemTime::now(), style)
    })?;
    Ok(report.exit_status())
}

fn text(file: &Path) -> Result<String, Failure> {
    let (path, bytes) = super::input(file)?;
    String::from_utf8(bytes).map_err(|error| {
        let words = format!(
            "found bytes that are no text in the plan {}: {error}",
            path.display()
        );
        Failure::new("plan-unreadable", words, USAGE)
    })
}
