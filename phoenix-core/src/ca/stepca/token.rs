//! One-time tokens (JWS, RFC 7515) and the keys that sign them (JWK, RFC 7518).

use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::SigningKey as _;
use serde::Deserialize;
use serde_json::{Value, json};
use x509_parser::asn1_rs::{FromDer as _, Integer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::JweFault;
use super::wire::PublicJwk;
use crate::secret::Secret;
use crate::x509::{Chain, Csr, Fingerprint, PrivateKey, hex, sha256};

/// What a token says.
pub(super) struct Claims<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) audience: &'a str,
    /// The certificate's names, where it is about a certificate to come.
    pub(super) sans: Option<Vec<String>>,
    pub(super) root: Fingerprint,
    /// The one request that the token serves for.
    pub(super) csr: Option<&'a Csr>,
    pub(super) now: SystemTime,
}

impl Claims<'_> {
    fn to_json(&self) -> Option<Value> {
        let mut id = [0; 32];
        fill(&mut id).ok()?;
        let now = self
            .now
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?
            .as_secs();
        let mut body = json!({
            "aud": self.audience,
            "exp": now + VALIDITY.as_secs(),
            "iat": now,
            "iss": self.issuer,
            "jti": hex(&id),
            "nbf": now,
            "sha": self.root.to_string(),
            "sub": self.subject,
        });
        if let Some(sans) = &self.sans {
            body["sans"] = json!(sans);
        }
        if let Some(csr) = self.csr {
            body["cnf"] = json!({ "x5rt#S256": URL_SAFE_NO_PAD.encode(sha256(csr.as_der())) });
        }
        Some(body)
    }
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

    /// A token that serves once: valid for five minutes, with a random id.
    pub(super) fn token(&self, kid: &str, claims: &Claims<'_>) -> Option<Secret> {
        let header = json!({ "alg": self.algorithm(), "kid": kid, "typ": "JWT" });
        compact(&header, &claims.to_json()?, |message| self.sign(message))
    }
}

/// A token signed by a certificate's own key, with the certificate in it: what renews an expired one.
pub(super) fn renewal_token(
    chain: &Chain,
    key: &PrivateKey,
    claims: &Claims<'_>,
) -> Option<Secret> {
    let (algorithm, width) = leaf_algorithm(key)?;
    let certificates: Vec<String> = chain
        .certificates()
        .iter()
        .map(|der| STANDARD.encode(der))
        .collect();
    let header = json!({ "alg": algorithm, "typ": "JWT", "x5cInsecure": certificates });
    compact(&header, &claims.to_json()?, |message| {
        let signature = key.pair().sign(message).ok()?;
        match width {
            Some(width) => fixed(&signature, width),
            None => Some(signature),
        }
    })
}

/// The JWS name of a leaf key's signatures, and the width of one number of them where they are pairs of numbers.
fn leaf_algorithm(key: &PrivateKey) -> Option<(&'static str, Option<usize>)> {
    let algorithm = key.pair().algorithm();
    [
        (&rcgen::PKCS_ECDSA_P256_SHA256, "ES256", Some(32)),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "ES384", Some(48)),
        (&rcgen::PKCS_ECDSA_P521_SHA512, "ES512", Some(66)),
        (&rcgen::PKCS_ED25519, "EdDSA", None),
        (&rcgen::PKCS_RSA_SHA256, "RS256", None),
    ]
    .into_iter()
    .find(|(known, ..)| *known == algorithm)
    .map(|(_, name, width)| (name, width))
}

/// The two numbers of an ECDSA signature side by side (RFC 7518, 3.4), from their DER form.
fn fixed(signature: &[u8], width: usize) -> Option<Vec<u8>> {
    let (_, numbers) = Vec::<Integer<'_>>::from_der(signature).ok()?;
    let [r, s] = <[_; 2]>::try_from(numbers).ok()?;
    let mut out = Vec::with_capacity(2 * width);
    for number in [r, s] {
        let bytes = number.as_ref();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        out.extend_from_slice(&padded(&bytes[zeros..], width)?);
    }
    Some(out)
}

