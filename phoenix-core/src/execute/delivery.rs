//! Puts pairs in their places, on the host and in guests.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::{Done, Performer, StepError, Undo};
use crate::deploy::{Committed, PairTarget, Staged, commit_all, stage};
use crate::inventory::{CALL_TIME, guest_path};
use crate::model::{Issuer, Placement};
use crate::names::{CommonName, GuestId};
use crate::plan::{Action, Reason, Step};
use crate::report::LeafChange;
use crate::secret::Secret;
use crate::store::PendingKind;
use crate::time::rfc3339;
use crate::transport::{
    Delivery, GuestTransport, PairFile, Program, Restore, Step as GuestStep, StepResult, Version,
};
use crate::x509::{Chain, Leaf};

/// How a deployment is taken back, and how it is let go.
type Takes<'a> = (Option<Undo<'a>>, Option<Undo<'a>>);

/// A pair that is about to be put in a place.
struct Parcel {
    name: CommonName,
    placement: Placement,
    leaf: Leaf,
    version: String,
    chain: Vec<u8>,
    key: Secret,
    ca: Option<Vec<u8>>,
}

impl<'a> Performer<'a> {
    /// Puts pairs in places of one machine, the host or a guest; one result per step, in their order.
    ///
    /// A guest gets as many at once as its transport passes on. The host makes many durable together.
    pub(super) fn deploy_all(&self, steps: &[&Step]) -> Vec<Result<Done<'a>, StepError>> {
        let mut results: Vec<Option<Result<Done<'a>, StepError>>> = Vec::new();
        let mut parcels = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            results.push(match self.parcel(step) {
                Ok(parcel) => {
                    parcels.push((index, parcel));
                    None
                }
                Err(error) => Some(Err(error)),
            });
        }
        let guest = parcels
            .first()
            .and_then(|(_, parcel)| parcel.placement.guest);
        let (places, parcels): (Vec<usize>, Vec<Parcel>) = parcels.into_iter().unzip();
        let leaves: Vec<(CommonName, Leaf)> = parcels
            .iter()
            .map(|parcel| (parcel.name.clone(), parcel.leaf.clone()))
            .collect();
        let put = match guest {
            None => self.put_on_host(&parcels),
            Some(guest) => self.put_in_guest(guest, parcels),
        };
        for ((index, (name, leaf)), put) in places.into_iter().zip(leaves).zip(put) {
            results[index] = Some(put.map(|(undo, settle)| {
                let old = self.leaf_before(&name);
                self.deployed.borrow_mut().insert(name);
                Done {
                    detail: format!(
                        "leaf {}, valid until {}",
                        leaf.fingerprint.short(),
                        rfc3339(leaf.not_after)
                    ),
                    undo,
                    settle,
                    leaf: Some(LeafChange {
                        old,
                        new: leaf.fingerprint,
                    }),
                    ..Done::default()
                }
            }));
        }
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(lost())))
            .collect()
    }

    /// Reads the pair, and puts on record what its deployment makes necessary.
    fn parcel(&self, step: &Step) -> Result<Parcel, StepError> {
        let Action::Deploy { certificate, to } = &step.action else {
            return Err(StepError::new(format!("`{}` deploys nothing", step.id)));
        };
        let entry = self.entry(certificate)?;
        let placement = self.placement(entry, to)?;
        let fresh = step.reasons.iter().any(Reason::brings_pair);
        let (chain, key) = self.pair(entry, fresh)?;
        let leaf = Chain::from_pem(&chain)?.leaf().clone();
        if let Some(hook) = &entry.hook {
            let kind = PendingKind::Hook {
                command: hook.command.clone(),
                certificates: vec![certificate.clone()],
            };
            self.with.store.promise(&kind, self.with.clock.now())?;
        }
        if entry.verify.is_some() {
            let kind = PendingKind::Verify {
                certificate: certificate.clone(),
            };
            self.with.store.promise(&kind, self.with.clock.now())?;
        }
        let ca = placement
            .ca
            .as_ref()
            .map(|_| {
                self.anchor(placement.ca_of)
                    .map(crate::x509::Anchor::to_pem)
            })
            .transpose()?;
        let version = match placement.ca_of {
            Issuer::Site => leaf.serial.clone(),
            // Beside another root the same pair is another version, so that there is a way back.
            other => format!(
                "{}-{}",
                leaf.serial,
                self.anchor(other)?.fingerprint.short()
            ),
        };
        Ok(Parcel {
            name: certificate.clone(),
            placement,
            leaf,
            version,
            chain,
            key,
            ca,
        })
    }

    fn put_on_host(&self, parcels: &[Parcel]) -> Vec<Result<Takes<'a>, StepError>> {
        let mut ready = Vec::new();
        let staged: Vec<Result<(), StepError>> = parcels
            .iter()
            .map(|parcel| {
                ready.push(self.stage_on_host(parcel)?);
                Ok(())
            })
            .collect();
        let mut committed = commit_all(ready).into_iter();
        staged
            .into_iter()
            .map(|staged| {
                staged?;
                let committed = committed.next().ok_or_else(lost)?;
                Ok(takes(committed?))
            })
            .collect()
    }

    fn stage_on_host(&self, parcel: &Parcel) -> Result<Staged, StepError> {
        let owner = self.owner_on_host(&parcel.placement)?;
        let target = PairTarget::of(&parcel.placement, owner, self.with.store.journal_dir());
        Ok(stage(
            self.with.root,
            &target,
            &parcel.version,
            &parcel.chain,
            &parcel.key,
            parcel.ca.as_deref(),
        )?)
    }

    /// The ids of a place's owner on the host.
    pub(super) fn owner_on_host(&self, placement: &Placement) -> Result<(u32, u32), StepError> {
        let users = self.with.root.users()?;
        users.resolve(&placement.owner).map_err(|error| {
            StepError::from(error)
                .hint("create the user or the group, or change `owner` in the manifest")
        })
    }

    fn put_in_guest(
        &self,
        guest: GuestId,
        parcels: Vec<Parcel>,
    ) -> Vec<Result<Takes<'a>, StepError>> {
        let transport = match self.transport(guest) {
            Ok(transport) => transport,
            Err(error) => return again(parcels.len(), &error),
        };
        let mut sent = Vec::new();
        let mut deliveries = Vec::new();
        let mut results: Vec<Result<Takes<'a>, StepError>> = Vec::new();
        for parcel in parcels {
            let key = (parcel.name.clone(), guest);
            let watched = self.with.model.watched_in_guest(&parcel.placement);
            match delivery(parcel, watched.as_deref()) {
                Ok(delivery) => {
                    let back = delivery.restore(delivery.version.clone());
                    sent.push((results.len(), key, back));
                    deliveries.push(GuestStep::Deliver(delivery));
                    results.push(Ok((None, None)));
                }
                Err(error) => results.push(Err(error)),
            }
        }
        let time = CALL_TIME + DELIVERY_TIME * u32::try_from(deliveries.len()).unwrap_or(u32::MAX);
        let answer = match transport.run(&Program::new(deliveries).keep_going(), time) {
            Ok(answer) => answer,
            Err(error) => {
                let error = StepError::from(error);
                for (index, ..) in &sent {
                    results[*index] = again(1, &error).remove(0);
                }
                return results;
            }
        };
        for ((index, key, back), result) in sent.into_iter().zip(answer.results) {
            results[index] = match result {
                StepResult::Delivered(delivered) => {
                    let restore = delivered.previous.map(|previous| Restore {
                        version: Some(previous),
                        ..back
                    });
                    if let Some(restore) = &restore {
                        self.delivered.borrow_mut().insert(key, restore.clone());
                    }
                    let undo = restore.map(|restore| -> Undo<'a> {
                        Box::new(move || {
                            restore_pair(transport, restore)?;
                            Ok("the previous pair is back".to_owned())
                        })
                    });
                    Ok((undo, None))
                }
                StepResult::Refused(refusal) => {
                    Err(StepError::new(format!("{guest} refused the delivery"))
                        .cause(refusal.to_string()))
                }
                other => Err(StepError::new(format!(
                    "{guest} did not confirm the delivery: {other:?}"
                ))),
            };
        }
        results
    }
}

