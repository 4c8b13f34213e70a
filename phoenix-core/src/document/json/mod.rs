//! JSON by RFC 8259.

mod edit;
mod scan;
mod string;
#[cfg(test)]
mod tests;

pub(super) use edit::{edit, write_inline};
pub(super) use scan::{is_number, scan};
pub(super) use string::{quote, unescape};
