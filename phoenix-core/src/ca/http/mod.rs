//! HTTP to one CA: one address, one trust, one TLS name; no redirects, no proxy but the one that is named ([`ProxyDial`](crate::system::ProxyDial)), nothing unbounded.
#![cfg_attr(
    not(any(feature = "acme", feature = "stepca")),
    allow(dead_code, unused_imports, reason = "nobody is asked")
)]

#[cfg(not(any(feature = "acme", feature = "stepca")))]
mod absent;
mod breaker;
#[cfg(any(feature = "acme", feature = "stepca"))]
mod endpoint;
mod fault;
mod reply;
mod retry;
#[cfg(any(feature = "acme", feature = "stepca"))]
mod transport;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, client::danger::ServerCertVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

#[cfg(not(any(feature = "acme", feature = "stepca")))]
pub(crate) use absent::Endpoint;
pub(crate) use breaker::Breakers;
#[cfg(any(feature = "acme", feature = "stepca"))]
pub(crate) use endpoint::Endpoint;
pub(crate) use fault::HttpFault;
#[cfg(feature = "acme")]
pub(crate) use reply::printable;
pub(crate) use reply::{Reply, describe, message};
pub(crate) use retry::{Attempts, Wait};

use crate::time::Clock;
use crate::x509::Anchor;

/// How long a CA may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// For a connection, TLS handshake included. Default: 5 s.
    pub connect: Duration,
    /// For one request with its answer. Default: 25 s (webhooks of the CA may take 10 s each).
    pub request: Duration,
    /// For one certificate with all repetitions. Default: 60 s.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(25),
            total: Duration::from_secs(60),
        }
    }
}

impl Timeouts {
    /// All three.
    pub fn new(connect: Duration, request: Duration, total: Duration) -> Self {
        Self {
            connect,
            request,
            total,
        }
    }
}

/// What a TLS client trusts and who it is.
pub(crate) fn trusting(
    anchors: &[Anchor],
    clock: &Arc<dyn Clock>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    // A verifier of TLS does not look at a root's own dates.
    for anchor in anchors.iter().filter(|root| root.valid_at(clock.now())) {
        roots
            .add(anchor.der().clone())
            .map_err(|error| format!("`{}` is unusable: {error}", anchor.subject))?;
    }
    if roots.is_empty() {
        return Err(match anchors.first() {
            Some(root) => format!(
                "`{}` is valid from {} to {} only",
                root.subject,
                crate::time::rfc3339(root.not_before),
                crate::time::rfc3339(root.not_after)
            ),
            None => "none is configured".to_owned(),
        });
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    verified_by(verifier, clock, identity)
}

/// A TLS configuration with this verifier.
pub(crate) fn verified_by(
    verifier: Arc<dyn ServerCertVerifier>,
    clock: &Arc<dyn Clock>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_details(
        Arc::new(aws_lc_rs::default_provider()),
        Arc::new(TlsClock(clock.clone())),
    )
    .with_safe_default_protocol_versions()
    .map_err(|error| error.to_string())?
    .dangerous()
    .with_custom_certificate_verifier(verifier);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| error.to_string())?,
    };
    Ok(Arc::new(config))
}

struct TlsClock(Arc<dyn Clock>);

impl std::fmt::Debug for TlsClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsClock")
    }
}

impl TimeProvider for TlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        self.0
            .now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .map(UnixTime::since_unix_epoch)
    }
}

/// An answer of step-ca has a few KiB.
const BODY_LIMIT: u64 = 1 << 20;
