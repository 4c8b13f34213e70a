//! Proxmox's firewall files: written, read by its service, taken back when that fails.

use super::{Done, Performer, StepError};
use crate::diagnostic::{Fault, Faults};
use crate::firewall::{Finished, ProxmoxFacts, RenderedFile, Rendering, SiteRules};
use crate::links::links;
use crate::pve::{self, Status};

impl<'a> Performer<'a> {
    pub(super) fn open_firewall(&self) -> Result<Done<'a>, StepError> {
        self.put_in_force(Rendering::open)
    }

    pub(super) fn render_firewall(&self) -> Result<Done<'a>, StepError> {
        self.put_in_force(Rendering::finish)
    }

    fn put_in_force(
        &self,
        finish: impl FnOnce(&Rendering) -> Result<Finished, Faults>,
    ) -> Result<Done<'a>, StepError> {
        // The files are read anew: an earlier step of this run may have written them.
        let (rules, facts) = self.proxmox()?;
        let rendering = Rendering::new(&rules, &facts).map_err(|faults| refused(&faults))?;
        let finished = finish(&rendering).map_err(|faults| refused(&faults))?;
        if finished.files.is_empty() {
            return Ok(Done::saying("the files say it already"));
        }
        let links = links(
            rules.guests(),
            &self.with.model.settings,
            rendering.wanted(),
        );
        rendering
            .guard(&finished.config, &links)
            .map_err(|faults| refused(&faults))?;
        let journal = self.with.store.journal_dir();
        let applied = pve::write(self.with.root, &journal, &finished.files)?;
        let reload = || pve::reload(self.with.commands, self.with.clock, facts.is_nftables());
        match reload() {
            Ok(reloaded) => {
                applied.finish()?;
                Ok(Done {
                    warnings: reloaded.warning().map(str::to_owned).into_iter().collect(),
                    ..Done::saying(format!("{}; {reloaded}", changes(&finished.files)))
                })
            }
            Err(error) => {
                let mut error = StepError::from(error);
                let taken_back = applied.undo().map_err(StepError::from);
                let taken_back = taken_back.and_then(|()| reload().map_err(StepError::from));
                match taken_back {
                    Ok(_) => error.messages.push("the files were put back".to_owned()),
                    Err(undo) => {
                        error
                            .messages
                            .push("could not put the files back in force".to_owned());
                        error.messages.extend(undo.messages);
                    }
                }
                Err(error)
            }
        }
    }

    pub(super) fn verify_firewall(&self) -> Result<Done<'a>, StepError> {
        let (rules, facts) = self.proxmox()?;
        let rendering = Rendering::new(&rules, &facts).map_err(|faults| refused(&faults))?;
        let finished = rendering.finish().map_err(|faults| refused(&faults))?;
        if let [first, ..] = finished.files.as_slice() {
            let mut error = StepError::new(format!(
                "{} does not say what the site says ({})",
                first.path.display(),
                changes(&finished.files)
            ));
            for file in &finished.files {
                let lines = file.reasons.iter();
                let lines = lines.map(|line| format!("{}: {line}", file.path.display()));
                error.messages.extend(lines);
            }
            return Err(error.hint("phoenix sync firewall"));
        }
        let mut warnings = facts.without_effect(&rules);
        let says = match pve::status(self.with.commands)? {
            None => "there is no `pve-firewall` on this host".to_owned(),
            Some(Status::WouldRun) => "its service would be asked".to_owned(),
            Some(Status::Says(says)) => {
                if says.contains("pending changes") && !facts.is_nftables() {
                    return Err(StepError::new(format!(
                        "the rules of the files are not in force: `pve-firewall status` says `{says}`"
                    ))
                    .hint("`pve-firewall compile` names what it cannot read"));
                }
                if says.contains("stopped") || says.contains("disabled") {
                    warnings.push(format!("no rule acts: `pve-firewall status` says `{says}`"));
                }
                format!("its service says `{says}`")
            }
        };
        Ok(Done {
            warnings,
            ..Done::saying(format!("Proxmox's files say what the site says; {says}"))
        })
    }

    fn proxmox(&self) -> Result<(SiteRules, ProxmoxFacts), StepError> {
        let rules = self.with.model.site_rules();
        let facts = pve::read(self.with.root, &rules)?;
        Ok((rules, facts))
    }
}

/// How much of how many files changes.
fn changes(files: &[RenderedFile]) -> String {
    let lines = files.iter().map(|file| file.reasons.len()).sum::<usize>();
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    };
    format!(
        "{} in {}",
        count(lines, "change"),
        count(files.len(), "file")
    )
}

fn refused(faults: &Faults) -> StepError {
    let mut error = StepError::default();
    for fault in faults {
        error.messages.push(fault.to_string());
        error.messages.extend(fault.notes.iter().cloned());
    }
    error.hint = faults.iter().find_map(|fault: &Fault| fault.help.clone());
    error
}
