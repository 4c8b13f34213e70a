//! `phoenix verify`.

use std::time::SystemTime;

use phoenix_core::present;
use phoenix_core::site::Site;

use crate::exit::Failure;
use crate::output::Output;

pub(super) fn run(site: &Site, output: &Output) -> Result<u8, Failure> {
    let report = site.verify(output)?;
    output.answer(&report, |style| present::report(&report, SystemTime::now(), style))?;
    Ok(report.exit_status())
}
