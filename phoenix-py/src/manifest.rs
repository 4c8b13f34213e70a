//! The manifest as a sequence of frozen entries.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use phoenix_core::document::{Document, Format};
use phoenix_core::manifest::{self as core, CertType};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString, PyTuple};

use crate::error::manifest_error;

/// No manifest is longer; a device named by mistake is not read for ever.
const LIMIT: u64 = 64 * 1024 * 1024;

/// One certificate that is wanted; immutable, compared by its values.
#[pyclass(frozen, eq, hash, module = "phoenix_py")]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    /// Identity of the entry; unique in the manifest.
    #[pyo3(get)]
    common_name: String,
    names: Vec<String>,
    /// The chain, leaf first.
    #[pyo3(get)]
    cert_path: PathBuf,
    /// The private key.
    #[pyo3(get)]
    key_path: PathBuf,
    /// Owner of the files, `user:group`.
    #[pyo3(get)]
    owner: String,
    /// Mode of the certificate, octal.
    #[pyo3(get)]
    permissions: String,
    /// Mode that the key gets, octal.
    #[pyo3(get)]
    key_permissions: String,
    /// `server` or `client`.
    #[pyo3(get)]
    cert_type: &'static str,
    /// What is run after a deployment, as one line.
    #[pyo3(get)]
    hook: Option<String>,
}

impl Entry {
    fn of(entry: &core::Entry) -> Self {
        Self {
            common_name: entry.common_name.to_string(),
            names: entry.names.iter().map(ToString::to_string).collect(),
            cert_path: entry.cert_path.clone(),
            key_path: entry.key_path.clone(),
            owner: entry.owner.to_string(),
            permissions: entry.cert_mode.to_string(),
            key_permissions: entry.key_mode.to_string(),
            cert_type: match entry.cert_type {
                CertType::Client => "client",
                _ => "server",
            },
            hook: entry.hook.as_ref().map(|hook| hook.command.to_string()),
        }
    }
}

#[pymethods]
impl Entry {
    /// All names: those of `sans`, and the common name where it is a DNS name.
    #[getter]
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.names)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let quoted =
            |text: &str| -> PyResult<String> { Ok(PyString::new(py, text).repr()?.to_string()) };
        Ok(format!(
            "Entry(common_name={}, cert_type={}, cert_path={}, key_path={})",
            quoted(&self.common_name)?,
            quoted(self.cert_type)?,
            quoted(&self.cert_path.to_string_lossy())?,
            quoted(&self.key_path.to_string_lossy())?,
        ))
    }
}

/// The certificates wanted, in the order of the file; immutable.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct Manifest {
    entries: Py<PyTuple>,
}

#[pymethods]
impl Manifest {
    /// Read a manifest: `ManifestError` has all its faults, `OSError` says that it cannot be read.
    #[staticmethod]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "pyo3 hands arguments over by value"
    )]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let bytes = py
            .detach(|| read(&path))
            .map_err(|error| match error.raw_os_error() {
                Some(_) => PyErr::from(error),
                None => {
                    PyValueError::new_err(format!("could not read {}: {error}", path.display()))
                }
            })?;
        let decoded = py.detach(|| {
            Document::parse(&path, bytes, Format::Json)
                .and_then(|document| core::Manifest::decode(&document))
        });
        let manifest = decoded.map_err(|faults| manifest_error(py, &faults))?;
        let entries: Vec<Entry> = manifest
            .entries
            .iter()
            .map(|located| Entry::of(&located.value))
            .collect();
        Ok(Self {
            entries: PyTuple::new(py, entries)?.unbind(),
        })
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.entries.bind(py).len()
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.entries.bind(index.py()).as_any().get_item(index)
    }

    fn __contains__(&self, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.entries.bind(item.py()).as_any().contains(item)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.entries.bind(py).as_any().try_iter()
    }

    fn __reversed__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("builtins")?
            .call_method1("reversed", (self.entries.bind(py),))
    }

    /// Position of the first entry that equals `item`.
    #[pyo3(signature = (item, *bounds))]
    fn index<'py>(
        &self,
        item: &Bound<'py, PyAny>,
        bounds: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = item.py();
        let mut arguments = vec![item.clone()];
        arguments.extend(bounds.iter());
        self.entries
            .bind(py)
            .as_any()
            .call_method1("index", PyTuple::new(py, arguments)?)
    }

    /// How many entries equal `item`.
    fn count<'py>(&self, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.entries
            .bind(item.py())
            .as_any()
            .call_method1("count", (item,))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        match other.cast::<Self>() {
            Ok(other) => self
                .entries
                .bind(other.py())
                .as_any()
                .eq(other.get().entries.bind(other.py())),
            Err(_) => Ok(false),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.entries.bind(py).hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let entries = self.entries.bind(py);
        let shown = entries
            .iter()
            .map(|entry| Ok(entry.repr()?.to_string()))
            .collect::<PyResult<Vec<String>>>()?;
        Ok(format!("Manifest([{}])", shown.join(", ")))
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(LIMIT + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(std::io::Error::other(
            "found more than 64 MiB, expected a manifest",
        ));
    }
    Ok(bytes)
}
