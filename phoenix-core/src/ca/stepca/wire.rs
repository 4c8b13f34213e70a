//! What step-ca sends, and what its refusals say.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ca::EnrollError;
use crate::ca::http::{Endpoint, Reply};
pub(super) use crate::ca::http::{describe, message};
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

pub(super) fn unexpected(endpoint: &Endpoint, path: &str, detail: String) -> EnrollError {
    EnrollError::Unexpected {
        url: endpoint.url().clone(),
        path: path.to_owned(),
        detail,
    }
}
