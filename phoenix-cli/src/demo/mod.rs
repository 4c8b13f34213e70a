//! The demonstration.
use crate::exit::{FAILED, Failure};
use crate::output::Output;
/// Runs it.
pub(crate) fn run(_keep: bool, _output: &Output) -> Result<u8, Failure> {
    Err(Failure::new("demo", "not yet", FAILED))
}
