use super::super::Document;
use super::super::edit::{EditError, Intent};
use super::super::patch::Splice;

pub(crate) fn edit(_document: &Document, _intent: &Intent) -> Result<Vec<Splice>, EditError> {
    Ok(Vec::new())
}
