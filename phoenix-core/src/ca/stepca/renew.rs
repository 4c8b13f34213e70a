//! `/renew` and `/rekey`: the current certificate proves who asks, by mTLS, or in a token once it has expired.

use serde_json::json;

use super::token::{Claims, renewal_token};
use super::{StepCa, sign, wire};
use crate::ca::http::{Endpoint, Reply, trusting};
use crate::ca::{EnrollError, Issued, Request};
use crate::time::rfc3339;
use crate::x509::{Chain, KeyFault, PrivateKey, Usage, create_csr, verify_chain};

pub(super) fn renew(
    ca: &StepCa,
    current: &Chain,
    request: &Request<'_>,
) -> Result<Issued, EnrollError> {
    let about = request.common_name.as_str();
    let endpoints = ca.identified(current, request.key, about)?;
    let (reply, endpoint) = ca.ask(&endpoints, |endpoint| Ok(endpoint.post(RENEW, b"")))?;
    finish(ca, current, request, &reply, endpoint, RENEW)
}

impl StepCa {
    /// Gets a certificate with the names and lifetime of a current one, for a new key.
    ///
    /// The current pair proves who asks; `request` holds the new key and says what the answer is judged by.
    ///
    /// # Errors
    ///
    /// [`EnrollError::RenewalImpossible`] before anything is sent where the current certificate has expired: the CA
    /// takes no such certificate for a new key.
    pub fn rekey(
        &self,
        current: &Chain,
        current_key: &PrivateKey,
        request: &Request<'_>,
    ) -> Result<Issued, EnrollError> {
        let about = request.common_name.as_str();
        let endpoints = self.identified(current, current_key, about)?;
        // The request brings the key and nothing else; the names are those of the certificate.
        let csr = create_csr(request.key, request.common_name, &current.leaf().sans)
            .map_err(|source| EnrollError::key(about, source))?;
        let body = json!({ "csr": csr.to_pem() }).to_string();
        let (reply, endpoint) = self.ask(&endpoints, |endpoint| {
            Ok(endpoint.post(REKEY, body.as_bytes()))
        })?;
        finish(self, current, request, &reply, endpoint, REKEY)
    }

    /// Renews a certificate by a token of its own key: what still works after its end, where the provisioner's claim
    /// `allowRenewalAfterExpiry` says so, and through a proxy that ends TLS.
    ///
    /// # Errors
    ///
    /// [`EnrollError::Unauthorized`] where the CA does not allow it.
    pub fn renew_by_token(
        &self,
        current: &Chain,
        request: &Request<'_>,
    ) -> Result<Issued, EnrollError> {
        let about = request.common_name.as_str();
        same_key(current, request.key, about)?;
        let now = self.clock.now();
        // The chain is looked at as it was in its last moment; the CA does so too.
        let when = now.min(current.leaf().not_after);
        believed(self, current, about, when)?;
        let root = self.root()?;
        let (reply, endpoint) = self.ask(self.endpoints()?, |endpoint| {
            let claims = Claims {
                issuer: "step-ca-client/1.0",
                subject: current.leaf().common_name.as_deref().unwrap_or_default(),
                audience: &endpoint.audience(RENEW),
                sans: None,
                root,
                csr: None,
                now: self.clock.now(),
            };
            let token = renewal_token(current, request.key, &claims).ok_or_else(|| {
                let what = "its key is of no kind that signs tokens".to_owned();
                EnrollError::key(about, KeyFault::Signing(what))
            })?;
            Ok(endpoint.post_as(RENEW, &token))
        })?;
        finish(self, current, request, &reply, endpoint, RENEW)
    }

    /// Endpoints that show this certificate in the handshake.
    pub(super) fn identified(
        &self,
        current: &Chain,
        key: &PrivateKey,
        about: &str,
    ) -> Result<Vec<Endpoint>, EnrollError> {
        same_key(current, key, about)?;
        // An expired or foreign certificate would only end in a TLS alert without words.
        believed(self, current, about, self.clock.now())?;
        let identity = (current.certificates().to_vec(), key.secret_for_tls());
        // The roots were good enough for the check above, so only the key can be at fault.
        let tls = trusting(&self.anchors, &self.clock, Some(identity))
            .map_err(|detail| EnrollError::key(about, KeyFault::Signing(detail)))?;
        self.endpoints_with(&tls)
    }
}

fn same_key(current: &Chain, key: &PrivateKey, about: &str) -> Result<(), EnrollError> {
    if current.leaf().public_key == key.public_key() {
        return Ok(());
    }
    Err(EnrollError::KeyMismatch {
        common_name: about.to_owned(),
    })
}

fn believed(
    ca: &StepCa,
    current: &Chain,
    about: &str,
    when: std::time::SystemTime,
) -> Result<(), EnrollError> {
    verify_chain(current, &ca.anchors, when, Usage::Client).map_err(|reason| {
        EnrollError::RenewalImpossible {
            common_name: about.to_owned(),
            reason,
        }
    })
}

fn finish(
    ca: &StepCa,
    current: &Chain,
    request: &Request<'_>,
    reply: &Reply,
    endpoint: &Endpoint,
    path: &str,
) -> Result<Issued, EnrollError> {
    let about = request.common_name.as_str();
    match reply.status {
        200 | 201 => {}
        401 => {
            return Err(EnrollError::Unauthorized {
                url: endpoint.url().clone(),
                common_name: about.to_owned(),
                message: wire::message(reply),
                causes: causes(current, ca.clock.now()),
            });
        }
        400..=599 => return Err(sign::refused(about, endpoint, reply)),
        _ => {
            return Err(wire::unexpected(
                endpoint,
                path,
                wire::describe(reply, "status 201"),
            ));
        }
    }
    let chain = wire::chain(reply, endpoint, path)?;
    let leaf = current.leaf();
    let csr = create_csr(request.key, request.common_name, &leaf.sans)
        .map_err(|source| EnrollError::key(about, source))?;
    let order = sign::Order {
        common_name: about,
        sans: &leaf.sans,
        csr: &csr,
        public_key: &request.key.public_key(),
        usage: request.usage,
        validity: None,
    };
    sign::accept(ca, &order, &chain, Some(leaf.lifetime()))?;
    Ok(Issued {
        chain,
        warnings: Vec::new(),
    })
}

fn causes(current: &Chain, now: std::time::SystemTime) -> Vec<String> {
    let mut causes = Vec::new();
    let ended = current.leaf().not_after;
    if ended < now {
        causes.push(format!(
            "the certificate ended at {} and its provisioner does not allow renewal after that (claim `allowRenewalAfterExpiry`)",
            rfc3339(ended)
        ));
    }
    causes.extend([
        "the certificate was revoked".to_owned(),
        "its provisioner does not allow renewal or is gone".to_owned(),
    ]);
    causes
}

const RENEW: &str = "/1.0/renew";
const REKEY: &str = "/1.0/rekey";
