//! CAs of the program's own, written in Python; and what every CA is asked and answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use phoenix_core::ca::{self, Authority, EnrollError};
use phoenix_core::names::SubjectAltName;
use phoenix_core::x509 as core;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyTuple};

use crate::ca::StepCa;
use crate::embedded::EmbeddedCa;
use crate::key::Csr;
use crate::value::{Span, Tuple};
use crate::x509::{Anchor, Chain};

/// What an `Authority` written in Python is asked for. The key itself never comes along: the CSR is signed with it.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct Request {
    common_name: String,
    names: Vec<String>,
    usage: String,
    validity: Option<Span>,
    csr: Csr,
}

#[pymethods]
impl Request {
    /// The common name.
    #[getter]
    fn common_name(&self) -> &str {
        &self.common_name
    }

    /// Exactly the names that the certificate must have.
    #[getter]
    fn names(&self) -> Tuple<String> {
        Tuple(self.names.clone())
    }

    /// `server` or `client`.
    #[getter]
    fn usage(&self) -> &str {
        &self.usage
    }

    /// How long it shall live; `None` leaves it to the CA.
    #[getter]
    fn validity(&self) -> Option<Span> {
        self.validity
    }

    /// The request, signed by the key that the certificate is for.
    #[getter]
    fn csr(&self) -> Csr {
        self.csr.clone()
    }

    fn __repr__(&self) -> String {
        format!("<Request for {:?}>", self.common_name)
    }
}

/// What a CA issued.
#[pyclass(frozen, eq, hash, from_py_object, module = "phoenix_py")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Issued {
    /// The chain, leaf first.
    #[pyo3(get)]
    pub(crate) chain: Chain,
    /// What is worth knowing.
    #[pyo3(get)]
    pub(crate) warnings: Tuple<String>,
}

impl Issued {
    pub(crate) fn of(issued: ca::Issued) -> Self {
        Self {
            chain: Chain {
                inner: issued.chain,
            },
            warnings: Tuple(issued.warnings),
        }
    }
}

#[pymethods]
impl Issued {
    #[new]
    #[pyo3(signature = (chain, warnings = Vec::new()))]
    fn new(chain: Chain, warnings: Vec<String>) -> Self {
        Self {
            chain,
            warnings: Tuple(warnings),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let chain = slf.as_any().getattr("chain")?.repr()?;
        let warnings = slf.as_any().getattr("warnings")?.repr()?;
        Ok(format!("Issued(chain={chain}, warnings={warnings})"))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let (py, slf) = (slf.py(), slf.as_any());
        let fields = PyTuple::new(py, [slf.getattr("chain")?, slf.getattr("warnings")?])?;
        PyTuple::new(py, [slf.get_type().into_any(), fields.into_any()])
    }
}

/// The CA that a program brings: one of ours, or any object with the methods of `phoenix_py.Authority`.
pub(crate) fn authority(given: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Authority>> {
    if let Ok(ca) = given.cast::<StepCa>() {
        return Ok(Arc::clone(&ca.get().inner) as Arc<dyn Authority>);
    }
    if let Ok(ca) = given.cast::<EmbeddedCa>() {
        return Ok(Arc::clone(&ca.get().inner) as Arc<dyn Authority>);
    }
    for method in ["describe", "anchors", "health", "enroll", "renew"] {
        if !given.hasattr(method)? {
            return Err(pyo3::exceptions::PyTypeError::new_err(format!(
                "argument 'authority': found {}, which has no method `{method}`, expected a StepCa, an EmbeddedCa or an object with the methods of Authority",
                given.get_type().name()?
            )));
        }
    }
    let describe: String = given.call_method0("describe")?.extract()?;
    Ok(Arc::new(Own {
        object: given.clone().unbind(),
        describe,
    }))
}

/// An object of Python's that acts as a CA.
struct Own {
    object: Py<PyAny>,
    describe: String,
}

impl Own {
    fn ask<T>(
        &self,
        question: impl FnOnce(Python<'_>, &Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, EnrollError> {
        Python::attach(|py| question(py, self.object.bind(py))).map_err(|error| EnrollError::Own {
            authority: self.describe.clone(),
            source: Box::new(error),
        })
    }

    fn request(request: &ca::Request<'_>, names: &BTreeSet<SubjectAltName>) -> PyResult<Request> {
        Ok(Request {
            common_name: request.common_name.to_string(),
            names: names.iter().map(ToString::to_string).collect(),
            usage: request.usage.to_string(),
            validity: request.validity.map(|validity| Span(validity.0)),
            csr: Csr::made(request.key, request.common_name, names)?,
        })
    }
}

/// What `enroll` and `renew` may return: `Issued`, a `Chain`, or PEM.
fn issued(answer: &Bound<'_, PyAny>) -> PyResult<ca::Issued> {
    if let Ok(issued) = answer.extract::<Issued>() {
        return Ok(ca::Issued::new(issued.chain.inner).warnings(issued.warnings.0));
    }
    let chain: Chain = answer.extract().map_err(|_| {
        let found = answer.get_type().name().map(|name| name.to_string());
        pyo3::exceptions::PyTypeError::new_err(format!(
            "the authority returned {}, expected Issued or Chain",
            found.unwrap_or_default()
        ))
    })?;
    Ok(ca::Issued::new(chain.inner))
}

impl Authority for Own {
    fn describe(&self) -> String {
        self.describe.clone()
    }

    fn anchors(&self) -> Result<Vec<core::Anchor>, EnrollError> {
        self.ask(|_, object| {
            let anchors: Vec<Anchor> = object.call_method0("anchors")?.extract()?;
            Ok(anchors.into_iter().map(|anchor| anchor.inner).collect())
        })
    }

    fn health(&self) -> Result<ca::Health, EnrollError> {
        let version: Option<String> =
            self.ask(|_, object| object.call_method0("health")?.extract())?;
        let mut health = ca::Health::new(&self.describe);
        health.version = version;
        Ok(health)
    }

    fn enroll(&self, request: &ca::Request<'_>) -> Result<ca::Issued, EnrollError> {
        let names = request.names()?;
        self.ask(|_, object| {
            let request = Self::request(request, &names)?;
            issued(&object.call_method1("enroll", (request,))?)
        })
    }

    fn renew(
        &self,
        current: &core::Chain,
        request: &ca::Request<'_>,
    ) -> Result<ca::Issued, EnrollError> {
        self.ask(|_, object| {
            let request = Self::request(request, &current.leaf().sans)?;
            let current = Chain {
                inner: current.clone(),
            };
            issued(&object.call_method1("renew", (current, request))?)
        })
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Request>()?;
    module.add_class::<Issued>()
}
