//! step-ca's client by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use phoenix_core::ca::{
    self as core, Authority as _, CaUrl, PasswordSource, Permit, Revocation, Timeouts,
};
use phoenix_core::secret::Secret;
use phoenix_core::system::{Dial, HostDial, ProxyDial};
use phoenix_core::time::{Clock, GoDuration, SystemClock};
use phoenix_core::x509::{RevocationReason, Serial};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyModule};

use crate::authority::Issued;
use crate::call::{Word, all_words, detached, names, some_word, word};
use crate::error::argument;
use crate::key::{Csr, PrivateKey};
use crate::record::{self, record};
use crate::value::{Plain, Tuple};
use crate::x509::{Anchor, Chain, Crl};

record! {
    /// What a CA says about its health.
    struct Health {
        /// Where it is.
        at: String,
        /// Its version.
        version: Option<String>,
        /// How far its clock is ahead of ours, in seconds.
        clock_skew: Option<i64>,
    }
}

record! {
    /// A provisioner of step-ca.
    struct Provisioner {
        /// Its name.
        name: String,
        /// Its kind, such as `JWK` or `ACME`.
        kind: String,
        /// The id of its key.
        key_id: Option<String>,
        /// The type of its key.
        key_type: Option<String>,
        /// Whether the CA keeps its key for whoever knows the password.
        has_encrypted_key: bool,
        /// Its limits, as step-ca says them.
        claims: Plain,
    }
}

/// A password: bytes, a file, or a function that gives bytes when it is needed.
pub(crate) fn password(given: Option<&Bound<'_, PyAny>>) -> PyResult<PasswordSource> {
    let Some(given) = given else {
        return Ok(PasswordSource::none());
    };
    if let Ok(bytes) = given.cast::<PyBytes>() {
        let secret = Secret::new(bytes.as_bytes().to_vec());
        let read = move || Ok(Secret::new(secret.expose_secret().to_vec()));
        return Ok(PasswordSource::prompt(read));
    }
    if given.is_callable() {
        let ask = given.clone().unbind();
        let read = move || {
            Python::attach(|py| {
                let answer: Vec<u8> = ask.call0(py)?.extract(py)?;
                Ok(Secret::new(answer))
            })
            .map_err(|error: PyErr| std::io::Error::other(error))
        };
        return Ok(PasswordSource::prompt(read));
    }
    if !given.is_instance_of::<pyo3::types::PyString>()
        && let Ok(path) = given.extract::<PathBuf>()
    {
        let shown = path.display().to_string();
        return Ok(PasswordSource::file(shown, move || {
            std::fs::read(&path).map(Secret::new)
        }));
    }
    Err(PyTypeError::new_err(format!(
        "argument 'password': found {}, expected bytes, a path (os.PathLike, not str) or a function that returns bytes",
        given.get_type().name()?
    )))
}

/// A client of step-ca.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct StepCa {
    pub(crate) inner: Arc<core::StepCa>,
}

#[pymethods]
impl StepCa {
    #[new]
    #[pyo3(signature = (urls, roots, *, provisioner = None, password = None, server_name = None, proxy = None,
        connect_timeout = None, request_timeout = None, total_timeout = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn new(
        py: Python<'_>,
        urls: Vec<String>,
        roots: Vec<Anchor>,
        provisioner: Option<String>,
        password: Option<&Bound<'_, PyAny>>,
        server_name: Option<String>,
        proxy: Option<&str>,
        connect_timeout: Option<Duration>,
        request_timeout: Option<Duration>,
        total_timeout: Option<Duration>,
    ) -> PyResult<Self> {
        if urls.is_empty() {
            return Err(argument(py, "urls", "found none, expected at least one"));
        }
        if roots.is_empty() {
            return Err(argument(py, "roots", "found none, expected at least one"));
        }
        let urls: Vec<CaUrl> = all_words(py, "urls", &urls)?;
        let usual = Timeouts::default();
        let timeouts = Timeouts::new(
            connect_timeout.unwrap_or(usual.connect),
            request_timeout.unwrap_or(usual.request),
            total_timeout.unwrap_or(usual.total),
        );
        let roots = roots.into_iter().map(|root| root.inner).collect();
        let password = self::password(password)?;
        let direct: Arc<dyn Dial> = Arc::new(HostDial);
        let dial = match some_word(py, "proxy", proxy)? {
            Some(proxy) => Arc::new(ProxyDial {
                to_proxy: direct,
                proxy,
            }),
            None => direct,
        };
        let ca = core::StepCa::new(urls, roots, provisioner, password, dial)
            .server_name(server_name)
            .timeouts(timeouts);
        Ok(Self {
            inner: Arc::new(ca),
        })
    }

