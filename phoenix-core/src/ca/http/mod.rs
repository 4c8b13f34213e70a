//! HTTP to one CA: one address, one trust, one TLS name; no redirects, no proxy but the one that is named ([`ProxyDial`](crate::system::ProxyDial)), nothing unbounded.

mod breaker;
mod fault;
mod reply;
mod retry;
mod transport;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, client::danger::ServerCertVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use time::PrimitiveDateTime;
use time::macros::format_description;
use ureq::http::{HeaderMap, Method, Request};

pub(crate) use breaker::Breakers;
pub(crate) use fault::HttpFault;
#[cfg(feature = "acme")]
pub(crate) use reply::printable;
pub(crate) use reply::{Reply, describe, message};
pub(crate) use retry::{Attempts, Wait};

use super::CaUrl;
use crate::secret::Secret;
use crate::system::Dial;
use crate::time::Clock;
use crate::x509::Anchor;
use transport::{NoAddress, TlsConnector};

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

/// One CA address with its kept connections.
pub(crate) struct Endpoint {
    url: CaUrl,
    base: CaUrl,
    agent: ureq::Agent,
    clock: Arc<dyn Clock>,
    skew: Mutex<Option<i64>>,
}

impl Endpoint {
    /// A client for `url` that expects the TLS name `server_name` (the URL's host where `None`).
    pub(crate) fn new(
        url: &CaUrl,
        server_name: Option<&str>,
        tls: Arc<ClientConfig>,
        dial: Arc<dyn Dial>,
        clock: Arc<dyn Clock>,
        timeouts: Timeouts,
    ) -> Result<Self, String> {
        let base = server_name.map_or_else(|| url.clone(), |name| url.under(name));
        let name = ServerName::try_from(base.host().to_owned())
            .map_err(|_| format!("`{}` is no name that a TLS server can have", base.host()))?;
        let config = ureq::Agent::config_builder()
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("phoenix/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(timeouts.connect))
            .timeout_global(Some(timeouts.request))
            .max_response_header_size(64 << 10)
            .max_idle_connections(CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            // The server closes idle connections at 15 s.
            .max_idle_age(Duration::from_secs(10))
            .build();
        let connector = TlsConnector {
            dial,
            host: url.host().to_owned(),
            port: url.port(),
            name,
            tls,
        };
        Ok(Self {
            url: url.clone(),
            base,
            agent: ureq::Agent::with_parts(config, connector, NoAddress),
            clock,
            skew: Mutex::new(None),
        })
    }

    /// The address as it was configured.
    pub(crate) fn url(&self) -> &CaUrl {
        &self.url
    }

    /// The address under the name that the CA's certificate has.
    #[cfg(feature = "acme")]
    pub(crate) fn base(&self) -> &CaUrl {
        &self.base
    }

    /// What the CA calls this path: the audience of a token.
    pub(crate) fn audience(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The server's clock minus ours in seconds, as of the last answer.
    pub(crate) fn skew(&self) -> Option<i64> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Reply, HttpFault> {
        let request = Request::get(self.audience(path)).body(&b""[..]);
        self.exchange(request.map_err(|error| HttpFault::of_request(&error))?)
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Result<Reply, HttpFault> {
        self.post_with(path, body, None)
    }

    /// An empty request of whoever holds this token.
    pub(crate) fn post_as(&self, path: &str, token: &Secret) -> Result<Reply, HttpFault> {
        self.post_with(path, b"", Some(token))
    }

    fn post_with(
        &self,
        path: &str,
        body: &[u8],
        bearer: Option<&Secret>,
    ) -> Result<Reply, HttpFault> {
        let mut request =
            Request::post(self.audience(path)).header("content-type", "application/json");
        if let Some(token) = bearer {
            // step-ca wants the word exactly so.
            let value = [b"Bearer ", token.expose_secret()].concat();
            request = request.header("authorization", value);
        }
        self.exchange(
            request
                .body(body)
                .map_err(|error| HttpFault::of_request(&error))?,
        )
    }

    /// Sends any request to this server; its URI must begin with [`Endpoint::audience`].
    pub(crate) fn exchange(&self, request: Request<&[u8]>) -> Result<Reply, HttpFault> {
        let fault = |error| HttpFault::of(error, self.base.host());
        let (parts, body) = request.into_parts();
        // An empty body of a GET is none, and must not be announced.
        let answer = if body.is_empty() && parts.method != Method::POST {
            self.agent.run(Request::from_parts(parts, ()))
        } else {
            self.agent.run(Request::from_parts(parts, body))
        };
        let mut answer = answer.map_err(fault)?;
        self.note_clock(answer.headers());
        let body = answer
            .body_mut()
            .with_config()
            .limit(BODY_LIMIT)
            .read_to_vec()
            .map_err(fault)?;
        let (parts, _) = answer.into_parts();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    fn note_clock(&self, headers: &HeaderMap) {
        let format = format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        let there = headers
            .get("date")
            .and_then(|value| value.to_str().ok())
            .and_then(|text| PrimitiveDateTime::parse(text, &format).ok())
            .map(|time| time.assume_utc().unix_timestamp());
        if let Some(there) = there {
            let here = unix_seconds(self.clock.now());
            *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(there - here);
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

fn unix_seconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
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

/// Kept connections per address: one for each worker.
const CONNECTIONS: usize = 8;

/// An answer of step-ca has a few KiB.
const BODY_LIMIT: u64 = 1 << 20;
