//! Ways into guests written in Python: an object that runs words in one guest.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use phoenix_core::names::GuestId;
use phoenix_core::site::{Seams, Transports};
use phoenix_core::system::{Command, CommandError, Commands, Ended, Output};
use phoenix_core::transport::{GuestTransport, Shell};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::call::word;

/// Puts the program's own ways in the place of those that the settings say.
pub(crate) fn with_own(
    py: Python<'_>,
    seams: Seams,
    own: HashMap<String, Py<PyAny>>,
) -> PyResult<Seams> {
    let mut ways: BTreeMap<GuestId, Arc<dyn GuestTransport>> = BTreeMap::new();
    for (guest, object) in own {
        let id: GuestId = word(py, "transports", &guest)?;
        if !object.bind(py).hasattr("run")? {
            return Err(pyo3::exceptions::PyTypeError::new_err(format!(
                "argument 'transports': found {} for {guest}, which has no method `run`",
                object.bind(py).get_type().name()?
            )));
        }
        let commands = Arc::new(Own { object });
        ways.insert(id, Arc::new(Shell::new(id, commands)));
    }
    let usual = Arc::clone(&seams.transports);
    let transports: Transports = Arc::new(move |guests, settings| {
        let mut all = usual(guests, settings);
        for (id, way) in &ways {
            if all.contains_key(id) {
                all.insert(*id, Arc::clone(way));
            }
        }
        all
    });
    Ok(Seams {
        transports,
        ..seams
    })
}

/// An object of Python's with the method `run(argv, stdin, timeout)`.
struct Own {
    object: Py<PyAny>,
}

impl Commands for Own {
    fn run(&self, command: &Command) -> Result<Output, CommandError> {
        Python::attach(|py| self.ask(py, command)).map_err(|error| CommandError::Failed {
            program: "the way into the guest".to_owned(),
            source: io::Error::other(error),
        })
    }
}

impl Own {
    fn ask(&self, py: Python<'_>, command: &Command) -> PyResult<Output> {
        let argv = PyList::new(py, &command.argv)?;
        let stdin = command
            .stdin
            .as_ref()
            .map(|stdin| PyBytes::new(py, stdin.expose_secret()));
        let timeout: Duration = command.timeout;
        let answer = self
            .object
            .bind(py)
            .call_method1("run", (argv, stdin, timeout))?;
        let (status, stdout, stderr): (Option<i32>, Vec<u8>, Vec<u8>) = answer.extract()?;
        Ok(Output {
            // Nobody knows what a call that was given up has done.
            ended: status.map_or(Ended::TimedOut, Ended::Exit),
            stdout,
            stderr,
        })
    }
}
