//! A CA that speaks ACME (RFC 8555), such as an ACME provisioner of step-ca: no password and no token, but a proof for
//! every name.
//!
//! The protocol is instant-acme's, whose futures wait for nothing but its HTTP client. That client is ours ([`wire`]) and
//! blocks, so each future is done when it is first polled, no runtime is needed, and the pinned root stays the only anchor.

mod account;
mod directory;
mod order;
mod proof;
mod responder;
mod wire;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use account::AccountKey;
pub use directory::AcmeDirectory;

use super::http::{Endpoint, describe, trusting};
use super::{Authority, EnrollError, Health, Issued, Request, Revoked, Timeouts, Wanted, judge};
use crate::names::SubjectAltName;
use crate::settings::AcmeChallenge;
use crate::system::{Commands, Dial};
use crate::time::{Clock, SystemClock, human};
use crate::x509::{Anchor, Chain, RevocationReason, create_csr};
use proof::Prover;

/// A CA that speaks ACME.
///
/// One value serves a whole run from several threads, with one account. A renewal is a new order for the same key.
pub struct Acme {
    directory: AcmeDirectory,
    anchors: Vec<Anchor>,
    challenge: AcmeChallenge,
    key: AccountKey,
    server_name: Option<String>,
    timeouts: Timeouts,
    dial: Arc<dyn Dial>,
    clock: Arc<dyn Clock>,
    prover: Prover,
    session: Mutex<Option<Session>>,
}

/// An account that the CA knows, over kept connections.
#[derive(Clone)]
struct Session {
    account: instant_acme::Account,
    endpoint: Arc<Endpoint>,
}

impl Acme {
    /// A CA with this directory, believed only with a chain to one of the anchors.
    ///
    /// The account is made when the first certificate is asked for, with the key in `key` or a new one that is kept there.
    pub fn new(
        directory: AcmeDirectory,
        anchors: Vec<Anchor>,
        challenge: AcmeChallenge,
        key: AccountKey,
        dial: Arc<dyn Dial>,
        commands: Arc<dyn Commands>,
    ) -> Self {
        Self {
            prover: Prover::new(&challenge, commands),
            directory,
            anchors,
            challenge,
            key,
            server_name: None,
            // The CA proves a name while it is asked, and a name may take minutes to be known everywhere.
            timeouts: Timeouts::new(
                Duration::from_secs(5),
                Duration::from_secs(60),
                Duration::from_secs(300),
            ),
            dial,
            clock: Arc::new(SystemClock),
            session: Mutex::new(None),
        }
    }

    /// The name in the CA's certificate, where it is reached by an address that the certificate does not have.
    #[must_use]
    pub fn server_name(mut self, name: Option<String>) -> Self {
        self.server_name = name;
        self
    }

    /// How long it may take. Default: 5 s, 60 s and 300 s.
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

    fn endpoint(&self) -> Result<Endpoint, EnrollError> {
        let tls = trusting(&self.anchors, &self.clock, None).map_err(EnrollError::NoRoot)?;
        Endpoint::new(
            self.directory.server(),
            self.server_name.as_deref(),
            tls,
            self.dial.clone(),
            self.clock.clone(),
            self.timeouts,
        )
        .map_err(EnrollError::Misconfigured)
    }

