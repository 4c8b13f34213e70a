//! Private keys, and requests that they sign.

use std::sync::Arc;

use phoenix_core::secret::Secret;
use phoenix_core::x509 as core;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyModule, PyTuple};

use crate::call::{self, Word, names, word};
use crate::error::argument;
use crate::value::Tuple;
use crate::x509::Pem;

/// A private key. It is shown nowhere, cannot be pickled, and is overwritten with zeros when it goes.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct PrivateKey {
    pub(crate) inner: Arc<core::PrivateKey>,
}

#[pymethods]
impl PrivateKey {
    /// Make a key: `ec-p256`, `ec-p384`, `rsa-2048`, `rsa-3072`, `rsa-4096` or `ed25519`.
    #[staticmethod]
    #[pyo3(signature = (key_type = "ec-p256"))]
    fn generate(py: Python<'_>, key_type: &str) -> PyResult<Self> {
        let kind = word(py, "key_type", key_type)?;
        let made = call::caught(py, || core::PrivateKey::generate(kind))?;
        let inner = made.map_err(|fault| crate::error::internal(py, &fault.to_string()))?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Read the one unencrypted key of a PEM text.
    #[staticmethod]
    fn from_pem(py: Python<'_>, pem: Pem) -> PyResult<Self> {
        let inner = core::PrivateKey::from_pem(&Secret::new(pem.0))
            .map_err(|fault| argument(py, "pem", &fault.to_string()))?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The key itself as PEM: whoever has it is whom it identifies.
    fn secret_pem<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.to_pem().expose_secret())
    }

    /// The public half, `SubjectPublicKeyInfo` in DER.
    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.public_key())
    }

    /// Its type; `None` for one that is not made here.
    #[getter]
    fn key_type(&self) -> Option<&'static str> {
        self.inner.key_type().map(core::KeyType::as_str)
    }

    fn __repr__(&self) -> String {
        let kind = self.inner.key_type().map_or("?", core::KeyType::as_str);
        format!("<PrivateKey {kind} [redacted]>")
    }

    #[expect(clippy::unused_self, reason = "the form that pickle asks for")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a private key cannot be pickled; secret_pem() gives it",
        ))
    }
}

/// A request for a certificate, signed by the key that it is for.
#[pyclass(frozen, eq, from_py_object, module = "phoenix_py")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Csr {
    pub(crate) inner: core::Csr,
    content: core::CsrContent,
}

impl Csr {
    fn of(py: Python<'_>, inner: core::Csr) -> PyResult<Self> {
        let content = inner
            .content()
            .map_err(|fault| argument(py, "pem", &fault.to_string()))?;
        Ok(Self { inner, content })
    }

    pub(crate) fn made(
        key: &core::PrivateKey,
        common_name: &phoenix_core::names::CommonName,
        sans: &std::collections::BTreeSet<phoenix_core::names::SubjectAltName>,
    ) -> PyResult<Self> {
        let made = core::create_csr(key, common_name, sans);
        Python::attach(|py| {
            let made = made.map_err(|fault| argument(py, "key", &fault.to_string()))?;
            Self::of(py, made)
        })
    }
}

#[pymethods]
impl Csr {
    /// Make one.
    #[staticmethod]
    #[pyo3(signature = (key, common_name, sans = Vec::new()))]
    fn create(
        py: Python<'_>,
        key: &PrivateKey,
        common_name: &str,
        sans: Vec<Word>,
    ) -> PyResult<Self> {
        let common_name: phoenix_core::names::CommonName = word(py, "common_name", common_name)?;
        let mut sans = names(py, &sans)?;
        sans.extend(common_name.as_dns());
        Self::made(&key.inner, &common_name, &sans)
    }

    /// Read the one request of a PEM text; its signature is checked.
    #[staticmethod]
    fn from_pem(py: Python<'_>, pem: Pem) -> PyResult<Self> {
        let inner =
            core::Csr::from_pem(&pem.0).map_err(|fault| argument(py, "pem", &fault.to_string()))?;
        Self::of(py, inner)
    }

    /// The common name that it asks for.
    #[getter]
    fn common_name(&self) -> Option<&str> {
        self.content.common_name.as_deref()
    }

    /// The names that it asks for.
    #[getter]
    fn names(&self) -> Tuple<String> {
        Tuple(self.content.sans.iter().map(ToString::to_string).collect())
    }

    /// The type of its key.
    #[getter]
    fn key_type(&self) -> Option<&'static str> {
        self.content.key_type.map(core::KeyType::as_str)
    }

    /// Its public key, `SubjectPublicKeyInfo` in DER.
    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.content.public_key)
    }

    /// It as PEM.
    fn to_pem<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.to_pem().as_bytes())
    }

    /// It as DER.
    fn to_der<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.as_der())
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{Hash as _, Hasher as _};
        let mut hasher = std::hash::DefaultHasher::new();
        self.inner.as_der().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let name = self.content.common_name.as_deref().unwrap_or_default();
        format!("<Csr for {name:?}>")
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let make = slf.as_any().get_type().getattr("from_pem")?;
        let pem = PyTuple::new(py, [slf.get().to_pem(py)])?;
        PyTuple::new(py, [make, pem.into_any()])
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PrivateKey>()?;
    module.add_class::<Csr>()
}
