//! Errors as Python exceptions: their class, their words, and where, what and why as attributes.

use std::error::Error as StdError;
use std::path::Path;

use phoenix_core::Error;
use phoenix_core::ca::EnrollError;
use phoenix_core::deploy::DeployError;
use phoenix_core::diagnostic::Faults;
use phoenix_core::system::FileError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::fault::{Fault, Place};
use crate::record;

/// What core says as what Python raises.
pub(crate) trait Raise {
    /// The exception.
    fn raise(self, py: Python<'_>) -> PyErr;
}

/// An exception under way.
#[derive(Default)]
pub(crate) struct Raised<'a> {
    pub(crate) class: &'a str,
    pub(crate) message: String,
    pub(crate) code: &'a str,
    pub(crate) reason: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) place: Option<Place>,
    pub(crate) certificate: Option<String>,
    pub(crate) stage: Option<&'a str>,
    pub(crate) parameter: Option<&'a str>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) differences: Vec<String>,
}

impl Raised<'_> {
    pub(crate) fn exception(self, py: Python<'_>) -> PyErr {
        self.make(py).unwrap_or_else(|failed| failed)
    }

    fn make(self, py: Python<'_>) -> PyResult<PyErr> {
        let class = py.import("phoenix_py._errors")?.getattr(self.class)?;
        let with = PyDict::new(py);
        with.set_item("code", self.code)?;
        with.set_item("reason", self.reason)?;
        with.set_item("hint", self.hint)?;
        with.set_item("place", self.place)?;
        with.set_item("certificate", self.certificate)?;
        with.set_item("stage", self.stage)?;
        with.set_item("parameter", self.parameter)?;
        with.set_item("faults", PyTuple::new(py, self.faults)?)?;
        with.set_item("differences", PyTuple::new(py, self.differences)?)?;
        let message = PyString::new(py, &self.message);
        Ok(PyErr::from_value(class.call((message,), Some(&with))?))
    }
}

/// An argument whose value cannot be used.
pub(crate) fn argument(py: Python<'_>, parameter: &str, what: &str) -> PyErr {
    Raised {
        class: "ArgumentError",
        message: format!("argument '{parameter}': {what}"),
        code: "argument",
        reason: Some(what.to_owned()),
        parameter: Some(parameter),
        ..Raised::default()
    }
    .exception(py)
}

/// A bug of ours.
pub(crate) fn internal(py: Python<'_>, what: &str) -> PyErr {
    Raised {
        class: "InternalError",
        message: format!("{what}; this is a bug of phoenix_py"),
        code: "internal",
        ..Raised::default()
    }
    .exception(py)
}

/// Faults of one kind of input.
pub(crate) fn faulty(py: Python<'_>, class: &str, message: &str, faults: &Faults) -> PyErr {
    let listed = record::all(&faults.iter().cloned().collect::<Vec<_>>());
    let faults: Vec<Fault> = match listed {
        Ok(faults) => faults,
        Err(failed) => return failed,
    };
    let words = match faults.first() {
        Some(_) => format!("{message}: {}", lines(&faults)),
        None => message.to_owned(),
    };
    let place = faults.iter().find_map(|fault| fault.places.0.first());
    Raised {
        class,
        message: words,
        code: "faults",
        reason: faults.first().map(|fault| fault.message.clone()),
        hint: faults.iter().find_map(|fault| fault.help.clone()),
        place: place.cloned(),
        stage: Some("read"),
        faults,
        ..Raised::default()
    }
    .exception(py)
}

fn lines(faults: &[Fault]) -> String {
    let shown: Vec<String> = faults
        .iter()
        .map(|fault| match fault.places.0.first() {
            Some(place) => format!("{}: {}", place.words(), fault.message),
            None => fault.message.clone(),
        })
        .collect();
    shown.join("; ")
}

impl Raise for Faults {
    fn raise(self, py: Python<'_>) -> PyErr {
        faulty(py, "InputError", "the input cannot be read", &self)
    }
}

