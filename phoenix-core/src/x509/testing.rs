//! A throw-away CA for unit tests.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber,
};

use super::{Anchor, Chain, Crl, KeyType, PrivateKey, Serial, csr};
use crate::names::SubjectAltName;

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct Authority {
    root: (CertificateParams, KeyPair, Vec<u8>),
    intermediate: (CertificateParams, KeyPair, Vec<u8>),
}

pub(crate) struct Leafing {
    pub(crate) common_name: &'static str,
    pub(crate) sans: BTreeSet<SubjectAltName>,
    pub(crate) key: PrivateKey,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
    pub(crate) server: bool,
    pub(crate) client: bool,
}

impl Default for Leafing {
    fn default() -> Self {
        Self {
            common_name: "a.test",
            sans: BTreeSet::from(["a.test".parse().unwrap()]),
            key: PrivateKey::generate(KeyType::EcP256).unwrap(),
            not_before: now() - Duration::from_secs(60),
            not_after: now() + DAY,
            server: true,
            client: true,
        }
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::with_root_dates(now() - DAY, now() + 100 * DAY)
    }

    pub(crate) fn with_root_dates(not_before: SystemTime, not_after: SystemTime) -> Self {
        let mut params = ca("Test Root", 1);
        params.not_before = not_before.into();
        params.not_after = not_after.into();
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let root = (params, key, der);
        let mut params = ca("Test Intermediate", 0);
        params.not_before = (now() - DAY).into();
        params.not_after = (now() + 50 * DAY).into();
        let key = KeyPair::generate().unwrap();
        let der = params
            .signed_by(&key, &Issuer::from_params(&root.0, &root.1))
            .unwrap()
            .der()
            .to_vec();
        Self {
            root,
            intermediate: (params, key, der),
        }
    }

    pub(crate) fn anchor(&self) -> Anchor {
        Anchor::from_der(self.root.2.clone()).unwrap()
    }

    pub(crate) fn intermediate(&self) -> Vec<u8> {
        self.intermediate.2.clone()
    }

    pub(crate) fn leaf(&self, leafing: &Leafing) -> Vec<u8> {
        let name = leafing.common_name.parse().unwrap();
        let mut params = csr::subject(&name, &leafing.sans).unwrap();
        params.not_before = leafing.not_before.into();
        params.not_after = leafing.not_after.into();
        if leafing.server {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        if leafing.client {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        params
            .signed_by(
                leafing.key.pair(),
                &Issuer::from_params(&self.intermediate.0, &self.intermediate.1),
            )
            .unwrap()
            .der()
            .to_vec()
    }

    /// A list by the intermediate, good for a day.
    pub(crate) fn revoking(&self, serials: &[Serial]) -> Crl {
        let list = CertificateRevocationListParams {
            this_update: now().into(),
            next_update: (now() + DAY).into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from_slice(serial.as_bytes()),
                    revocation_time: now().into(),
                    reason_code: Some(rcgen::RevocationReason::KeyCompromise),
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let issuer = Issuer::from_params(&self.intermediate.0, &self.intermediate.1);
        Crl::from_der(list.signed_by(&issuer).unwrap().der()).unwrap()
    }

    pub(crate) fn chain(&self, leafing: &Leafing) -> Chain {
        Chain::from_ders(vec![self.leaf(leafing), self.intermediate()]).unwrap()
    }
}

fn ca(name: &str, path_length: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
