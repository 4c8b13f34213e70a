//! SHA-256 of a certificate's DER, the one thing that makes a root trusted over the network.

use std::fmt;
use std::str::FromStr;

use crate::names::{NameError, text_serde};

/// The SHA-256 of a certificate's DER form.
///
/// Reads hexadecimal digits in either case, with or without `:`, `-` or spaces between them; prints bare lower case,
/// as step-ca wants it in a path.
///
/// ```
/// use phoenix_core::x509::Fingerprint;
///
/// let text = "ab:".repeat(31) + "AB";
/// let fingerprint: Fingerprint = text.parse().unwrap();
/// assert_eq!(fingerprint.to_string(), "ab".repeat(32));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate.
    pub fn of(der: &[u8]) -> Self {
        Self(sha256(der))
    }

    /// Its first 16 digits, for people.
    pub fn short(&self) -> String {
        self.0[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::new(text, "a SHA-256 fingerprint of 64 hexadecimal digits");
        let mut digits = text
            .chars()
            .filter(|c| !matches!(c, ':' | '-' | ' '))
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) else {
                return Err(error());
            };
            *byte = high << 4 | low;
        }
        match digits.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(error()),
        }
    }
}

text_serde!(Fingerprint);

/// The SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        for bad in [
            String::new(),
            "ab".repeat(31),
            "ab".repeat(33),
            "ab".repeat(31) + "a",
            "xy".repeat(32),
            "\u{ff11}".repeat(64),
        ] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_digest_is_sha256() {
        assert_eq!(
            Fingerprint::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    proptest! {
        #[test]
        fn any_separator_and_case_reads_the_same(bytes: [u8; 32], separator in "[:\\- ]?", upper: bool) {
            let plain = Fingerprint(bytes);
            let pairs: Vec<String> = bytes.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") }).collect();
            prop_assert_eq!(pairs.join(&separator).parse::<Fingerprint>().unwrap(), plain);
            prop_assert_eq!(plain.to_string().parse::<Fingerprint>().unwrap(), plain);
        }
    }
}
