//! What step-ca sends, and what its refusals say.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ca::EnrollError;
use crate::ca::http::{Endpoint, Reply};
use crate::x509::{Chain, PemFault};

#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) version: String,
}

#[derive(Deserialize)]
struct Health {
    status: String,
}

#[derive(Deserialize)]
pub(super) struct Root {
    pub(super) ca: String,
}

/// One page of provisioners. Keys that are not needed are not read.
#[derive(Deserialize)]
pub(super) struct Provisioners {
    #[serde(default)]
    pub(super) provisioners: Option<Vec<Provisioner>>,
    #[serde(default, rename = "nextCursor")]
    pub(super) next_cursor: String,
}

#[derive(Deserialize)]
pub(super) struct Provisioner {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) key: Option<PublicJwk>,
    #[serde(default, rename = "encryptedKey")]
    pub(super) encrypted_key: Option<String>,
    #[serde(default)]
    pub(super) claims: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
pub(super) struct Certificates {
    #[serde(default)]
    pub(super) crts: Option<Vec<String>>,
}

/// The public half of a provisioner's key (RFC 7517).
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(super) struct PublicJwk {
    pub(super) kid: String,
    pub(super) kty: String,
    pub(super) crv: Option<String>,
    pub(super) x: Option<String>,
    pub(super) y: Option<String>,
    pub(super) n: Option<String>,
    pub(super) e: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct EncryptedKey {
    pub(super) key: String,
}

#[derive(Deserialize)]
struct Signed {
    #[serde(default)]
    crt: Option<String>,
    #[serde(default)]
    ca: Option<String>,
    #[serde(default, rename = "certChain")]
    chain: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// The chain in an answer to `/sign` or `/renew`.
pub(super) fn chain(reply: &Reply, endpoint: &Endpoint, path: &str) -> Result<Chain, EnrollError> {
    let signed: Signed = decode(reply, endpoint, path)?;
    let certificates = match (signed.chain, signed.crt, signed.ca) {
        (Some(chain), ..) if !chain.is_empty() => chain,
        (_, Some(leaf), issuer) => std::iter::once(leaf).chain(issuer).collect(),
        _ => {
            return Err(EnrollError::Unreadable {
                url: endpoint.url().clone(),
                source: PemFault::NoCertificate,
            });
        }
    };
    Chain::from_pem(certificates.join("\n").as_bytes()).map_err(|source| EnrollError::Unreadable {
        url: endpoint.url().clone(),
        source,
    })
}

/// Decodes a good answer.
pub(super) fn decode<T: for<'de> Deserialize<'de>>(
    reply: &Reply,
    endpoint: &Endpoint,
    path: &str,
) -> Result<T, EnrollError> {
    serde_json::from_slice(&reply.body).map_err(|_| {
        unexpected(
            endpoint,
            path,
            format!(
                "status {} with {}, expected JSON",
                reply.status,
                message(reply)
            ),
        )
    })
}

pub(super) fn expect_health(reply: &Reply, endpoint: &Endpoint) -> Result<(), EnrollError> {
    let well = reply.status == 200
        && serde_json::from_slice::<Health>(&reply.body).is_ok_and(|answer| answer.status == "ok");
    if well {
        return Ok(());
    }
    Err(unexpected(
        endpoint,
        "/health",
        describe(reply, "status 200 with `ok`"),
    ))
}

/// Status and words of an answer that is neither good nor a refusal.
pub(super) fn describe(reply: &Reply, expected: &str) -> String {
    match &reply.location {
        Some(location) if (300..400).contains(&reply.status) => format!(
            "a redirect ({}) to {}, expected {expected}",
            reply.status,
            printable(location)
        ),
        _ => format!(
            "status {} with {}, expected {expected}",
            reply.status,
            message(reply)
        ),
    }
}

pub(super) fn unexpected(endpoint: &Endpoint, path: &str, detail: String) -> EnrollError {
    EnrollError::Unexpected {
        url: endpoint.url().clone(),
        path: path.to_owned(),
        detail,
    }
}

/// The CA's own words: the `message` of its JSON, else the start of a text, never markup.
pub(super) fn message(reply: &Reply) -> String {
    if let Ok(refusal) = serde_json::from_slice::<Refusal>(&reply.body) {
        return printable(&refusal.message);
    }
    let text = String::from_utf8_lossy(&reply.body);
    let text = text.trim();
    if text.is_empty() {
        "an empty body".to_owned()
    } else if text.starts_with('<') {
        "an HTML page (a proxy in front of the CA?)".to_owned()
    } else {
        printable(text)
    }
}

fn printable(text: &str) -> String {
    const MOST: usize = 500;
    let mut out: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 403,
            body: body.as_bytes().to_vec(),
            retry_after: None,
            location: None,
        }
    }

    #[test]
    fn refusals_of_every_shape_become_words() {
        for (body, words) in [
            (r#"{"status":403,"message":"no\nway"}"#, "no way"),
            (r#"{"type":"x","detail":"y","message":"no"}"#, "no"),
            ("404 page not found\n", "404 page not found"),
            ("", "an empty body"),
            ("<html>", "an HTML page (a proxy in front of the CA?)"),
        ] {
            assert_eq!(message(&reply(body)), words);
        }
        assert!(message(&reply(&"x".repeat(9_000))).len() < 600);
    }
}
