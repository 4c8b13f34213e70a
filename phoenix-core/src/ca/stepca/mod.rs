//! The client of step-ca: trust by a pinned root, one-time tokens by a JWK provisioner, renewal by mTLS.

mod bootstrap;
mod config;
mod explain;
mod given;
mod jwe;
mod lists;
mod provisioner;
mod renew;
mod revoke;
mod sign;
mod token;
mod wire;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use bootstrap::bootstrap;
pub use config::Longest;
pub use given::{Permit, TokenContent};
pub use jwe::JweFault;
pub use lists::{ProvisionerInfo, RevocationList};
pub use provisioner::PasswordSource;
pub use revoke::{Revocation, Revoked};

use super::http::{Attempts, Breakers, Endpoint, HttpFault, Reply, Wait, trusting};
use super::{Authority, CaUrl, EnrollError, Health, Issued, Request, Timeouts, TransportError};
use crate::system::Dial;
use crate::time::{Clock, GoDuration, SystemClock};
use crate::x509::{Anchor, Chain, Fingerprint};
use provisioner::SignerState;

/// A step-ca over the network.
///
/// One value serves a whole run from several threads: it keeps its connections, asks for the provisioner's password at
/// most once and opens the provisioner's key once.
pub struct StepCa {
    urls: Vec<CaUrl>,
    anchors: Vec<Anchor>,
    provisioner: Option<String>,
    password: PasswordSource,
    server_name: Option<String>,
    timeouts: Timeouts,
    dial: Arc<dyn Dial>,
    clock: Arc<dyn Clock>,
    endpoints: OnceLock<Vec<Endpoint>>,
    breakers: Breakers,
    signer: Mutex<SignerState>,
    longest: Mutex<Option<GoDuration>>,
    crl: Mutex<Option<RevocationList>>,
}

impl StepCa {
    /// A CA at these addresses (tried in order), believed only with a chain to one of the anchors.
    ///
    /// Without a provisioner's name the CA's only JWK provisioner is used. Nothing is asked before the first request.
    pub fn new(
        urls: Vec<CaUrl>,
        anchors: Vec<Anchor>,
        provisioner: Option<String>,
        password: PasswordSource,
        dial: Arc<dyn Dial>,
    ) -> Self {
        let breakers = Breakers::new(urls.len());
        Self {
            urls,
            anchors,
            provisioner,
            password,
            server_name: None,
            timeouts: Timeouts::default(),
            dial,
            clock: Arc::new(SystemClock),
            endpoints: OnceLock::new(),
            breakers,
            signer: Mutex::new(SignerState::Closed),
            longest: Mutex::new(None),
            crl: Mutex::new(None),
        }
    }

    /// The name in the CA's certificate, where it is reached by an address that the certificate does not have.
    /// It also becomes the audience of the tokens. Default: the URL's host.
    #[must_use]
    pub fn server_name(mut self, name: Option<String>) -> Self {
        self.server_name = name;
        self
    }

    /// How long it may take. Default: [`Timeouts::default`].
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Where the time comes from. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What it is known to allow at most, so that it need not refuse first. Default: learnt from its refusal.
    #[must_use]
    pub fn longest_life(self, longest: Option<GoDuration>) -> Self {
        Self {
            longest: Mutex::new(longest),
            ..self
        }
    }

    fn endpoints(&self) -> Result<&[Endpoint], EnrollError> {
        if let Some(endpoints) = self.endpoints.get() {
            return Ok(endpoints);
        }
        built_in()?;
        let tls = trusting(&self.anchors, &self.clock, None).map_err(EnrollError::NoRoot)?;
        let made = self.endpoints_with(&tls)?;
        // Another thread may have been faster; then ours are dropped before they connected.
        Ok(self.endpoints.get_or_init(|| made))
    }

    fn endpoints_with(
        &self,
        tls: &Arc<rustls::ClientConfig>,
    ) -> Result<Vec<Endpoint>, EnrollError> {
        if self.urls.is_empty() {
            return Err(EnrollError::Misconfigured("it has no address".to_owned()));
        }
        self.urls
            .iter()
            .map(|url| {
                Endpoint::new(
                    url,
                    self.server_name.as_deref(),
                    tls.clone(),
                    self.dial.clone(),
                    self.clock.clone(),
                    self.timeouts,
                )
                .map_err(EnrollError::Misconfigured)
            })
            .collect()
    }

