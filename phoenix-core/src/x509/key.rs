//! Private keys: made, read and matched, never shown.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::Ed25519KeyPair;
use rcgen::{KeyPair, PublicKeyData as _, RsaKeySize};
use rustls_pki_types::pem::SectionKind;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::{Zeroize as _, Zeroizing};

use super::pem;
use crate::names::{NameError, text_serde};
use crate::secret::Secret;

/// The kinds of keys that Phoenix makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum KeyType {
    /// ECDSA on P-256, the default.
    #[default]
    EcP256,
    /// ECDSA on P-384.
    EcP384,
    /// Ed25519.
    Ed25519,
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
}

impl KeyType {
    /// Every kind, in the order of the manifest's documentation.
    pub const ALL: [Self; 6] = [
        Self::EcP256,
        Self::EcP384,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::Ed25519,
    ];

    /// The name used in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EcP256 => "ec-p256",
            Self::EcP384 => "ec-p384",
            Self::Ed25519 => "ed25519",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    /// Whether it is RSA, whose certificates also allow key encipherment.
    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyType {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| {
                NameError::new(
                    text,
                    "a key type: ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096 or ed25519",
                )
            })
    }
}

text_serde!(KeyType);

/// What is wrong with a private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It is protected by a password, which nobody could enter in an unattended run.
    #[error("the private key is encrypted; expected one without a password")]
    Encrypted,
    /// No key could be made.
    #[error("could not generate a key of type {0}")]
    Generation(KeyType),
    /// A section of the file is damaged.
    #[error("the key file is malformed: {0}")]
    Malformed(String),
    /// There is none in the file.
    #[error(
        "found no private key (`PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`) in the file"
    )]
    Missing,
    /// There is more than one in the file.
    #[error("found {0} private keys in the file, expected one")]
    Several(usize),
    /// The key could not sign.
    #[error("could not sign with the private key: {0}")]
    Signing(String),
    /// The section holds no key of a kind that can be used.
    #[error(
        "the private key is neither EC (P-256, P-384, P-521), RSA (2048 to 8192 bits) nor Ed25519, or it is damaged"
    )]
    Unsupported,
}

/// A private key: printed as `[redacted]`, not `Clone`, overwritten with zeros when dropped.
pub struct PrivateKey {
    pair: KeyPair,
    encoding: Encoding,
}

/// How the key's DER is to be labelled; a key keeps the form in which it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Pkcs1,
    Pkcs8,
    Sec1,
}

