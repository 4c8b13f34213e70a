//! TOML by spans: read through `toml_edit`, edited in the text.

mod edit;
mod scan;

pub(super) use edit::edit;
pub(super) use scan::scan;
