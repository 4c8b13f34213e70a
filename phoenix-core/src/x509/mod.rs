//! Certificates, keys and trust as plain data: what a file holds, what it is good for, whether it can be believed.
//!
//! Everything here is pure. Time is an argument, files are bytes.

mod constraints;
mod crl;
mod csr;
mod details;
mod fingerprint;
mod key;
mod known;
mod leaf;
mod pem;
mod serial;
mod verify;

use std::fmt;
use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

pub use constraints::{Network, Permitted};
pub use crl::{Crl, CrlFault, NextUpdate, RevocationReason, RevokedAt};
pub(crate) use csr::subject as csr_subject;
pub use csr::{Csr, CsrContent, CsrFault, create_csr};
pub use details::Details;
pub use fingerprint::Fingerprint;
pub use key::{KeyFault, KeyType, PrivateKey, public_key_of_pem};
pub use known::KnownSignatures;
pub use leaf::Leaf;
pub use pem::PemFault;
pub use serial::Serial;
pub use verify::{ChainFault, Usage, verify_chain, verify_chain_knowing};

pub(crate) use details::key_in_words;
pub(crate) use fingerprint::{hex, sha256};

/// A certificate chain, leaf first, as a certificate file holds it.
///
/// Reading parses every certificate; it verifies nothing, which is [`verify_chain`]'s part.
#[derive(Clone)]
pub struct Chain {
    certificates: Vec<CertificateDer<'static>>,
    parsed: Vec<Leaf>,
}

impl Chain {
    /// Reads a PEM file. Line ends, comments and sections of other kinds do not matter.
    pub fn from_pem(pem: &[u8]) -> Result<Self, PemFault> {
        Self::from_ders(pem::certificates(pem)?)
    }

    /// Takes certificates in DER form, leaf first.
    pub fn from_ders(ders: Vec<Vec<u8>>) -> Result<Self, PemFault> {
        if ders.is_empty() {
            return Err(PemFault::NoCertificate);
        }
        let parsed = ders
            .iter()
            .enumerate()
            .map(|(at, der)| {
                Leaf::from_der(der).map_err(|detail| PemFault::Certificate {
                    index: at + 1,
                    detail,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            certificates: ders.into_iter().map(CertificateDer::from).collect(),
            parsed,
        })
    }

    /// The first certificate.
    pub fn leaf(&self) -> &Leaf {
        // Both constructors refuse an empty list.
        &self.parsed[0]
    }

    /// What stands behind the leaf, in order.
    pub fn issuers(&self) -> &[Leaf] {
        &self.parsed[1..]
    }

    /// All certificates in DER form, leaf first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// When the chain ends: the earliest end of its certificates, since a leaf may outlive its issuer.
    pub fn not_after(&self) -> SystemTime {
        self.parsed
            .iter()
            .map(|certificate| certificate.not_after)
            .min()
            .unwrap_or(self.leaf().not_after)
    }

    /// The chain as a PEM file, LF at every line's end.
    pub fn to_pem(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for der in &self.certificates {
            pem::encode("CERTIFICATE", der, &mut out);
        }
        out
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.parsed).finish()
    }
}

impl PartialEq for Chain {
    fn eq(&self, other: &Self) -> bool {
        self.certificates == other.certificates
    }
}

impl Eq for Chain {}

/// A trusted root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    der: CertificateDer<'static>,
    /// Its fingerprint, by which it is pinned.
    pub fingerprint: Fingerprint,
    /// Its subject, for people.
    pub subject: String,
    /// From when on it is valid. Verifiers commonly ignore a root's own dates; [`verify_chain`] does not.
    pub not_before: SystemTime,
    /// Until when it is valid.
    pub not_after: SystemTime,
}

impl Anchor {
    /// Reads a PEM file that holds exactly one certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self, PemFault> {
        match <[_; 1]>::try_from(pem::certificates(pem)?) {
            Ok([der]) => Self::from_der(der),
            Err(several) => Err(PemFault::NotOne {
                found: several.len(),
            }),
        }
    }

    /// Reads every certificate of a PEM file, each of them a CA's; there may be none.
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, PemFault> {
        match pem::certificates(pem) {
            Ok(ders) => ders.into_iter().map(Self::from_der).collect(),
            Err(PemFault::NoCertificate) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        }
    }

    /// Takes a CA certificate in DER form.
    pub fn from_der(der: Vec<u8>) -> Result<Self, PemFault> {
        let parsed =
            Leaf::from_der(&der).map_err(|detail| PemFault::Certificate { index: 1, detail })?;
        if !parsed.is_ca {
            return Err(PemFault::NotCa {
                subject: parsed.subject,
            });
        }
        Ok(Self {
            fingerprint: parsed.fingerprint,
            subject: parsed.subject,
            not_before: parsed.not_before,
            not_after: parsed.not_after,
            der: der.into(),
        })
    }

    /// The certificate in DER form.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The certificate as a PEM file.
    pub fn to_pem(&self) -> Vec<u8> {
        let mut out = Vec::new();
        pem::encode("CERTIFICATE", &self.der, &mut out);
        out
    }

    /// Whether `issuer` signed it: its name, and its signature.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        issuer.signed(&self.der)
    }

    /// Whether it signed this certificate.
    pub(crate) fn signed(&self, certificate: &[u8]) -> bool {
        let (Ok((_, ours)), Ok((_, theirs))) = (
            X509Certificate::from_der(certificate),
            X509Certificate::from_der(&self.der),
        ) else {
            return false;
        };
        ours.issuer().as_raw() == theirs.subject().as_raw()
            && ours.verify_signature(Some(theirs.public_key())).is_ok()
    }

    /// Whether it is within its own dates.
    pub fn valid_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// The anchors, and each of `others` that is within its dates and signed by one of them or by another that is.