impl PrivateKey {
    /// Makes a key. RSA keys take up to seconds.
    pub fn generate(kind: KeyType) -> Result<Self, KeyFault> {
        let fault = |_| KeyFault::Generation(kind);
        let pair = match kind {
            KeyType::EcP256 => {
                KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(fault)?
            }
            KeyType::EcP384 => {
                KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).map_err(fault)?
            }
            KeyType::Ed25519 => ed25519().ok_or(KeyFault::Generation(kind))?,
            KeyType::Rsa2048 => rsa(RsaKeySize::_2048).map_err(fault)?,
            KeyType::Rsa3072 => rsa(RsaKeySize::_3072).map_err(fault)?,
            KeyType::Rsa4096 => rsa(RsaKeySize::_4096).map_err(fault)?,
        };
        Ok(Self {
            pair,
            encoding: Encoding::Pkcs8,
        })
    }

    /// Reads a key file: PKCS#8, SEC1 or PKCS#1, perhaps with a chain around it.
    pub fn from_pem(pem: &Secret) -> Result<Self, KeyFault> {
        let (encoding, der) = only_key(pem)?;
        let typed = match encoding {
            Encoding::Pkcs1 => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der.as_slice())),
            Encoding::Pkcs8 => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.as_slice())),
            Encoding::Sec1 => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der.as_slice())),
        };
        let pair = KeyPair::try_from(&typed).map_err(|_| KeyFault::Unsupported)?;
        Ok(Self { pair, encoding })
    }

    /// The key as a PEM file, in the form in which it was read; PKCS#8 for a generated one.
    pub fn to_pem(&self) -> Secret {
        let label = match self.encoding {
            Encoding::Pkcs1 => "RSA PRIVATE KEY",
            Encoding::Pkcs8 => "PRIVATE KEY",
            Encoding::Sec1 => "EC PRIVATE KEY",
        };
        let mut out = Vec::new();
        pem::encode(label, self.pair.serialized_der(), &mut out);
        Secret::new(out)
    }

    /// The public half: `SubjectPublicKeyInfo` in DER, as in [`Leaf::public_key`](super::Leaf).
    pub fn public_key(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    /// Its kind; `None` for one that Phoenix would not make (P-521, RSA of another size).
    pub fn key_type(&self) -> Option<KeyType> {
        let spki = self.public_key();
        let (_, parsed) = SubjectPublicKeyInfo::from_der(&spki).ok()?;
        key_type_of_spki(&parsed)
    }

    /// Whether its DER is PKCS#8.
    #[cfg(feature = "acme")]
    pub(crate) fn is_pkcs8(&self) -> bool {
        self.encoding == Encoding::Pkcs8
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pair
    }

    /// The key for a TLS client, which overwrites no copy of it: use it for one connection and drop it.
    pub(crate) fn secret_for_tls(&self) -> PrivateKeyDer<'static> {
        let der = self.pair.serialize_der();
        match self.encoding {
            Encoding::Pkcs1 => PrivateKeyDer::Pkcs1(der.into()),
            Encoding::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
            Encoding::Sec1 => PrivateKeyDer::Sec1(der.into()),
        }
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.pair.zeroize();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The public half of a key file, to be compared with [`Leaf::public_key`](super::Leaf) on every run.
///
/// Where the file states its public half (EC keys as every common tool writes them, RSA) nothing is computed.
pub fn public_key_of_pem(pem: &Secret) -> Result<Vec<u8>, KeyFault> {
    let (encoding, der) = only_key(pem)?;
    if let Some(public) = stated_public_key(encoding, &der) {
        return Ok(public);
    }
    PrivateKey::from_pem(pem).map(|key| key.public_key())
}

/// The kind of a public key, where it is one that Phoenix makes.
pub(super) fn key_type_of_spki(spki: &SubjectPublicKeyInfo<'_>) -> Option<KeyType> {
    const ED25519: &str = "1.3.101.112";
    const P256: &str = "1.2.840.10045.3.1.7";
    const P384: &str = "1.3.132.0.34";
    if spki.algorithm.algorithm.to_id_string() == ED25519 {
        return Some(KeyType::Ed25519);
    }
    match spki.parsed().ok()? {
        PublicKey::RSA(key) => match key.key_size() {
            2048 => Some(KeyType::Rsa2048),
            3072 => Some(KeyType::Rsa3072),
            4096 => Some(KeyType::Rsa4096),
            _ => None,
        },
        PublicKey::EC(_) => {
            let curve = spki.algorithm.parameters.as_ref()?.as_oid().ok()?;
            match curve.to_id_string().as_str() {
                P256 => Some(KeyType::EcP256),
                P384 => Some(KeyType::EcP384),
                _ => None,
            }
        }
        _ => None,
    }
}

/// PKCS#8 version 1: OpenSSL refuses the version 2 that rcgen would write for this kind.
fn ed25519() -> Option<KeyPair> {
    let document = Ed25519KeyPair::generate().ok()?.to_pkcs8v1().ok()?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(document.as_ref()));
    KeyPair::try_from(&der).ok()
}

fn rsa(size: RsaKeySize) -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size)
}

fn only_key(pem: &Secret) -> Result<(Encoding, Zeroizing<Vec<u8>>), KeyFault> {
    let text = pem.expose_secret();
    if text.len() > pem::LIMIT {
        return Err(KeyFault::Malformed(format!(
            "it has {} bytes, expected at most {}",
            text.len(),
            pem::LIMIT
        )));
    }
    // The parser skips encrypted sections as unknown, or takes the headers of old ones for base64.
    if [
        &b"-----BEGIN ENCRYPTED PRIVATE KEY"[..],
        b"Proc-Type: 4,ENCRYPTED",
    ]
    .iter()
    .any(|mark| text.windows(mark.len()).any(|window| window == *mark))
    {
        return Err(KeyFault::Encrypted);
    }
    let mut keys = Vec::new();
    for section in pem::sections(text) {
        let (kind, der) = section.map_err(KeyFault::Malformed)?;
        let encoding = match kind {
            SectionKind::EcPrivateKey => Encoding::Sec1,
            SectionKind::PrivateKey => Encoding::Pkcs8,
            SectionKind::RsaPrivateKey => Encoding::Pkcs1,
            _ => continue,
        };
        keys.push((encoding, Zeroizing::new(der)));
    }
    let found = keys.len();
    match (keys.pop(), found) {
        (None, _) => Err(KeyFault::Missing),
        (Some(key), 1) => Ok(key),
        (Some(_), _) => Err(KeyFault::Several(found)),
    }
}

