//! step-ca answers every bad token with one sentence; here is what it can be, most likely first.

use super::provisioner::{Signer, is_jwk};
use super::{StepCa, wire};
use crate::ca::EnrollError;
use crate::ca::http::{Endpoint, Reply};

pub(super) fn unauthorized(
    ca: &StepCa,
    about: &str,
    path: &str,
    endpoint: &Endpoint,
    reply: &Reply,
    signer: &Signer,
) -> EnrollError {
    let mut causes = Vec::new();
    let mut checked = Vec::new();
    match endpoint.skew() {
        Some(skew) if skew.abs() > TOLERATED => causes.push(skewed(skew)),
        Some(_) => checked.push("the clocks agree"),
        None => causes.push("the clocks of both machines differ by more than a minute".to_owned()),
    }
    match still_there(ca, signer) {
        Some(true) => checked.push("the provisioner and its key are the ones that the CA lists"),
        Some(false) => causes.push(format!(
            "provisioner `{}` was removed or has a new key since this run began",
            signer.provisioner
        )),
        None => {}
    }
    if let Some(skew @ 1..=TOLERATED) = endpoint.skew() {
        // A token older than the CA's start is refused without any leeway.
        causes.push(format!(
            "the CA was started within the last {skew} s, by which our clock is behind"
        ));
    }
    causes.push(format!(
        "the audience `{}` is not among the CA's `dnsNames` (a proxy or another name in front of it: set `server_name`)",
        endpoint.audience(path)
    ));
    causes.push(format!("provisioner `{}` is disabled", signer.provisioner));
    if !checked.is_empty() {
        causes.push(format!("checked: {}", checked.join(", ")));
    }
    EnrollError::Unauthorized {
        url: endpoint.url().clone(),
        common_name: about.to_owned(),
        message: wire::message(reply),
        causes,
    }
}

/// A token that somebody else made: nothing of it can be looked up.
pub(super) fn given_token(about: &str, endpoint: &Endpoint, reply: &Reply) -> EnrollError {
    let mut causes = Vec::new();
    if let Some(skew) = endpoint.skew().filter(|skew| skew.abs() > TOLERATED) {
        causes.push(skewed(skew));
    }
    causes.extend([
        "the token was used before: it serves once, also for an attempt that failed".to_owned(),
        "the token has expired: it lasts five minutes".to_owned(),
        "the token was made for another CA, or before this one was started".to_owned(),
    ]);
    EnrollError::Unauthorized {
        url: endpoint.url().clone(),
        common_name: about.to_owned(),
        message: wire::message(reply),
        causes,
    }
}

fn skewed(skew: i64) -> String {
    let direction = if skew > 0 { "behind" } else { "ahead of" };
    format!(
        "the clock here is {} s {direction} the CA's",
        skew.unsigned_abs()
    )
}

fn still_there(ca: &StepCa, signer: &Signer) -> Option<bool> {
    let (all, _) = ca.provisioners().ok()?;
    Some(all.iter().any(|one| {
        is_jwk(one) && one.name == signer.provisioner && one.key.as_ref() == Some(&signer.public)
    }))
}

/// The CA allows a minute; half of it may be gone before the token arrives.
const TOLERATED: i64 = 30;