    /// The account; whoever comes first makes it, and the others wait.
    fn session(&self, about: &str) -> Result<Session, EnrollError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = session.as_ref() {
            return Ok(session.clone());
        }
        let endpoint = Arc::new(self.endpoint()?);
        let made = Session {
            account: account::open(self, &endpoint, about)?,
            endpoint,
        };
        *session = Some(made.clone());
        Ok(made)
    }

    /// The names as ACME has them, and nothing that could not be proved.
    fn provable(&self, request: &Request<'_>) -> Result<BTreeSet<SubjectAltName>, EnrollError> {
        let sans = request.names()?;
        let common_name = request.common_name;
        let fault = |name: String, why: &'static str| EnrollError::Unprovable { name, why };
        let among = sans.iter().any(|name| {
            matches!(name, SubjectAltName::Dns(_) | SubjectAltName::Ip(_))
                && name.to_string() == common_name.as_str()
        });
        if !among {
            return Err(fault(
                common_name.to_string(),
                "the common name must be one of the names that are proved",
            ));
        }
        let by_dns = matches!(self.challenge, AcmeChallenge::Dns01 { .. });
        for name in &sans {
            let why = match name {
                SubjectAltName::Dns(text) if text.starts_with("*.") && !by_dns => {
                    "a wildcard is proved by `dns-01` only"
                }
                SubjectAltName::Ip(_) if by_dns => "an address is proved by `http-01` only",
                SubjectAltName::Dns(_) | SubjectAltName::Ip(_) => continue,
                SubjectAltName::Email(_) | SubjectAltName::Uri(_) => {
                    "ACME knows DNS names and addresses only"
                }
            };
            return Err(fault(name.to_string(), why));
        }
        Ok(sans)
    }

    /// What is to be said when the CA gave less time than was asked for, which an order cannot name.
    fn shorter(&self, request: &Request<'_>, chain: &Chain) -> Option<String> {
        let asked = request.validity?;
        let given = chain.leaf().lifetime();
        (given < asked.0).then(|| {
            let hours = asked.whole_hours();
            let cure = self.directory.step_provisioner().map(|name| {
                format!(
                    "; to change it: step ca provisioner update {} --x509-default-dur {hours} --x509-max-dur {hours}",
                    shell_words::quote(name)
                )
            });
            format!(
                "`{}` was to be valid for {asked}; with ACME the CA at {} decides, and gave {}{}",
                request.common_name,
                self.directory.server(),
                human(given),
                cure.unwrap_or_default()
            )
        })
    }
}

impl Acme {
    /// Revokes a certificate that the account got.
    pub fn revoke(&self, chain: &Chain, reason: RevocationReason) -> Result<Revoked, EnrollError> {
        let about = format!("serial {}", chain.leaf().serial_number());
        let session = self.session(&about)?;
        let url = session.endpoint.url();
        let request = instant_acme::RevocationRequest {
            certificate: &chain.certificates()[0],
            reason: wire::reason(reason),
        };
        match wire::run(url, session.account.revoke(&request))? {
            Ok(()) => Ok(Revoked::Now),
            Err(instant_acme::Error::Api(problem)) if wire::is_revoked(&problem) => {
                Ok(Revoked::Already)
            }
            Err(error) => Err(wire::fault(url, &about, error)),
        }
    }
}

impl Authority for Acme {
    fn describe(&self) -> String {
        format!("ACME at {}, {}", self.directory, self.challenge)
    }

    fn anchors(&self) -> Result<Vec<Anchor>, EnrollError> {
        Ok(self.anchors.clone())
    }

    fn health(&self) -> Result<Health, EnrollError> {
        let endpoint = self.endpoint()?;
        let path = self.directory.path();
        let reply = endpoint
            .get(path)
            .map_err(|fault| fault.at(endpoint.url()))?;
        let is_directory = reply.status == 200
            && serde_json::from_slice::<serde_json::Value>(&reply.body)
                .is_ok_and(|answer| answer.get("newOrder").is_some());
        if !is_directory {
            return Err(EnrollError::Unexpected {
                url: endpoint.url().clone(),
                path: path.to_owned(),
                detail: describe(&reply, "status 200 with an ACME directory"),
            });
        }
        Ok(Health {
            at: self.directory.to_string(),
            version: None,
            clock_skew: endpoint.skew(),
        })
    }

    fn enroll(&self, request: &Request<'_>) -> Result<Issued, EnrollError> {
        let about = request.common_name.as_str();
        let sans = self.provable(request)?;
        let csr = create_csr(request.key, request.common_name, &sans)
            .map_err(|source| EnrollError::key(about, source))?;
        let session = self.session(about)?;
        let order::Fulfilled {
            chain,
            mut warnings,
        } = order::fulfil(self, &session, about, &sans, &csr)?;
        let public_key = request.key.public_key();
        let wanted = Wanted::of(request, &sans, &public_key, None);
        judge(&chain, &wanted, &self.anchors, self.clock.now()).map_err(|source| {
            EnrollError::Unacceptable {
                from: self.describe(),
                common_name: about.to_owned(),
                source,
            }
        })?;
        warnings.extend(self.shorter(request, &chain));
        Ok(Issued { chain, warnings })
    }

    /// A new order for the same key: to ACME every certificate is a new one.
    fn renew(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError> {
        if current.leaf().public_key != request.key.public_key() {
            return Err(EnrollError::KeyMismatch {
                common_name: request.common_name.to_string(),
            });
        }
        self.enroll(request)
    }
}
