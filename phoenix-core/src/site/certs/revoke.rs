//! Revocation of one certificate.

use std::path::PathBuf;

use super::enroll;
use crate::answers::RevokeReport;
use crate::ca::{Authority as _, EmbeddedCa, EnrollError, Revocation, Revoked};
use crate::error::Error;
use crate::site::any_authority::Revokes;
use crate::site::change::LOCK_TIMEOUT;
use crate::site::{AnyAuthority, Site};
use crate::store::AuditLine;
use crate::x509::{Chain, PrivateKey, RevocationReason, Serial};

/// Which certificate is revoked, and how the CA is shown that it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The one in this file, by the provisioner's token.
    File(PathBuf),
    /// The one in the first file, by itself with the key in the second.
    Pair(PathBuf, PathBuf),
    /// The one with this serial number, by the provisioner's token.
    Serial(Serial),
}

impl Site {
    /// Revokes a certificate: it is renewed no more, and stands in the CA's revocation list where it keeps one.
    ///
    /// A CA of our own always keeps one; no token is needed there, since whoever may write its directory is its operator.
    pub fn revoke(
        &self,
        authority: &AnyAuthority,
        target: &Target,
        reason: RevocationReason,
        words: Option<String>,
        dry_run: bool,
    ) -> Result<RevokeReport, Error> {
        if let Target::File(path) = target
            && self.root.stat(path)?.is_none()
        {
            return Err(Error::Argument(format!(
                "found neither a serial number nor a file in `{}`",
                path.display()
            )));
        }
        let chain = match target {
            Target::Serial(_) => None,
            Target::File(path) | Target::Pair(path, _) => Some(self.read_chain(path)?),
        };
        let key = match target {
            Target::Pair(_, path) => Some(self.read_key(path)?),
            _ => None,
        };
        let serial = match (&chain, target) {
            (_, Target::Serial(serial)) => serial.clone(),
            (Some(chain), _) => chain.leaf().serial_number(),
            (None, _) => return Err(Error::Argument("nothing names a certificate".to_owned())),
        };
        let mut report = RevokeReport {
            serial: serial.clone(),
            common_name: chain
                .as_ref()
                .and_then(|chain| chain.leaf().common_name.clone()),
            reason,
            authority: authority.describe(),
            outcome: None,
        };
        if dry_run {
            return Ok(report);
        }
        let act = format!("revoke serial {}", report.serial);
        let failed = |source| enroll(act.clone(), source);
        let outcome = match (authority.revokes(), &chain, &key) {
            (Revokes::Embedded(ca), ..) => {
                self.revoke_own(ca, chain.as_ref(), key.as_ref(), &serial, reason)?
            }
            (Revokes::StepCa(ca), Some(chain), Some(key)) => ca
                .revoke_by_certificate(chain, key, reason, words)
                .map_err(failed)?,
            (Revokes::StepCa(ca), ..) => ca
                .revoke(&Revocation::new(serial).reason(reason, words))
                .map_err(failed)?,
            #[cfg(feature = "acme")]
            (Revokes::Acme(ca), Some(chain), _) => ca.revoke(chain, reason).map_err(failed)?,
            #[cfg(feature = "acme")]
            (Revokes::Acme(_), None, _) => {
                return Err(Error::Argument(
                    "with ACME the certificate itself is needed, not its serial number".to_owned(),
                ));
            }
            (Revokes::No, ..) => {
                return Err(Error::Argument(format!(
                    "there is no CA that could revoke anything: {}",
                    authority.describe()
                )));
            }
        };
        report.outcome = Some(outcome);
        self.revoked_something(authority)?;
        Ok(report)
    }

    fn revoke_own(
        &self,
        ca: &EmbeddedCa,
        chain: Option<&Chain>,
        key: Option<&PrivateKey>,
        serial: &Serial,
        reason: RevocationReason,
    ) -> Result<Revoked, Error> {
        let failed = |source| enroll(format!("revoke serial {serial}"), source);
        if let Some(chain) = chain {
            if !ca.issued(chain) {
                return Err(Error::Argument(format!(
                    "the certificate was not issued by {}, but by `{}`",
                    ca.describe(),
                    chain.leaf().issuer
                )));
            }
            if key.is_some_and(|key| key.public_key() != chain.leaf().public_key) {
                let common_name = chain.leaf().common_name.clone().unwrap_or_default();
                return Err(failed(EnrollError::KeyMismatch { common_name }));
            }
        }
        let _lock = self.lock(LOCK_TIMEOUT)?;
        let outcome = ca.revoke(serial, reason).map_err(failed)?;
        if outcome == Revoked::Now {
            let line = AuditLine::done(self.seams.clock.now(), "revoke")
                .why(reason.to_string())
                .fingerprints(chain.map(|chain| chain.leaf().fingerprint), None)
                .detail(format!("serial {serial}"));
            self.store().audit(&line)?;
        }
        Ok(outcome)
    }
}
