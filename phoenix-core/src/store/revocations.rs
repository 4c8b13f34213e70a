//! The CA's revocation list as it was last read: it counts until the next one is due, and nobody need be asked before.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::x509::{Anchor, Crl, NextUpdate, under};

/// What is known about revoked certificates.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Revocations {
    /// The list; `None` where the CA keeps none, or where none is known that still counts.
    pub list: Option<Crl>,
    /// Whether the CA need not be asked yet.
    pub fresh: bool,
}

#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(with = "crate::time::serde_rfc3339")]
    asked: SystemTime,
    /// PEM, and after it the CA certificates between its issuer and the root; absent where the CA keeps none.
    list: Option<String>,
    /// It could not be had.
    #[serde(default)]
    failed: bool,
}

/// What came of asking for a list.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Asked<'a> {
    /// It could not be had.
    Failed,
    /// This one, with the CA certificates that lead to its issuer.
    List(&'a Crl, &'a [Anchor]),
    /// The CA keeps none.
    None,
}

impl Store {
    /// What was read last, as far as it still counts. A list that leads to another root than these is not believed.
    pub fn revocations(
        &self,
        anchors: &[Anchor],
        now: SystemTime,
    ) -> Result<Revocations, StoreError> {
        let Some(record) = self.read_json::<Record>(FILE)? else {
            return Ok(Revocations::default());
        };
        let Some(pem) = record.list else {
            let pause = if record.failed { RETRY } else { ASK_AGAIN };
            let fresh = now >= record.asked && now < record.asked + pause;
            return Ok(Revocations { list: None, fresh });
        };
        let list = Crl::from_pem(pem.as_bytes()).map_err(|fault| self.damaged(FILE, &fault))?;
        let between =
            Anchor::all_from_pem(pem.as_bytes()).map_err(|fault| self.damaged(FILE, &fault))?;
        let issuers = under(anchors, between, now);
        let counts = list.verify(&issuers, now).is_ok()
            && matches!(list.next_update, Some(NextUpdate(next)) if now < next);
        Ok(Revocations {
            list: counts.then_some(list),
            fresh: counts,
        })
    }

    /// Keeps what came of asking for the list.
    pub fn keep_revocations(&self, asked: SystemTime, what: Asked<'_>) -> Result<(), StoreError> {
        let list = match what {
            Asked::List(list, issuers) => {
                let mut pem = list.to_pem();
                for issuer in issuers {
                    pem.extend(issuer.to_pem());
                }
                Some(String::from_utf8_lossy(&pem).into_owned())
            }
            Asked::Failed | Asked::None => None,
        };
        let failed = matches!(what, Asked::Failed);
        let record = Record {
            asked,
            list,
            failed,
        };
        self.write_json(FILE, &record)
    }

    /// Forgets it: the next run asks.
    pub fn forget_revocations(&self) -> Result<(), StoreError> {
        self.remove(FILE)
    }
}

const FILE: &str = "revocations.json";
/// A CA that keeps no list is asked again after this long, since one may be switched on.
const ASK_AGAIN: Duration = Duration::from_secs(24 * 3_600);
/// A CA that did not answer does not hold up every run.
const RETRY: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Root;
    use crate::system::scratch::Scratch;
    use crate::x509::testing::{Authority, DAY, now};

    #[test]
    fn a_list_counts_until_its_end_and_under_its_own_root_only() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        let store = Store::new(root, "/state".as_ref(), "/site".as_ref());
        let (ca, other) = (Authority::new(), Authority::new());
        let of = |ca: &Authority, at| store.revocations(&[ca.anchor()], at).unwrap();
        let nothing = of(&ca, now());
        assert!(nothing.list.is_none() && !nothing.fresh);

        let issuer = Anchor::from_der(ca.intermediate()).unwrap();
        let list = ca.revoking(&["256".parse().unwrap()]);
        let issuers = [issuer];
        store
            .keep_revocations(now(), Asked::List(&list, &issuers))
            .unwrap();
        let kept = of(&ca, now());
        assert_eq!(kept.list.as_ref(), Some(&list));
        assert!(kept.fresh);
        for (ca, at) in [(&ca, now() + 2 * DAY), (&other, now())] {
            let gone = of(ca, at);
            assert!(gone.list.is_none() && !gone.fresh);
        }

        store.keep_revocations(now(), Asked::None).unwrap();
        assert!(of(&ca, now() + DAY / 2).fresh && !of(&ca, now() + 2 * DAY).fresh);
        store.keep_revocations(now(), Asked::Failed).unwrap();
        assert!(of(&ca, now() + DAY / 48).fresh && !of(&ca, now() + DAY / 2).fresh);
        store.forget_revocations().unwrap();
        assert!(!of(&ca, now()).fresh);
    }
}
