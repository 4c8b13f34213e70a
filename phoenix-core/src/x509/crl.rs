//! Certificate revocation lists (RFC 5280, 5), and why a certificate may be revoked.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use rustls_pki_types::pem::SectionKind;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::leaf::system_time;
use super::{Anchor, Serial};
use crate::names::{NameError, text_serde};

/// Why a certificate is revoked (RFC 5280, 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum RevocationReason {
    /// Nothing is said about it.
    #[default]
    Unspecified,
    /// Somebody else may have the private key.
    KeyCompromise,
    /// Somebody else may have the CA's private key.
    CaCompromise,
    /// The subject's name or place in the organization changed.
    AffiliationChanged,
    /// Another certificate takes its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// It is revoked for a time.
    CertificateHold,
    /// It was on hold and no longer is.
    RemoveFromCrl,
    /// What it allowed is no longer allowed.
    PrivilegeWithdrawn,
    /// Somebody else may have the attribute authority's private key.
    AaCompromise,
}

impl RevocationReason {
    /// Every reason with its code and name.
    pub const ALL: [(Self, u8, &'static str); 10] = [
        (Self::Unspecified, 0, "unspecified"),
        (Self::KeyCompromise, 1, "keyCompromise"),
        (Self::CaCompromise, 2, "cACompromise"),
        (Self::AffiliationChanged, 3, "affiliationChanged"),
        (Self::Superseded, 4, "superseded"),
        (Self::CessationOfOperation, 5, "cessationOfOperation"),
        (Self::CertificateHold, 6, "certificateHold"),
        (Self::RemoveFromCrl, 8, "removeFromCRL"),
        (Self::PrivilegeWithdrawn, 9, "privilegeWithdrawn"),
        (Self::AaCompromise, 10, "aACompromise"),
    ];

    /// Its code in a certificate revocation list.
    pub fn code(self) -> u8 {
        self.entry().1
    }

    fn entry(self) -> (Self, u8, &'static str) {
        Self::ALL
            .into_iter()
            .find(|(reason, ..)| *reason == self)
            .unwrap_or(Self::ALL[0])
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().2)
    }
}

impl FromStr for RevocationReason {
    type Err = NameError;

    /// Takes the name in any case, with or without `-` and `_` between its words, or the code.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = text.replace(['-', '_'], "");
        Self::ALL
            .into_iter()
            .find(|(_, code, name)| {
                name.eq_ignore_ascii_case(&plain) || text.parse() == Ok(*code)
            })
            .map(|(reason, ..)| reason)
            .ok_or_else(|| {
                NameError::new(
                    text,
                    "a reason of RFC 5280: unspecified (0), keyCompromise (1), cACompromise (2), affiliationChanged (3), \
                     superseded (4), cessationOfOperation (5), certificateHold (6), removeFromCRL (8), \
                     privilegeWithdrawn (9) or aACompromise (10)",
                )
            })
    }
}

text_serde!(RevocationReason);

/// What a revocation list says; [`Crl::verify`] tells whether it may be believed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Crl {
    #[serde(skip)]
    der: Vec<u8>,
    /// Who issued it, for people.
    pub issuer: String,
    /// When it was made.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub this_update: SystemTime,
    /// When the next one is due; step-ca always says so.
    pub next_update: Option<NextUpdate>,
    /// Its number, which grows with each list; step-ca gives one too.
    pub number: Option<Serial>,
    /// The revoked certificates, when and why.
    pub revoked: BTreeMap<Serial, RevokedAt>,
}

/// When a certificate was revoked, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RevokedAt {
    /// When.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub at: SystemTime,
    /// Why.
    pub reason: RevocationReason,
}

/// When the next revocation list is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct NextUpdate(#[serde(with = "crate::time::serde_rfc3339")] pub SystemTime);

/// Why a revocation list is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlFault {
    /// None of the CA certificates signed it.
    #[error(
        "the revocation list of `{issuer}` is not signed by a CA certificate under the trusted root"
    )]
    Foreign {
        /// Who issued it, by its own words.
        issuer: String,
    },
    /// Not a revocation list.
    #[error("it is no revocation list: {0}")]
    Malformed(String),
    /// It is older than it may be.
    #[error("the revocation list ended at {}", crate::time::rfc3339(*.next_update))]
    Outdated {
        /// When the next one was due.
        next_update: SystemTime,
    },
}

impl Crl {
    /// Parses a list in DER form.
    pub fn from_der(der: &[u8]) -> Result<Self, CrlFault> {
        let malformed = |what: String| CrlFault::Malformed(what);
        let (rest, parsed) = CertificateRevocationList::from_der(der)
            .map_err(|error| malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(malformed(format!("{} bytes follow it", rest.len())));
        }
        let mut revoked = BTreeMap::new();
        for entry in parsed.iter_revoked_certificates() {
            let code = entry.reason_code().map_or(0, |(_, reason)| reason.0);
            let reason = RevocationReason::ALL
                .into_iter()
                .find(|(_, known, _)| *known == code)
                .map_or_else(RevocationReason::default, |(reason, ..)| reason);
            let at = system_time(entry.revocation_date).map_err(malformed)?;
            let serial = Serial::from_bytes(entry.raw_serial());
            revoked.insert(serial, RevokedAt { at, reason });
        }
        Ok(Self {
            der: der.to_vec(),
            issuer: parsed.issuer().to_string(),
            this_update: system_time(parsed.last_update()).map_err(malformed)?,
            next_update: parsed
                .next_update()
                .map(|time| system_time(time).map(NextUpdate))
                .transpose()
                .map_err(malformed)?,
            number: parsed
                .crl_number()
                .map(|number| Serial::from_bytes(&number.to_bytes_be())),
            revoked,
        })
    }

