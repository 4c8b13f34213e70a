//! One-time tokens (JWS, RFC 7515) and the keys that sign them (JWK, RFC 7518).

use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::JweFault;
use super::wire::PublicJwk;
use crate::secret::Secret;
use crate::x509::{Csr, Fingerprint, hex, sha256};

/// What a token says.
pub(super) struct Claims<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) audience: &'a str,
    pub(super) sans: Vec<String>,
    pub(super) root: Fingerprint,
    pub(super) csr: &'a Csr,
    pub(super) now: SystemTime,
}

/// A provisioner's private key.
pub(super) enum SigningKey {
    Ec(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKey {
    /// Reads a private JWK and makes sure that it is the private half of the provisioner's key.
    pub(super) fn from_jwk(jwk: &Secret, public: &PublicJwk) -> Result<Self, JweFault> {
        let private: PrivateJwk = serde_json::from_slice(jwk.expose_secret())
            .map_err(|_| JweFault::Content("it is not a JWK"))?;
        let shown: PublicJwk = serde_json::from_slice(jwk.expose_secret())
            .map_err(|_| JweFault::Content("it is not a JWK"))?;
        if shown != *public {
            return Err(JweFault::Content(
                "its key id or public half differs from the one that the CA lists",
            ));
        }
        let damaged = JweFault::Content("its numbers do not form a key");
        let number = |text: Option<&String>| {
            text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
                .map(Zeroizing::new)
                .ok_or_else(|| damaged.clone())
        };
        match (public.kty.as_str(), public.crv.as_deref()) {
            ("EC", Some(curve)) => {
                let (algorithm, name, size) = match curve {
                    "P-256" => (&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256", 32),
                    "P-384" => (&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384", 48),
                    "P-521" => (&ECDSA_P521_SHA512_FIXED_SIGNING, "ES512", 66),
                    _ => return Err(JweFault::Unsupported("an unknown curve".to_owned())),
                };
                let secret = padded(&number(private.d.as_ref())?, size).ok_or(damaged.clone())?;
                let x = padded(&number(public.x.as_ref())?, size).ok_or(damaged.clone())?;
                let y = padded(&number(public.y.as_ref())?, size).ok_or(damaged.clone())?;
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                EcdsaKeyPair::from_private_key_and_public_key(algorithm, &secret, &point)
                    .map(|key| Self::Ec(key, name))
                    .map_err(|_| damaged)
            }
            ("OKP", Some("Ed25519")) => {
                let (seed, x) = (number(private.d.as_ref())?, number(public.x.as_ref())?);
                Ed25519KeyPair::from_seed_and_public_key(&seed, &x)
                    .map(Self::Ed25519)
                    .map_err(|_| damaged)
            }
            ("RSA", _) => {
                let modulus = number(public.n.as_ref())?;
                let exponent = number(public.e.as_ref())?;
                let secret = |text: &Option<String>| number(text.as_ref());
                RsaKeyPair::from_components(&KeyPairComponents {
                    public_key: PublicKeyComponents {
                        n: modulus,
                        e: exponent,
                    },
                    d: secret(&private.d)?,
                    p: secret(&private.p)?,
                    q: secret(&private.q)?,
                    dP: secret(&private.dp)?,
                    dQ: secret(&private.dq)?,
                    qInv: secret(&private.qi)?,
                })
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|_| damaged)
            }
            _ => Err(JweFault::Unsupported(format!(
                "a key of type `{}`",
                public.kty.chars().take(20).collect::<String>()
            ))),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ec(_, name) => name,
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ec(key, _) => key
                .sign(&SystemRandom::new(), message)
                .ok()
                .map(|signature| signature.as_ref().to_vec()),
            Self::Ed25519(key) => Some(key.sign(message).as_ref().to_vec()),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .ok()?;
                Some(signature)
            }
        }
    }

    /// A token that serves once: valid for five minutes, with a random id, and only for this CSR.
    pub(super) fn token(&self, kid: &str, claims: &Claims<'_>) -> Option<Secret> {
        let mut id = [0; 32];
        fill(&mut id).ok()?;
        let now = claims
            .now
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?
            .as_secs();
        let header = json!({ "alg": self.algorithm(), "kid": kid, "typ": "JWT" });
        let body = json!({
            "aud": claims.audience,
            "cnf": { "x5rt#S256": URL_SAFE_NO_PAD.encode(sha256(claims.csr.as_der())) },
            "exp": now + VALIDITY.as_secs(),
            "iat": now,
            "iss": claims.issuer,
            "jti": hex(&id),
            "nbf": now,
            "sans": claims.sans,
            "sha": claims.root.to_string(),
            "sub": claims.subject,
        });
        let mut token = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(body.to_string())
        );
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Some(Secret::from(token))
    }
}

/// The private numbers, overwritten when dropped.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct PrivateJwk {
    d: Option<String>,
    p: Option<String>,
    q: Option<String>,
    dp: Option<String>,
    dq: Option<String>,
    qi: Option<String>,
}

/// Numbers of a curve have a fixed width; some writers leave leading zeros out.
fn padded(number: &[u8], size: usize) -> Option<Zeroizing<Vec<u8>>> {
    let missing = size.checked_sub(number.len())?;
    let mut out = Zeroizing::new(vec![0; missing]);
    out.extend_from_slice(number);
    Some(out)
}

const VALIDITY: Duration = Duration::from_secs(300);
