//! Single certificates of a host, by the site's CA or another.

use std::path::PathBuf;
use std::time::Duration;

use phoenix_core::site::{
    AnyAuthority, CsrOptions, InspectSource, IssueKey, IssueOptions, PairFiles, RekeyOptions,
    RenewBy, RenewOptions, Target, TokenOptions,
};
use phoenix_core::time::{GoDuration, Validity};
use phoenix_core::x509::{KeyType, RevocationReason};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::answers::{CertReport, Inspection, ListedCertificate, RevokeReport};
use crate::call::{Word, all_words, detached, names, some_word, word};
use crate::error::argument;
use crate::record;
use crate::site::Site;
use crate::value::Tuple;

fn opened(
    py: Python<'_>,
    site: &Site,
    ca: Option<&Bound<'_, PyAny>>,
    writes: bool,
) -> PyResult<AnyAuthority> {
    crate::site_ca::open(py, site, ca, writes)
}

fn pair(cert: PathBuf, key: PathBuf) -> PairFiles {
    PairFiles { cert, key }
}

#[pymethods]
impl Site {
    /// The manifest's certificates as they lie on the host; only those named, or only those in need.
    #[pyo3(signature = (only = Vec::new(), *, in_need = false))]
    fn certs(
        &self,
        py: Python<'_>,
        only: Vec<String>,
        in_need: bool,
    ) -> PyResult<Tuple<ListedCertificate>> {
        let only = all_words(py, "only", &only)?;
        let all = detached(py, || {
            if in_need {
                self.site.certs_in_need(&only)
            } else {
                self.site.certs(&only)
            }
        })?;
        Ok(Tuple(record::all(&all)?))
    }

