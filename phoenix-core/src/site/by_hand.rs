//! Single stages for one certificate: a given pair put in its places, its hook run.

use std::path::PathBuf;

use super::narrow::stops_at_deployment;
use super::pending::keep_only;
use super::rollback::{entry_of, only_of};
use super::run::Work;
use super::{Site, SyncOptions};
use crate::ca::{EnrollError, PasswordSource};
use crate::error::Error;
use crate::inventory::{PairFacts, PairState};
use crate::model::Model;
use crate::names::CommonName;
use crate::observe::Observer;
use crate::plan::{Action, Decision, Found, Policy, Reason, Scope, Subject, Wanted, decide};
use crate::report::Report;
use crate::secret::Secret;
use crate::store::{PendingItem, PendingKind};
use crate::x509::{PrivateKey, verify_chain};

/// How a given pair is put in its places.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct DeployOptions {
    /// Run hooks and restarts behind it too; else they are left on record.
    pub hooks: bool,
    /// Put it in place although it is not what the manifest asks for, or does not lead to the CA's root.
    pub force: bool,
    /// Only show what would be done.
    pub dry_run: bool,
}

/// A pair that is given.
pub struct GivenPair {
    /// Its chain, leaf first.
    pub chain: PemSource,
    /// Where its key comes from.
    pub key: PasswordSource,
}

/// Where a chain comes from.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "a file or its text")]
pub enum PemSource {
    /// A file of the host.
    File(PathBuf),
    /// Its text.
    Text(Vec<u8>),
}

impl Site {
    /// Puts a pair that is given in all places of a certificate of the manifest, as one unit.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] when the pair is none, or not what the manifest asks for; nothing is changed then.
    pub fn deploy_given(
        &self,
        name: &CommonName,
        pair: &GivenPair,
        options: DeployOptions,
        sync: &SyncOptions,
        observer: &dyn Observer,
    ) -> Result<Report, Error> {
        let text = match &pair.chain {
            PemSource::Text(text) => text.clone(),
            PemSource::File(path) => self.root.read_limited(path, 1 << 20)?,
        };
        let chain = text.as_slice();
        let key = &key_of(&pair.key)?;
        let sync = SyncOptions {
            scope: Scope::Certs,
            policy: Policy {
                only: vec![name.clone()],
                bring_back: true,
                ..Policy::default()
            },
            ..sync.clone()
        };
        if options.dry_run {
            let model = self.model()?;
            let mut work = self.work(&model, &sync, false)?;
            self.given(&model, &mut work, name, (chain, key), options, &sync)?;
            return Ok(Self::only_shown(work.plan));
        }
        self.locked_run(&sync, observer, |model, work| {
            self.given(model, work, name, (chain, key), options, &sync)?;
            let slug = entry_of(model, name)?.slug();
            Ok(self.store().keep_candidates([(&slug, chain, key)])?)
        })
    }

    fn given(
        &self,
        model: &Model,
        work: &mut Work,
        name: &CommonName,
        (chain, key): (&[u8], &Secret),
        options: DeployOptions,
        sync: &SyncOptions,
    ) -> Result<(), Error> {
        let entry = entry_of(model, name)?;
        let facts = PairFacts::of_bytes(Some(chain), Some(key));
        let refused =
            |why: String| Err(Error::Argument(format!("could not deploy `{name}`: {why}")));
        let (found_chain, key_matches) = match &facts.state {
            PairState::Present {
                chain, key_matches, ..
            } => (chain, *key_matches),
            PairState::Unreadable(what) => return refused(what.clone()),
            PairState::Missing => return refused("certificate or key is missing".to_owned()),
        };
        if !key_matches {
            return refused("the key does not belong to the certificate".to_owned());
        }
        let now = self.seams.clock.now();
        let anchors = work.inventory.anchors_of(model.issuer_of(entry)).to_vec();
        let leaf = found_chain.leaf();
        if !options.force {
            let untrusted = (!anchors.is_empty())
                .then(|| verify_chain(found_chain, &anchors, now, entry.cert_type.usage()).err())
                .flatten()
                .map(|fault| fault.to_string());
            let found = Found {
                leaf,
                key_matches,
                key_since: None,
                untrusted: untrusted.as_deref(),
                revoked: None,
            };
            if let Decision::Issue { reasons, .. } =
                decide(&Wanted::of(entry, model), Some(&found), now, false)
            {
                let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                return refused(format!(
                    "{}; --force deploys it all the same, and the next run replaces it",
                    reasons.join("; ")
                ));
            }
        }
        let (leaf, not_after) = (leaf.fingerprint, leaf.not_after);
        if let Some(there) = work.inventory.certificates.get_mut(name) {
            there.candidate = Some(facts);
        }
        self.plan_again(model, work, sync)?;
        only_of(&mut work.plan, name);
        if !options.hooks {
            stops_at_deployment(&mut work.plan);
        }
        for step in &mut work.plan.steps {
            for reason in &mut step.reasons {
                if matches!(reason, Reason::RolledBack { .. }) {
                    *reason = Reason::Given { leaf, not_after };
                }
            }
        }
        Ok(())
    }

