//! One-time tokens that are handed around, and requests that somebody else signed.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::token::Claims;
use super::{StepCa, revoke, sign};
use crate::ca::{EnrollError, Issued, Request};
use crate::names::{CommonName, SubjectAltName};
use crate::secret::Secret;
use crate::time::GoDuration;
use crate::x509::{Csr, Serial, Usage, create_csr};

/// What a one-time token is to allow.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Permit<'a> {
    /// To revoke the certificate with this serial number.
    Revoke(&'a Serial),
    /// To get one certificate.
    Sign {
        /// Its common name.
        common_name: &'a CommonName,
        /// Exactly its names; empty: the common name alone.
        sans: &'a BTreeSet<SubjectAltName>,
        /// The one request that the token serves for. Without it whoever has the token may bring a key of their own.
        csr: Option<&'a Csr>,
    },
}

/// What a token says, as far as it can be read without knowing who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenContent {
    /// The certificate's common name, or the serial number that it revokes.
    pub subject: String,
    /// The certificate's names; the subject alone where there are none.
    pub sans: Vec<String>,
    /// When it ends.
    pub expires: Option<SystemTime>,
}

impl TokenContent {
    /// Reads a token's claims; `None` when it is no token.
    pub fn read(token: &Secret) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            sub: String,
            #[serde(default)]
            sans: Vec<String>,
            exp: Option<u64>,
        }
        let text = std::str::from_utf8(token.expose_secret()).ok()?;
        let [_, body, _] = <[&str; 3]>::try_from(text.split('.').collect::<Vec<_>>()).ok()?;
        let body: Body = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        Some(Self {
            subject: body.sub,
            sans: body.sans,
            expires: body
                .exp
                .and_then(|exp| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp))),
        })
    }
}

impl StepCa {
    /// Makes a one-time token for somebody else to use within five minutes.
    pub fn one_time_token(&self, permit: Permit<'_>) -> Result<Secret, EnrollError> {
        let signer = self.signer()?;
        let endpoint = self.preferred(self.endpoints()?);
        let (subject, path, sans, csr) = match permit {
            Permit::Revoke(serial) => (serial.to_string(), revoke::PATH, None, None),
            Permit::Sign {
                common_name,
                sans,
                csr,
            } => {
                let names: Vec<String> = if sans.is_empty() {
                    vec![common_name.to_string()]
                } else {
                    sans.iter().map(ToString::to_string).collect()
                };
                (common_name.to_string(), sign::PATH, Some(names), csr)
            }
        };
        let claims = Claims {
            issuer: &signer.provisioner,
            subject: &subject,
            audience: &endpoint.audience(path),
            sans,
            root: self.root()?,
            csr,
            now: self.clock.now(),
        };
        signer.token(&subject, &claims)
    }

    /// Gets a certificate with a token that somebody else made; no password is needed.
    ///
    /// The token serves for one attempt, so nothing is tried twice.
    pub fn enroll_with_token(
        &self,
        request: &Request<'_>,
        token: &Secret,
    ) -> Result<Issued, EnrollError> {
        let sans = request.names()?;
        let csr = create_csr(request.key, request.common_name, &sans)
            .map_err(|source| EnrollError::key(request.common_name.as_str(), source))?;
        let order = sign::Order {
            common_name: request.common_name.as_str(),
            sans: &sans,
            csr: &csr,
            public_key: &request.key.public_key(),
            usage: request.usage,
            validity: request.validity,
        };
        sign::sign(self, &order, Some(token))
    }

    /// Gets a certificate for a request that somebody else made, whose key stays with them.
    ///
    /// The names are those in the request, and its common name, where it is a DNS name and no other is asked for.
    /// With a token of somebody else's no password is needed.
    ///
    /// # Errors
    ///
    /// [`EnrollError::NoNames`] when it names nothing that a certificate can be for.
    pub fn sign_request(
        &self,
        csr: &Csr,
        usage: Usage,
        validity: Option<GoDuration>,
        token: Option<&Secret>,
    ) -> Result<Issued, EnrollError> {
        let content = csr
            .content()
            .map_err(|fault| EnrollError::BadRequest(fault.to_string()))?;
        if let Some(other) = content.other_names.first() {
            return Err(EnrollError::BadRequest(format!(
                "it asks for the name `{other}`, which step-ca does not issue"
            )));
        }
        // Without a common name the first name becomes it: step-ca wants one in the token.
        let subject = content
            .common_name
            .clone()
            .or_else(|| content.sans.first().map(ToString::to_string))
            .unwrap_or_default();
        let common_name: CommonName = subject
            .parse()
            .map_err(|error: crate::names::NameError| EnrollError::BadRequest(error.to_string()))?;
        let sans = if content.sans.is_empty() {
            common_name
                .as_dns()
                .map(|name| BTreeSet::from([name]))
                .ok_or_else(|| EnrollError::NoNames {
                    common_name: common_name.to_string(),
                })?
        } else {
            content.sans
        };
        let order = sign::Order {
            common_name: common_name.as_str(),
            sans: &sans,
            csr,
            public_key: &content.public_key,
            usage,
            validity,
        };
        sign::sign(self, &order, token)
    }
}
