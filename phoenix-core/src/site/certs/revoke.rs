//! Revocation of one certificate.

use std::path::PathBuf;

use super::enroll;
use crate::answers::RevokeReport;
use crate::ca::{Authority as _, Revocation};
use crate::error::Error;
use crate::site::authority::Revokes;
use crate::site::{AnyAuthority, Site};
use crate::x509::{RevocationReason, Serial};

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
    pub fn revoke(
        &self,
        authority: &AnyAuthority,
        target: &Target,
        reason: RevocationReason,
        words: Option<String>,
        dry_run: bool,
    ) -> Result<RevokeReport, Error> {
        let ca = authority.revokes();
        if matches!(ca, Revokes::No) {
            return Err(Error::Argument(format!(
                "nothing is revoked by {}",
                authority.describe()
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
        let outcome = match (ca, &chain, &key) {
            (Revokes::StepCa(ca), Some(chain), Some(key)) => {
                ca.revoke_by_certificate(chain, key, reason, words)
            }
            (Revokes::StepCa(ca), ..) => ca.revoke(&Revocation::new(serial).reason(reason, words)),
            #[cfg(feature = "acme")]
            (Revokes::Acme(ca), Some(chain), _) => ca.revoke(chain, reason),
            _ => {
                return Err(Error::Argument(
                    "with ACME the certificate itself is needed, not its serial number".to_owned(),
                ));
            }
        };
        report.outcome = Some(
            outcome.map_err(|source| enroll(format!("revoke serial {}", report.serial), source))?,
        );
        self.revoked_something(authority)?;
        Ok(report)
    }
}