    /// Sends a request until it is answered: the next address at once when one does not answer or is not to be trusted,
    /// then with growing waits.
    ///
    /// `send` is called anew for each attempt, because a token serves only once.
    fn ask<'e>(
        &self,
        endpoints: &'e [Endpoint],
        mut send: impl FnMut(&Endpoint) -> Result<Result<Reply, HttpFault>, EnrollError>,
    ) -> Result<(Reply, &'e Endpoint), EnrollError> {
        let clock = self.clock.as_ref();
        let mut attempts = Attempts::new(clock, self.timeouts.total);
        let mut silent = 0;
        let mut distrusted = BTreeSet::new();
        let mut first_distrusted = None;
        loop {
            let at = self.breakers.choose(clock);
            let endpoint = &endpoints[at];
            let (failure, wait) = match send(endpoint)? {
                Ok(reply) => match attempts.answered(clock, reply.status, reply.retry_after()) {
                    None => {
                        self.breakers.good(at);
                        return Ok((reply, endpoint));
                    }
                    Some(wait) => {
                        self.breakers.bad(at, clock);
                        let source = TransportError::Unavailable {
                            status: reply.status,
                            attempts: attempts.made(),
                            message: wire::message(&reply),
                        };
                        let url = endpoint.url().clone();
                        (EnrollError::Unreachable { url, source }, wait)
                    }
                },
                Err(fault) if fault.is_transient() => {
                    self.breakers.bad(at, clock);
                    silent += 1;
                    if silent % endpoints.len() != 0 {
                        continue;
                    }
                    (fault.at(endpoint.url()), attempts.broken(clock))
                }
                Err(fault @ HttpFault::Tls(_)) => {
                    // Nothing was sent, and another address may have a good certificate.
                    self.breakers.bad(at, clock);
                    let again = !distrusted.insert(at);
                    let failure = fault.at(endpoint.url());
                    if distrusted.len() == endpoints.len() {
                        return Err(first_distrusted.unwrap_or(failure));
                    }
                    if !again {
                        first_distrusted.get_or_insert(failure);
                        continue;
                    }
                    (failure, attempts.broken(clock))
                }
                Err(fault) => return Err(fault.at(endpoint.url())),
            };
            match wait {
                // Who is not to be trusted is the worse news.
                Wait::GiveUp => return Err(first_distrusted.unwrap_or(failure)),
                Wait::Try(duration) => clock.sleep(duration),
            }
        }
    }

    /// The endpoint that would be asked now.
    fn preferred<'e>(&self, endpoints: &'e [Endpoint]) -> &'e Endpoint {
        &endpoints[self.breakers.choose(self.clock.as_ref())]
    }

    /// The root that a token names.
    fn root(&self) -> Result<Fingerprint, EnrollError> {
        self.anchors
            .first()
            .map(|anchor| anchor.fingerprint)
            .ok_or_else(|| EnrollError::NoRoot("none is configured".to_owned()))
    }

    /// What the CA allowed at most, as learnt from its refusal.
    fn longest(&self) -> Option<GoDuration> {
        *self.longest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn_longest(&self, longest: GoDuration) {
        *self.longest.lock().unwrap_or_else(PoisonError::into_inner) = Some(longest);
    }
}

/// Whether this program can speak to step-ca at all.
fn built_in() -> Result<(), EnrollError> {
    if cfg!(feature = "stepca") {
        return Ok(());
    }
    Err(EnrollError::Misconfigured(
        crate::ca::WITHOUT_STEP_CA.to_owned(),
    ))
}

impl Authority for StepCa {
    fn describe(&self) -> String {
        let urls: Vec<String> = self.urls.iter().map(ToString::to_string).collect();
        format!("step-ca at {}", urls.join(", "))
    }

    fn anchors(&self) -> Result<Vec<Anchor>, EnrollError> {
        Ok(self.anchors.clone())
    }

    fn health(&self) -> Result<Health, EnrollError> {
        let endpoints = self.endpoints()?;
        let (reply, endpoint) = self.ask(endpoints, |endpoint| Ok(endpoint.get("/health")))?;
        wire::expect_health(&reply, endpoint)?;
        // An old one does not tell.
        let version = self.version().ok();
        Ok(Health {
            at: endpoint.url().to_string(),
            version,
            clock_skew: endpoint.skew(),
        })
    }

    fn enroll(&self, request: &Request<'_>) -> Result<Issued, EnrollError> {
        sign::enroll(self, request)
    }

    fn renew(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError> {
        renew::renew(self, current, request)
    }
}
