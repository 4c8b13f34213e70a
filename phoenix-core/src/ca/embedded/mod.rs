//! CAs of our own, each in a directory: the site's where no other is named, and the one for Docker's clients.
//!
//! A root signs an intermediate, the intermediate signs leaves and the revocation list. What a CA is for stands in its
//! certificates: the names, the usage, that no further CA follows.

mod keep;
mod make;
mod revocation;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{IsCa, Issuer, KeyUsagePurpose, SubjectPublicKeyInfo};

use super::{Authority, EnrollError, Health, Issued, Request, Wanted, judge};
use crate::names::SubjectAltName;
use crate::system::{FileError, Root};
use crate::time::{Clock, human};
use crate::x509::{
    Anchor, Chain, KeyFault, KeyType, Leaf, Permitted, PrivateKey, Usage, csr_subject, verify_chain,
};
use keep::Kept;
pub use make::CaDesign;
use make::{purpose, serial, whole_seconds};

/// A root and an intermediate under a directory of ours. Its keys are readable for their owner alone.
///
/// A leaf gets exactly the one usage that was asked for, unlike step-ca's, which get both.
pub struct EmbeddedCa {
    files: Root,
    dir: PathBuf,
    describe: String,
    root: Anchor,
    issuer: Anchor,
    intermediate: Leaf,
    permitted: Permitted,
    key: PrivateKey,
    clock: Arc<dyn Clock>,
}

impl EmbeddedCa {
    /// The root's file in the CA's directory.
    pub const ROOT_FILE: &str = ROOT;

