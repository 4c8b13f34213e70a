//! What was done with single certificates.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;

use crate::ca::{Issued, Revoked};
use crate::names::SubjectAltName;
use crate::secret::Secret;
use crate::x509::{Fingerprint, Leaf, RevocationReason, Serial};

/// What was done with one certificate, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertReport {
    /// `issue`, `renew`, `rekey` or `csr`.
    pub act: &'static str,
    /// The common name.
    pub common_name: String,
    /// The names.
    pub names: Vec<String>,
    /// Who issued it; `None` for a request.
    pub authority: Option<String>,
    /// The certificate, where there is one now.
    pub certificate: Option<CertificateFacts>,
    /// The request as PEM, where one was made and no file named.
    pub request: Option<String>,
    /// The files that were written, or would be.
    pub files: Vec<PathBuf>,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// Why there is nothing to do.
    pub kept: Option<String>,
    /// Whether anything was written.
    pub written: bool,
}

/// A certificate in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateFacts {
    /// From when on it is valid.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub not_before: SystemTime,
    /// Until when.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub not_after: SystemTime,
    /// Its serial number.
    pub serial: Serial,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
}

impl CertificateFacts {
    fn of(leaf: &Leaf) -> Self {
        Self {
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            serial: leaf.serial_number(),
            fingerprint: leaf.fingerprint,
        }
    }
}

/// A one-time token.
#[derive(Debug, Serialize)]
pub struct TokenReport {
    #[serde(serialize_with = "shown")]
    pub(crate) token: Secret,
    /// The common name, or the serial number that it revokes.
    pub subject: String,
    /// The names of the certificate.
    pub names: Vec<String>,
    /// When it ends.
    pub expires: Option<String>,
}

impl TokenReport {
    /// The token, which whoever has it may use once.
    pub fn secret(&self) -> &Secret {
        &self.token
    }
}

impl CertReport {
    pub(crate) fn new(
        act: &'static str,
        common_name: &str,
        names: &BTreeSet<SubjectAltName>,
    ) -> Self {
        Self {
            act,
            common_name: common_name.to_owned(),
            names: names.iter().map(ToString::to_string).collect(),
            authority: None,
            certificate: None,
            request: None,
            files: Vec::new(),
            warnings: Vec::new(),
            kept: None,
            written: false,
        }
    }

    pub(crate) fn issued(&mut self, issued: &Issued, authority: String) {
        self.authority = Some(authority);
        self.certificate = Some(CertificateFacts::of(issued.chain.leaf()));
        self.warnings.extend(issued.warnings.iter().cloned());
        self.written = true;
    }
}

/// What became of a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevokeReport {
    /// The serial number.
    pub serial: Serial,
    /// The common name, where a file told it.
    pub common_name: Option<String>,
    /// Why.
    pub reason: RevocationReason,
    /// Who was asked.
    pub authority: String,
    /// How it ended; `None` for a dry run.
    pub outcome: Option<Revoked>,
}

fn shown<S: serde::Serializer>(token: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    // A token is ASCII.
    serializer.serialize_str(&String::from_utf8_lossy(token.expose_secret()))
}
