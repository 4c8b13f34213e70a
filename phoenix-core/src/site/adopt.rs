//! `adopt`: a running host looked at before the first run. Nothing is written, not even the lock.

use super::{ScriptOptions, Site, SyncOptions};
use crate::answers::{Adoption, FoundDaemon, FoundFiles, FoundPair};
use crate::diagnostic::Severity;
use crate::error::Error;
use crate::inventory::{Inventory, PairState};
use crate::manifest::Entry;
use crate::model::Model;
use crate::names::FileMode;
use crate::scripts::{How, State};
use crate::system::FileKind;

impl Site {
    /// Looks at manifest, installed files, daemons and old scripts, and says what the first run would change, and why.
    ///
    /// # Errors
    ///
    /// When the site's files cannot be read.
    pub fn adopt(&self, options: &ScriptOptions) -> Result<Adoption, Error> {
        let model = self.model()?;
        let work = self.work(&model, &SyncOptions::default(), false)?;
        let pairs = model
            .manifest
            .entries
            .iter()
            .map(|located| self.found_pair(&located.value, &work.inventory))
            .collect::<Result<_, Error>>()?;
        let daemons = found_daemons(&model, &work.inventory);
        let mut adoption = Adoption::new(pairs, daemons, work.plan);
        self.in_the_way(options, &mut adoption)?;
        let findings = self.check(&super::CheckOptions::default())?.findings;
        let errors = findings.count(Severity::Error);
        if errors > 0 {
            adoption.first.push(format!(
                "phoenix check: {errors} of its findings are errors in the site's files"
            ));
        }
        if adoption
            .plan
            .notes
            .iter()
            .any(|note| note.contains("migrate docker-tls"))
        {
            adoption.first.push(
                "phoenix migrate docker-tls --dry-run: the link is not described as mutual TLS yet"
                    .to_owned(),
            );
        }
        if !adoption.in_the_way.is_empty() {
            adoption.first.push(
                "phoenix scripts replace NAME: one after the other, with phoenix scripts restore NAME as the way back"
                    .to_owned(),
            );
        }
        adoption
            .first
            .push("phoenix sync all --dry-run, then phoenix sync all".to_owned());
        Ok(adoption)
    }

    fn found_pair(&self, entry: &Entry, inventory: &Inventory) -> Result<FoundPair, Error> {
        let mut pair = FoundPair::new(entry.common_name.clone(), entry.cert_path.clone());
        let facts = inventory.certificates.get(&entry.common_name);
        let Some(facts) = facts else {
            return Ok(pair);
        };
        match &facts.primary.state {
            PairState::Missing => return Ok(pair),
            PairState::Unreadable(what) => {
                pair.found = FoundFiles::Unreadable;
                pair.faults.push(what.clone());
                pair.becomes = "replaced by a new pair";
                return Ok(pair);
            }
            PairState::Present {
                chain, key_matches, ..
            } => {
                pair.not_after = Some(chain.leaf().not_after);
                if !key_matches {
                    pair.faults
                        .push("the key does not belong to the certificate".to_owned());
                }
            }
        }
        if let Some(why) = &facts.untrusted {
            pair.faults.push(why.clone());
        }
        let link = self.root.stat(&entry.cert_path)?;
        let ours = link.and_then(|facts| facts.target).is_some_and(|target| {
            target
                .components()
                .any(|part| part.as_os_str() == ".phoenix")
        });
        pair.found = if ours {
            FoundFiles::Versions
        } else {
            FoundFiles::Plain
        };
        pair.becomes = if ours {
            "stays as it is until it is due"
        } else {
            "stays as it is until a new pair comes: then links take its place, and it is the version of before"
        };
        let (_, key) = self.root.follow(&entry.key_path)?;
        let open = |mode: FileMode| mode.bits() & 0o004 != 0;
        if let Some(key) = key.filter(|key| key.kind == FileKind::File && open(key.mode)) {
            pair.faults.push(format!(
                "everybody on the host can read its key (mode {:o})",
                key.mode.bits()
            ));
        }
        Ok(pair)
    }

    /// Cron files and scripts that would change a run's work behind its back.
    fn in_the_way(&self, options: &ScriptOptions, into: &mut Adoption) -> Result<(), Error> {
        for script in self.scripts(options)? {
            if !matches!(script.state, State::Original | State::ScriptOverShim) {
                continue;
            }
            let cron = script.callers.iter().find_map(|caller| match &caller.how {
                How::Cron { schedule } => Some((caller.file.clone(), schedule.clone())),
                _ => None,
            });
            if let Some((file, schedule)) = cron {
                into.in_the_way.push(format!(
                    "{} runs {} ({schedule}): it would issue and restart as before",
                    file.display(),
                    script.name
                ));
            }
        }
        for path in self.old_script_files()? {
            into.in_the_way.push(format!(
                "{} would undo the change to TLS when somebody runs it",
                path.display()
            ));
        }
        Ok(())
    }
}

fn found_daemons(model: &Model, inventory: &Inventory) -> Vec<FoundDaemon> {
    let mut all = Vec::new();
    for guest in model.docker_managers() {
        let facts = inventory.guests.get(&guest.id);
        let Some(docker) = facts.and_then(|facts| facts.docker.as_ref()) else {
            let why = facts.and_then(|facts| facts.down.clone());
            all.push(FoundDaemon::new(
                "docker",
                guest.id,
                why.unwrap_or_else(|| "not seen".to_owned()),
            ));
            continue;
        };
        let mut daemon = FoundDaemon::new("docker", guest.id, &docker.active_state);
        daemon.version.clone_from(&docker.version);
        for (port, what) in [
            (model.settings.docker.plain_port, "in plain"),
            (model.settings.docker.port, "with TLS"),
        ] {
            if docker.sockets.iter().any(|socket| socket.listens_on(port)) {
                daemon.seen.push(format!("listens on {port}, {what}"));
            }
        }
        if docker.swarm_active {
            daemon.seen.push("in an active Swarm".to_owned());
        }
        if docker.daemon_json.is_none() {
            daemon.seen.push("without a daemon.json".to_owned());
        }
        if let Some(leaf) = facts.and_then(|facts| facts.served) {
            daemon.seen.push(format!("serves leaf {}", leaf.short()));
        }
        all.push(daemon);
    }
    for guest in model.traefiks() {
        let facts = inventory.guests.get(&guest.id);
        let Some(traefik) = facts.and_then(|facts| facts.traefik.as_ref()) else {
            let why = facts.and_then(|facts| facts.down.clone());
            all.push(FoundDaemon::new(
                "traefik",
                guest.id,
                why.unwrap_or_else(|| "not seen".to_owned()),
            ));
            continue;
        };
        let mut daemon = FoundDaemon::new("traefik", guest.id, &traefik.active_state);
        daemon.version.clone_from(&traefik.version);
        if traefik.static_file.is_none() {
            daemon.seen.push("without a static file".to_owned());
        }
        if traefik.started_before_file {
            daemon
                .seen
                .push("runs since before its static file was written".to_owned());
        }
        all.push(daemon);
    }
    all
}