    /// Opens the CA in `dir`, or makes one there of this design; one that is there stays as it was designed.
    ///
    /// `describe` names it in reports: `the embedded CA`. Making is atomic: another process sees a whole CA or none. Root
    /// and intermediate last ten years; the root's key is kept beside them, for the next intermediate.
    pub fn open_or_init(
        files: &Root,
        dir: &Path,
        describe: &str,
        design: &CaDesign,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EnrollError> {
        let describe = format!("{describe} in {}", dir.display());
        if !cfg!(feature = "embedded-ca") {
            return Err(EnrollError::Misconfigured(
                "this program was built without a CA of its own (cargo feature `embedded-ca`)"
                    .to_owned(),
            ));
        }
        let unusable = |source| EnrollError::Keep {
            authority: describe.clone(),
            source,
        };
        if !keep::exists(files, dir).map_err(unusable)? {
            let made = make::make(design, clock.now()).map_err(|detail| damaged(dir, detail))?;
            keep::create(files, dir, &made).map_err(unusable)?;
        }
        let kept = Kept::read(files, dir).map_err(unusable)?;
        let anchor = Anchor::from_pem(&kept.root)
            .map_err(|fault| damaged(dir, format!("{ROOT}: {fault}")))?;
        let in_intermediate = |fault: String| damaged(dir, format!("{INTERMEDIATE}: {fault}"));
        let issuer = Anchor::from_pem(&kept.intermediate)
            .map_err(|fault| in_intermediate(fault.to_string()))?;
        let key = PrivateKey::from_pem(&kept.intermediate_key)
            .map_err(|fault| damaged(dir, format!("{INTERMEDIATE_KEY}: {fault}")))?;
        let parsed = Leaf::from_der(issuer.der()).map_err(in_intermediate)?;
        let permitted = Permitted::of_certificate(issuer.der()).map_err(in_intermediate)?;
        if parsed.public_key != key.public_key() {
            return Err(damaged(
                dir,
                format!("{INTERMEDIATE_KEY} does not belong to {INTERMEDIATE}"),
            ));
        }
        Ok(Self {
            files: files.clone(),
            dir: dir.to_owned(),
            describe,
            root: anchor,
            issuer,
            intermediate: parsed,
            permitted,
            key,
            clock,
        })
    }

    /// Moves the CA in `dir` aside, so that another can be made there; returns where it lies then.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be moved.
    pub fn set_aside(files: &Root, dir: &Path) -> Result<PathBuf, EnrollError> {
        let aside = keep::set_aside(files, dir).map_err(|source| EnrollError::Keep {
            authority: format!("the CA in {}", dir.display()),
            source,
        })?;
        Ok(dir.with_file_name(aside))
    }

    /// Issues a certificate with the names and lifetime of a current one of its own, for the key of `request`.
    pub fn rekey(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError> {
        let leaf = current.leaf();
        self.refuse_revoked(current)?;
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

    /// The certificate that signs leaves and the revocation list.
    pub fn issuer(&self) -> &Anchor {
        &self.issuer
    }

    /// The names that it may issue for.
    pub fn permitted(&self) -> &Permitted {
        &self.permitted
    }

    fn unusable(&self, source: FileError) -> EnrollError {
        EnrollError::Keep {
            authority: self.describe.clone(),
            source,
        }
    }

    /// What verifiers would refuse is refused here, in words that say what to do.
    fn may_issue(
        &self,
        request: &Request<'_>,
        sans: &BTreeSet<SubjectAltName>,
    ) -> Result<(), EnrollError> {
        let refused = |what: String| EnrollError::NotPermitted {
            authority: self.describe.clone(),
            common_name: request.common_name.to_string(),
            what,
        };
        let allowed = match request.usage {
            Usage::Client => self.intermediate.client_auth,
            Usage::Server => self.intermediate.server_auth,
        };
        if !allowed {
            return Err(refused(format!(
                "none of its certificates can identify a {}",
                request.usage
            )));
        }
        let outside: Vec<String> = sans
            .iter()
            .filter(|name| !self.permitted.admits(name))
            .map(ToString::to_string)
            .collect();
        if outside.is_empty() {
            return Ok(());
        }
        Err(refused(format!(
            "{} lies outside of what it was made for ({})",
            outside.join(", "),
            self.permitted
        )))
    }

    fn issue(
        &self,
        request: &Request<'_>,
        sans: &BTreeSet<SubjectAltName>,
        lifetime: Duration,
        before: Duration,
    ) -> Result<Issued, EnrollError> {
        self.may_issue(request, sans)?;
        let now = self.clock.now();
        let from = now - before;
        let end = (from + lifetime).min(self.intermediate.not_after);
        let granted = end.duration_since(from).unwrap_or_default();
        let mut warnings = Vec::new();
        if granted < lifetime {
            warnings.push(format!(
                "`{}` was to be valid for {}, {} itself ends in {}",
                request.common_name,
                human(lifetime),
                self.describe,
                human(granted)
            ));
        }
        let der = self
            .sign(request, sans, from, end)
            .map_err(|error| EnrollError::Key {
                common_name: request.common_name.to_string(),
                source: KeyFault::Signing(error),
            })?;
        let chain = Chain::from_ders(vec![der, self.issuer.der().to_vec()])
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
        params.extended_key_usages = vec![purpose(request.usage)];
        let public = SubjectPublicKeyInfo::from_der(&request.key.public_key())
            .map_err(|error| error.to_string())?;
        let issuer = Issuer::from_ca_cert_der(self.issuer.der(), self.key.pair())
            .map_err(|error| error.to_string())?;
        params
            .signed_by(&public, &issuer)
            .map(|certificate| certificate.der().to_vec())
            .map_err(|error| error.to_string())
    }
}

impl Authority for EmbeddedCa {
    fn describe(&self) -> String {
        self.describe.clone()
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

fn damaged(dir: &Path, detail: String) -> EnrollError {
    EnrollError::Damaged {
        path: dir.display().to_string(),
        detail,
    }
}

const CRL: &str = "crl.pem";
const ROOT: &str = "root.crt";
const ROOT_KEY: &str = "root.key";
const INTERMEDIATE: &str = "intermediate.crt";
const INTERMEDIATE_KEY: &str = "intermediate.key";

/// As step-ca: clocks that are a little behind accept a new leaf too.
const BACKDATE: Duration = Duration::from_secs(60);
/// Of a leaf for which nothing was asked: 30 days.
const VALIDITY: Duration = Duration::from_secs(30 * 86_400);

#[cfg(test)]
mod tests;
