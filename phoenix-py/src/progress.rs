//! What a run tells while it is under way: to a callback and to `logging`; and Ctrl-C.

use std::sync::Mutex;

use phoenix_core::Error;
use phoenix_core::observe::{self, Observer};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::call;
use crate::record::record;
use crate::report::Report;

record! {
    /// One thing that happened during a run.
    struct Event {
        /// `started`, `finished` or `note`.
        kind: String,
        /// The step's name; `None` for a note.
        step: Option<String>,
        /// What happens or happened, in words.
        text: String,
        /// Whether a finished step did what it was to do.
        ok: Option<bool>,
    }
}

impl Event {
    fn of(event: &observe::Event) -> Option<Self> {
        let (kind, step, text, ok) = match event {
            observe::Event::Started { step, title } => ("started", Some(step), title, None),
            observe::Event::Finished { step, ok, detail } => {
                ("finished", Some(step), detail, Some(*ok))
            }
            observe::Event::Note(note) => ("note", None, note, None),
            _ => return None,
        };
        Some(Self {
            kind: kind.to_owned(),
            step: step.cloned(),
            text: text.clone(),
            ok,
        })
    }

    fn line(&self) -> String {
        match (self.kind.as_str(), &self.step) {
            ("finished", Some(step)) if self.ok == Some(true) => {
                format!("done {step}: {}", self.text)
            }
            ("finished", Some(step)) => format!("failed {step}: {}", self.text),
            _ => self.text.clone(),
        }
    }
}

/// Hears a run for Python.
struct Progress {
    callback: Option<Py<PyAny>>,
    logger: Py<PyAny>,
    stop: Mutex<Option<PyErr>>,
}

impl Progress {
    fn new(py: Python<'_>, callback: Option<Py<PyAny>>) -> PyResult<Self> {
        let logger = py
            .import("logging")?
            .call_method1("getLogger", ("phoenix_py",))?;
        Ok(Self {
            callback,
            logger: logger.unbind(),
            stop: Mutex::new(None),
        })
    }

    fn stop(&self, error: PyErr) {
        let mut stop = self
            .stop
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        stop.get_or_insert(error);
    }

    fn tell(&self, py: Python<'_>, event: Event) -> PyResult<()> {
        let level = if event.ok == Some(false) {
            "error"
        } else if event.kind == "finished" {
            "debug"
        } else {
            "info"
        };
        self.logger
            .bind(py)
            .call_method1(level, ("%s", event.line()))?;
        if let Some(callback) = &self.callback {
            callback.call1(py, (event,))?;
        }
        Ok(())
    }
}

impl Observer for Progress {
    fn event(&self, event: &observe::Event) {
        let Some(event) = Event::of(event) else {
            return;
        };
        Python::attach(|py| {
            if let Err(error) = self.tell(py, event) {
                self.stop(error);
            }
        });
    }

    /// A run that was told to stop ends between two certificates: what is under way is brought to its end.
    fn cancelled(&self) -> bool {
        Python::attach(|py| {
            if let Err(error) = py.check_signals() {
                self.stop(error);
            }
        });
        let stop = self
            .stop
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        stop.is_some()
    }
}

/// Does a run; what stopped it is raised when it has ended, with its report as the attribute `report`.
pub(crate) fn run(
    py: Python<'_>,
    callback: Option<Py<PyAny>>,
    call: impl FnOnce(&dyn Observer) -> Result<phoenix_core::report::Report, Error> + Send,
) -> PyResult<Report> {
    let progress = Progress::new(py, callback)?;
    let heard = &progress;
    let result = call::detached(py, move || call(heard)).and_then(|report| Report::of(&report));
    let stop = progress
        .stop
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(stop) = stop else {
        return result;
    };
    if stop.is_instance_of::<PyKeyboardInterrupt>(py) || result.is_ok() {
        let report = result
            .ok()
            .map(|report| report.into_pyobject(py))
            .transpose()?;
        stop.value(py).setattr("report", report)?;
    }
    Err(stop)
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Event>()
}
