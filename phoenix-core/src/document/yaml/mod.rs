//! YAML by spans: read through `granit-parser`, edited in the text.

mod edit;
mod scan;
mod write;

pub(super) use edit::edit;
pub(super) use scan::scan;
