//! `phoenix recover`.

use std::time::Duration;

use phoenix_core::present;
use phoenix_core::site::Site;

use crate::exit::{Failure, OK};
use crate::output::Output;

pub(super) fn run(site: &Site, lock_timeout: u64, output: &Output) -> Result<u8, Failure> {
    let recovered = site.recover(Duration::from_secs(lock_timeout))?;
    output.answer(&recovered, |_| present::recovered(&recovered))?;
    Ok(OK)
}
