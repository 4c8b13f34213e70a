//! `phoenix demo`.

use crate::exit::Failure;
use crate::output::Output;

pub(super) fn run(keep: bool, output: &Output) -> Result<u8, Failure> {
    crate::demo::run(keep, output)
}
