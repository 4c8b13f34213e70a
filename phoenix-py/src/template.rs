//! Templates: rendered with the site's values, looked into, edited.

use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_core::site::RenderOptions;
use phoenix_core::template as core;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};
use serde_json::Value;

use crate::call::{self, LOCK_TIMEOUT, all_words, caught, detached};
use crate::change::{ChangeReport, FileChange};
use crate::document::format_word;
use crate::error::{argument, faulty};
use crate::record::{self, record};
use crate::site::Site;
use crate::value::{Plain, Tuple, from_python};

record! {
    /// What rendering a template gave.
    struct RenderReport {
        /// The text, where no file was named.
        text: Option<String>,
        /// The file that changes, where one was named.
        files: Tuple<FileChange>,
        /// Whether it was written.
        written: bool,
    }
}

record! {
    /// A variable of a template.
    struct Variable {
        /// Its name.
        name: String,
        /// The file that uses it.
        file: PathBuf,
        /// The line where it is used first.
        line: Option<usize>,
        /// Its value, where it has one.
        value: Plain,
        /// Where the value comes from.
        #[serde(rename = "from")]
        from_: Option<String>,
    }
}

record! {
    /// A name that every template may use.
    struct SiteName {
        /// The name.
        name: String,
        /// Its value in this site.
        value: Plain,
        /// What it is.
        what: String,
        /// Where it comes from.
        #[serde(rename = "from")]
        from_: String,
    }
}

fn context(set: Option<&Bound<'_, PyDict>>) -> PyResult<core::Context> {
    let Some(set) = set else {
        return Ok(core::Context::new());
    };
    match from_python(set.as_any(), 0)? {
        Value::Object(members) => Ok(members.into_iter().collect()),
        _ => Ok(core::Context::new()),
    }
}

/// Render a text with these values; nothing else is defined.
#[pyfunction]
#[pyo3(signature = (source, values = None, *, path = None))]
fn render(
    py: Python<'_>,
    source: String,
    values: Option<&Bound<'_, PyDict>>,
    path: Option<PathBuf>,
) -> PyResult<String> {
    let context = context(values)?;
    let path = path.unwrap_or_else(|| Path::new("template").to_owned());
    let template = core::Template::new(path, source);
    caught(py, || core::render(&template, &context))?.map_err(|fault| {
        faulty(
            py,
            "InputError",
            "the template cannot be rendered",
            &(*fault).into(),
        )
    })
}

#[pymethods]
impl Site {
    /// Render a template with the site's values; a relative path is the site's.
    #[pyo3(signature = (path, *, out = None, format = None, set = None, dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn render_template(
        &self,
        py: Python<'_>,
        path: PathBuf,
        out: Option<PathBuf>,
        format: Option<&str>,
        set: Option<&Bound<'_, PyDict>>,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<RenderReport> {
        let format = format
            .map(|word| format_word(py, Some(word), &path))
            .transpose()?;
        let options = RenderOptions {
            out,
            format,
            set: context(set)?,
            change: call::change(dry_run, lock_timeout),
        };
        let report = detached(py, || {
            let path = self.site.locate(&path, None)?;
            self.site.render_template(&path, &options)
        })?;
        record::of(&report)
    }

    /// What a template uses, with values and where they come from.
    #[pyo3(signature = (path, *, set = None))]
    fn template_variables(
        &self,
        py: Python<'_>,
        path: PathBuf,
        set: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Tuple<Variable>> {
        let set = context(set)?;
        let all = detached(py, || {
            let path = self.site.locate(&path, None)?;
            self.site.template_variables(&path, &set)
        })?;
        Ok(Tuple(record::all(&all)?))
    }

    /// The names that every template may use, with their values in this site.
    fn template_names(&self, py: Python<'_>) -> PyResult<Tuple<SiteName>> {
        let all = detached(py, || self.site.template_names())?;
        Ok(Tuple(record::all(&all)?))
    }

    /// Make assignments such as `providers.swarm.endpoint=tcp://10.0.0.111:2376` true in a template.
    #[pyo3(signature = (path, assignments, *, add = false, dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    fn set_in_template(
        &self,
        py: Python<'_>,
        path: PathBuf,
        assignments: Vec<String>,
        add: bool,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        if assignments.is_empty() {
            return Err(argument(
                py,
                "assignments",
                "found none, expected at least one",
            ));
        }
        let assignments: Vec<core::Assignment> = all_words(py, "assignments", &assignments)?;
        let options = call::change(dry_run, lock_timeout);
        let report = detached(py, || {
            let path = self.site.locate(&path, None)?;
            self.site.set_in_template(&path, &assignments, add, options)
        })?;
        ChangeReport::of(&report)
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RenderReport>()?;
    module.add_class::<Variable>()?;
    module.add_class::<SiteName>()?;
    module.add_function(wrap_pyfunction!(render, module)?)
}
