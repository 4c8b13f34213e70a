//! Calls into core: without the interpreter's lock, with no panic coming out, with words turned into values.

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::time::Duration;

use phoenix_core::Error;
use phoenix_core::document::Value as Tree;
use phoenix_core::names::{CommonName, SubjectAltName};
use phoenix_core::plan::{Policy, Scope};
use phoenix_core::site::{ChangeOptions, FirewallOptions, SyncOptions};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyModule;
use serde_json::Value;

use crate::error::{Raise, argument, internal};

/// Runs what may take long while other Python threads go on.
pub(crate) fn detached<T: Send, E: Raise + Send>(
    py: Python<'_>,
    call: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    caught(py, call)?.map_err(|error| error.raise(py))
}

/// The same for what raises nothing itself.
pub(crate) fn caught<T: Send>(py: Python<'_>, call: impl FnOnce() -> T + Send) -> PyResult<T> {
    let result = py.detach(|| catch_unwind(AssertUnwindSafe(call)).map_err(|panic| words(&*panic)));
    result.map_err(|what| internal(py, &format!("core panicked: {what}")))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without words".to_owned())
}

/// A parameter's text as a value of core.
pub(crate) fn word<T: FromStr<Err: Display>>(
    py: Python<'_>,
    parameter: &str,
    text: &str,
) -> PyResult<T> {
    text.parse()
        .map_err(|error: T::Err| argument(py, parameter, &error.to_string()))
}

/// Several of them.
pub(crate) fn all_words<T: FromStr<Err: Display>>(
    py: Python<'_>,
    parameter: &str,
    texts: &[String],
) -> PyResult<Vec<T>> {
    texts.iter().map(|text| word(py, parameter, text)).collect()
}

/// One that may be absent.
pub(crate) fn some_word<T: FromStr<Err: Display>>(
    py: Python<'_>,
    parameter: &str,
    text: Option<&str>,
) -> PyResult<Option<T>> {
    text.map(|text| word(py, parameter, text)).transpose()
}

/// A word of a list that core reads by serde: `certs`.
pub(crate) fn choice<T: serde::de::DeserializeOwned>(
    py: Python<'_>,
    parameter: &str,
    text: &str,
) -> PyResult<T> {
    serde_json::from_value(Value::from(text))
        .map_err(|error| argument(py, parameter, &error.to_string()))
}

/// A name, or an address of `ipaddress`: whatever prints as one.
#[derive(Debug)]
pub(crate) struct Word(pub(crate) String);

impl FromPyObject<'_, '_> for Word {
    type Error = PyErr;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = obj.extract::<String>() {
            return Ok(Self(text));
        }
        let module: String = obj.get_type().module()?.extract()?;
        if module == "ipaddress" {
            return Ok(Self(obj.str()?.extract()?));
        }
        Err(PyTypeError::new_err(format!(
            "found {}, expected a str or an address of ipaddress",
            obj.get_type().name()?
        )))
    }
}

impl Word {
    pub(crate) fn read<T: FromStr<Err: Display>>(
        &self,
        py: Python<'_>,
        parameter: &str,
    ) -> PyResult<T> {
        word(py, parameter, &self.0)
    }
}

/// Names of a certificate.
pub(crate) fn names(
    py: Python<'_>,
    sans: &[Word],
) -> PyResult<std::collections::BTreeSet<SubjectAltName>> {
    sans.iter().map(|name| name.read(py, "sans")).collect()
}

/// What limits a run, in Python's words.
pub(crate) struct RunWords<'a> {
    pub(crate) scope: &'a str,
    pub(crate) only: &'a [String],
    pub(crate) force: bool,
    pub(crate) unattended: bool,
    pub(crate) dry_run: bool,
    pub(crate) lock_timeout: Duration,
    pub(crate) deadline: Option<Duration>,
}

impl RunWords<'_> {
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<SyncOptions> {
        Ok(SyncOptions {
            scope: choice::<Scope>(py, "scope", self.scope)?,
            policy: Policy {
                force: self.force,
                only: all_words::<CommonName>(py, "only", self.only)?,
                unattended: self.unattended,
                ..Policy::default()
            },
            dry_run: self.dry_run,
            lock_timeout: self.lock_timeout,
            deadline: self.deadline,
            ..SyncOptions::default()
        })
    }
}

/// How an edit is made.
pub(crate) fn change(dry_run: bool, lock_timeout: Duration) -> ChangeOptions {
    ChangeOptions {
        dry_run,
        lock_timeout,
    }
}

/// How an edit of rules is made.
pub(crate) fn firewall(
    dry_run: bool,
    lock_timeout: Duration,
    allow_lockout: bool,
) -> FirewallOptions {
    FirewallOptions {
        change: change(dry_run, lock_timeout),
        allow_lockout,
    }
}

/// How long a call waits for another run to end, where it does not say so.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// A document's value as plain data.
pub(crate) fn plain_of_document(tree: &Tree) -> Value {
    match tree {
        Tree::Null => Value::Null,
        Tree::Bool(bool) => Value::from(*bool),
        Tree::Number(literal) => serde_json::from_str(literal)
            .or_else(|_| literal.parse::<f64>().map(Value::from))
            .unwrap_or_else(|_: std::num::ParseFloatError| Value::from(literal.clone())),
        Tree::String(text) => Value::from(text.clone()),
        Tree::Array(items) => items.iter().map(plain_of_document).collect(),
        Tree::Object(members) => members
            .iter()
            .map(|(key, member)| (key.clone(), plain_of_document(member)))
            .collect(),
    }
}

/// Plain data as a document's value.
pub(crate) fn document_of_plain(value: &Value) -> Tree {
    match value {
        Value::Null => Tree::Null,
        Value::Bool(bool) => Tree::Bool(*bool),
        Value::Number(number) => Tree::Number(number.to_string()),
        Value::String(text) => Tree::String(text.clone()),
        Value::Array(items) => Tree::Array(items.iter().map(document_of_plain).collect()),
        Value::Object(members) => Tree::Object(
            members
                .iter()
                .map(|(key, member)| (key.clone(), document_of_plain(member)))
                .collect(),
        ),
    }
}

/// An error that core has no type for.
impl Raise for String {
    fn raise(self, py: Python<'_>) -> PyErr {
        Error::Argument(self).raise(py)
    }
}

/// Panics, as core never should: shows that no panic crosses the border.
#[pyfunction]
fn _panic(py: Python<'_>) -> PyResult<()> {
    caught(py, || panic!("asked to"))
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_panic, module)?)
}
