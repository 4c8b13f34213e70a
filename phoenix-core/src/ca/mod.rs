//! Certificate authorities: who signs, over what, and why not.
//!
//! [`Authority`] has three implementations. [`StepCa`] speaks step-ca's own protocol over TLS and trusts nothing but the
//! pinned root; `Acme` (feature `acme`) speaks RFC 8555 with the same trust; [`EmbeddedCa`] keeps a root and an
//! intermediate in a directory. All judge what was issued ([`judge`]) before they hand it out. None writes a certificate
//! anywhere.

#[cfg(feature = "acme")]
mod acme;
mod embedded;
mod error;
mod http;
mod judge;
mod stepca;
mod url;

use std::collections::BTreeSet;

#[cfg(feature = "acme")]
pub use acme::{AccountKey, Acme, AcmeDirectory};
pub use embedded::{CaDesign, EmbeddedCa};
pub use error::{EnrollError, TlsFault, TransportError};
pub use http::Timeouts;
pub use judge::{JudgeFault, Wanted, judge};
pub use stepca::{
    JweFault, Longest, PasswordSource, Permit, ProvisionerInfo, Revocation, RevocationList,
    Revoked, StepCa, TokenContent, bootstrap,
};
pub use url::CaUrl;

/// What a program without step-ca says of it.
pub(crate) const WITHOUT_STEP_CA: &str =
    "this program was built without step-ca (cargo feature `stepca`)";

use crate::names::{CommonName, SubjectAltName};
use crate::time::GoDuration;
use crate::x509::{Anchor, Chain, PrivateKey, Usage};

/// What is asked of an authority.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The subject's common name.
    pub common_name: &'a CommonName,
    /// Exactly the names that the certificate is to have; empty: the common name alone, as a DNS name.
    pub sans: &'a BTreeSet<SubjectAltName>,
    /// The key that the certificate is for.
    pub key: &'a PrivateKey,
    /// The usage that the leaf must allow.
    pub usage: Usage,
    /// How long it is to be valid; `None` leaves it to the authority.
    pub validity: Option<GoDuration>,
}

impl<'a> Request<'a> {
    /// A request for a server certificate with the authority's own validity.
    pub fn new(
        common_name: &'a CommonName,
        sans: &'a BTreeSet<SubjectAltName>,
        key: &'a PrivateKey,
    ) -> Self {
        Self {
            common_name,
            sans,
            key,
            usage: Usage::Server,
            validity: None,
        }
    }

    /// For this usage.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Valid for this long.
    #[must_use]
    pub fn validity(mut self, validity: Option<GoDuration>) -> Self {
        self.validity = validity;
        self
    }

    /// The names to ask for: those given, else the common name.
    pub fn names(&self) -> Result<BTreeSet<SubjectAltName>, EnrollError> {
        if !self.sans.is_empty() {
            return Ok(self.sans.clone());
        }
        // step-ca would make a DNS name even of what is none.
        self.common_name
            .as_dns()
            .map(|name| BTreeSet::from([name]))
            .ok_or_else(|| EnrollError::NoNames {
                common_name: self.common_name.to_string(),
            })
    }
}

/// What an authority gave, already judged.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Issued {
    /// Leaf first, then the intermediates; the root is not in it.
    pub chain: Chain,
    /// What the operator should know, such as a lifetime that the authority cut.
    pub warnings: Vec<String>,
}

impl Issued {
    /// A chain, leaf first, and nothing to say about it.
    pub fn new(chain: Chain) -> Self {
        Self {
            chain,
            warnings: Vec::new(),
        }
    }

    /// With these warnings.
    #[must_use]
    pub fn warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }
}

/// That an authority answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Where it was asked: a URL or a directory.
    pub at: String,
    /// What it says about its version.
    pub version: Option<String>,
    /// Its clock minus ours in seconds, where it told its time.
    pub clock_skew: Option<i64>,
}

impl Health {
    /// It answers there.
    pub fn new(at: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            version: None,
            clock_skew: None,
        }
    }
}

/// Signs certificates.
///
/// Object-safe and shared between threads: one value serves a whole run.
pub trait Authority: Send + Sync {
    /// Which authority this is, for every report.
    fn describe(&self) -> String;

    /// The roots that lead to what it issues.
    fn anchors(&self) -> Result<Vec<Anchor>, EnrollError>;

    /// Asks whether it is there.
    fn health(&self) -> Result<Health, EnrollError>;

    /// Gets a new certificate.
    fn enroll(&self, request: &Request<'_>) -> Result<Issued, EnrollError>;

    /// Gets a certificate with the names, key and lifetime of a current one, which proves who asks.
    ///
    /// `request` says what the answer is judged by; its `validity` is not used, since the lifetime stays what it was.
    fn renew(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError>;
}
