//! What is wrong with a site although each of its files can be read: pure, from the model to findings.

mod finding;
mod rules;

use crate::model::Model;

pub use finding::{Findings, Rule};
pub use rules::RULES;

/// Looks at the whole site; a site that is right has no findings.
pub fn check(model: &Model) -> Findings {
    let mut findings = Findings::default();
    rules::documents::check(model, &mut findings);
    rules::guests::check(model, &mut findings);
    rules::links::check(model, &mut findings);
    rules::firewall::check(model, &mut findings);
    rules::manifest::check(model, &mut findings);
    findings
}

#[cfg(test)]
mod tests;
