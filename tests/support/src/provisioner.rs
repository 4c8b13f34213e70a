//! JWK provisioners as `step` makes them: the public key in the clear, the private one under a password.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{
    AsBigEndian as _, AsDer as _, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der,
};
use aws_lc_rs::key_wrap::{AES_128, AesKek, KeyWrap as _};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use aws_lc_rs::rand::fill;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
    KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The kinds of keys that a provisioner may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Ed25519.
    Ed25519,
    /// ECDSA on P-256, what `step` makes.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// RSA, 2048 bits.
    Rsa,
}

/// A provisioner's entry in `ca.json`, which is also what `/provisioners` shows.
///
/// # Panics
/// When the crypto library fails.
pub fn jwk_provisioner(name: &str, kind: Kind, password: &str, rounds: u32) -> Value {
    let (mut public, secrets) = key(kind);
    public["kid"] = json!(thumbprint(&public));
    public["use"] = json!("sig");
    let mut private = public.clone();
    for (field, value) in secrets.as_object().expect("an object") {
        private[field] = value.clone();
    }
    json!({
        "type": "JWK",
        "name": name,
        "key": public,
        "encryptedKey": encrypt(&private.to_string(), password, rounds),
    })
}

fn key(kind: Kind) -> (Value, Value) {
    match kind {
        Kind::P256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256"),
        Kind::P384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", "ES384"),
        Kind::P521 => ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", "ES512"),
        Kind::Ed25519 => {
            let pair = Ed25519KeyPair::generate().expect("a key");
            let seed: Curve25519SeedBin<'_> = pair
                .seed()
                .and_then(|seed| seed.as_be_bytes())
                .expect("a seed");
            (
                json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": text(pair.public_key().as_ref())}),
                json!({"d": text(seed.as_ref())}),
            )
        }
        Kind::Rsa => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
            let der: Pkcs8V1Der<'_> = pair.as_der().expect("a serialized key");
            let mut numbers = rsa_numbers(der.as_ref()).into_iter();
            let mut next = || text(&numbers.next().expect("a number of an RSA key"));
            (
                json!({"kty": "RSA", "alg": "RS256", "n": next(), "e": next()}),
                json!({"d": next(), "p": next(), "q": next(), "dp": next(), "dq": next(), "qi": next()}),
            )
        }
    }
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm, curve: &str, name: &str) -> (Value, Value) {
    let pair = EcdsaKeyPair::generate(algorithm).expect("a key");
    let point = &pair.public_key().as_ref()[1..];
    let (x, y) = point.split_at(point.len() / 2);
    let secret: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().expect("a number");
    (
        json!({"kty": "EC", "crv": curve, "alg": name, "x": text(x), "y": text(y)}),
        json!({"d": text(secret.as_ref())}),
    )
}

/// RFC 7638: the digest of the required members, in the order of the alphabet.
fn thumbprint(public: &Value) -> String {
    let required: serde_json::Map<String, Value> = ["crv", "e", "kty", "n", "x", "y"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), public.get(name)?.clone())))
        .collect();
    text(digest(&SHA256, Value::from(required).to_string().as_bytes()).as_ref())
}

fn encrypt(plain: &str, password: &str, rounds: u32) -> String {
    let (mut salt, mut cek, mut iv) = ([0; 16], [0; 32], [0; 12]);
    for bytes in [&mut salt[..], &mut cek[..], &mut iv[..]] {
        fill(bytes).expect("randomness");
    }
    let header = json!({"alg": ALGORITHM, "cty": "jwk+json", "enc": "A256GCM", "p2c": rounds, "p2s": text(&salt)});
    let protected = text(header.to_string().as_bytes());
    let mut kek = [0; 16];
    let rounds = rounds.try_into().expect("at least one round");
    let salt = [ALGORITHM.as_bytes(), b"\0", &salt].concat();
    pbkdf2::derive(
        PBKDF2_HMAC_SHA256,
        rounds,
        &salt,
        password.as_bytes(),
        &mut kek,
    );
    let mut wrapped = [0; 40];
    AesKek::new(&AES_128, &kek)
        .and_then(|kek| kek.wrap(&cek, &mut wrapped).map(drop))
        .expect("a wrapped key");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &cek).expect("a key of 32 bytes"));
    let mut content = plain.as_bytes().to_vec();
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(iv),
            Aad::from(protected.as_bytes()),
            &mut content,
        )
        .expect("an encrypted text");
    [
        protected,
        text(&wrapped),
        text(&iv),
        text(&content),
        text(tag.as_ref()),
    ]
    .join(".")
}

/// The integers of an RSA key in PKCS#8, after the version: n, e, d, p, q, dp, dq, qi.
fn rsa_numbers(pkcs8: &[u8]) -> Vec<Vec<u8>> {
    let (_, content) = element(&mut &*pkcs8);
    let mut fields = content;
    element(&mut fields);
    element(&mut fields);
    let (_, mut inner) = element(&mut fields);
    let (_, mut numbers) = element(&mut inner);
    element(&mut numbers);
    let mut out = Vec::new();
    while !numbers.is_empty() {
        let (_, number) = element(&mut numbers);
        out.push(number.strip_prefix(&[0]).unwrap_or(number).to_vec());
    }
    out
}

/// Takes one DER element off.
fn element<'a>(rest: &mut &'a [u8]) -> (u8, &'a [u8]) {
    let (tag, first) = (rest[0], rest[1]);
    let (length, header) = match first {
        0x81 => (usize::from(rest[2]), 3),
        0x82 => (usize::from(rest[2]) << 8 | usize::from(rest[3]), 4),
        short => (usize::from(short), 2),
    };
    let content = &rest[header..header + length];
    *rest = &rest[header + length..];
    (tag, content)
}

const ALGORITHM: &str = "PBES2-HS256+A128KW";

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
