//! PEM (RFC 7468), read as files in the wild have it: CRLF, comments, other sections around the wanted one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::{PemObject as _, SectionKind};

/// Bytes that are not the certificates they were to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemFault {
    /// A section is not what its label says.
    #[error("certificate {index} is not readable: {detail}")]
    Certificate {
        /// Which one, counted from 1.
        index: usize,
        /// What the parser found.
        detail: String,
    },
    /// The file is larger than any chain.
    #[error("found {found} bytes where a PEM file has at most {limit}")]
    Large {
        /// Its size.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A section is cut off or not base64.
    #[error("the PEM text is malformed: {0}")]
    Malformed(String),
    /// Another number of certificates than one.
    #[error("found {found} certificates, expected exactly one")]
    NotOne {
        /// How many there are.
        found: usize,
    },
    /// The certificate may not sign others.
    #[error("`{subject}` is not a CA certificate (no CA:TRUE), so it cannot be a trust anchor")]
    NotCa {
        /// The certificate's subject.
        subject: String,
    },
    /// There is no certificate in it.
    #[error("found no `-----BEGIN CERTIFICATE-----` section")]
    NoCertificate,
}

/// More than this is no PEM file of ours (1 MiB; a chain has a few KiB).
pub(crate) const LIMIT: usize = 1 << 20;

/// The DER of every certificate in the text, in order.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, PemFault> {
    if pem.len() > LIMIT {
        return Err(PemFault::Large {
            found: pem.len(),
            limit: LIMIT,
        });
    }
    let mut found = Vec::new();
    for section in sections(pem) {
        let (kind, der) = section.map_err(PemFault::Malformed)?;
        if kind == SectionKind::Certificate {
            found.push(der);
        }
    }
    if found.is_empty() {
        return Err(PemFault::NoCertificate);
    }
    Ok(found)
}

/// Every section of a kind known to the parser.
pub(crate) fn sections(
    pem: &[u8],
) -> impl Iterator<Item = Result<(SectionKind, Vec<u8>), String>> + '_ {
    // A byte order mark would hide the first label.
    let pem = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem);
    <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).map(|item| {
        item.map_err(|error| match error {
            rustls_pki_types::pem::Error::MissingSectionEnd { .. } => {
                "a section has no end line".to_owned()
            }
            rustls_pki_types::pem::Error::IllegalSectionStart { .. } => {
                "a begin line is damaged".to_owned()
            }
            rustls_pki_types::pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
            other => other.to_string(),
        })
    })
}

/// One section: label, base64 in lines of 64, LF.
pub(crate) fn encode(label: &str, der: &[u8], out: &mut Vec<u8>) {
    let text = zeroize::Zeroizing::new(STANDARD.encode(der));
    out.reserve(text.len() + text.len() / 64 + 2 * label.len() + 40);
    out.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in text.as_bytes().chunks(64) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
}
