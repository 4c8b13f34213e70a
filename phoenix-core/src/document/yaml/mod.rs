//! YAML by spans: read through `granit-parser`, edited in the text.

mod edit;
#[cfg(test)]
pub(super) mod generated;
mod scan;
#[cfg(test)]
mod tests;
mod write;

pub(super) use edit::edit;
pub(super) use scan::scan;