    /// Runs a certificate's hook now, whether it is pending or not, and looks at what it made be served.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] when the manifest has no such certificate, or it has no hook.
    pub fn run_hook(
        &self,
        name: &CommonName,
        dry_run: bool,
        sync: &SyncOptions,
        observer: &dyn Observer,
    ) -> Result<Report, Error> {
        let sync = SyncOptions {
            scope: Scope::Certs,
            policy: Policy {
                only: vec![name.clone()],
                ..Policy::default()
            },
            ..sync.clone()
        };
        if dry_run {
            let model = self.model()?;
            let mut work = self.work(&model, &sync, false)?;
            self.only_hook(&model, &mut work, name, &sync)?;
            return Ok(Self::only_shown(work.plan));
        }
        self.locked_run(&sync, observer, |model, work| {
            let kind = self.only_hook(model, work, name, &sync)?;
            Ok(self.store().promise(&kind, self.seams.clock.now())?)
        })
    }

    fn only_hook(
        &self,
        model: &Model,
        work: &mut Work,
        name: &CommonName,
        sync: &SyncOptions,
    ) -> Result<PendingKind, Error> {
        let entry = entry_of(model, name)?;
        let Some(hook) = &entry.hook else {
            return Err(Error::Argument(format!(
                "`{name}` has no hook in the manifest"
            )));
        };
        let kind = PendingKind::Hook {
            command: hook.command.clone(),
            certificates: vec![name.clone()],
        };
        let pending = |item: &&PendingItem| matches!(&item.kind, PendingKind::Hook { command, .. } if *command == hook.command);
        let asked = !work.inventory.pending.iter().any(|item| pending(&item));
        if asked {
            work.inventory.pending.push(PendingItem {
                kind: kind.clone(),
                since: self.seams.clock.now(),
                tries: 0,
                last_try: None,
                last_error: None,
            });
        }
        self.plan_again(model, work, sync)?;
        keep_only(&mut work.plan, |step| match &step.action {
            Action::Hook { certificates, .. } => certificates.contains(name),
            Action::Verify {
                subject: Subject::Service(service),
            } => service == name.as_str(),
            _ => false,
        });
        for step in &mut work.plan.steps {
            step.needs.clear();
            step.after.retain(|id| id.0.starts_with("hook "));
            if asked && matches!(step.action, Action::Hook { .. }) {
                step.reasons = vec![Reason::Forced];
            }
        }
        work.plan
            .steps
            .retain(|step| matches!(step.action, Action::Hook { .. } | Action::Verify { .. }));
        work.plan.blocked.clear();
        Ok(kind)
    }
}

/// Reads a key and writes it as PEM again: what is not a key goes no further.
fn key_of(source: &PasswordSource) -> Result<Secret, Error> {
    let bad = |why: String| Error::Argument(format!("could not use the key that was given: {why}"));
    let text = source.token().map_err(|error| match error {
        EnrollError::Token { from, source } => bad(format!("{from}: {source}")),
        other => bad(other.to_string()),
    })?;
    let key = PrivateKey::from_pem(&text).map_err(|fault| bad(fault.to_string()))?;
    Ok(key.to_pem())
}
