//! `/renew`: the current certificate proves who asks.

use super::{StepCa, sign, wire};
use crate::ca::http::trusting;
use crate::ca::{Authority as _, EnrollError, Issued, Request, Wanted, judge};
use crate::x509::{Chain, KeyFault, Usage, verify_chain};

pub(super) fn renew(
    ca: &StepCa,
    current: &Chain,
    request: &Request<'_>,
) -> Result<Issued, EnrollError> {
    let common_name = || request.common_name.to_string();
    let public_key = request.key.public_key();
    if current.leaf().public_key != public_key {
        return Err(EnrollError::KeyMismatch {
            common_name: common_name(),
        });
    }
    // An expired or foreign certificate would only end in a TLS alert without words.
    verify_chain(current, &ca.anchors, ca.clock.now(), Usage::Client).map_err(|reason| {
        EnrollError::RenewalImpossible {
            common_name: common_name(),
            reason,
        }
    })?;
    let identity = (
        current.certificates().to_vec(),
        request.key.secret_for_tls(),
    );
    // The roots were good enough for the check above, so only the key can be at fault.
    let tls =
        trusting(&ca.anchors, &ca.clock, Some(identity)).map_err(|detail| EnrollError::Key {
            common_name: common_name(),
            source: KeyFault::Signing(detail),
        })?;
    let endpoints = ca.endpoints_with(&tls)?;
    let (reply, endpoint) = ca.ask(&endpoints, |endpoint| Ok(endpoint.post(PATH, b"")))?;
    match reply.status {
        200 | 201 => {}
        401 => {
            return Err(EnrollError::Unauthorized {
                url: endpoint.url().clone(),
                common_name: common_name(),
                message: wire::message(&reply),
                causes: vec![
                    "the certificate was revoked".to_owned(),
                    "its provisioner does not allow renewal or is gone".to_owned(),
                    "enrolling anew needs neither".to_owned(),
                ],
            });
        }
        400..=599 => return Err(sign::refused(request, endpoint, &reply)),
        _ => {
            return Err(wire::unexpected(
                endpoint,
                PATH,
                wire::describe(&reply, "status 201"),
            ));
        }
    }
    let chain = wire::chain(&reply, endpoint, PATH)?;
    let sans = &current.leaf().sans;
    let lifetime = Some(current.leaf().lifetime());
    let wanted = Wanted::of(request, sans, &public_key, lifetime);
    judge(&chain, &wanted, &ca.anchors, ca.clock.now()).map_err(|source| {
        EnrollError::Unacceptable {
            from: ca.describe(),
            common_name: common_name(),
            source,
        }
    })?;
    Ok(Issued {
        chain,
        warnings: Vec::new(),
    })
}

const PATH: &str = "/1.0/renew";
