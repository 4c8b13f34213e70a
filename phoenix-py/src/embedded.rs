//! A CA in a directory, by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use phoenix_core::ca::{self as core, Authority as _, CaDesign};
use phoenix_core::system::Root;
use phoenix_core::time::{GoDuration, SystemClock};
use phoenix_core::x509::{Permitted, RevocationReason, Serial};
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::authority::Issued;
use crate::ca::{Health, again, outcome};
use crate::call::{Word, detached, names, word};
use crate::error::argument;
use crate::key::PrivateKey;
use crate::record;
use crate::value::Tuple;
use crate::x509::{Anchor, Chain, Crl};

/// A CA in a directory, made there when it is opened first.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct EmbeddedCa {
    pub(crate) inner: Arc<core::EmbeddedCa>,
}

#[pymethods]
impl EmbeddedCa {
    /// Open the CA in a directory, or make one there that may issue for these domains and networks; for all by default.
    #[staticmethod]
    #[pyo3(signature = (directory, *, domains = None, networks = None, root = None))]
    fn open(
        py: Python<'_>,
        directory: PathBuf,
        domains: Option<Vec<String>>,
        networks: Option<Vec<Word>>,
        root: Option<PathBuf>,
    ) -> PyResult<Self> {
        let networks = networks
            .map(|all| all.iter().map(|word| word.read(py, "networks")).collect())
            .transpose()?;
        let permitted = Permitted {
            domains: domains.map(|all| all.into_iter().collect()),
            networks,
        };
        let files = files(py, root)?;
        let ca = detached(py, || {
            let design = CaDesign::site(permitted);
            let clock = Arc::new(SystemClock);
            core::EmbeddedCa::open_or_init(&files, &directory, "the CA", &design, clock)
        })?;
        Ok(Self {
            inner: Arc::new(ca),
        })
    }

    /// Which CA it is, in words.
    fn describe(&self) -> String {
        self.inner.describe()
    }

    /// Its root.
    #[getter]
    fn root(&self) -> Anchor {
        Anchor {
            inner: self.inner.anchor().clone(),
        }
    }

    /// The certificate that signs leaves.
    #[getter]
    fn issuer(&self) -> Anchor {
        Anchor {
            inner: self.inner.issuer().clone(),
        }
    }

    /// What it may issue for, in words.
    #[getter]
    fn permitted(&self) -> String {
        self.inner.permitted().to_string()
    }

    /// Its roots.
    fn anchors(&self) -> Tuple<Anchor> {
        Tuple(vec![self.root()])
    }

    /// Whether it can issue.
    fn health(&self, py: Python<'_>) -> PyResult<Health> {
        record::of(&detached(py, || self.inner.health())?)
    }

    /// Issue a certificate for a key.
    #[pyo3(signature = (common_name, key, *, sans = Vec::new(), usage = "server", validity = None))]
    fn enroll(
        &self,
        py: Python<'_>,
        common_name: &str,
        key: &PrivateKey,
        sans: Vec<Word>,
        usage: &str,
        validity: Option<Duration>,
    ) -> PyResult<Issued> {
        let common_name = word(py, "common_name", common_name)?;
        let (sans, usage) = (names(py, &sans)?, word(py, "usage", usage)?);
        let (key, ca) = (&key.inner, &self.inner);
        let issued = detached(py, || {
            let request = core::Request::new(&common_name, &sans, key)
                .usage(usage)
                .validity(validity.map(GoDuration));
            ca.enroll(&request)
        })?;
        Ok(Issued::of(issued))
    }

    /// Renew a certificate of its own for the same key.
    fn renew(&self, py: Python<'_>, current: Chain, key: &PrivateKey) -> PyResult<Issued> {
        let (key, ca) = (&key.inner, &self.inner);
        let issued = again(py, &current, |common_name, usage| {
            let names = &current.inner.leaf().sans;
            let request = core::Request::new(common_name, names, key).usage(usage);
            ca.renew(&current.inner, &request)
        })?;
        Ok(Issued::of(issued))
    }

    /// Issue a certificate with the names and lifetime of a current one of its own for another key.
    fn rekey(&self, py: Python<'_>, current: Chain, new_key: &PrivateKey) -> PyResult<Issued> {
        let (key, ca) = (&new_key.inner, &self.inner);
        let issued = again(py, &current, |common_name, usage| {
            let names = &current.inner.leaf().sans;
            let request = core::Request::new(common_name, names, key).usage(usage);
            ca.rekey(&current.inner, &request)
        })?;
        Ok(Issued::of(issued))
    }

    /// Revoke by serial number, decimal or `0x` hexadecimal; `now` or `already`.
    #[pyo3(signature = (serial, *, reason = "unspecified"))]
    fn revoke(&self, py: Python<'_>, serial: &str, reason: &str) -> PyResult<&'static str> {
        let serial: Serial = word(py, "serial", serial)?;
        let reason: RevocationReason = word(py, "reason", reason)?;
        detached(py, || self.inner.revoke(&serial, reason)).map(outcome)
    }

    /// Its revocation list.
    fn crl(&self, py: Python<'_>) -> PyResult<Crl> {
        let list = detached(py, || self.inner.crl())?;
        Ok(Crl::of(&list))
    }

    /// Move the CA in a directory aside, so that another can be made there; where it lies then.
    #[staticmethod]
    #[pyo3(signature = (directory, *, root = None))]
    fn set_aside(py: Python<'_>, directory: PathBuf, root: Option<PathBuf>) -> PyResult<PathBuf> {
        let files = files(py, root)?;
        detached(py, || core::EmbeddedCa::set_aside(&files, &directory))
    }

    fn __repr__(&self) -> String {
        format!("<EmbeddedCa {}>", self.inner.describe())
    }
}

/// The host's files, or those of a copy.
pub(crate) fn files(py: Python<'_>, root: Option<PathBuf>) -> PyResult<Root> {
    match root {
        None => Ok(Root::host()),
        Some(dir) => Root::at(&dir)
            .map_err(|error| argument(py, "root", &format!("{}: {error}", dir.display()))),
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<EmbeddedCa>()
}