fn compact(
    header: &Value,
    body: &Value,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<Secret> {
    let mut token = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(body.to_string())
    );
    let signature = sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Some(Secret::from(token))
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

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P521_SHA512_FIXED, UnparsedPublicKey,
    };

    use super::*;
    use crate::x509::KeyType;
    use crate::x509::testing::{Authority, Leafing, now};

    fn signing(jwk: &Value) -> Result<SigningKey, JweFault> {
        let mut public = jwk.clone();
        for secret in ["d", "p", "q", "dp", "dq", "qi"] {
            public.as_object_mut().unwrap().remove(secret);
        }
        let public: PublicJwk = serde_json::from_value(public).unwrap();
        SigningKey::from_jwk(&Secret::from(jwk.to_string()), &public)
    }

    #[test]
    fn the_example_of_rfc_8037_is_signed_alike() {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "",
            "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let key = signing(&jwk).unwrap();
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(key.sign(message).unwrap()),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn the_key_of_rfc_7515_signs_what_its_public_half_accepts() {
        // Appendix A.3
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"});
        let message = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let point = [vec![4], number("x"), number("y")].concat();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        let theirs = URL_SAFE_NO_PAD
            .decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
            .unwrap();
        public.verify(message, &theirs).unwrap();
        let ours = signing(&jwk).unwrap().sign(message).unwrap();
        public.verify(message, &ours).unwrap();
    }

    #[test]
    fn the_rsa_example_of_rfc_7515_is_signed_alike() {
        // Appendix A.2; PKCS#1 signatures are the same each time.
        let jwk = json!({"kty": "RSA", "kid": "", "e": "AQAB",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "d": "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
            "p": "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
            "q": "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
            "dp": "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
            "dq": "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
            "qi": "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U"});
        let message = b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signing(&jwk).unwrap().sign(message).unwrap()),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        );
    }

    #[test]
    fn the_p_521_key_of_rfc_7515_signs_what_its_public_half_accepts() {
        // Appendix A.4
        let jwk = json!({"kty": "EC", "crv": "P-521", "kid": "",
            "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
            "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
            "d": "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C"});
        let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let point = [vec![4], number("x"), number("y")].concat();
        let public = UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point);
        let message = b"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA";
        let theirs = URL_SAFE_NO_PAD
            .decode("AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn")
            .unwrap();
        public.verify(message, &theirs).unwrap();
        let ours = signing(&jwk).unwrap().sign(message).unwrap();
        public.verify(message, &ours).unwrap();
    }

    #[test]
    fn a_key_that_is_not_the_listed_one_is_refused() {
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"});
        let public: PublicJwk = serde_json::from_value(json!({"kty": "EC"})).unwrap();
        let refused = SigningKey::from_jwk(&Secret::from(jwk.to_string()), &public);
        assert!(matches!(refused, Err(JweFault::Content(_))));
        for (name, value) in [
            ("d", "AAAA"),
            ("x", "AAAA"),
            ("crv", "P-999"),
            ("kty", "oct"),
        ] {
            let mut other = jwk.clone();
            other[name] = json!(value);
            assert!(signing(&other).is_err(), "{name}");
        }
    }

    #[test]
    fn pairs_of_numbers_have_a_fixed_width() {
        // r has a zero in front, s is short.
        let der = b"\x30\x08\x02\x03\x00\xff\x01\x02\x01\x07";
        assert_eq!(fixed(der, 4).unwrap(), [0, 0, 0xff, 1, 0, 0, 0, 7]);
        assert_eq!(fixed(der, 1), None);
        assert_eq!(fixed(b"\x30\x03\x02\x01\x07", 4), None);
        assert_eq!(fixed(b"", 4), None);
    }

    #[test]
    fn a_leafs_own_token_names_its_chain_and_says_nothing_about_names() {
        let leafing = Leafing::default();
        let chain = Authority::new().chain(&leafing);
        assert_eq!(leafing.key.key_type(), Some(KeyType::EcP256));
        let claims = Claims {
            issuer: "i",
            subject: "s",
            audience: "a",
            sans: None,
            root: Fingerprint::of(b"r"),
            csr: None,
            now: now(),
        };
        let token = renewal_token(&chain, &leafing.key, &claims).unwrap();
        let text = String::from_utf8(token.expose_secret().to_vec()).unwrap();
        let parts: Vec<Vec<u8>> = text
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
            .collect();
        let header: Value = serde_json::from_slice(&parts[0]).unwrap();
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header["x5cInsecure"].as_array().unwrap().len(), 2);
        let body: Value = serde_json::from_slice(&parts[1]).unwrap();
        assert!(body.get("sans").is_none() && body.get("cnf").is_none());
        assert_eq!(parts[2].len(), 64);
    }
}