    /// Make a request; a key that is not there is made.
    #[pyo3(signature = (common_name, key_path, *, sans = Vec::new(), key_type = "ec-p256", out = None, force = false,
        dry_run = false))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn csr(
        &self,
        py: Python<'_>,
        common_name: &str,
        key_path: PathBuf,
        sans: Vec<Word>,
        key_type: &str,
        out: Option<PathBuf>,
        force: bool,
        dry_run: bool,
    ) -> PyResult<CertReport> {
        let options = CsrOptions {
            common_name: word(py, "common_name", common_name)?,
            sans: names(py, &sans)?,
            key: key_path,
            key_type: word(py, "key_type", key_type)?,
            out,
            force,
            dry_run,
        };
        record::of(&detached(py, || self.site.csr(&options))?)
    }

    /// Get a certificate into files: for a new key, for one that is there, or for a request.
    #[pyo3(signature = (cert_path, *, common_name = None, sans = Vec::new(), key_path = None, key_type = None,
        csr_path = None, usage = "server", validity = None, token = None, ca = None, force = false, dry_run = false))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn issue(
        &self,
        py: Python<'_>,
        cert_path: PathBuf,
        common_name: Option<&str>,
        sans: Vec<Word>,
        key_path: Option<PathBuf>,
        key_type: Option<&str>,
        csr_path: Option<PathBuf>,
        usage: &str,
        validity: Option<Duration>,
        token: Option<&Bound<'_, PyAny>>,
        ca: Option<&Bound<'_, PyAny>>,
        force: bool,
        dry_run: bool,
    ) -> PyResult<CertReport> {
        let key_type: Option<KeyType> = some_word(py, "key_type", key_type)?;
        let key = match (key_path, csr_path) {
            (Some(path), None) => match key_type {
                Some(kind) => IssueKey::New(path, kind),
                None => IssueKey::There(path),
            },
            (None, Some(path)) => IssueKey::Request(path),
            _ => {
                let what =
                    "expected one of `key_path` (with `key_type` for a new key) and `csr_path`";
                return Err(argument(py, "key_path", what));
            }
        };
        let options = IssueOptions {
            common_name: some_word(py, "common_name", common_name)?,
            sans: names(py, &sans)?,
            key,
            usage: word(py, "usage", usage)?,
            validity: validity.map(|span| Validity::For(GoDuration(span))),
            cert: cert_path,
            token: token
                .map(|token| crate::ca::password(Some(token)))
                .transpose()?,
            force,
            dry_run,
        };
        let authority = opened(py, self, ca, !dry_run)?;
        record::of(&detached(py, || self.site.issue(&authority, options))?)
    }

    /// Renew a certificate in its file; `within` (`1/3`, `8h`) leaves one alone that is not due.
    #[pyo3(signature = (cert_path, key_path, *, out = None, within = None, by = "auto", ca = None, force = false,
        dry_run = false))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn renew(
        &self,
        py: Python<'_>,
        cert_path: PathBuf,
        key_path: PathBuf,
        out: Option<PathBuf>,
        within: Option<&str>,
        by: &str,
        ca: Option<&Bound<'_, PyAny>>,
        force: bool,
        dry_run: bool,
    ) -> PyResult<CertReport> {
        let by = match by {
            "auto" => RenewBy::Auto,
            "certificate" => RenewBy::Certificate,
            "token" => RenewBy::Token,
            other => {
                let what = format!("found `{other}`, expected `auto`, `certificate` or `token`");
                return Err(argument(py, "by", &what));
            }
        };
        let options = RenewOptions {
            pair: pair(cert_path, key_path),
            out,
            within: some_word(py, "within", within)?,
            by,
            force,
            dry_run,
        };
        let authority = opened(py, self, ca, !dry_run)?;
        record::of(&detached(py, || self.site.renew(&authority, &options))?)
    }

    /// Get a certificate like the one in a file, for a new key.
    #[pyo3(signature = (cert_path, key_path, *, out_cert = None, out_key = None, key_type = None, ca = None,
        force = false, dry_run = false))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn rekey(
        &self,
        py: Python<'_>,
        cert_path: PathBuf,
        key_path: PathBuf,
        out_cert: Option<PathBuf>,
        out_key: Option<PathBuf>,
        key_type: Option<&str>,
        ca: Option<&Bound<'_, PyAny>>,
        force: bool,
        dry_run: bool,
    ) -> PyResult<CertReport> {
        let out = match (out_cert, out_key) {
            (Some(cert), Some(key)) => Some(pair(cert, key)),
            (None, None) => None,
            _ => {
                let what = "expected `out_cert` and `out_key` together, or neither";
                return Err(argument(py, "out_cert", what));
            }
        };
        let options = RekeyOptions {
            pair: pair(cert_path, key_path),
            out,
            key_type: some_word(py, "key_type", key_type)?,
            force,
            dry_run,
        };
        let authority = opened(py, self, ca, !dry_run)?;
        record::of(&detached(py, || self.site.rekey(&authority, &options))?)
    }

    /// Revoke a certificate: by its file, by its pair, or by its serial number.
    #[pyo3(signature = (*, cert_path = None, key_path = None, serial = None, reason = "unspecified", words = None,
        ca = None, dry_run = false))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn revoke(
        &self,
        py: Python<'_>,
        cert_path: Option<PathBuf>,
        key_path: Option<PathBuf>,
        serial: Option<&str>,
        reason: &str,
        words: Option<String>,
        ca: Option<&Bound<'_, PyAny>>,
        dry_run: bool,
    ) -> PyResult<RevokeReport> {
        let target = match (cert_path, key_path, serial) {
            (Some(cert), None, None) => Target::File(cert),
            (Some(cert), Some(key), None) => Target::Pair(cert, key),
            (None, None, Some(serial)) => Target::Serial(word(py, "serial", serial)?),
            _ => {
                let what = "expected `cert_path`, `cert_path` with `key_path`, or `serial`";
                return Err(argument(py, "cert_path", what));
            }
        };
        let reason: RevocationReason = word(py, "reason", reason)?;
        let authority = opened(py, self, ca, !dry_run)?;
        let report = detached(py, || {
            self.site
                .revoke(&authority, &target, reason, words, dry_run)
        })?;
        record::of(&report)
    }

    /// Make a token of step-ca for one certificate, or to revoke one. It is a secret.
    #[pyo3(signature = (common_name = None, *, sans = Vec::new(), csr_path = None, revoke_serial = None, ca = None))]
    fn token<'py>(
        &self,
        py: Python<'py>,
        common_name: Option<&str>,
        sans: Vec<Word>,
        csr_path: Option<PathBuf>,
        revoke_serial: Option<&str>,
        ca: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let options = match (common_name, revoke_serial) {
            (Some(name), None) => TokenOptions::Sign {
                common_name: word(py, "common_name", name)?,
                sans: names(py, &sans)?,
                csr: csr_path,
            },
            (None, Some(serial)) => TokenOptions::Revoke(word(py, "revoke_serial", serial)?),
            _ => {
                let what = "expected one of `common_name` and `revoke_serial`";
                return Err(argument(py, "common_name", what));
            }
        };
        let authority = opened(py, self, ca, false)?;
        let token = detached(py, || self.site.token(&authority, &options))?;
        Ok(PyBytes::new(py, token.secret().expose_secret()))
    }

    /// Look at the certificates of a file, or at those that `host:port` serves.
    #[pyo3(signature = (source, *, root_path = None, key_path = None))]
    fn inspect(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        root_path: Option<PathBuf>,
        key_path: Option<PathBuf>,
    ) -> PyResult<Inspection> {
        let source = match source.extract::<String>() {
            Ok(text) => word::<InspectSource>(py, "source", &text)?,
            Err(_) => InspectSource::File(source.extract()?),
        };
        let seen = detached(py, || {
            self.site
                .inspect(&source, root_path.as_deref(), key_path.as_deref())
        })?;
        let mut data = serde_json::to_value(&seen).unwrap_or_default();
        data["is_sound"] = seen.is_sound().into();
        record::of(&data)
    }
}
