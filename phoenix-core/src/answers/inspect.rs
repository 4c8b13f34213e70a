//! What was seen of a certificate.

use std::time::SystemTime;

use serde::Serialize;

use crate::x509::{Details, Fingerprint, Serial};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Where it was looked at.
    pub source: String,
    /// The certificates in their order; the leaf is first in a chain.
    pub certificates: Vec<InspectedCertificate>,
    /// The request, where the file holds one.
    pub request: Option<InspectedRequest>,
    /// Whether the chain leads to a root, where one is known.
    pub trust: Option<Verdict>,
    /// Whether the key that was named belongs to the first certificate.
    pub key_fits: Option<bool>,
    /// What is wrong with the order of the chain.
    pub order: Option<String>,
}

/// One certificate in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedCertificate {
    /// Its subject.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// Its names, with those of kinds that Phoenix does not ask for.
    pub names: Vec<String>,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// Key, usage, origin.
    #[serde(flatten)]
    pub details: Details,
    /// From when on it is valid.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub not_before: SystemTime,
    /// Until when.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub not_after: SystemTime,
    /// Whether it is valid at the moment.
    pub state: State,
    /// Its serial number.
    pub serial: Serial,
    /// The serial number in hexadecimal digits, as most programs print it.
    pub serial_hex: String,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
}

/// Whether a certificate is valid, by its dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// It has ended.
    Expired,
    /// It has not begun.
    NotYetValid,
    /// It is valid.
    Valid,
}

/// A request in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedRequest {
    /// Its common name.
    pub common_name: Option<String>,
    /// The names that it asks for.
    pub names: Vec<String>,
    /// Its key.
    pub key: String,
}

/// Whether a chain leads to a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The root's subject.
    pub root: String,
    /// The root's fingerprint.
    pub fingerprint: Fingerprint,
    /// Where the root was found.
    pub from: String,
    /// Why the chain is not to be believed; `None` when it is.
    pub fault: Option<String>,
}

impl Inspection {
    /// Whether everything that was asked about fits: the root that was named, and the key.
    pub fn is_sound(&self) -> bool {
        self.key_fits != Some(false)
            && self
                .trust
                .as_ref()
                .is_none_or(|verdict| verdict.fault.is_none())
    }
}
