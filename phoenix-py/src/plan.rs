//! Plans: what a run would do, and why.

use phoenix_core::diagnostic::Style;
use phoenix_core::plan as core;
use phoenix_core::present;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyModule};
use serde_json::Value;

use crate::error::{Raise as _, argument, internal};
use crate::record::{self, record};
use crate::value::{Plain, Time, Tuple, from_python, to_python};

record! {
    /// One thing that a run would do.
    struct Step {
        /// Its name within the plan.
        id: String,
        /// What is done: `issue`, `deploy`, `verify` and so on.
        kind: String,
        /// Why, in words.
        reasons: Tuple<String>,
        /// Steps that must have succeeded before.
        needs: Tuple<String>,
        /// Steps that must have ended before, whether well or not.
        after: Tuple<String>,
        /// Steps with the same unit stand or fall together.
        unit: Option<String>,
        /// The certificate that it is about.
        certificate: Option<String>,
        /// Whether it changes anything, or only looks.
        changes: bool,
        /// How it is taken back.
        undo: Option<String>,
        /// The action with all its values, as the command line's JSON has it.
        action: Plain,
    }
}

record! {
    /// A certificate that needs nothing.
    struct Kept {
        /// The certificate.
        certificate: String,
        /// When it is renewed.
        due: Time,
        /// Whether it is due and waits only for the time of day at which a daemon may be restarted.
        held: bool,
        /// When it ends.
        not_after: Time,
        /// When an operator brought it back.
        brought_back: Option<Time>,
    }
}

record! {
    /// Something that cannot be decided or done now.
    struct Blocked {
        /// The certificate or guest that is concerned.
        subject: String,
        /// Why.
        reason: String,
        /// The certificate, where it is one.
        certificate: Option<String>,
    }
}

impl Step {
    fn of(step: &core::Step, data: &Value) -> Self {
        let action = data.get("action").cloned().unwrap_or_default();
        let texts = |steps: &[core::StepId]| steps.iter().map(ToString::to_string).collect();
        Self {
            id: step.id.to_string(),
            kind: action
                .get("kind")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            reasons: Tuple(step.reasons.iter().map(ToString::to_string).collect()),
            needs: Tuple(texts(&step.needs)),
            after: Tuple(texts(&step.after)),
            unit: step.unit.clone(),
            certificate: step.action.certificate().map(ToString::to_string),
            changes: step.action.changes(),
            undo: data.get("undo").and_then(Value::as_str).map(str::to_owned),
            action: Plain(action),
        }
    }
}

/// What a run would do, and why: a sequence of steps, in an order in which they can be done.
#[pyclass(frozen, eq, hash, module = "phoenix_py")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Plan {
    pub(crate) steps: Tuple<Step>,
    kept: Tuple<Kept>,
    blocked: Tuple<Blocked>,
    notes: Tuple<String>,
    decided: Time,
    authority: String,
    has_work: bool,
    data: Value,
    text: crate::value::Aside,
}

impl Plan {
    pub(crate) fn of(plan: &core::Plan) -> PyResult<Self> {
        let data = serde_json::to_value(plan).map_err(|error| {
            Python::attach(|py| {
                internal(py, &format!("could not turn the plan into data: {error}"))
            })
        })?;
        let steps = plan
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| Step::of(step, &data["steps"][index]))
            .collect();
        Ok(Self {
            steps: Tuple(steps),
            kept: Tuple(record::all(&plan.kept)?),
            blocked: Tuple(record::all(&plan.blocked)?),
            notes: Tuple(plan.notes.clone()),
            decided: Time::at(plan.decided),
            authority: plan.authority.clone(),
            has_work: plan.has_work(),
            data,
            text: crate::value::Aside(Some(present::plan(plan, Style::Plain))),
        })
    }

    /// The plan as `apply` takes it.
    pub(crate) fn given(&self, py: Python<'_>) -> PyResult<core::Given> {
        given(py, &self.data)
    }
}

/// A plan that was written down, whoever did it.
pub(crate) fn given(py: Python<'_>, data: &Value) -> PyResult<core::Given> {
    core::Given::parse(&data.to_string())
        .map_err(|error| phoenix_core::Error::from(error).raise(py))
}

#[pymethods]
impl Plan {
    /// The steps, in an order in which they can be done.
    #[getter]
    fn steps(&self) -> Tuple<Step> {
        self.steps.clone()
    }

    /// Certificates that need nothing, and until when.
    #[getter]
    fn kept(&self) -> Tuple<Kept> {
        self.kept.clone()
    }

    /// What cannot be decided or done now.
    #[getter]
    fn blocked(&self) -> Tuple<Blocked> {
        self.blocked.clone()
    }

    /// What is left out on purpose.
    #[getter]
    fn notes(&self) -> Tuple<String> {
        self.notes.clone()
    }

    /// When it was decided.
    #[getter]
    fn decided(&self) -> Time {
        self.decided
    }

    /// Which CA would be asked, in words.
    #[getter]
    fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether there is something to do apart from looking.
    #[getter]
    fn has_work(&self) -> bool {
        self.has_work
    }

    /// The whole plan as plain data, as `phoenix plan --output-format json` prints it: `Site.apply` takes it back.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.data)
    }

    fn __str__(&self) -> String {
        self.text.0.clone().unwrap_or_default()
    }

    fn __repr__(&self) -> String {
        let has_work = if self.has_work { "True" } else { "False" };
        format!(
            "<Plan of {} steps, has_work={has_work}>",
            self.steps.0.len()
        )
    }

    fn __len__(&self) -> usize {
        self.steps.0.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.steps.clone().into_pyobject(py)?.try_iter()
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        // A step may be named, too.
        if let Ok(id) = index.extract::<String>() {
            let step = self.steps.0.iter().find(|step| step.id == id);
            let step = step.cloned().ok_or_else(|| {
                pyo3::exceptions::PyKeyError::new_err(format!("the plan has no step `{id}`"))
            })?;
            return Ok(step.into_pyobject(index.py())?.into_any());
        }
        record::item(&self.steps.0, index)
    }

    fn __contains__(&self, item: &Bound<'_, PyAny>) -> bool {
        if let Ok(id) = item.extract::<String>() {
            return self.steps.0.iter().any(|step| step.id == id);
        }
        item.cast::<Step>()
            .is_ok_and(|step| self.steps.0.contains(step.get()))
    }
}

/// A plan of this module, or one as plain data.
pub(crate) fn given_of(plan: &Bound<'_, PyAny>) -> PyResult<core::Given> {
    let py = plan.py();
    if let Ok(plan) = plan.cast::<Plan>() {
        return plan.get().given(py);
    }
    if plan.is_instance_of::<pyo3::types::PyDict>() {
        return given(py, &from_python(plan, 0)?);
    }
    if let Ok(text) = plan.extract::<String>() {
        let data = serde_json::from_str(&text)
            .map_err(|error| argument(py, "plan", &format!("found no JSON: {error}")))?;
        return given(py, &data);
    }
    Err(pyo3::exceptions::PyTypeError::new_err(format!(
        "argument 'plan': found {}, expected a Plan, its to_dict() or the text of its JSON",
        plan.get_type().name()?
    )))
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Step>()?;
    module.add_class::<Kept>()?;
    module.add_class::<Blocked>()?;
    module.add_class::<Plan>()?;
    Ok(())
}