    /// Fetch the root of a step-ca by its fingerprint, which comes from its operator.
    #[staticmethod]
    #[pyo3(signature = (url, fingerprint, *, server_name = None))]
    fn bootstrap(
        py: Python<'_>,
        url: &str,
        fingerprint: &str,
        server_name: Option<String>,
    ) -> PyResult<Anchor> {
        let url: CaUrl = word(py, "url", url)?;
        let fingerprint = word(py, "fingerprint", fingerprint)?;
        let inner = detached(py, || {
            let dial: Arc<dyn Dial> = Arc::new(HostDial);
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let name = server_name.as_deref();
            core::bootstrap(&url, fingerprint, name, &dial, &clock, Timeouts::default())
        })?;
        Ok(Anchor { inner })
    }

    /// Which CA it is, in words.
    fn describe(&self) -> String {
        self.inner.describe()
    }

    /// The roots that it is held to.
    fn anchors(&self, py: Python<'_>) -> PyResult<Tuple<Anchor>> {
        Ok(anchors(detached(py, || self.inner.anchors())?))
    }

    /// Ask whether it is there.
    fn health(&self, py: Python<'_>) -> PyResult<Health> {
        record::of(&detached(py, || self.inner.health())?)
    }

    /// Its version.
    fn version(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || self.inner.version())
    }

    /// Its provisioners.
    fn provisioners(&self, py: Python<'_>) -> PyResult<Tuple<Provisioner>> {
        let all = detached(py, || self.inner.list_provisioners())?;
        Ok(Tuple(record::all(&all)?))
    }

    /// Try the provisioner's password; the provisioner's name.
    fn open_provisioner(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || self.inner.open_provisioner())
    }

    /// All its roots.
    fn roots(&self, py: Python<'_>) -> PyResult<Tuple<Anchor>> {
        Ok(anchors(detached(py, || self.inner.roots())?))
    }

    /// The roots of the CAs that it is federated with.
    fn federation(&self, py: Python<'_>) -> PyResult<Tuple<Anchor>> {
        Ok(anchors(detached(py, || self.inner.federation())?))
    }

    /// Its intermediates.
    fn intermediates(&self, py: Python<'_>) -> PyResult<Tuple<Anchor>> {
        Ok(anchors(detached(py, || self.inner.intermediates())?))
    }

    /// Its revocation list; `None` where it keeps none.
    fn crl(&self, py: Python<'_>) -> PyResult<Option<Crl>> {
        let list = detached(py, || self.inner.crl())?;
        Ok(list.map(|list| Crl::of(&list)))
    }

    /// Get a certificate for a key, by a token of its own or one that is given.
    #[pyo3(signature = (common_name, key, *, sans = Vec::new(), usage = "server", validity = None, token = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn enroll(
        &self,
        py: Python<'_>,
        common_name: &str,
        key: &PrivateKey,
        sans: Vec<Word>,
        usage: &str,
        validity: Option<Duration>,
        token: Option<Vec<u8>>,
    ) -> PyResult<Issued> {
        let common_name = word(py, "common_name", common_name)?;
        let (sans, usage) = (names(py, &sans)?, word(py, "usage", usage)?);
        let (key, ca) = (&key.inner, &self.inner);
        let issued = detached(py, || {
            let request = core::Request::new(&common_name, &sans, key)
                .usage(usage)
                .validity(validity.map(GoDuration));
            match token.map(Secret::new) {
                Some(token) => ca.enroll_with_token(&request, &token),
                None => ca.enroll(&request),
            }
        })?;
        Ok(Issued::of(issued))
    }

    /// Renew a certificate: its pair proves who asks; key, names and lifetime stay.
    #[pyo3(signature = (current, key, *, by_token = false))]
    fn renew(
        &self,
        py: Python<'_>,
        current: Chain,
        key: &PrivateKey,
        by_token: bool,
    ) -> PyResult<Issued> {
        let (key, ca) = (&key.inner, &self.inner);
        let issued = again(py, &current, |common_name, usage| {
            let names = &current.inner.leaf().sans;
            let request = core::Request::new(common_name, names, key).usage(usage);
            if by_token {
                ca.renew_by_token(&current.inner, &request)
            } else {
                ca.renew(&current.inner, &request)
            }
        })?;
        Ok(Issued::of(issued))
    }

    /// Get a certificate with the names and lifetime of a current one for another key.
    fn rekey(
        &self,
        py: Python<'_>,
        current: Chain,
        key: &PrivateKey,
        new_key: &PrivateKey,
    ) -> PyResult<Issued> {
        let (key, new_key, ca) = (&key.inner, &new_key.inner, &self.inner);
        let issued = again(py, &current, |common_name, usage| {
            let names = &current.inner.leaf().sans;
            let request = core::Request::new(common_name, names, new_key).usage(usage);
            ca.rekey(&current.inner, key, &request)
        })?;
        Ok(Issued::of(issued))
    }

    /// Have a request signed whose key is elsewhere.
    #[pyo3(signature = (csr, *, usage = "server", validity = None, token = None))]
    fn sign(
        &self,
        py: Python<'_>,
        csr: &Csr,
        usage: &str,
        validity: Option<Duration>,
        token: Option<Vec<u8>>,
    ) -> PyResult<Issued> {
        let usage = word(py, "usage", usage)?;
        let token = token.map(Secret::new);
        let issued = detached(py, || {
            let validity = validity.map(GoDuration);
            self.inner
                .sign_request(&csr.inner, usage, validity, token.as_ref())
        })?;
        Ok(Issued::of(issued))
    }

    /// Make a token that lets somebody else get one certificate, within minutes. It is a secret.
    #[pyo3(signature = (common_name, *, sans = Vec::new(), csr = None))]
    fn token<'py>(
        &self,
        py: Python<'py>,
        common_name: &str,
        sans: Vec<Word>,
        csr: Option<Csr>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let common_name = word(py, "common_name", common_name)?;
        let sans = names(py, &sans)?;
        let csr = csr.map(|csr| csr.inner);
        let token = detached(py, || {
            self.inner.one_time_token(Permit::Sign {
                common_name: &common_name,
                sans: &sans,
                csr: csr.as_ref(),
            })
        })?;
        Ok(PyBytes::new(py, token.expose_secret()))
    }

    /// Revoke by serial number, decimal or `0x` hexadecimal; `now` or `already`.
    #[pyo3(signature = (serial, *, reason = "unspecified", words = None))]
    fn revoke(
        &self,
        py: Python<'_>,
        serial: &str,
        reason: &str,
        words: Option<String>,
    ) -> PyResult<&'static str> {
        let serial: Serial = word(py, "serial", serial)?;
        let reason: RevocationReason = word(py, "reason", reason)?;
        let what = Revocation::new(serial).reason(reason, words);
        detached(py, || self.inner.revoke(&what)).map(outcome)
    }

    /// Revoke a certificate whose pair proves that it may be asked for.
    #[pyo3(signature = (chain, key, *, reason = "unspecified", words = None))]
    fn revoke_pair(
        &self,
        py: Python<'_>,
        chain: Chain,
        key: &PrivateKey,
        reason: &str,
        words: Option<String>,
    ) -> PyResult<&'static str> {
        let reason: RevocationReason = word(py, "reason", reason)?;
        let (key, ca) = (&key.inner, &self.inner);
        let revoked = detached(py, || {
            ca.revoke_by_certificate(&chain.inner, key, reason, words)
        });
        revoked.map(outcome)
    }

    fn __repr__(&self) -> String {
        format!("<StepCa {}>", self.inner.describe())
    }
}

pub(crate) fn outcome(revoked: core::Revoked) -> &'static str {
    match revoked {
        core::Revoked::Already => "already",
        _ => "now",
    }
}

fn anchors(all: Vec<phoenix_core::x509::Anchor>) -> Tuple<Anchor> {
    Tuple(all.into_iter().map(|inner| Anchor { inner }).collect())
}

/// Asks for a certificate like a current one.
pub(crate) fn again(
    py: Python<'_>,
    current: &Chain,
    ask: impl FnOnce(
        &phoenix_core::names::CommonName,
        phoenix_core::x509::Usage,
    ) -> Result<core::Issued, core::EnrollError>
    + Send,
) -> PyResult<core::Issued> {
    let leaf = current.inner.leaf();
    let Some(name) = &leaf.common_name else {
        return Err(argument(
            py,
            "current",
            "found a certificate without a common name",
        ));
    };
    let name = word(py, "current", name)?;
    let usage = if leaf.server_auth {
        phoenix_core::x509::Usage::Server
    } else {
        phoenix_core::x509::Usage::Client
    };
    detached(py, || ask(&name, usage))
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Health>()?;
    module.add_class::<Provisioner>()?;
    module.add_class::<StepCa>()
}
