//! `phoenix status`.

use phoenix_core::present;
use phoenix_core::site::Site;

use crate::exit::{Failure, OK};
use crate::output::Output;

pub(super) fn run(site: &Site, output: &Output) -> Result<u8, Failure> {
    let status = site.status()?;
    output.answer(&status, |style| present::status(&status, style))?;
    Ok(OK)
}
