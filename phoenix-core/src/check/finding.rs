//! Findings and the rules that they come from.

use serde::Serialize;

use crate::diagnostic::{Fault, Severity};

/// A rule of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its code, `PX001` and up; never used for another rule.
    pub code: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// Why that matters and what to do.
    pub explanation: &'static str,
}

/// What `check` found, in the order of the rules' subjects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings(pub Vec<Fault>);

impl Findings {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is an error, not only a warning.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|fault| fault.severity == Severity::Error)
    }

    /// The findings of one rule.
    pub fn of<'f>(&'f self, code: &'f str) -> impl Iterator<Item = &'f Fault> {
        self.0.iter().filter(move |fault| fault.code == code)
    }

    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }
}
