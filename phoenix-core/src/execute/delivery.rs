//! Puts pairs in their places, on the host and in guests.

use std::cell::Cell;
use std::rc::Rc;

use super::{Done, Performer, StepError, Undo};
use crate::deploy::{PairTarget, stage};
use crate::inventory::{CALL_TIME, guest_path};
use crate::model::Placement;
use crate::names::CommonName;
use crate::plan::{Endpoint, Reason};
use crate::report::LeafChange;
use crate::secret::Secret;
use crate::store::PendingKind;
use crate::time::rfc3339;
use crate::transport::{
    Delivery, GuestTransport, PairFile, Program, Restore, Step, StepResult, Version,
};
use crate::x509::Chain;

/// How a deployment is taken back, and how it is let go.
type Takes<'a> = (Option<Undo<'a>>, Option<Undo<'a>>);

impl<'a> Performer<'a> {
    pub(super) fn deploy(
        &self,
        name: &CommonName,
        to: &Endpoint,
        reasons: &[Reason],
    ) -> Result<Done<'a>, StepError> {
        let entry = self.entry(name)?;
        let placement = self.placement(entry, to)?;
        let fresh = reasons
            .iter()
            .any(|reason| matches!(reason, Reason::NewPair | Reason::CandidateWaits));
        let (chain, key) = self.pair(entry, fresh)?;
        let leaf = Chain::from_pem(&chain)?.leaf().clone();
        // What the deployment makes necessary is on record before it begins.
        if let Some(hook) = &entry.hook {
            let kind = PendingKind::Hook {
                command: hook.command.clone(),
                certificates: vec![name.clone()],
            };
            self.with.store.promise(&kind, self.with.clock.now())?;
        }
        if entry.verify.is_some() {
            let kind = PendingKind::Verify {
                certificate: name.clone(),
            };
            self.with.store.promise(&kind, self.with.clock.now())?;
        }
        let version = if fresh {
            leaf.serial.clone()
        } else {
            let now = self
                .with
                .clock
                .now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            format!("{}-{}", leaf.serial, now.as_secs())
        };
        let ca = placement
            .ca
            .as_ref()
            .map(|_| {
                self.anchor(placement.ca_of)
                    .map(crate::x509::Anchor::to_pem)
            })
            .transpose()?;
        let (undo, settle) = match placement.guest {
            None => self.on_host(&placement, &version, &chain, &key, ca.as_deref())?,
            Some(guest) => {
                let transport = self.transport(guest)?;
                let undo = self.in_guest(transport, name, &placement, &version, chain, key, ca)?;
                (undo, None)
            }
        };
        self.deployed.borrow_mut().insert(name.clone());
        Ok(Done {
            detail: format!(
                "leaf {}, valid until {}",
                leaf.fingerprint.short(),
                rfc3339(leaf.not_after)
            ),
            undo,
            settle,
            leaf: Some(LeafChange {
                old: self.leaf_before(name),
                new: leaf.fingerprint,
            }),
            ..Done::default()
        })
    }

    fn on_host(
        &self,
        placement: &Placement,
        version: &str,
        chain: &[u8],
        key: &Secret,
        ca: Option<&[u8]>,
    ) -> Result<Takes<'a>, StepError> {
        let owner = self.owner_on_host(placement)?;
        let target = PairTarget::of(placement, owner, self.with.store.journal_dir());
        let committed = stage(self.with.root, &target, version, chain, key, ca)?.commit()?;
        // Either taken back or let go, never both.
        let kept = Rc::new(Cell::new(Some(committed)));
        let other = Rc::clone(&kept);
        Ok((
            Some(Box::new(move || {
                if let Some(committed) = kept.take() {
                    committed.restore()?;
                }
                Ok("the previous pair is back".to_owned())
            })),
            Some(Box::new(move || {
                if let Some(committed) = other.take() {
                    committed.finish()?;
                }
                Ok(String::new())
            })),
        ))
    }

    /// The ids of a place's owner on the host.
    pub(super) fn owner_on_host(&self, placement: &Placement) -> Result<(u32, u32), StepError> {
        let users = self.with.root.users()?;
        users.resolve(&placement.owner).map_err(|error| {
            StepError::from(error)
                .hint("create the user or the group, or change `owner` in the manifest")
        })
    }

    #[expect(clippy::too_many_arguments, reason = "one delivery, named one by one")]
    fn in_guest(
        &self,
        transport: &'a dyn GuestTransport,
        name: &CommonName,
        placement: &Placement,
        version: &str,
        chain: Vec<u8>,
        key: Secret,
        ca: Option<Vec<u8>>,
    ) -> Result<Option<Undo<'a>>, StepError> {
        let file = |path: &std::path::Path, bytes: Secret, mode| -> Result<PairFile, StepError> {
            Ok(PairFile {
                path: guest_path(path).map_err(StepError::new)?,
                bytes,
                mode,
            })
        };
        let version: Version = version.parse()?;
        let delivery = Delivery {
            slug: placement.slug.clone(),
            version: version.clone(),
            cert: file(&placement.cert, Secret::new(chain), placement.cert_mode)?,
            key: file(&placement.key, key, placement.key_mode)?,
            ca: match (&placement.ca, ca) {
                (Some(path), Some(bytes)) => {
                    Some(file(path, Secret::new(bytes), placement.cert_mode)?)
                }
                _ => None,
            },
            owner: placement.owner.clone(),
            keep: u32::try_from(placement.keep).unwrap_or(1),
        };
        let dir = delivery.dir();
        let guest = transport.guest();
        let answer = transport.run(&Program::new(vec![Step::Deliver(delivery)]), CALL_TIME)?;
        let delivered = match answer.results.into_iter().next() {
            Some(StepResult::Delivered(delivered)) => delivered,
            Some(StepResult::Refused(refusal)) => {
                return Err(StepError::new(format!("{guest} refused the delivery"))
                    .cause(refusal.to_string()));
            }
            other => {
                return Err(StepError::new(format!(
                    "{guest} did not confirm the delivery: {other:?}"
                )));
            }
        };
        let Some(previous) = delivered.previous else {
            return Ok(None);
        };
        let restore = Restore {
            dir,
            slug: placement.slug.clone(),
            version: Some(previous),
        };
        self.delivered
            .borrow_mut()
            .insert((name.clone(), guest), restore.clone());
        Ok(Some(Box::new(move || {
            restore_pair(transport, restore)?;
            Ok("the previous pair is back".to_owned())
        })))
    }
}

/// Puts a guest's pair back to an earlier version.
fn restore_pair(transport: &dyn GuestTransport, restore: Restore) -> Result<(), StepError> {
    let answer = transport.run(&Program::new(vec![Step::Restore(restore)]), CALL_TIME)?;
    match answer.results.into_iter().next() {
        Some(StepResult::Restored { .. }) => Ok(()),
        Some(StepResult::Refused(refusal)) => Err(StepError::new(refusal.to_string())),
        other => Err(StepError::new(format!(
            "{} did not confirm it: {other:?}",
            transport.guest()
        ))),
    }
}