    /// Reads a PEM file that holds exactly one list, perhaps with certificates around it.
    pub fn from_pem(text: &[u8]) -> Result<Self, CrlFault> {
        let mut found = Vec::new();
        for section in super::pem::sections(text) {
            let (kind, der) = section.map_err(CrlFault::Malformed)?;
            if kind == SectionKind::Crl {
                found.push(der);
            }
        }
        match <[_; 1]>::try_from(found) {
            Ok([der]) => Self::from_der(&der),
            Err(several) => Err(CrlFault::Malformed(format!(
                "found {} `-----BEGIN X509 CRL-----` sections, expected one",
                several.len()
            ))),
        }
    }

    /// The list in DER form.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The list as a PEM file.
    pub fn to_pem(&self) -> Vec<u8> {
        let mut out = Vec::new();
        super::pem::encode("X509 CRL", &self.der, &mut out);
        out
    }

    /// Whether one of `issuers` signed it, and whether it still counts at this time.
    ///
    /// `issuers` are CA certificates that lead to a trusted root; see [`Anchor::is_signed_by`].
    pub fn verify(&self, issuers: &[Anchor], now: SystemTime) -> Result<(), CrlFault> {
        let foreign = || CrlFault::Foreign {
            issuer: self.issuer.clone(),
        };
        let (_, parsed) = CertificateRevocationList::from_der(&self.der).map_err(|_| foreign())?;
        let signed = issuers.iter().any(|issuer| {
            X509Certificate::from_der(issuer.der()).is_ok_and(|(_, certificate)| {
                certificate.subject().as_raw() == parsed.issuer().as_raw()
                    && parsed.verify_signature(certificate.public_key()).is_ok()
            })
        });
        if !signed {
            return Err(foreign());
        }
        match self.next_update {
            Some(NextUpdate(next_update)) if next_update < now => {
                Err(CrlFault::Outdated { next_update })
            }
            _ => Ok(()),
        }
    }

    /// Why this certificate was revoked; `None` when it was not.
    pub fn reason(&self, serial: &Serial) -> Option<RevocationReason> {
        self.revoked.get(serial).map(|revoked| revoked.reason)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
        KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    };

    use super::*;
    use crate::x509::testing::{DAY, now};

    fn ca(name: &str) -> (CertificateParams, KeyPair, Anchor) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        (params, key, Anchor::from_der(der).unwrap())
    }

    fn list(params: &CertificateParams, key: &KeyPair) -> Crl {
        let list = CertificateRevocationListParams {
            this_update: now().into(),
            next_update: (now() + DAY).into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from_slice(&[1, 0]),
                revocation_time: now().into(),
                reason_code: Some(rcgen::RevocationReason::Superseded),
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let signed = list.signed_by(&Issuer::from_params(params, key)).unwrap();
        Crl::from_der(signed.der()).unwrap()
    }

    fn anchor_pem() -> Vec<u8> {
        ca("x").2.to_pem()
    }

    #[test]
    fn a_list_is_believed_from_its_issuer_and_until_its_end() {
        let (params, key, anchor) = ca("one");
        let (_, _, other) = ca("one");
        let crl = list(&params, &key);
        assert_eq!(crl.verify(std::slice::from_ref(&anchor), now()), Ok(()));
        assert!(matches!(
            crl.verify(&[other], now()),
            Err(CrlFault::Foreign { .. })
        ));
        assert!(matches!(
            crl.verify(&[anchor], now() + 2 * DAY),
            Err(CrlFault::Outdated { .. })
        ));
        let revoked = "256".parse().unwrap();
        assert_eq!(crl.reason(&revoked), Some(RevocationReason::Superseded));
        assert_eq!(crl.reason(&"257".parse().unwrap()), None);
        assert_eq!(crl.number, Some("1".parse().unwrap()));
        let among = [anchor_pem(), crl.to_pem(), anchor_pem()].concat();
        assert_eq!(Crl::from_pem(&among).unwrap(), crl);
        for bad in [anchor_pem(), [crl.to_pem(), crl.to_pem()].concat()] {
            assert!(matches!(Crl::from_pem(&bad), Err(CrlFault::Malformed(_))));
        }
        assert!(matches!(
            Crl::from_der(&crl.as_der()[1..]),
            Err(CrlFault::Malformed(_))
        ));
    }

    #[test]
    fn reasons_are_read_by_name_and_by_code() {
        for (reason, code, name) in RevocationReason::ALL {
            for text in [name.to_owned(), name.to_lowercase(), code.to_string()] {
                assert_eq!(text.parse::<RevocationReason>().unwrap(), reason);
            }
            assert_eq!(reason.code(), code);
        }
        assert_eq!(
            "key-compromise".parse::<RevocationReason>().unwrap(),
            RevocationReason::KeyCompromise
        );
        for bad in ["", "7", "11", "-1", "key compromise"] {
            assert!(bad.parse::<RevocationReason>().is_err(), "{bad}");
        }
    }
}
