//! `/sign`: a certificate for a one-time token.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use super::provisioner::Signer;
use super::token::Claims;
use super::{StepCa, explain, wire};
use crate::ca::http::{Endpoint, Reply};
use crate::ca::{Authority as _, EnrollError, Issued, Request, Wanted, judge};
use crate::names::SubjectAltName;
use crate::secret::Secret;
use crate::time::GoDuration;
use crate::x509::{Chain, Csr, Usage, create_csr};

pub(super) fn enroll(ca: &StepCa, request: &Request<'_>) -> Result<Issued, EnrollError> {
    let sans = request.names()?;
    let csr = create_csr(request.key, request.common_name, &sans)
        .map_err(|source| EnrollError::key(request.common_name.as_str(), source))?;
    sign(
        ca,
        &Order {
            common_name: request.common_name.as_str(),
            sans: &sans,
            csr: &csr,
            public_key: &request.key.public_key(),
            usage: request.usage,
            validity: request.validity,
        },
        None,
    )
}

/// A certificate that is to be signed: the request and what the answer is judged by.
pub(super) struct Order<'a> {
    pub(super) common_name: &'a str,
    pub(super) sans: &'a BTreeSet<SubjectAltName>,
    pub(super) csr: &'a Csr,
    pub(super) public_key: &'a [u8],
    pub(super) usage: Usage,
    pub(super) validity: Option<GoDuration>,
}

/// Has it signed, by tokens of our own or with the one that was given.
pub(super) fn sign(
    ca: &StepCa,
    order: &Order<'_>,
    given: Option<&Secret>,
) -> Result<Issued, EnrollError> {
    let signer = match given {
        None => Some(ca.signer()?),
        Some(_) => None,
    };
    let signer = signer.as_deref();
    let mut validity = shortened(order.validity, ca.longest());
    loop {
        let (reply, endpoint) = match (signer, given) {
            (Some(signer), _) => send(ca, order, signer, validity)?,
            (None, Some(token)) => once(ca, order, token, validity)?,
            (None, None) => return Err(EnrollError::Misconfigured("no token".to_owned())),
        };
        match reply.status {
            200 | 201 => {
                let chain = wire::chain(&reply, endpoint, PATH)?;
                let lifetime = validity.map(|validity| validity.0);
                accept(ca, order, &chain, lifetime)?;
                let warnings = warning(order, endpoint, signer, validity);
                return Ok(Issued {
                    chain,
                    warnings: warnings.into_iter().collect(),
                });
            }
            401 => {
                return Err(match signer {
                    Some(signer) => {
                        explain::unauthorized(ca, order.common_name, PATH, endpoint, &reply, signer)
                    }
                    None => explain::given_token(order.common_name, endpoint, &reply),
                });
            }
            403 => {
                let allowed = validity.and_then(|asked| longest(&wire::message(&reply), asked));
                match (allowed, validity) {
                    // Shorter each time, so this ends. A token that was given is used up now.
                    (Some(allowed), Some(asked)) if allowed < asked && given.is_none() => {
                        ca.learn_longest(allowed);
                        validity = Some(allowed);
                    }
                    _ => return Err(refused(order.common_name, endpoint, &reply)),
                }
            }
            400..=599 => return Err(refused(order.common_name, endpoint, &reply)),
            _ => {
                return Err(wire::unexpected(
                    endpoint,
                    PATH,
                    wire::describe(&reply, "status 201"),
                ));
            }
        }
    }
}

/// Judges what came back.
pub(super) fn accept(
    ca: &StepCa,
    order: &Order<'_>,
    chain: &Chain,
    lifetime: Option<Duration>,
) -> Result<(), EnrollError> {
    let wanted = Wanted {
        common_name: order.common_name,
        sans: order.sans,
        public_key: order.public_key,
        usage: order.usage,
        lifetime,
    };
    judge(chain, &wanted, &ca.anchors, ca.clock.now()).map_err(|source| EnrollError::Unacceptable {
        from: ca.describe(),
        common_name: order.common_name.to_owned(),
        source,
    })
}

fn send<'c>(
    ca: &'c StepCa,
    order: &Order<'_>,
    signer: &Signer,
    validity: Option<GoDuration>,
) -> Result<(Reply, &'c Endpoint), EnrollError> {
    let root = ca.root()?;
    ca.ask(ca.endpoints()?, |endpoint| {
        let claims = Claims {
            issuer: &signer.provisioner,
            subject: order.common_name,
            audience: &endpoint.audience(PATH),
            sans: Some(order.sans.iter().map(ToString::to_string).collect()),
            root,
            csr: Some(order.csr),
            now: ca.clock.now(),
        };
        let token = signer.token(order.common_name, &claims)?;
        let body = body(order, &token, validity);
        Ok(endpoint.post(PATH, body.as_bytes()))
    })
}

