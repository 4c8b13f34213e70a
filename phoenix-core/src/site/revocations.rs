//! The CA's revocation list, kept in the state until the next one is due.

use super::{AnyAuthority, Site};
use crate::ca::{EnrollError, RevocationList};
use crate::error::Error;
use crate::inventory::in_words;
use crate::plan::{Blocked, Plan, Reason};
use crate::store::Asked;

impl Site {
    /// Asks the site's CA for its list where none is known that still counts; in words what stood against it.
    ///
    /// That it cannot be had is no reason to leave undone what needs none.
    pub(super) fn refresh_revocations(
        &self,
        authority: &AnyAuthority,
    ) -> Result<Option<String>, Error> {
        let Some(ca) = authority.step_ca() else {
            return Ok(None);
        };
        let now = self.seams.clock.now();
        if self.store().revocations(&authority.anchors(), now)?.fresh {
            return Ok(None);
        }
        match ca.revocation_list() {
            Ok(list) => {
                self.keep_revocations(authority, list.as_ref())?;
                Ok(None)
            }
            Err(error) => {
                self.store().keep_revocations(now, Asked::Failed)?;
                Ok(Some(format!(
                    "which certificates are revoked is not known: {}",
                    in_words(&error)
                )))
            }
        }
    }

    /// Keeps a list that was read, where it is that of the CA which the site trusts.
    pub(super) fn keep_revocations(
        &self,
        authority: &AnyAuthority,
        list: Option<&RevocationList>,
    ) -> Result<(), Error> {
        let store = self.store();
        let pinned = store.pinned()?.map(|root| root.fingerprint);
        let theirs = authority.anchors().first().map(|root| root.fingerprint);
        if pinned.is_none() || pinned != theirs {
            return Ok(());
        }
        let asked = list.map_or(Asked::None, |list| Asked::List(&list.crl, &list.issuers));
        store.keep_revocations(self.seams.clock.now(), asked)?;
        Ok(())
    }

    /// After a revocation: the list as it is now, or else none, so that the next run asks.
    pub(super) fn revoked_something(&self, authority: &AnyAuthority) -> Result<(), Error> {
        let list: Result<_, EnrollError> = authority
            .step_ca()
            .map(crate::ca::StepCa::revocation_list)
            .transpose();
        match list {
            Ok(list) => self.keep_revocations(authority, list.flatten().as_ref()),
            // Also where nothing of this site is kept.
            Err(_) => Ok(self.store().forget_revocations()?),
        }
    }
}

/// Installed certificates that the CA revoked, as what stands against a site.
pub(super) fn revoked_leaves(plan: &Plan) -> Vec<Blocked> {
    plan.steps
        .iter()
        .filter_map(|step| {
            let certificate = step.action.certificate()?;
            let reason = step
                .reasons
                .iter()
                .find(|reason| matches!(reason, Reason::Revoked { .. }))?;
            Some(Blocked {
                subject: certificate.to_string(),
                reason: format!(
                    "{reason}; `phoenix sync certs {certificate}` gets another with a new key"
                ),
                certificate: Some(certificate.clone()),
            })
        })
        .collect()
}
