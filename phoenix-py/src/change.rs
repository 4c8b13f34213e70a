//! Edits of a site's files: what they changed; the manifest's and those by pointer.

use std::path::PathBuf;
use std::time::Duration;

use phoenix_core::document::{Beside, Format, Operation};
use phoenix_core::manifest::Assignment;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

use crate::call::{self, LOCK_TIMEOUT, detached, document_of_plain, word};
use crate::document::{Document, format_word};
use crate::error::argument;
use crate::record::{self, record};
use crate::site::Site;
use crate::value::{Plain, Tuple, from_python, to_python};

record! {
    /// What became of one file.
    struct FileChange {
        /// The file.
        path: PathBuf,
        /// What was changed, in words.
        reasons: Tuple<String>,
        /// What is worth knowing.
        notes: Tuple<String>,
        /// The change as a unified diff.
        diff: String,
    }
}

record! {
    /// What an edit changed: a sequence of files.
    struct ChangeReport {
        /// The files that change.
        files: Tuple<FileChange>,
        /// Whether they were written.
        written: bool,
        @text text,
    }
}

crate::record::sequence!(ChangeReport, files, FileChange);

impl ChangeReport {
    pub(crate) fn of(report: &phoenix_core::change::ChangeReport) -> PyResult<Self> {
        let mut made: Self = record::of(report)?;
        let text = phoenix_core::present::change(report, phoenix_core::diagnostic::Style::Plain);
        made.text = crate::value::Aside(Some(text));
        Ok(made)
    }
}

/// One edit of a document, by JSON pointer. All operations of a change point into the text as it stands before any.
#[pyclass(frozen, eq, from_py_object, module = "phoenix_py")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) operation: Operation,
}

#[pymethods]
impl Edit {
    /// Replace a value that is there.
    #[staticmethod]
    fn set(pointer: String, value: Plain) -> Self {
        let value = document_of_plain(&value.0);
        Self {
            operation: Operation::Set { pointer, value },
        }
    }

    /// Add a member or an element, before or after a neighbour that is named; `-` as the last part is behind all others.
    #[staticmethod]
    #[pyo3(signature = (pointer, value, *, before = None, after = None))]
    fn insert(
        py: Python<'_>,
        pointer: String,
        value: Plain,
        before: Option<String>,
        after: Option<String>,
    ) -> PyResult<Self> {
        let value = document_of_plain(&value.0);
        let beside = beside(py, before, after)?;
        Ok(Self {
            operation: Operation::Insert {
                pointer,
                value,
                beside,
            },
        })
    }

    /// Remove an element or member.
    #[staticmethod]
    fn remove(pointer: String) -> Self {
        Self {
            operation: Operation::Remove { pointer },
        }
    }

    /// Move an element or member within its container.
    #[staticmethod]
    #[pyo3(signature = (pointer, *, before = None, after = None))]
    fn move_to(
        py: Python<'_>,
        pointer: String,
        before: Option<String>,
        after: Option<String>,
    ) -> PyResult<Self> {
        let beside = beside(py, before, after)?.ok_or_else(|| {
            argument(
                py,
                "before",
                "found neither `before` nor `after`, expected one of them",
            )
        })?;
        Ok(Self {
            operation: Operation::Move { pointer, beside },
        })
    }

    /// Where it works.
    #[getter]
    fn pointer(&self) -> &str {
        self.operation.pointer()
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{Hash as _, Hasher as _};
        let mut hasher = std::hash::DefaultHasher::new();
        self.operation.to_string().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!("<Edit {}>", self.operation)
    }
}

fn beside(
    py: Python<'_>,
    before: Option<String>,
    after: Option<String>,
) -> PyResult<Option<Beside>> {
    match (before, after) {
        (Some(_), Some(_)) => Err(argument(
            py,
            "after",
            "found `before` and `after`, expected one of them",
        )),
        (Some(before), None) => Ok(Some(Beside::Before(before))),
        (None, after) => Ok(after.map(Beside::After)),
    }
}