pub(crate) fn under(anchors: &[Anchor], others: Vec<Anchor>, now: SystemTime) -> Vec<Anchor> {
    let mut trusted = anchors.to_vec();
    let mut left = others;
    loop {
        let before = left.len();
        let (signed, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|one| {
            one.valid_at(now) && trusted.iter().any(|issuer| one.is_signed_by(issuer))
        });
        trusted.extend(signed);
        left = rest;
        if left.len() == before {
            return trusted;
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chains_are_read_with_crlf_comments_and_bytes_around_them() {
        let chain = testing::Authority::new().chain(&testing::Leafing::default());
        let pem = String::from_utf8(chain.to_pem()).unwrap();
        let (first, second) = pem.split_at(pem.find("END CERTIFICATE-----\n").unwrap() + 21);
        let untidy = format!(
            "\u{feff}subject=x\r\n{}\r\n# between\r\n{}trailing \u{0}\u{1}",
            first.replace('\n', "\r\n"),
            second
        );
        assert_eq!(Chain::from_pem(untidy.as_bytes()).unwrap(), chain);
        assert_eq!(chain.certificates().len(), 2);
    }

    #[test]
    fn broken_certificate_files_say_what_is_wrong() {
        let chain = testing::Authority::new().chain(&testing::Leafing::default());
        let pem = chain.to_pem();
        assert_eq!(Chain::from_pem(b"").unwrap_err(), PemFault::NoCertificate);
        assert_eq!(
            Chain::from_pem(b"\xff\x00 no pem").unwrap_err(),
            PemFault::NoCertificate
        );
        let cut = &pem[..pem.len() - 40];
        assert!(matches!(
            Chain::from_pem(cut).unwrap_err(),
            PemFault::Malformed(_)
        ));
        let mut other = Vec::new();
        pem::encode("CERTIFICATE", b"\x30\x03\x02\x01", &mut other);
        assert!(matches!(
            Chain::from_pem(&other).unwrap_err(),
            PemFault::Certificate { index: 1, .. }
        ));
        let large = vec![b'x'; pem::LIMIT + 1];
        assert!(matches!(
            Chain::from_pem(&large).unwrap_err(),
            PemFault::Large { .. }
        ));
    }

    #[test]
    fn an_anchor_is_exactly_one_ca_certificate() {
        let ca = testing::Authority::new();
        let chain = ca.chain(&testing::Leafing::default());
        let anchor = Anchor::from_pem(&ca.anchor().to_pem()).unwrap();
        assert_eq!(anchor, ca.anchor());
        assert_eq!(
            Anchor::from_pem(&chain.to_pem()).unwrap_err(),
            PemFault::NotOne { found: 2 }
        );
        let leaf = Chain::from_ders(vec![chain.certificates()[0].to_vec()]).unwrap();
        assert!(matches!(
            Anchor::from_pem(&leaf.to_pem()).unwrap_err(),
            PemFault::NotCa { .. }
        ));
    }

    proptest! {
        #[test]
        fn a_bundle_reads_the_same_whatever_stands_around_its_sections(
            before in "(# [a-z ]{0,20}\n|[a-z ]{0,20}\n|\n){0,3}",
            between in "(# [a-z ]{0,20}\r\n|\n){0,3}",
            after in "[^-]{0,30}",
            crlf: bool,
            mark: bool,
        ) {
            static CHAIN: LazyLock<Chain> =
                LazyLock::new(|| testing::Authority::new().chain(&testing::Leafing::default()));
            let mut sections = CHAIN.certificates().iter().map(|der| {
                let mut out = Vec::new();
                pem::encode("CERTIFICATE", der, &mut out);
                String::from_utf8(out).unwrap()
            });
            let (one, two) = (sections.next().unwrap(), sections.next().unwrap());
            let mark = if mark { "\u{feff}" } else { "" };
            let mut text = format!("{mark}{before}{one}{between}{two}{after}");
            if crlf {
                text = text.replace("\r\n", "\n").replace('\n', "\r\n");
            }
            prop_assert_eq!(&Chain::from_pem(text.as_bytes()).unwrap(), &*CHAIN);
        }

        #[test]
        fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut wrapped = Vec::new();
            for label in ["CERTIFICATE", "CERTIFICATE REQUEST", "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
                wrapped.clear();
                pem::encode(label, &bytes, &mut wrapped);
                let _ = Chain::from_pem(&wrapped);
                let _ = Csr::from_pem(&wrapped);
                let _ = PrivateKey::from_pem(&crate::secret::Secret::new(wrapped.clone()));
                let _ = public_key_of_pem(&crate::secret::Secret::new(wrapped.clone()));
            }
            let _ = Crl::from_der(&bytes);
            let _ = Details::from_der(&bytes);
            let _ = Chain::from_pem(&bytes);
        }
    }
}