/// Puts together the `SubjectPublicKeyInfo` from what the file says, without arithmetic on the curve.
fn stated_public_key(encoding: Encoding, der: &[u8]) -> Option<Vec<u8>> {
    const SEQUENCE: u8 = 0x30;
    const OCTET_STRING: u8 = 0x04;
    const BIT_STRING: u8 = 0x03;
    const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    let (algorithm, inner): (Option<&[u8]>, &[u8]) = if encoding == Encoding::Pkcs8 {
        let mut fields = Fields(Fields(der).next_of(SEQUENCE)?);
        fields.next_of(0x02)?;
        let algorithm = fields.next_whole(SEQUENCE)?;
        (Some(algorithm), fields.next_of(OCTET_STRING)?)
    } else {
        (None, der)
    };
    let mut fields = Fields(Fields(inner).next_of(SEQUENCE)?);
    fields.next_of(0x02)?;
    let is_rsa = match algorithm {
        Some(algorithm) => algorithm == RSA_ENCRYPTION,
        None => encoding == Encoding::Pkcs1,
    };
    if is_rsa {
        let (modulus, exponent) = (fields.next_whole(0x02)?, fields.next_whole(0x02)?);
        let key = wrap(SEQUENCE, &[modulus, exponent]);
        let bits = wrap(BIT_STRING, &[b"\0", &key]);
        return Some(wrap(SEQUENCE, &[RSA_ENCRYPTION, &bits]));
    }
    fields.next_of(OCTET_STRING)?;
    let mut curve = None;
    let mut point = None;
    while let Some((tag, content, _)) = fields.advance() {
        match tag {
            0xa0 => curve = Some(content),
            0xa1 => point = Some(content),
            _ => return None,
        }
    }
    let algorithm = match (algorithm, curve) {
        (Some(algorithm), _) => algorithm.to_vec(),
        (None, Some(curve)) => wrap(SEQUENCE, &[EC_PUBLIC_KEY, curve]),
        (None, None) => return None,
    };
    Some(wrap(SEQUENCE, &[&algorithm, point?]))
}

/// Walks over the elements of a DER sequence.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Tag, content and whole encoding of the next element.
    fn advance(&mut self) -> Option<(u8, &'a [u8], &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => (usize::from(*rest.first()?), &rest[1..]),
            0x82 => (
                usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?),
                &rest[2..],
            ),
            _ => return None,
        };
        let content = rest.get(..length)?;
        let whole = &self.0[..self.0.len() - rest.len() + length];
        self.0 = &rest[length..];
        Some((tag, content, whole))
    }

    fn next_of(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.advance()
            .and_then(|(tag, content, _)| (tag == wanted).then_some(content))
    }

    fn next_whole(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.advance()
            .and_then(|(tag, _, whole)| (tag == wanted).then_some(whole))
    }
}

fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    // Key files are limited to far less than 64 KiB of DER by their callers' two-byte lengths.
    let [.., high, low] = length.to_be_bytes();
    match length {
        0..=0x7f => out.push(low),
        0x80..=0xff => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_is_made_written_and_read_back() {
        for kind in KeyType::ALL {
            let key = PrivateKey::generate(kind).unwrap();
            assert_eq!(key.key_type(), Some(kind));
            let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            assert_eq!(public_key_of_pem(&key.to_pem()).unwrap(), key.public_key());
            assert_eq!(kind.to_string().parse::<KeyType>().unwrap(), kind);
            assert_eq!(format!("{key:?}"), "[redacted]");
        }
    }

    #[test]
    fn sec1_and_pkcs1_files_keep_their_form() {
        use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der};
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let sec1: EcPrivateKeyRfc5915Der<'_> = ec.private_key().as_der().unwrap();
        let rsa = PrivateKey::generate(KeyType::Rsa2048).unwrap();
        let mut fields = Fields(Fields(rsa.pair.serialized_der()).next_of(0x30).unwrap());
        let pkcs1 = loop {
            let (tag, content, _) = fields.advance().unwrap();
            if tag == 0x04 {
                break content;
            }
        };
        for (label, der) in [
            ("EC PRIVATE KEY", sec1.as_ref()),
            ("RSA PRIVATE KEY", pkcs1),
        ] {
            // As `openssl ecparam -genkey` writes it: a section of parameters before the key.
            let mut file =
                b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
                    .to_vec();
            let before = file.len();
            pem::encode(label, der, &mut file);
            let key = PrivateKey::from_pem(&Secret::new(file.clone())).unwrap();
            assert_eq!(key.to_pem().expose_secret(), &file[before..]);
            assert_eq!(
                public_key_of_pem(&Secret::new(file)).unwrap(),
                key.public_key()
            );
        }
    }

    #[test]
    fn key_files_that_are_none_say_why() {
        let pem = |text: &str| PrivateKey::from_pem(&Secret::from(text.to_owned())).unwrap_err();
        let one = String::from_utf8(
            PrivateKey::generate(KeyType::EcP256)
                .unwrap()
                .to_pem()
                .expose_secret()
                .to_vec(),
        )
        .unwrap();
        assert_eq!(pem(""), KeyFault::Missing);
        assert_eq!(pem(&format!("{one}{one}")), KeyFault::Several(2));
        assert_eq!(
            pem(
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
            ),
            KeyFault::Encrypted
        );
        assert_eq!(
            pem(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
            ),
            KeyFault::Encrypted
        );
        assert_eq!(
            pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            KeyFault::Unsupported
        );
        assert!(matches!(
            pem(&one[..one.len() - 30]),
            KeyFault::Malformed(_)
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            for encoding in [Encoding::Pkcs1, Encoding::Pkcs8, Encoding::Sec1] {
                let _ = stated_public_key(encoding, &bytes);
            }
        }
    }
}