pub(crate) fn operations(edits: Vec<Edit>) -> Vec<Operation> {
    edits.into_iter().map(|edit| edit.operation).collect()
}

/// Fields of a manifest's entry: values in JSON, texts as they are.
fn assignments(py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<Assignment>> {
    let Some(fields) = fields else {
        return Ok(Vec::new());
    };
    fields
        .iter()
        .map(|(key, value)| {
            let key: String = key.extract()?;
            let text = match from_python(&value, 0)? {
                serde_json::Value::String(text) => text,
                serde_json::Value::Null => String::new(),
                other => other.to_string(),
            };
            Assignment::set(&key, &text).map_err(|error| argument(py, &key, &error.to_string()))
        })
        .collect()
}

#[pymethods]
impl Site {
    /// Read one of the site's files as a document; a relative path is the site's.
    #[pyo3(signature = (path, *, format = None))]
    fn document(&self, py: Python<'_>, path: PathBuf, format: Option<&str>) -> PyResult<Document> {
        let format = format_word(py, format, &path)?;
        let inner = detached(py, || {
            let path = self.site.locate(&path, None)?;
            self.site.document(&path, format)
        })?;
        Ok(Document { inner })
    }

    /// Make edits in one of the site's files as one change; bytes that need not change stay.
    #[pyo3(signature = (path, edits, *, format = None, dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    fn edit(
        &self,
        py: Python<'_>,
        path: PathBuf,
        edits: Vec<Edit>,
        format: Option<&str>,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let format: Option<Format> = format
            .map(|word| format_word(py, Some(word), &path))
            .transpose()?;
        let operations = operations(edits);
        let options = call::change(dry_run, lock_timeout);
        let report = detached(py, || {
            let path = self.site.locate(&path, None)?;
            self.site.edit(&path, format, &operations, options)
        })?;
        ChangeReport::of(&report)
    }

    /// The manifest's entries with every default stated, in the words of the file; one of them where it is named.
    #[pyo3(signature = (name = None))]
    fn manifest_resolved<'py>(
        &self,
        py: Python<'py>,
        name: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = call::some_word(py, "name", name)?;
        let shown = detached(py, || self.site.manifest_show(name.as_ref()))?;
        let entries = shown.entries.iter().map(call::plain_of_document).collect();
        to_python(py, &entries)
    }

    /// Add an entry to the manifest.
    #[pyo3(signature = (name, fields = None, *, dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    fn manifest_add(
        &self,
        py: Python<'_>,
        name: &str,
        fields: Option<&Bound<'_, PyDict>>,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let name = word(py, "name", name)?;
        let fields = assignments(py, fields)?;
        let options = call::change(dry_run, lock_timeout);
        let report = detached(py, || self.site.manifest_add(&name, &fields, options))?;
        ChangeReport::of(&report)
    }

    /// Set fields of an entry; one that is `None` is removed.
    #[pyo3(signature = (name, fields, *, dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    fn manifest_set(
        &self,
        py: Python<'_>,
        name: &str,
        fields: &Bound<'_, PyDict>,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let name = word(py, "name", name)?;
        let fields = assignments(py, Some(fields))?;
        let options = call::change(dry_run, lock_timeout);
        let report = detached(py, || self.site.manifest_set(&name, &fields, options))?;
        ChangeReport::of(&report)
    }

    /// Remove an entry from the manifest.
    #[pyo3(signature = (name, *, dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    fn manifest_remove(
        &self,
        py: Python<'_>,
        name: &str,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let name = word(py, "name", name)?;
        let options = call::change(dry_run, lock_timeout);
        let report = detached(py, || self.site.manifest_remove(&name, options))?;
        ChangeReport::of(&report)
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<FileChange>()?;
    module.add_class::<ChangeReport>()?;
    module.add_class::<Edit>()
}
