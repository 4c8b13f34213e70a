//! Errors as Python exceptions.

use std::error::Error as _;

use phoenix_core::Error;
use phoenix_core::diagnostic::{Fault, Faults};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;

create_exception!(
    phoenix_py,
    PhoenixError,
    PyException,
    "Base of all errors that this module raises itself."
);
create_exception!(
    phoenix_py,
    InputError,
    PhoenixError,
    "A file of the site has faults; nothing was attempted."
);
create_exception!(
    phoenix_py,
    ManifestError,
    InputError,
    "The certificate manifest has faults."
);

/// Faults of the manifest alone.
pub(crate) fn manifest_error(py: Python<'_>, faults: &Faults) -> PyErr {
    with_faults(py, ManifestError::new_err(faults.to_string()), faults)
}

/// What stopped a method of a site.
pub(crate) fn site_error(py: Python<'_>, error: &Error) -> PyErr {
    if let Error::Faults(faults) | Error::Template { faults, .. } = error {
        return with_faults(py, InputError::new_err(faults.to_string()), faults);
    }
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        // A transparent variant says what its source says.
        if !message.ends_with(&words) {
            message.push_str(": ");
            message.push_str(&words);
        }
        source = cause.source();
    }
    attributes(
        py,
        PhoenixError::new_err(message),
        error.code(),
        error.hint(),
    )
}

fn with_faults(py: Python<'_>, error: PyErr, faults: &Faults) -> PyErr {
    let converted: PyResult<Vec<Bound<'_, PyDict>>> = faults
        .into_iter()
        .map(|fault| fault_dict(py, fault))
        .collect();
    let set = converted.and_then(|list| error.value(py).setattr("faults", list));
    match set {
        Ok(()) => attributes(py, error, "faults", None),
        Err(failed) => failed,
    }
}

fn attributes(py: Python<'_>, error: PyErr, code: &str, hint: Option<String>) -> PyErr {
    let value = error.value(py);
    match value
        .setattr("code", code)
        .and_then(|()| value.setattr("hint", hint))
    {
        Ok(()) => error,
        Err(failed) => failed,
    }
}

fn fault_dict<'py>(py: Python<'py>, fault: &Fault) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let place = fault.places.first();
    let known = place.filter(|place| place.line > 0);
    dict.set_item("code", fault.code)?;
    dict.set_item("severity", fault.severity.as_str())?;
    dict.set_item("message", &fault.message)?;
    dict.set_item("file", place.map(|place| place.file.to_string_lossy()))?;
    dict.set_item("line", known.map(|place| place.line))?;
    dict.set_item("column", known.map(|place| place.column))?;
    dict.set_item("pointer", place.and_then(|place| place.pointer.as_deref()))?;
    dict.set_item("notes", &fault.notes)?;
    dict.set_item("help", fault.help.as_deref())?;
    Ok(dict)
}
