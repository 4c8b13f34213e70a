//! Certificates and revocation lists.

use std::time::SystemTime;

use phoenix_core::x509 as core;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyModule, PyTuple};

use crate::call::word;
use crate::error::argument;
use crate::record::record;
use crate::value::{Time, Tuple};

record! {
    /// What a certificate says.
    struct Certificate {
        /// The common name of its subject.
        common_name: Option<String>,
        /// Its subject.
        subject: String,
        /// Who signed it.
        issuer: String,
        /// Its names.
        names: Tuple<String>,
        /// From when it is valid.
        not_before: Time,
        /// Until when it is valid.
        not_after: Time,
        /// Its serial number, decimal.
        serial: String,
        /// The type of its key, such as `ec-p256`; `None` for one that is not known.
        key_type: Option<String>,
        /// Whether it may identify a server.
        server_auth: bool,
        /// Whether it may identify a client.
        client_auth: bool,
        /// Whether it may sign other certificates.
        is_ca: bool,
        /// SHA-256 of it, hexadecimal.
        fingerprint: String,
    }
}

impl Certificate {
    fn of(leaf: &core::Leaf) -> Self {
        Self {
            common_name: leaf.common_name.clone(),
            subject: leaf.subject.clone(),
            issuer: leaf.issuer.clone(),
            names: Tuple(leaf.sans.iter().map(ToString::to_string).collect()),
            not_before: Time::at(leaf.not_before),
            not_after: Time::at(leaf.not_after),
            serial: leaf.serial_number().to_string(),
            key_type: leaf.key_type.map(|kind| kind.to_string()),
            server_auth: leaf.server_auth,
            client_auth: leaf.client_auth,
            is_ca: leaf.is_ca,
            fingerprint: leaf.fingerprint.to_string(),
        }
    }
}

/// Bytes, or a text that stands for its UTF-8.
pub(crate) struct Pem(pub(crate) Vec<u8>);

impl FromPyObject<'_, '_> for Pem {
    type Error = PyErr;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = obj.cast::<PyBytes>() {
            return Ok(Self(bytes.as_bytes().to_vec()));
        }
        if let Ok(text) = obj.extract::<String>() {
            return Ok(Self(text.into_bytes()));
        }
        Err(PyTypeError::new_err(format!(
            "found {}, expected bytes or str with PEM",
            obj.get_type().name()?
        )))
    }
}

/// A root, or another certificate of a CA.
#[pyclass(frozen, eq, hash, from_py_object, module = "phoenix_py")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) inner: core::Anchor,
}

impl std::hash::Hash for Anchor {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.inner.fingerprint.hash(state);
    }
}

#[pymethods]
impl Anchor {
    /// Read the one certificate of a PEM text.
    #[staticmethod]
    fn from_pem(py: Python<'_>, pem: Pem) -> PyResult<Self> {
        let inner = core::Anchor::from_pem(&pem.0)
            .map_err(|fault| argument(py, "pem", &fault.to_string()))?;
        Ok(Self { inner })
    }

    /// Read every certificate of a PEM text.
    #[staticmethod]
    fn all_from_pem(py: Python<'_>, pem: Pem) -> PyResult<Tuple<Self>> {
        let all = core::Anchor::all_from_pem(&pem.0)
            .map_err(|fault| argument(py, "pem", &fault.to_string()))?;
        Ok(Tuple(all.into_iter().map(|inner| Self { inner }).collect()))
    }

    /// Read DER.
    #[staticmethod]
    fn from_der(py: Python<'_>, der: Vec<u8>) -> PyResult<Self> {
        let inner =
            core::Anchor::from_der(der).map_err(|fault| argument(py, "der", &fault.to_string()))?;
        Ok(Self { inner })
    }

    /// Its subject.
    #[getter]
    fn subject(&self) -> &str {
        &self.inner.subject
    }

    /// SHA-256 of it, hexadecimal.
    #[getter]
    fn fingerprint(&self) -> String {
        self.inner.fingerprint.to_string()
    }

    /// From when it is valid.
    #[getter]
    fn not_before(&self) -> Time {
        Time::at(self.inner.not_before)
    }

    /// Until when it is valid.
    #[getter]
    fn not_after(&self) -> Time {
        Time::at(self.inner.not_after)
    }

    /// It as PEM.
    fn to_pem<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.to_pem())
    }

    /// It as DER.
    fn to_der<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.der())
    }

    fn __repr__(&self) -> String {
        let (subject, print) = (&self.inner.subject, self.inner.fingerprint.short());
        format!("<Anchor {subject:?} {print}>")
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let make = slf.as_any().get_type().getattr("from_der")?;
        let der = PyTuple::new(py, [slf.get().to_der(py)])?;
        PyTuple::new(py, [make, der.into_any()])
    }
}

