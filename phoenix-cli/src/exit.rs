//! How a command fails: words for people, data for programs, a status for scripts.

use std::error::Error as _;

use phoenix_core::Error;
use phoenix_core::diagnostic::{Fault, Faults};
use serde::Serialize;

/// Everything holds, or there was nothing to do.
pub(crate) const OK: u8 = 0;
/// Something failed, or `--check` found work.
pub(crate) const FAILED: u8 = 1;
/// Usage, or input that cannot be read.
pub(crate) const USAGE: u8 = 2;

/// A command that has no answer.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    /// A stable name of its kind.
    pub(crate) code: &'static str,
    /// What went wrong.
    pub(crate) message: String,
    /// Why, outermost first.
    pub(crate) causes: Vec<String>,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The faults of the input.
    pub(crate) faults: Vec<Fault>,
    /// The exit status.
    #[serde(skip)]
    pub(crate) status: u8,
}

impl Failure {
    /// A failure without causes.
    pub(crate) fn new(code: &'static str, message: impl Into<String>, status: u8) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            faults: Vec::new(),
            status,
        }
    }

    /// With what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An answer that could not be written or a file of our own that could not be used.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        let mut failure = Self::new("io", format!("could not {what}"), FAILED);
        failure.causes.push(error.to_string());
        failure
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut failure = Self::new(error.code(), error.to_string(), error.exit_status());
        failure.hint = error.hint();
        if let Error::Faults(faults) = &error {
            failure.faults = faults.iter().cloned().collect();
            return failure;
        }
        let mut source = error.source();
        while let Some(cause) = source {
            // Faults inside another error are shown one by one, with their lines.
            if let Some(faults) = cause.downcast_ref::<Faults>() {
                failure.faults = faults.iter().cloned().collect();
            } else {
                failure.causes.push(cause.to_string());
            }
            source = cause.source();
        }
        failure
    }
}