impl Raise for Error {
    fn raise(self, py: Python<'_>) -> PyErr {
        let (code, hint) = (self.code(), self.hint());
        let mut raised = match &self {
            Self::Faults(faults) => {
                return faulty(py, "InputError", "the site cannot be read", faults);
            }
            Self::Template { faults, .. } => {
                return faulty(py, "InputError", &self.to_string(), faults);
            }
            Self::Refused(faults) => {
                return faulty(py, "RefusedError", "nothing was changed", faults);
            }
            Self::Blocked { findings, .. } => {
                return faulty(py, "BlockedError", &self.to_string(), findings);
            }
            Self::Argument(_) | Self::PlanUnreadable(_) => class("ArgumentError", None),
            Self::BadFile { path, .. }
            | Self::Exists { path }
            | Self::RootUnreadable { path, .. }
            | Self::NoSite { site: path } => at("FileAccessError", "read", path),
            Self::File(error) => at("FileAccessError", "read", error.path()),
            Self::NoRoot { paths } => match paths.first() {
                Some(path) => at("FileAccessError", "read", path),
                None => class("FileAccessError", Some("read")),
            },
            Self::Ca { source, .. } | Self::Enroll { source, .. } => enrolling(source),
            Self::RootNotValid { path, .. } => at("TrustError", "enroll", path),
            Self::RootChanged { .. } | Self::WrongFingerprint { .. } => {
                class("TrustError", Some("enroll"))
            }
            Self::Change(_) | Self::Store(_) | Self::Transaction(_) => {
                class("StateError", Some("state"))
            }
            Self::Deploy(error) => deploying(error),
            Self::NoEarlierPair {
                certificate, dir, ..
            } => Raised {
                certificate: Some(certificate.clone()),
                ..at("DeployError", "deploy", dir)
            },
            Self::Lock(error) => match error {
                phoenix_core::system::LockError::Held { path, .. } => {
                    at("LockedError", "lock", path)
                }
                _ => class("FileAccessError", Some("lock")),
            },
            Self::ManifestEdit(_) => class("RefusedError", Some("read")),
            Self::Firewall(_) | Self::Spawn { .. } => class("FirewallError", Some("firewall")),
            Self::Order(_) => class("InputError", Some("plan")),
            Self::NotPending { .. } => class("NotPendingError", None),
            Self::PlanChanged { differences } => Raised {
                differences: differences.clone(),
                ..class("PlanChangedError", Some("plan"))
            },
            Self::Unseen { .. } => class("UnreachableError", Some("verify")),
            Self::WouldBeUndone { path } => at("RefusedError", "read", path),
            _ => class("PhoenixError", None),
        };
        raised.code = code;
        raised.hint = hint;
        said(raised, &self).exception(py)
    }
}

impl Raise for EnrollError {
    fn raise(self, py: Python<'_>) -> PyErr {
        let raised = Raised {
            code: "enroll",
            ..enrolling(&self)
        };
        said(raised, &self).exception(py)
    }
}

impl Raise for DeployError {
    fn raise(self, py: Python<'_>) -> PyErr {
        let raised = Raised {
            code: "deploy",
            ..deploying(&self)
        };
        said(raised, &self).exception(py)
    }
}

impl Raise for FileError {
    fn raise(self, py: Python<'_>) -> PyErr {
        let raised = Raised {
            code: "file",
            ..at("FileAccessError", "read", self.path())
        };
        said(raised, &self).exception(py)
    }
}

fn class<'a>(class: &'a str, stage: Option<&'a str>) -> Raised<'a> {
    Raised {
        class,
        stage,
        code: "error",
        ..Raised::default()
    }
}

fn at<'a>(name: &'a str, stage: &'a str, path: &Path) -> Raised<'a> {
    Raised {
        place: Some(Place::file(path)),
        ..class(name, Some(stage))
    }
}

fn deploying<'a>(error: &DeployError) -> Raised<'a> {
    match error {
        DeployError::File(error) => at("DeployError", "deploy", error.path()),
        DeployError::ForeignLink { path, .. }
        | DeployError::ForeignVersion { path, .. }
        | DeployError::NoSuchVersion { dir: path, .. }
        | DeployError::Target { path, .. } => at("DeployError", "deploy", path),
        _ => class("DeployError", Some("deploy")),
    }
}

fn enrolling<'a>(error: &EnrollError) -> Raised<'a> {
    let name = match error {
        EnrollError::Unreachable { .. } => "UnreachableError",
        EnrollError::Tls { .. }
        | EnrollError::RootMismatch { .. }
        | EnrollError::Unreadable { .. } => "TrustError",
        _ => "EnrollError",
    };
    let certificate = match error {
        EnrollError::Key { common_name, .. }
        | EnrollError::KeyMismatch { common_name }
        | EnrollError::NoNames { common_name }
        | EnrollError::NotPermitted { common_name, .. }
        | EnrollError::Refused { common_name, .. }
        | EnrollError::RenewalImpossible { common_name, .. }
        | EnrollError::Revoked { common_name, .. }
        | EnrollError::Unacceptable { common_name, .. }
        | EnrollError::Unauthorized { common_name, .. } => Some(common_name.clone()),
        _ => None,
    };
    Raised {
        certificate,
        ..class(name, Some("enroll"))
    }
}

/// The words of an error and of all its causes; the innermost is the reason.
pub(crate) fn said<'a>(raised: Raised<'a>, error: &(dyn StdError + 'static)) -> Raised<'a> {
    let mut message = error.to_string();
    let mut reason = message.clone();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        // A transparent variant says what its source says.
        if !message.ends_with(&words) {
            message.push_str(": ");
            message.push_str(&words);
        }
        reason = words;
        source = cause.source();
    }
    Raised {
        message,
        reason: Some(reason),
        ..raised
    }
}
