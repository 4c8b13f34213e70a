//! Makes a CA: a root, an intermediate, their keys, and a revocation list without an entry.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use time::OffsetDateTime;

use super::keep::NewFile;
use super::revocation;
use super::{BACKDATE, CRL, INTERMEDIATE, INTERMEDIATE_KEY, ROOT, ROOT_KEY};
use crate::names::{CommonName, FileMode};
use crate::secret::Secret;
use crate::x509::{KeyType, Permitted, PrivateKey, Usage, hex};

/// What a CA of ours is for; it is written into its certificates, and verifiers hold it to that.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaDesign {
    /// What its subjects begin with.
    pub title: &'static str,
    /// The names that it may issue for.
    pub permitted: Permitted,
    /// The only usage that its leaves have; `None`: whichever is asked for.
    pub usage: Option<Usage>,
}

impl CaDesign {
    /// For a site's certificates of every kind.
    pub fn site(permitted: Permitted) -> Self {
        Self {
            title: "Phoenix",
            permitted,
            usage: None,
        }
    }

    /// For the one client that may command Docker, and for nobody else.
    pub fn docker_client(client: &CommonName) -> Self {
        Self {
            title: "Phoenix Docker Client",
            permitted: Permitted {
                domains: Some([client.as_str().to_ascii_lowercase()].into()),
                networks: Some([].into()),
            },
            usage: Some(Usage::Client),
        }
    }
}

/// The files of a new CA.
///
/// Both certificates hold the limits: some verifiers pass over those of a trusted root.
pub(super) fn make(design: &CaDesign, now: SystemTime) -> Result<Vec<NewFile>, String> {
    let text = |error: rcgen::Error| error.to_string();
    let key = || PrivateKey::generate(KeyType::EcP256).map_err(|fault| fault.to_string());
    let (root_key, intermediate_key) = (key()?, key()?);
    let root_params = authority(design, "Root CA", 1, now)?;
    let root = root_params.self_signed(root_key.pair()).map_err(text)?;
    let mut params = authority(design, "Intermediate CA", 0, now)?;
    params.use_authority_key_identifier_extension = true;
    let issuer: Issuer<'_, &KeyPair> = Issuer::from_params(&root_params, root_key.pair());
    let intermediate = params
        .signed_by(intermediate_key.pair(), &issuer)
        .map_err(text)?;
    let issuer = Issuer::from_params(&params, intermediate_key.pair());
    let list = revocation::sign(&issuer, 1, &[].into(), now)?;
    let public = |name, pem: Vec<u8>| NewFile {
        name,
        bytes: Secret::new(pem),
        mode: FileMode::PUBLIC,
    };
    let private = |name, key: &PrivateKey| NewFile {
        name,
        bytes: key.to_pem(),
        mode: FileMode::PRIVATE,
    };
    Ok(vec![
        private(ROOT_KEY, &root_key),
        private(INTERMEDIATE_KEY, &intermediate_key),
        public(ROOT, root.pem().into_bytes()),
        public(INTERMEDIATE, intermediate.pem().into_bytes()),
        public(CRL, list.to_pem()),
    ])
}

fn authority(
    design: &CaDesign,
    what: &str,
    path_length: u8,
    now: SystemTime,
) -> Result<CertificateParams, String> {
    let serial = serial()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // Two CAs of ours must not be taken for one by their subjects.
    let id = &hex(serial.as_ref())[..8];
    params
        .distinguished_name
        .push(DnType::CommonName, format!("{} {what} {id}", design.title));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = design.usage.map(purpose).into_iter().collect();
    params.name_constraints = design.permitted.to_constraints();
    params.not_before = whole_seconds(now - BACKDATE);
    params.not_after = whole_seconds(now + LIFETIME);
    params.serial_number = Some(serial);
    Ok(params)
}

pub(super) fn purpose(usage: Usage) -> ExtendedKeyUsagePurpose {
    match usage {
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
    }
}

/// 126 random bits, positive and of one length.
pub(super) fn serial() -> Result<SerialNumber, String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "no randomness".to_owned())?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

pub(super) fn whole_seconds(time: SystemTime) -> OffsetDateTime {
    let time = OffsetDateTime::from(time);
    time.replace_nanosecond(0).unwrap_or(time)
}

/// Of root and intermediate: ten years.
const LIFETIME: Duration = Duration::from_secs(3_650 * 86_400);