/// A token that was given serves one attempt; only where no connection was made it is still good.
fn once<'c>(
    ca: &'c StepCa,
    order: &Order<'_>,
    token: &Secret,
    validity: Option<GoDuration>,
) -> Result<(Reply, &'c Endpoint), EnrollError> {
    let body = body(order, token, validity);
    let mut failure = None;
    for endpoint in ca.endpoints()? {
        match endpoint.post(PATH, body.as_bytes()) {
            Ok(reply) => return Ok((reply, endpoint)),
            Err(fault) => {
                let unsent = fault.is_unsent();
                failure = Some(fault.at(endpoint.url()));
                if !unsent {
                    break;
                }
            }
        }
    }
    Err(failure.unwrap_or_else(|| EnrollError::Misconfigured("it has no address".to_owned())))
}

fn body(order: &Order<'_>, token: &Secret, validity: Option<GoDuration>) -> Zeroizing<String> {
    let mut body = json!({
        "csr": order.csr.to_pem(),
        // A token is ASCII.
        "ott": String::from_utf8_lossy(token.expose_secret()),
    });
    if let Some(validity) = validity {
        body["notAfter"] = json!(validity.to_string());
    }
    Zeroizing::new(body.to_string())
}

pub(super) fn refused(about: &str, endpoint: &Endpoint, reply: &Reply) -> EnrollError {
    EnrollError::Refused {
        url: endpoint.url().clone(),
        common_name: about.to_owned(),
        status: reply.status,
        message: wire::message(reply),
    }
}

fn shortened(asked: Option<GoDuration>, longest: Option<GoDuration>) -> Option<GoDuration> {
    match (asked, longest) {
        (Some(asked), Some(longest)) => Some(asked.min(longest)),
        _ => asked,
    }
}

/// What the CA allows, from its refusal of a longer validity.
///
/// Both numbers in it include the backdating of `notBefore`, which the first one reveals.
fn longest(message: &str, asked: GoDuration) -> Option<GoDuration> {
    let (_, rest) = message.split_once("requested duration of ")?;
    let (requested, rest) =
        rest.split_once(" is more than the authorized maximum certificate duration of ")?;
    let most = rest
        .split(|c: char| c.is_whitespace())
        .next()?
        .trim_end_matches(['.', ',']);
    let requested: GoDuration = requested.parse().ok()?;
    let most: GoDuration = most.parse().ok()?;
    let backdate = requested.0.saturating_sub(asked.0);
    let allowed = most.0.saturating_sub(backdate);
    (allowed > Duration::ZERO).then_some(GoDuration(allowed))
}

fn warning(
    order: &Order<'_>,
    endpoint: &Endpoint,
    signer: Option<&Signer>,
    granted: Option<GoDuration>,
) -> Option<String> {
    let (asked, granted, signer) = (order.validity?, granted?, signer?);
    (granted < asked).then(|| {
        format!(
            "`{}` was to be valid for {asked}, the CA at {} allows {granted}; to allow more: \
             {}",
            order.common_name,
            endpoint.url(),
            super::config::raise(&signer.provisioner, asked)
        )
    })
}

pub(super) const PATH: &str = "/1.0/sign";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cas_maximum_is_read_from_its_refusal() {
        let asked: GoDuration = "720h".parse().unwrap();
        let words = "The request was forbidden by the certificate authority: requested duration of 720h1m0s is more than the authorized maximum certificate duration of 24h1m0s.";
        assert_eq!(longest(words, asked).unwrap().to_string(), "24h0m0s");
        let no_backdate = "requested duration of 720h0m0s is more than the authorized maximum certificate duration of 24h0m0s";
        assert_eq!(longest(no_backdate, asked).unwrap().to_string(), "24h0m0s");
        for other in [
            "",
            "requested duration of 1m is less than the authorized minimum certificate duration of 5m0s",
            "requested duration of x is more than the authorized maximum certificate duration of y",
            "requested duration of 720h1m0s is more than the authorized maximum certificate duration of 30s",
        ] {
            assert_eq!(longest(other, asked), None, "{other}");
        }
    }
}