/// How a committed pair is taken back or let go: one of both, once.
fn takes<'a>(committed: Committed) -> Takes<'a> {
    let kept = Rc::new(Cell::new(Some(committed)));
    let other = Rc::clone(&kept);
    let undo: Undo<'a> = Box::new(move || {
        if let Some(committed) = kept.take() {
            committed.restore()?;
        }
        Ok("the previous pair is back".to_owned())
    });
    let let_go: Undo<'a> = Box::new(move || {
        if let Some(committed) = other.take() {
            committed.finish()?;
        }
        Ok(String::new())
    });
    (Some(undo), Some(let_go))
}

fn lost() -> StepError {
    StepError::new("nothing is known of what became of it")
}

/// A pair as a guest's transport takes it. Where a program watches the place, its versions lie beside what is watched.
fn delivery(parcel: Parcel, watched: Option<&Path>) -> Result<Delivery, StepError> {
    let placement = parcel.placement;
    let file = |path: &Path, bytes: Secret, mode| -> Result<PairFile, StepError> {
        Ok(PairFile {
            path: guest_path(path).map_err(StepError::new)?,
            bytes,
            mode,
        })
    };
    let version: Version = parcel.version.parse()?;
    Ok(Delivery {
        version,
        cert: file(
            &placement.cert,
            Secret::new(parcel.chain),
            placement.cert_mode,
        )?,
        key: file(&placement.key, parcel.key, placement.key_mode)?,
        ca: match (&placement.ca, parcel.ca) {
            (Some(path), Some(bytes)) => Some(file(path, Secret::new(bytes), placement.cert_mode)?),
            _ => None,
        },
        beside: watched
            .map(|dir| guest_path(dir.parent().unwrap_or(dir)).map_err(StepError::new))
            .transpose()?,
        slug: placement.slug,
        owner: placement.owner,
        keep: u32::try_from(placement.keep).unwrap_or(1),
    })
}

/// The same failure for several.
fn again<T>(count: usize, error: &StepError) -> Vec<Result<T, StepError>> {
    std::iter::repeat_with(|| Err(error.again()))
        .take(count)
        .collect()
}

/// Puts a guest's pair back to an earlier version.
fn restore_pair(transport: &dyn GuestTransport, restore: Restore) -> Result<(), StepError> {
    let answer = transport.run(&Program::new(vec![GuestStep::Restore(restore)]), CALL_TIME)?;
    match answer.results.into_iter().next() {
        Some(StepResult::Restored { .. }) => Ok(()),
        Some(StepResult::Refused(refusal)) => Err(StepError::new(refusal.to_string())),
        other => Err(StepError::new(format!(
            "{} did not confirm it: {other:?}",
            transport.guest()
        ))),
    }
}

/// How long one delivery of several may take in a guest.
const DELIVERY_TIME: Duration = Duration::from_secs(2);
