//! Documents: JSON, YAML and TOML, read without loss and edited by pointer.

use std::path::{Path, PathBuf};

use phoenix_core::document as core;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyTuple};

use crate::call::{caught, plain_of_document};
use crate::change::{Edit, operations};
use crate::error::{Raise as _, argument, faulty};
use crate::fault::Place;
use crate::record;
use crate::value::to_python;
use crate::x509::Pem;

/// A text of JSON, YAML or TOML, read without loss. Edits make another one: only the bytes that must change do.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct Document {
    pub(crate) inner: core::Document,
}

/// `json`, `toml` or `yaml`; by the path's ending where nothing is said.
pub(crate) fn format_word(
    py: Python<'_>,
    word: Option<&str>,
    path: &Path,
) -> PyResult<core::Format> {
    match word {
        Some("json") => Ok(core::Format::Json),
        Some("toml") => Ok(core::Format::Toml),
        Some("yaml") => Ok(core::Format::Yaml),
        Some(other) => Err(argument(
            py,
            "format",
            &format!("found `{other}`, expected `json`, `toml` or `yaml`"),
        )),
        None => core::Format::of(path).ok_or_else(|| {
            let what = format!(
                "could not tell the notation of {} by its name, expected `json`, `toml` or `yaml`",
                path.display()
            );
            argument(py, "format", &what)
        }),
    }
}

fn word_of(format: core::Format) -> &'static str {
    match format {
        core::Format::Toml => "toml",
        core::Format::Yaml => "yaml",
        _ => "json",
    }
}

impl Document {
    fn at(&self, pointer: &str) -> PyResult<core::Cursor<'_>> {
        self.inner.root().at(pointer).ok_or_else(|| {
            PyKeyError::new_err(format!(
                "{} has nothing at {pointer:?}",
                self.inner.path().display()
            ))
        })
    }
}

#[pymethods]
impl Document {
    /// Read a text; `path` names it in messages and tells the notation.
    #[staticmethod]
    #[pyo3(signature = (text, *, path = None, format = None))]
    fn parse(
        py: Python<'_>,
        text: Pem,
        path: Option<PathBuf>,
        format: Option<&str>,
    ) -> PyResult<Self> {
        let named = path.unwrap_or_else(|| PathBuf::from("document"));
        let format = format_word(py, format, &named)?;
        let parsed = caught(py, || core::Document::parse(&named, text.0, format))?;
        let inner = parsed
            .map_err(|faults| faulty(py, "InputError", "the text cannot be read", &faults))?;
        Ok(Self { inner })
    }

    /// The name that it has in messages.
    #[getter]
    fn path(&self) -> PathBuf {
        self.inner.path().to_owned()
    }

    /// `json`, `toml` or `yaml`.
    #[getter]
    fn format(&self) -> &'static str {
        word_of(self.inner.format())
    }

    /// The text.
    #[getter]
    fn text(&self) -> &str {
        self.inner.text()
    }

    /// The value at a JSON pointer, the whole by default; `KeyError` when there is none.
    #[pyo3(signature = (pointer = ""))]
    fn value<'py>(&self, py: Python<'py>, pointer: &str) -> PyResult<Bound<'py, PyAny>> {
        let value = self.at(pointer)?.to_value().ok_or_else(|| {
            argument(
                py,
                "pointer",
                "found a value nested too deeply to be taken out",
            )
        })?;
        to_python(py, &plain_of_document(&value))
    }

    /// Where the value at a JSON pointer stands; `KeyError` when there is none.
    fn place(&self, pointer: &str) -> PyResult<Place> {
        record::of(&self.at(pointer)?.place())
    }

    /// With these edits made: another document.
    fn edited(&self, py: Python<'_>, edits: Vec<Edit>) -> PyResult<Self> {
        let operations = operations(edits);
        let inner = caught(py, || core::operate(&self.inner, &operations))?
            .map(|(document, _)| document)
            .map_err(|faults| phoenix_core::Error::Refused(faults).raise(py))?;
        Ok(Self { inner })
    }

    /// What another text of the same file changes, as a unified diff.
    #[pyo3(signature = (other, *, context = 3))]
    fn diff(&self, other: &Self, context: usize) -> String {
        let path = self.inner.path();
        core::unified_diff(path, self.inner.text(), other.inner.text(), context)
    }

    fn __contains__(&self, pointer: &str) -> bool {
        self.inner.root().at(pointer).is_some()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, pointer: &str) -> PyResult<Bound<'py, PyAny>> {
        self.value(py, pointer)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = &other.get().inner;
            self.inner.path() == other.path()
                && self.inner.format() == other.format()
                && self.inner.text() == other.text()
        })
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{Hash as _, Hasher as _};
        let mut hasher = std::hash::DefaultHasher::new();
        self.inner.text().hash(&mut hasher);
        hasher.finish()
    }

    fn __str__(&self) -> &str {
        self.inner.text()
    }

    fn __repr__(&self) -> String {
        let (path, format) = (self.inner.path().display(), word_of(self.inner.format()));
        format!(
            "<Document {path} {format} of {} bytes>",
            self.inner.text().len()
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let (py, this) = (slf.py(), slf.get());
        let parse = slf.as_any().get_type().getattr("_parse")?;
        let text = this.inner.text().into_pyobject(py)?.into_any();
        let path = this.path().into_pyobject(py)?.into_any();
        let format = this.format().into_pyobject(py)?.into_any();
        let with = PyTuple::new(py, [text, path, format])?;
        PyTuple::new(py, [parse, with.into_any()])
    }

    /// How pickle makes one again.
    #[staticmethod]
    fn _parse(py: Python<'_>, text: Pem, path: PathBuf, format: &str) -> PyResult<Self> {
        Self::parse(py, text, Some(path), Some(format))
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Document>()
}
