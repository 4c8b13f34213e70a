//! A site and its plan.

use std::path::PathBuf;

use phoenix_core::plan as core;
use phoenix_core::site::{Seams, Site as CoreSite, SitePaths, SyncOptions};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::error::site_error;

/// One thing that a run would do.
#[pyclass(frozen, eq, hash, module = "phoenix_py")]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    /// Its name within the plan.
    #[pyo3(get)]
    id: String,
    /// What is done.
    #[pyo3(get)]
    kind: String,
    reasons: Vec<String>,
}

#[pymethods]
impl Step {
    /// Why, in words.
    #[getter]
    fn reasons<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.reasons)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let quoted =
            |text: &str| -> PyResult<String> { Ok(PyString::new(py, text).repr()?.to_string()) };
        Ok(format!(
            "Step(id={}, kind={})",
            quoted(&self.id)?,
            quoted(&self.kind)?
        ))
    }
}

/// What a run would do, and why.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct Plan {
    /// The steps, in an order in which they can be done.
    #[pyo3(get)]
    steps: Py<PyTuple>,
    /// Whether there is something to do apart from looking.
    #[pyo3(get)]
    has_work: bool,
    json: String,
}

impl Plan {
    fn of(py: Python<'_>, plan: &core::Plan) -> PyResult<Self> {
        let data = serde_json::to_value(plan).map_err(unwritable)?;
        let kind = |index: usize| {
            data.pointer(&format!("/steps/{index}/action/kind"))?
                .as_str()
        };
        let steps: Vec<Step> = plan
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| Step {
                id: step.id.to_string(),
                kind: kind(index).unwrap_or_default().to_owned(),
                reasons: step.reasons.iter().map(ToString::to_string).collect(),
            })
            .collect();
        Ok(Self {
            steps: PyTuple::new(py, steps)?.unbind(),
            has_work: plan.has_work(),
            json: data.to_string(),
        })
    }
}

#[pymethods]
impl Plan {
    /// The whole plan as plain data.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (&self.json,))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let has_work = if self.has_work { "True" } else { "False" };
        format!(
            "<Plan of {} steps, has_work={has_work}>",
            self.steps.bind(py).len()
        )
    }
}

/// A site: the operator's files and Phoenix's state.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct Site {
    site: CoreSite,
}

#[pymethods]
impl Site {
    /// Open a site; its files are read by each method anew.
    #[staticmethod]
    #[pyo3(signature = (site, *, root = None, state = None))]
    fn open(
        py: Python<'_>,
        site: PathBuf,
        root: Option<PathBuf>,
        state: Option<PathBuf>,
    ) -> PyResult<Self> {
        let seams = match &root {
            Some(root) => Seams::copy(root),
            None => Seams::host(&std::env::var_os("PATH").unwrap_or_default()),
        };
        let mut paths = SitePaths {
            site,
            root,
            ..SitePaths::default()
        };
        if let Some(state) = state {
            paths.state = state;
        }
        let site = py
            .detach(|| CoreSite::open(paths, seams))
            .map_err(|error| site_error(py, &error))?;
        Ok(Self { site })
    }

    /// Decide what a run would do; writes nothing.
    fn plan(&self, py: Python<'_>) -> PyResult<Plan> {
        let plan = py
            .detach(|| self.site.plan(&SyncOptions::default()))
            .map_err(|error| site_error(py, &error))?;
        Plan::of(py, &plan)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let path = self.site.paths().site.to_string_lossy();
        Ok(format!("Site({})", PyString::new(py, &path).repr()?))
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "has the form that map_err takes"
)]
fn unwritable(error: serde_json::Error) -> PyErr {
    PyRuntimeError::new_err(format!("could not turn the plan into data: {error}"))
}