/// A certificate with those that lead to its root, leaf first.
#[pyclass(frozen, eq, hash, from_py_object, module = "phoenix_py")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) inner: core::Chain,
}

impl std::hash::Hash for Chain {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.inner.leaf().fingerprint.hash(state);
    }
}

#[pymethods]
impl Chain {
    /// Read the certificates of a PEM text, leaf first.
    #[staticmethod]
    fn from_pem(py: Python<'_>, pem: Pem) -> PyResult<Self> {
        let inner = core::Chain::from_pem(&pem.0)
            .map_err(|fault| argument(py, "pem", &fault.to_string()))?;
        Ok(Self { inner })
    }

    /// The leaf.
    #[getter]
    fn leaf(&self) -> Certificate {
        Certificate::of(self.inner.leaf())
    }

    /// The certificates above the leaf.
    #[getter]
    fn issuers(&self) -> Tuple<Certificate> {
        Tuple(self.inner.issuers().iter().map(Certificate::of).collect())
    }

    /// When the first of them ends.
    #[getter]
    fn not_after(&self) -> Time {
        Time::at(self.inner.not_after())
    }

    /// All as PEM.
    fn to_pem<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.to_pem())
    }

    /// Judge signatures, dates, usage and root at a moment, now by default; raise `TrustError` with what is wrong.
    #[pyo3(signature = (roots, *, usage = "server", at = None))]
    fn verify(
        &self,
        py: Python<'_>,
        roots: Vec<Anchor>,
        usage: &str,
        at: Option<Time>,
    ) -> PyResult<()> {
        let usage = word(py, "usage", usage)?;
        let roots: Vec<core::Anchor> = roots.into_iter().map(|root| root.inner).collect();
        let at = at.map_or_else(SystemTime::now, |at| at.0);
        core::verify_chain(&self.inner, &roots, at, usage).map_err(|fault| {
            crate::error::Raised {
                class: "TrustError",
                message: format!("the chain is not to be trusted: {fault}"),
                code: "chain",
                reason: Some(fault.to_string()),
                certificate: self.inner.leaf().common_name.clone(),
                stage: Some("verify"),
                ..crate::error::Raised::default()
            }
            .exception(py)
        })
    }

    fn __len__(&self) -> usize {
        self.inner.certificates().len()
    }

    fn __repr__(&self) -> String {
        let leaf = self.inner.leaf();
        format!(
            "<Chain of {} for {:?} {}>",
            self.inner.certificates().len(),
            leaf.common_name.as_deref().unwrap_or_default(),
            leaf.fingerprint.short()
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let make = slf.as_any().get_type().getattr("from_pem")?;
        let pem = PyTuple::new(py, [slf.get().to_pem(py)])?;
        PyTuple::new(py, [make, pem.into_any()])
    }
}

record! {
    /// A certificate that was revoked.
    struct RevokedAt {
        /// Its serial number, decimal.
        serial: String,
        /// When.
        at: Time,
        /// Why, by the names of RFC 5280.
        reason: String,
    }
}

record! {
    /// A CA's revocation list, believed and still counting: a sequence.
    struct Crl {
        /// Who signed it.
        issuer: String,
        /// Of when it is.
        this_update: Time,
        /// Until when it counts.
        next_update: Option<Time>,
        /// Its number, decimal.
        number: Option<String>,
        /// What was revoked.
        revoked: Tuple<RevokedAt>,
        /// It as PEM.
        pem: String,
    }
}

crate::record::sequence!(Crl, revoked, RevokedAt);

impl Crl {
    pub(crate) fn of(list: &core::Crl) -> Self {
        let revoked = list.revoked.iter().map(|(serial, revoked)| RevokedAt {
            serial: serial.to_string(),
            at: Time::at(revoked.at),
            reason: revoked.reason.to_string(),
        });
        Self {
            issuer: list.issuer.clone(),
            this_update: Time::at(list.this_update),
            next_update: list.next_update.map(|next| Time::at(next.0)),
            number: list.number.as_ref().map(ToString::to_string),
            revoked: Tuple(revoked.collect()),
            pem: String::from_utf8_lossy(&list.to_pem()).into_owned(),
        }
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Certificate>()?;
    module.add_class::<Anchor>()?;
    module.add_class::<Chain>()?;
    module.add_class::<RevokedAt>()?;
    module.add_class::<Crl>()
}
