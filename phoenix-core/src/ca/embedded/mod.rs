//! A CA of our own in a directory, for a machine that has none.

mod keep;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SerialNumber, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;

use super::{Authority, EnrollError, Health, Issued, Request, Wanted, judge};
use crate::names::SubjectAltName;
use crate::secret::Secret;
use crate::time::{Clock, human};
use crate::x509::{
    Anchor, Chain, KeyFault, KeyType, Leaf, PrivateKey, Usage, csr_subject, hex, verify_chain,
};
use keep::{Kept, NewFile};

/// A root and an intermediate under a directory of ours. Its keys are readable for their owner alone.
///
/// A leaf gets exactly the one usage that was asked for, unlike step-ca's, which get both.
pub struct EmbeddedCa {
    dir: PathBuf,
    root: Anchor,
    intermediate: Leaf,
    intermediate_der: Vec<u8>,
    key: PrivateKey,
    clock: Arc<dyn Clock>,
}

impl EmbeddedCa {
    /// The root's file in the CA's directory.
    pub const ROOT_FILE: &str = ROOT;

    /// Opens the CA in `dir`, or makes one there.
    ///
    /// Making is atomic: another process sees a whole CA or none. Root and intermediate last ten years; the root's key is
    /// kept beside them, for the next intermediate.
    pub fn open_or_init(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, EnrollError> {
        if !keep::exists(dir)? {
            let files = make(clock.now()).map_err(|detail| damaged(dir, detail))?;
            keep::create(dir, &files)?;
        }
        let kept = Kept::read(dir)?;
        let anchor = Anchor::from_pem(&kept.root)
            .map_err(|fault| damaged(dir, format!("{ROOT}: {fault}")))?;
        let intermediate = Anchor::from_pem(&kept.intermediate)
            .map_err(|fault| damaged(dir, format!("{INTERMEDIATE}: {fault}")))?;
        let key = PrivateKey::from_pem(&kept.intermediate_key)
            .map_err(|fault| damaged(dir, format!("{INTERMEDIATE_KEY}: {fault}")))?;
        let parsed = Leaf::from_der(intermediate.der())
            .map_err(|fault| damaged(dir, format!("{INTERMEDIATE}: {fault}")))?;
        if parsed.public_key != key.public_key() {
            return Err(damaged(
                dir,
                format!("{INTERMEDIATE_KEY} does not belong to {INTERMEDIATE}"),
            ));
        }
        Ok(Self {
            dir: dir.to_owned(),
            root: anchor,
            intermediate: parsed,
            intermediate_der: intermediate.der().to_vec(),
            key,
            clock,
        })
    }

    /// Issues a certificate with the names and lifetime of a current one of its own, for the key of `request`.
    pub fn rekey(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError> {
        let leaf = current.leaf();
        let anchors = std::slice::from_ref(&self.root);
        verify_chain(current, anchors, self.clock.now(), request.usage).map_err(|reason| {
            EnrollError::RenewalImpossible {
                common_name: request.common_name.to_string(),
                reason,
            }
        })?;
        self.issue(request, &leaf.sans, leaf.lifetime(), BACKDATE)
    }

    /// The root.
    pub fn anchor(&self) -> &Anchor {
        &self.root
    }

    fn issue(
        &self,
        request: &Request<'_>,
        sans: &BTreeSet<SubjectAltName>,
        lifetime: Duration,
        before: Duration,
    ) -> Result<Issued, EnrollError> {
        let now = self.clock.now();
        let from = now - before;
        let end = (from + lifetime).min(self.intermediate.not_after);
        let granted = end.duration_since(from).unwrap_or_default();
        let mut warnings = Vec::new();
        if granted < lifetime {
            warnings.push(format!(
                "`{}` was to be valid for {}, the embedded CA itself ends in {}",
                request.common_name,
                human(lifetime),
                human(granted)
            ));
        }
        let der = self
            .sign(request, sans, from, end)
            .map_err(|error| EnrollError::Key {
                common_name: request.common_name.to_string(),
                source: KeyFault::Signing(error),
            })?;
        let chain = Chain::from_ders(vec![der, self.intermediate_der.clone()])
            .map_err(|fault| damaged(&self.dir, fault.to_string()))?;
        let public_key = request.key.public_key();
        let wanted = Wanted::of(request, sans, &public_key, Some(granted));
        judge(&chain, &wanted, std::slice::from_ref(&self.root), now).map_err(|source| {
            EnrollError::Unacceptable {
                from: self.describe(),
                common_name: request.common_name.to_string(),
                source,
            }
        })?;
        Ok(Issued { chain, warnings })
    }

    fn sign(
        &self,
        request: &Request<'_>,
        sans: &BTreeSet<SubjectAltName>,
        from: SystemTime,
        end: SystemTime,
    ) -> Result<Vec<u8>, String> {
        let mut params =
            csr_subject(request.common_name, sans).map_err(|error| error.to_string())?;
        params.not_before = whole_seconds(from);
        params.not_after = whole_seconds(end);
        params.serial_number = Some(serial()?);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if request.key.key_type().is_some_and(KeyType::is_rsa) {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![match request.usage {
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        let public = SubjectPublicKeyInfo::from_der(&request.key.public_key())
            .map_err(|error| error.to_string())?;
        let issuer =
            Issuer::from_ca_cert_der(&self.intermediate_der.as_slice().into(), self.key.pair())
                .map_err(|error| error.to_string())?;
        params
            .signed_by(&public, &issuer)
            .map(|certificate| certificate.der().to_vec())
            .map_err(|error| error.to_string())
    }
}

impl Authority for EmbeddedCa {
    fn describe(&self) -> String {
        format!("the embedded CA in {}", self.dir.display())
    }

    fn anchors(&self) -> Result<Vec<Anchor>, EnrollError> {
        Ok(vec![self.root.clone()])
    }

    fn health(&self) -> Result<Health, EnrollError> {
        let now = self.clock.now();
        if !self.root.valid_at(now) || now > self.intermediate.not_after {
            return Err(damaged(&self.dir, "it has expired".to_owned()));
        }
        Ok(Health {
            at: self.dir.display().to_string(),
            version: None,
            clock_skew: None,
        })
    }

    fn enroll(&self, request: &Request<'_>) -> Result<Issued, EnrollError> {
        let sans = request.names()?;
        let validity = request.validity.map_or(VALIDITY, |validity| validity.0);
        self.issue(request, &sans, validity + BACKDATE, BACKDATE)
    }

    fn renew(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError> {
        let common_name = request.common_name.to_string();
        let leaf = current.leaf();
        if leaf.public_key != request.key.public_key() {
            return Err(EnrollError::KeyMismatch { common_name });
        }
        self.rekey(current, request)
    }
}

/// The four files of a new CA.
fn make(now: SystemTime) -> Result<Vec<NewFile>, String> {
    let text = |error: rcgen::Error| error.to_string();
    let key = || PrivateKey::generate(KeyType::EcP256).map_err(|fault| fault.to_string());
    let (root_key, intermediate_key) = (key()?, key()?);
    let root_params = authority("Phoenix Root CA", 1, now)?;
    let root = root_params.self_signed(root_key.pair()).map_err(text)?;
    let mut params = authority("Phoenix Intermediate CA", 0, now)?;
    params.use_authority_key_identifier_extension = true;
    let issuer: Issuer<'_, &KeyPair> = Issuer::from_params(&root_params, root_key.pair());
    let intermediate = params
        .signed_by(intermediate_key.pair(), &issuer)
        .map_err(text)?;
    let public = |name, pem: String| NewFile {
        name,
        bytes: Secret::from(pem),
        mode: 0o644,
    };
    let private = |name, key: &PrivateKey| NewFile {
        name,
        bytes: key.to_pem(),
        mode: 0o600,
    };
    Ok(vec![
        private(ROOT_KEY, &root_key),
        private(INTERMEDIATE_KEY, &intermediate_key),
        public(ROOT, root.pem()),
        public(INTERMEDIATE, intermediate.pem()),
    ])
}

fn authority(name: &str, path_length: u8, now: SystemTime) -> Result<CertificateParams, String> {
    let serial = serial()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // Two CAs of ours must not be taken for one by their subjects.
    params.distinguished_name.push(
        DnType::CommonName,
        format!("{name} {}", &hex(serial.as_ref())[..8]),
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = whole_seconds(now - BACKDATE);
    params.not_after = whole_seconds(now + LIFETIME);
    params.serial_number = Some(serial);
    Ok(params)
}

/// 126 random bits, positive and of one length.
fn serial() -> Result<SerialNumber, String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "no randomness".to_owned())?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn whole_seconds(time: SystemTime) -> OffsetDateTime {
    let time = OffsetDateTime::from(time);
    time.replace_nanosecond(0).unwrap_or(time)
}

fn damaged(dir: &Path, detail: String) -> EnrollError {
    EnrollError::Damaged {
        path: dir.display().to_string(),
        detail,
    }
}

const ROOT: &str = "root.crt";
const ROOT_KEY: &str = "root.key";
const INTERMEDIATE: &str = "intermediate.crt";
const INTERMEDIATE_KEY: &str = "intermediate.key";

/// As step-ca: clocks that are a little behind accept a new leaf too.
const BACKDATE: Duration = Duration::from_secs(60);
/// Of a leaf for which nothing was asked: 30 days.
const VALIDITY: Duration = Duration::from_secs(30 * 86_400);
/// Of root and intermediate: ten years.
const LIFETIME: Duration = Duration::from_secs(3_650 * 86_400);

#[cfg(test)]
mod tests;
