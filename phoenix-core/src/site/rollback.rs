//! An earlier pair brought back by hand, everywhere where its successor went.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::pending::keep_only;
use super::run::Work;
use super::{Site, SyncOptions};
use crate::deploy::{PairTarget, Version, versions};
use crate::error::Error;
use crate::inventory::PairFacts;
use crate::manifest::{CertType, Entry};
use crate::model::Model;
use crate::names::CommonName;
use crate::observe::Observer;
use crate::plan::{Action, Plan, Policy, Wanted, due, holds_until, wanted_text};
use crate::report::Report;
use crate::store::{Held, PendingKind};
use crate::time::rfc3339;
use crate::x509::{Anchor, Chain, Fingerprint, Usage, verify_chain};

/// How an earlier pair is brought back.
#[derive(Debug, Clone)]
pub struct RollbackOptions {
    /// Which version; the one served before when absent.
    pub to: Option<String>,
    /// Bring it back although it has ended or does not lead to the CA's root.
    pub force: bool,
    /// Only show what would be done.
    pub dry_run: bool,
    /// How long to wait for another run to end. Default 60 s.
    pub lock_timeout: Duration,
}

impl Default for RollbackOptions {
    fn default() -> Self {
        Self {
            to: None,
            force: false,
            dry_run: false,
            lock_timeout: Duration::from_secs(60),
        }
    }
}

impl Site {
    /// Brings an earlier pair of a certificate back to all its places, restarts what serves it and runs its hook again.
    ///
    /// That it was brought back is on record: later runs keep it until its own renewal window opens, or where that is
    /// open already, for two thirds of what is left of it; `--force` and a manifest that asks for something else end that.
    ///
    /// # Errors
    ///
    /// [`Error::NoEarlierPair`] when no version can be brought back; nothing is changed then.
    pub fn rollback(
        &self,
        name: &CommonName,
        options: &RollbackOptions,
        observer: &dyn Observer,
    ) -> Result<Report, Error> {
        let sync = SyncOptions {
            policy: Policy {
                only: vec![name.clone()],
                bring_back: true,
                ..Policy::default()
            },
            lock_timeout: options.lock_timeout,
            ..SyncOptions::default()
        };
        if options.dry_run {
            let model = self.model()?;
            let mut work = self.work(&model, &sync, false)?;
            self.choose(&model, &mut work, name, options, &sync)?;
            return Ok(Self::only_shown(work.plan));
        }
        self.locked_run(&sync, observer, |model, work| {
            let (version, held) = self.choose(model, work, name, options, &sync)?;
            let entry = entry_of(model, name)?;
            let store = self.store();
            store.keep_candidates([(&entry.slug(), &version.chain[..], &version.key)])?;
            store.hold(&entry.slug(), &held)?;
            let rejected = PendingKind::Pair {
                certificate: name.clone(),
                interrupts: false,
            };
            Ok(store.settle(&rejected)?)
        })
    }

    /// Finds the version, and plans its way back and nothing else.
    fn choose(
        &self,
        model: &Model,
        work: &mut Work,
        name: &CommonName,
        options: &RollbackOptions,
        sync: &SyncOptions,
    ) -> Result<(Version, Held), Error> {
        let entry = entry_of(model, name)?;
        let now = self.seams.clock.now();
        let target = target_on_host(model, entry, self.store().journal_dir());
        let all = versions(&self.root, &target)?;
        let served = work
            .inventory
            .certificates
            .get(name)
            .and_then(|facts| facts.chain())
            .map(|chain| chain.leaf().fingerprint);
        let mut refused = Vec::new();
        let chosen = all.into_iter().find_map(|version| {
            let (wanted, explicit) = match &options.to {
                Some(to) => (version.name == *to, true),
                None => (true, false),
            };
            if !wanted {
                refused.push(version.name);
                return None;
            }
            match judge(&version, entry, &work.anchors, served, now, options.force) {
                Ok(chain) => Some((version, chain)),
                Err(why) => {
                    // The served one is no candidate of its own way back, and nobody asked for it.
                    if explicit || !version.current {
                        refused.push(format!("{} ({why})", version.name));
                    }
                    None
                }
            }
        });
        let Some((version, chain)) = chosen else {
            return Err(Error::NoEarlierPair {
                certificate: name.to_string(),
                asked: options.to.clone(),
                dir: target.layout("x")?.versions,
                found: refused,
            });
        };
        if let Some(facts) = work.inventory.certificates.get_mut(name) {
            let pair = PairFacts::of_bytes(Some(&version.chain), Some(&version.key));
            facts.candidate = Some(pair);
        }
        self.plan_again(model, work, sync)?;
        only_of(&mut work.plan, name);
        let leaf = chain.leaf();
        let opens = due(&Wanted::of(entry, model), leaf);
        let held = Held {
            leaf: leaf.fingerprint.to_string(),
            since: now,
            until: holds_until(opens, leaf, now),
            wanted: wanted_text(entry),
        };
        work.plan.notes.push(format!(
            "the pair that is brought back stays until {}, or until `phoenix sync --force`",
            rfc3339(held.until)
        ));
        Ok((version, held))
    }
}

/// Leaves what the certificate's own way back needs: nothing else of the site is touched.
pub(super) fn only_of(plan: &mut Plan, name: &CommonName) {
    keep_only(plan, |step| match &step.action {
        Action::Hook { certificates, .. } => certificates.contains(name),
        action => action.certificate() == Some(name),
    });
    plan.blocked
        .retain(|blocked| blocked.certificate.as_ref() == Some(name));
}

/// What a version holds, or why it cannot be brought back.
fn judge(
    version: &Version,
    entry: &Entry,
    anchors: &[Anchor],
    served: Option<Fingerprint>,
    now: SystemTime,
    force: bool,
) -> Result<Chain, String> {
    let chain = Chain::from_pem(&version.chain).map_err(|fault| fault.to_string())?;
    let leaf = chain.leaf();
    if Some(leaf.fingerprint) == served {
        return Err("it is the one that is installed".to_owned());
    }
    let public = crate::x509::public_key_of_pem(&version.key).map_err(|fault| fault.to_string())?;
    if public != leaf.public_key {
        return Err("its key does not belong to its certificate".to_owned());
    }
    if force {
        return Ok(chain);
    }
    if leaf.not_after <= now {
        return Err(format!("it ended at {}", rfc3339(leaf.not_after)));
    }
    let usage = match entry.cert_type {
        CertType::Client => Usage::Client,
        CertType::Server => Usage::Server,
    };
    if !anchors.is_empty() {
        verify_chain(&chain, anchors, now, usage).map_err(|fault| fault.to_string())?;
    }
    Ok(chain)
}

pub(super) fn entry_of<'m>(model: &'m Model, name: &CommonName) -> Result<&'m Entry, Error> {
    let entry = model.manifest.entry(name);
    entry.ok_or_else(|| Error::Argument(format!("the manifest has no certificate `{name}`")))
}

/// The entry's own place as the host sees it. Where a guest writes it, versions stand beside the certificate.
fn target_on_host(model: &Model, entry: &Entry, journal_dir: PathBuf) -> PairTarget {
    let placement = model.primary(entry);
    let through_guest = placement.guest.is_some();
    let mut target = PairTarget::of(&placement, (0, 0), journal_dir);
    if through_guest {
        target.cert.clone_from(&entry.cert_path);
        target.key = entry.cert_path.with_extension("phoenix-key");
    }
    target.ca = None;
    target
}
