//! `phoenix check`.

use phoenix_core::present;
use phoenix_core::site::Site;

use crate::exit::{FAILED, Failure, OK};
use crate::output::Output;

pub(super) fn run(site: &Site, output: &Output) -> Result<u8, Failure> {
    let findings = site.check()?;
    output.answer(&findings, |style| present::findings(&findings, style))?;
    Ok(if findings.has_errors() { FAILED } else { OK })
}
