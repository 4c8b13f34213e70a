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
use crate::time::GoDuration;
use crate::x509::{Csr, KeyFault, create_csr};

pub(super) fn enroll(ca: &StepCa, request: &Request<'_>) -> Result<Issued, EnrollError> {
    let sans = request.names()?;
    let csr = create_csr(request.key, request.common_name, &sans)
        .map_err(|source| key_fault(request, source))?;
    let signer = ca.signer()?;
    let mut validity = shortened(request.validity, ca.longest());
    loop {
        let (reply, endpoint) = send(ca, request, &sans, &csr, &signer, validity)?;
        match reply.status {
            200 | 201 => {
                let chain = wire::chain(&reply, endpoint, PATH)?;
                let public_key = request.key.public_key();
                let wanted = Wanted::of(
                    request,
                    &sans,
                    &public_key,
                    validity.map(|validity| validity.0),
                );
                judge(&chain, &wanted, &ca.anchors, ca.clock.now()).map_err(|source| {
                    EnrollError::Unacceptable {
                        from: ca.describe(),
                        common_name: request.common_name.to_string(),
                        source,
                    }
                })?;
                let warnings = warning(request, endpoint, &signer, validity);
                return Ok(Issued {
                    chain,
                    warnings: warnings.into_iter().collect(),
                });
            }
            401 => {
                return Err(explain::unauthorized(
                    ca, request, endpoint, &reply, &signer,
                ));
            }
            403 => {
                let allowed = validity.and_then(|asked| longest(&wire::message(&reply), asked));
                match (allowed, validity) {
                    // Shorter each time, so this ends.
                    (Some(allowed), Some(asked)) if allowed < asked => {
                        ca.learn_longest(allowed);
                        validity = Some(allowed);
                    }
                    _ => return Err(refused(request, endpoint, &reply)),
                }
            }
            400..=599 => return Err(refused(request, endpoint, &reply)),
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

fn send<'c>(
    ca: &'c StepCa,
    request: &Request<'_>,
    sans: &BTreeSet<SubjectAltName>,
    csr: &Csr,
    signer: &Signer,
    validity: Option<GoDuration>,
) -> Result<(Reply, &'c Endpoint), EnrollError> {
    let csr_pem = csr.to_pem();
    // The configuration was checked when the endpoints were made: there is a root.
    let root = ca
        .anchors
        .first()
        .map(|anchor| anchor.fingerprint)
        .ok_or_else(|| EnrollError::NoRoot("none is configured".to_owned()))?;
    ca.ask(ca.endpoints()?, |endpoint| {
        let claims = Claims {
            issuer: &signer.provisioner,
            subject: request.common_name.as_str(),
            audience: &endpoint.audience(PATH),
            sans: sans.iter().map(ToString::to_string).collect(),
            root,
            csr,
            now: ca.clock.now(),
        };
        let token = signer
            .key
            .token(&signer.public.kid, &claims)
            .ok_or_else(|| {
                key_fault(
                    request,
                    KeyFault::Signing("the provisioner's key could not sign a token".to_owned()),
                )
            })?;
        let mut body = json!({
            "csr": csr_pem,
            // A token is ASCII.
            "ott": String::from_utf8_lossy(token.expose_secret()),
        });
        if let Some(validity) = validity {
            body["notAfter"] = json!(validity.to_string());
        }
        let body = Zeroizing::new(body.to_string());
        Ok(endpoint.post(PATH, body.as_bytes()))
    })
}

fn key_fault(request: &Request<'_>, source: KeyFault) -> EnrollError {
    EnrollError::Key {
        common_name: request.common_name.to_string(),
        source,
    }
}

pub(super) fn refused(request: &Request<'_>, endpoint: &Endpoint, reply: &Reply) -> EnrollError {
    EnrollError::Refused {
        url: endpoint.url().clone(),
        common_name: request.common_name.to_string(),
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
    request: &Request<'_>,
    endpoint: &Endpoint,
    signer: &Signer,
    granted: Option<GoDuration>,
) -> Option<String> {
    let (asked, granted) = (request.validity?, granted?);
    (granted < asked).then(|| {
        format!(
            "`{}` was to be valid for {asked}, the CA at {} allows {granted}; to allow more: \
             step ca provisioner update {} --x509-max-dur {asked}",
            request.common_name,
            endpoint.url(),
            shell_words::quote(&signer.provisioner)
        )
    })
}

const PATH: &str = "/1.0/sign";

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
