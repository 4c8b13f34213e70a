//! One address of a CA, asked over connections that are kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use time::PrimitiveDateTime;
use time::macros::format_description;
use ureq::http::{HeaderMap, Method, Request};

use super::transport::{NoAddress, TlsConnector};
use super::{BODY_LIMIT, HttpFault, Reply, Timeouts};
use crate::ca::CaUrl;
use crate::secret::Secret;
use crate::system::Dial;
use crate::time::Clock;

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

fn unix_seconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

/// Kept connections per address: one for each worker.
const CONNECTIONS: usize = 8;
