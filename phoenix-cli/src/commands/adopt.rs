//! `phoenix adopt`.

use std::time::SystemTime;

use phoenix_core::present;
use phoenix_core::site::{ScriptOptions, Site};

use super::program;
use crate::args::Global;
use crate::exit::{Failure, OK};
use crate::output::Output;

pub(super) fn run(site: &Site, global: &Global, output: &Output) -> Result<u8, Failure> {
    let found = site.adopt(&ScriptOptions::new(program(None, global)?))?;
    output.answer(&found, |style| {
        present::adoption(&found, SystemTime::now(), style)
    })?;
    Ok(OK)
}
