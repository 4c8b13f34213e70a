//! `/revoke`: the CA renews a revoked certificate no more, and lists it where it keeps a revocation list.
//!
//! That is all: nobody who checks the certificate without the list sees a difference until it ends.

use serde_json::json;
use zeroize::Zeroizing;

use super::token::Claims;
use super::{StepCa, explain, sign, wire};
use crate::ca::EnrollError;
use crate::ca::http::{Endpoint, Reply};
use crate::secret::Secret;
use crate::x509::{Chain, PrivateKey, RevocationReason, Serial};

/// Which certificate is to be revoked, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Revocation {
    /// Its serial number. The CA takes any number, also one that it never gave.
    pub serial: Serial,
    /// Why. Default: nothing is said.
    pub reason: RevocationReason,
    /// Words for the CA's records.
    pub words: Option<String>,
}

impl Revocation {
    /// Without a reason.
    pub fn new(serial: Serial) -> Self {
        Self {
            serial,
            reason: RevocationReason::default(),
            words: None,
        }
    }

    /// For this reason.
    #[must_use]
    pub fn reason(mut self, reason: RevocationReason, words: Option<String>) -> Self {
        self.reason = reason;
        self.words = words;
        self
    }

    fn about(&self) -> String {
        format!("serial {}", self.serial)
    }

    fn body(&self, token: Option<&Secret>) -> Zeroizing<String> {
        let mut body = json!({
            // In hexadecimal digits an older CA would note it and block nothing.
            "serial": self.serial.to_string(),
            "reasonCode": self.reason.code(),
            "reason": self.words.clone().unwrap_or_default(),
            "passive": true,
        });
        if let Some(token) = token {
            body["ott"] = json!(String::from_utf8_lossy(token.expose_secret()));
        }
        Zeroizing::new(body.to_string())
    }
}

/// How a revocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Revoked {
    /// It was revoked before.
    Already,
    /// It is revoked now.
    Now,
}

impl StepCa {
    /// Revokes a certificate by a one-time token of the provisioner.
    pub fn revoke(&self, what: &Revocation) -> Result<Revoked, EnrollError> {
        let signer = self.signer()?;
        let root = self.root()?;
        let about = what.about();
        let (reply, endpoint) = self.ask(self.endpoints()?, |endpoint| {
            let claims = Claims {
                issuer: &signer.provisioner,
                subject: &what.serial.to_string(),
                audience: &endpoint.audience(PATH),
                sans: None,
                root,
                csr: None,
                now: self.clock.now(),
            };
            let token = signer.token(&about, &claims)?;
            Ok(endpoint.post(PATH, what.body(Some(&token)).as_bytes()))
        })?;
        if reply.status == 401 {
            return Err(explain::unauthorized(
                self, &about, PATH, endpoint, &reply, &signer,
            ));
        }
        verdict(what, endpoint, &reply)
    }

    /// Revokes a certificate that proves itself that it may be: needs its key and no password.
    pub fn revoke_by_certificate(
        &self,
        chain: &Chain,
        key: &PrivateKey,
        reason: RevocationReason,
        words: Option<String>,
    ) -> Result<Revoked, EnrollError> {
        let what = Revocation::new(chain.leaf().serial_number()).reason(reason, words);
        let about = what.about();
        let endpoints = self.identified(chain, key, &about)?;
        let (reply, endpoint) = self.ask(&endpoints, |endpoint| {
            Ok(endpoint.post(PATH, what.body(None).as_bytes()))
        })?;
        if reply.status == 401 {
            return Err(EnrollError::Unauthorized {
                url: endpoint.url().clone(),
                common_name: about,
                message: wire::message(&reply),
                causes: vec![
                    "the certificate was revoked before".to_owned(),
                    "its provisioner is gone".to_owned(),
                ],
            });
        }
        verdict(&what, endpoint, &reply)
    }
}

fn verdict(what: &Revocation, endpoint: &Endpoint, reply: &Reply) -> Result<Revoked, EnrollError> {
    match reply.status {
        200 | 201 => Ok(Revoked::Now),
        400 if wire::message(reply).contains("already revoked") => Ok(Revoked::Already),
        400..=599 => Err(sign::refused(&what.about(), endpoint, reply)),
        _ => Err(wire::unexpected(
            endpoint,
            PATH,
            wire::describe(reply, "status 200"),
        )),
    }
}

pub(super) const PATH: &str = "/1.0/revoke";
