//! What a program without templates says of them.

use std::collections::BTreeSet;

use super::{Context, Template, Variable};
use crate::diagnostic::{Fault, Place};

/// Renders nothing: this program was built without templates.
///
/// # Errors
///
/// Always.
pub fn render(template: &Template, _context: &Context) -> Result<String, Box<Fault>> {
    Err(without(template))
}

/// Looks into nothing: this program was built without templates.
///
/// # Errors
///
/// Always.
pub fn variables(
    template: &Template,
    _context: &Context,
    _given: &BTreeSet<String>,
) -> Result<Vec<Variable>, Box<Fault>> {
    Err(without(template))
}

#[expect(clippy::unnecessary_box_returns, reason = "as it is returned")]
fn without(template: &Template) -> Box<Fault> {
    let what = "this program was built without templates (cargo feature `templates`)";
    Box::new(Fault::error("template", what).at(Place::file(&template.path)))
}
