//! The provisioner's private key as step-ca keeps it: a JWE (RFC 7516) under a password (RFC 7518, 4.8).

use std::num::NonZeroU32;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesBlockCipher, AesKek, KeyWrap as _};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Why an encrypted key could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JweFault {
    /// The password was right and the content was changed.
    #[error("its content does not match its authentication tag")]
    Changed,
    /// What was encrypted is not the private half of the provisioner's key.
    #[error("it holds no private key that belongs to the provisioner: {0}")]
    Content(&'static str),
    /// An absurd count of rounds, which was not computed.
    #[error("its password would be hashed {found} times, expected {MIN_ROUNDS} to {MAX_ROUNDS}")]
    Rounds {
        /// The count found.
        found: u64,
    },
    /// Not a JWE at all.
    #[error("it is not a JWE: {0}")]
    Syntax(&'static str),
    /// A JWE of a kind that step-ca does not write.
    #[error("it uses {0}, which is not supported")]
    Unsupported(String),
    /// The key cannot be unwrapped.
    #[error("the password is wrong")]
    WrongPassword,
}

/// Opens a JWE in compact or JSON form with a password.
pub(super) fn open(text: &str, password: &Secret) -> Result<Secret, JweFault> {
    let parts = Parts::read(text)?;
    let header: Header = serde_json::from_slice(&decode(&parts.protected)?)
        .map_err(|_| JweFault::Syntax("its header is not the JSON of a password-based key"))?;
    if header.crit.is_some() || header.zip.is_some() {
        return Err(JweFault::Unsupported(
            "the header `crit` or `zip`".to_owned(),
        ));
    }
    let algorithm = Algorithm::named(&header.alg)?;
    let content_cipher = match header.enc.as_str() {
        "A128GCM" => &AES_128_GCM,
        "A256GCM" => &AES_256_GCM,
        other => return Err(JweFault::Unsupported(format!("the encryption `{other}`"))),
    };
    let rounds = u32::try_from(header.p2c)
        .ok()
        .filter(|rounds| (MIN_ROUNDS..=MAX_ROUNDS).contains(rounds))
        .and_then(NonZeroU32::new)
        .ok_or(JweFault::Rounds { found: header.p2c })?;
    let input = decode(&header.p2s)?;
    if input.len() < 8 {
        return Err(JweFault::Syntax("its salt is shorter than 8 bytes"));
    }
    let wrapped = decode(&parts.encrypted_key)?;
    if wrapped.len() != content_cipher.key_len() + 8 {
        return Err(JweFault::Syntax("its encrypted key has the wrong length"));
    }
    let cek = unwrap(&algorithm, rounds, &input, password, &wrapped)?;

    let nonce = Nonce::try_assume_unique_for_key(&decode(&parts.iv)?)
        .map_err(|_| JweFault::Syntax("its IV has not 12 bytes"))?;
    let mut content = Zeroizing::new(decode(&parts.ciphertext)?);
    let tag = decode(&parts.tag)?;
    if tag.len() != content_cipher.tag_len() {
        return Err(JweFault::Syntax("its tag has not 16 bytes"));
    }
    content.extend_from_slice(&tag);
    let key = UnboundKey::new(content_cipher, &cek).map_err(|_| JweFault::Changed)?;
    // The additional data is the header as it was received, not as it would be written again.
    let opened = LessSafeKey::new(key)
        .open_in_place(nonce, Aad::from(parts.protected.as_bytes()), &mut content)
        .map_err(|_| JweFault::Changed)?;
    Ok(Secret::new(opened.to_vec()))
}

/// How the password becomes a key, and what that key opens.
struct Algorithm {
    name: &'static str,
    hash: pbkdf2::Algorithm,
    cipher: &'static AesBlockCipher,
    length: usize,
}

impl Algorithm {
    fn named(name: &str) -> Result<Self, JweFault> {
        let (name, hash, cipher, length): (_, _, &'static AesBlockCipher, _) = match name {
            "PBES2-HS256+A128KW" => ("PBES2-HS256+A128KW", PBKDF2_HMAC_SHA256, &AES_128, 16),
            "PBES2-HS512+A256KW" => ("PBES2-HS512+A256KW", PBKDF2_HMAC_SHA512, &AES_256, 32),
            other => return Err(JweFault::Unsupported(format!("the algorithm `{other}`"))),
        };
        Ok(Self {
            name,
            hash,
            cipher,
            length,
        })
    }
}

/// The content's key (RFC 7518, 4.8): the password hashed, and what was wrapped with the result.
fn unwrap(
    algorithm: &Algorithm,
    rounds: NonZeroU32,
    input: &[u8],
    password: &Secret,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, JweFault> {
    let salt = [algorithm.name.as_bytes(), b"\0", input].concat();
    let mut kek = Zeroizing::new(vec![0; algorithm.length]);
    let secret = password.expose_secret();
    pbkdf2::derive(algorithm.hash, rounds, &salt, secret, &mut kek);
    let mut cek = Zeroizing::new(vec![0; wrapped.len().saturating_sub(8)]);
    AesKek::new(algorithm.cipher, &kek)
        .and_then(|kek| kek.unwrap(wrapped, &mut cek).map(drop))
        .map_err(|_| JweFault::WrongPassword)?;
    Ok(cek)
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    p2c: u64,
    p2s: String,
    #[serde(default)]
    crit: Option<serde_json::Value>,
    #[serde(default)]
    zip: Option<serde_json::Value>,
}

/// The five parts, still encoded.
#[derive(Deserialize)]
struct Parts {
    protected: String,
    #[serde(default)]
    encrypted_key: String,
    iv: String,
    ciphertext: String,
    tag: String,
}

/// The general JSON form with its list of recipients.
#[derive(Deserialize)]
struct General {
    recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
struct Recipient {
    encrypted_key: String,
}

impl Parts {
    fn read(text: &str) -> Result<Self, JweFault> {
        let text = text.trim();
        if text.starts_with('{') {
            let mut parts: Self = serde_json::from_str(text)
                .map_err(|_| JweFault::Syntax("its JSON form is incomplete"))?;
            if parts.encrypted_key.is_empty() {
                let general: General = serde_json::from_str(text)
                    .map_err(|_| JweFault::Syntax("its JSON form holds no encrypted key"))?;
                let [recipient] = <[Recipient; 1]>::try_from(general.recipients)
                    .map_err(|_| JweFault::Syntax("it has not exactly one recipient"))?;
                parts.encrypted_key = recipient.encrypted_key;
            }
            return Ok(parts);
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [protected, encrypted_key, iv, ciphertext, tag] = parts[..] else {
            return Err(JweFault::Syntax("it has not five parts"));
        };
        Ok(Self {
            protected: protected.to_owned(),
            encrypted_key: encrypted_key.to_owned(),
            iv: iv.to_owned(),
            ciphertext: ciphertext.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

fn decode(text: &str) -> Result<Vec<u8>, JweFault> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JweFault::Syntax("a part is not base64url"))
}

/// Fewer rounds than this protect nothing.
const MIN_ROUNDS: u32 = 1_000;

/// step writes 600,000; this is about half a second of work.
const MAX_ROUNDS: u32 = 2_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: &str = "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJjdHkiOiJqd2sranNvbiIsImVuYyI6IkEyNTZHQ00iLCJwMmMiOjEwMDAwMCwicDJzIjoiQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyJ9.0wRKwFYsvj8jfc8wBsGfYNxz7ozEWJ7X1_0_Ln6MKsiMTO-iCdR3MA.QEFCQ0RFRkdISUpL.uXbW9SlU_yk9USQKqWg6UCms3MLXPQ.rLs10uhM1M80IajANdUkmA";
    const HIGH: &str = "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJjdHkiOiJqd2sranNvbiIsImVuYyI6IkEyNTZHQ00iLCJwMmMiOjYwMDAwMCwicDJzIjoiQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyJ9.u34bM7roDim5KbYLDQRM_BFdyx3EJmJJQKIU0muJ2Ca4Br1lmglh-Q.QEFCQ0RFRkdISUpL.uXbW9SlU_yk9USQKqWg6UCms3MLXPQ.kCtyardesMmE2DrqP0gSTQ";

    fn password() -> Secret {
        Secret::from("correct horse".to_owned())
    }

    fn with_header(header: &str) -> String {
        let (_, rest) = LOW.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn both_vectors_open() {
        for vector in [LOW, HIGH] {
            let opened = open(vector, &password()).unwrap();
            assert_eq!(opened.expose_secret(), br#"{"kty":"oct","k":"AA"}"#);
        }
    }

    #[test]
    fn the_example_of_rfc_7517_unwraps() {
        // Appendix C; its content cipher, A128CBC-HS256, is none that step-ca writes.
        let password = Secret::from("Thus from my lips, by yours, my sin is purged.".to_owned());
        let wrapped = decode("TrqXOwuNUfDV9VPTNbyGvEJ9JMjefAVn-TR1uIxR9p6hsRQh9Tk7BA").unwrap();
        let cek = unwrap(
            &Algorithm::named("PBES2-HS256+A128KW").unwrap(),
            NonZeroU32::new(4096).unwrap(),
            &decode("2WCTcJZ1Rvd_CJuJripQ1w").unwrap(),
            &password,
            &wrapped,
        );
        assert_eq!(
            cek.unwrap().as_slice(),
            [
                111, 27, 25, 52, 66, 29, 20, 78, 92, 176, 56, 240, 65, 208, 82, 112, 161, 131, 36,
                55, 202, 236, 185, 172, 129, 23, 153, 194, 195, 48, 253, 182
            ]
        );
    }

    #[test]
    fn both_json_forms_open() {
        let [protected, encrypted_key, iv, ciphertext, tag] =
            <[&str; 5]>::try_from(LOW.split('.').collect::<Vec<_>>()).unwrap();
        let flattened = serde_json::json!({
            "protected": protected, "encrypted_key": encrypted_key, "iv": iv, "ciphertext": ciphertext, "tag": tag,
        });
        let general = serde_json::json!({
            "protected": protected, "recipients": [{"encrypted_key": encrypted_key}], "iv": iv, "ciphertext": ciphertext, "tag": tag,
        });
        for form in [flattened, general] {
            assert!(open(&form.to_string(), &password()).is_ok());
        }
    }

    #[test]
    fn a_wrong_password_is_told_from_a_changed_text() {
        let wrong = Secret::from("correct horse ".to_owned());
        assert_eq!(open(LOW, &wrong).unwrap_err(), JweFault::WrongPassword);
        let mut parts: Vec<Vec<u8>> = LOW
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
            .collect();
        for (part, fault) in [
            (1, JweFault::WrongPassword),
            (2, JweFault::Changed),
            (3, JweFault::Changed),
            (4, JweFault::Changed),
        ] {
            parts[part][3] ^= 1;
            let text: Vec<String> = parts
                .iter()
                .map(|part| URL_SAFE_NO_PAD.encode(part))
                .collect();
            assert_eq!(
                open(&text.join("."), &password()).unwrap_err(),
                fault,
                "part {part}"
            );
            parts[part][3] ^= 1;
        }
    }

    #[test]
    fn the_header_is_authenticated_as_received() {
        // The same content with the keys in another order, so other bytes.
        let header = r#"{"enc":"A256GCM","alg":"PBES2-HS256+A128KW","cty":"jwk+json","p2c":100000,"p2s":"AAECAwQFBgcICQoLDA0ODw"}"#;
        assert_eq!(
            open(&with_header(header), &password()).unwrap_err(),
            JweFault::Changed
        );
    }

    #[test]
    fn absurd_rounds_are_refused_not_computed() {
        for found in [0, 999, 2_000_001, 1_000_000_000, 1 << 40] {
            let header = format!(
                r#"{{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":{found},"p2s":"AAECAwQFBgcICQoLDA0ODw"}}"#
            );
            assert_eq!(
                open(&with_header(&header), &password()).unwrap_err(),
                JweFault::Rounds { found }
            );
        }
    }

    #[test]
    fn foreign_and_broken_texts_are_refused() {
        for text in [
            "",
            "a.b",
            "a.b.c.d.e",
            "....",
            "{}",
            "{\"protected\":\"\"}",
            "\u{fc}.\u{fc}.\u{fc}.\u{fc}.\u{fc}",
        ] {
            assert!(
                matches!(open(text, &password()).unwrap_err(), JweFault::Syntax(_)),
                "{text:?}"
            );
        }
        for header in [
            r#"{"alg":"dir","enc":"A256GCM","p2c":100000,"p2s":"AAECAwQFBgcICQoLDA0ODw"}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A128CBC-HS256","p2c":100000,"p2s":"AAECAwQFBgcICQoLDA0ODw"}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","zip":"DEF","p2c":100000,"p2s":"AAECAwQFBgcICQoLDA0ODw"}"#,
        ] {
            assert!(matches!(
                open(&with_header(header), &password()).unwrap_err(),
                JweFault::Unsupported(_)
            ));
        }
        let no_salt = r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":100000}"#;
        assert!(matches!(
            open(&with_header(no_salt), &password()).unwrap_err(),
            JweFault::Syntax(_)
        ));
    }
}
