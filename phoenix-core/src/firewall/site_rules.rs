//! The site's files that hold rules, read and edited together.

use super::{FirewallConfig, RuleEdit, RuleList, Target, Zone};
use crate::change::FileEdit;
use crate::diagnostic::{Fault, Faults, Place, nearest};
use crate::document::{Document, Edit};
use crate::guests::{Guest, decode_lxcs, decode_vms};
use crate::names::GuestKind;

/// The site's files that hold rules.
#[derive(Debug, Clone)]
pub struct SiteRules {
    host: Option<Document>,
    vms: Option<Document>,
    lxcs: Option<Document>,
    guests: Vec<Guest>,
    faults: Faults,
}

impl SiteRules {
    /// The rules of these documents, as far as there are such.
    pub fn new(host: Option<Document>, vms: Option<Document>, lxcs: Option<Document>) -> Self {
        // What is wrong with a guest beside its rules is `check`'s business, unless it hides the guest.
        let mut faults = Faults::new();
        let mut guests = Vec::new();
        if let Some(document) = &vms {
            guests.extend(decode_vms(document, &mut faults));
        }
        if let Some(document) = &lxcs {
            guests.extend(decode_lxcs(document, &mut faults));
        }
        Self {
            host,
            vms,
            lxcs,
            guests,
            faults,
        }
    }

    /// The guests.
    pub fn guests(&self) -> &[Guest] {
        &self.guests
    }

    /// The same files after edits of some of them.
    #[must_use]
    pub fn after(&self, edits: &[FileEdit]) -> Self {
        let after = |document: &Option<Document>| {
            let document = document.as_ref()?;
            let edit = edits
                .iter()
                .find(|edit| edit.before.path() == document.path());
            Some(edit.map_or(document, |edit| &edit.after).clone())
        };
        Self::new(after(&self.host), after(&self.vms), after(&self.lxcs))
    }

    /// What the files come to when they are rendered.
    pub fn config(&self) -> FirewallConfig {
        let lists: Vec<RuleList<'_>> = self
            .targets()
            .into_iter()
            .filter_map(|target| self.list(target).ok())
            .collect();
        FirewallConfig::of_site(self.host.as_ref(), &self.guests, &lists)
    }

    /// Everybody who may have rules.
    pub fn targets(&self) -> Vec<Target> {
        let global = self.host.is_some().then_some(Target::Global);
        let guests = self.guests.iter().map(|guest| Target::Guest(guest.id));
        global.into_iter().chain(guests).collect()
    }

    /// The rules of one of them.
    ///
    /// # Errors
    ///
    /// When the site has no such guest, with the names of those that it has.
    pub fn list(&self, target: Target) -> Result<RuleList<'_>, Faults> {
        let document = match target {
            Target::Global => &self.host,
            Target::Guest(id) if id.kind == GuestKind::Vm => &self.vms,
            Target::Guest(_) => &self.lxcs,
        };
        let unknown = |place: Option<Place>| {
            let names: Vec<String> = self.targets().iter().map(ToString::to_string).collect();
            let name = target.to_string();
            let help = match nearest(&name, names.iter().map(String::as_str)) {
                Some(like) => format!("did you mean `{like}`?"),
                None => format!("known are: {}", names.join(", ")),
            };
            let mut fault = Fault::error(
                "unknown-guest",
                format!("found no guest {name}, expected one of the site's"),
            )
            .help(help);
            fault.places.extend(place);
            let mut faults = self.faults.clone();
            faults.push(fault);
            faults
        };
        let Some(document) = document else {
            return Err(unknown(None));
        };
        match target {
            Target::Global => Ok(RuleList::global(document)),
            Target::Guest(id) => self
                .guests
                .iter()
                .find(|guest| guest.id == id)
                .map(|guest| RuleList::guest(document, guest))
                .ok_or_else(|| unknown(Some(Place::file(document.path())))),
        }
    }

    /// Makes one edit in several lists; gives the files that change, each with its reasons.
    ///
    /// # Errors
    ///
    /// When one of the lists does not allow it; the faults of all of them at once.
    pub fn edit(&self, targets: &[Target], edit: &RuleEdit) -> Result<Vec<FileEdit>, Faults> {
        let mut seen = Vec::new();
        let mut faults = Faults::new();
        let documents = [&self.host, &self.vms, &self.lxcs];
        let mut edits: Vec<(&Document, Edit<'_>, Vec<String>)> = documents
            .into_iter()
            .flatten()
            .map(|document| (document, Edit::new(document), Vec::new()))
            .collect();
        for target in targets {
            // A guest that is named twice is edited once.
            if seen.contains(target) {
                continue;
            }
            seen.push(*target);
            let list = match self.list(*target) {
                Ok(list) => list,
                Err(found) => {
                    faults.extend(found);
                    continue;
                }
            };
            let Some((_, into, reasons)) = edits
                .iter_mut()
                .find(|(document, ..)| document.path() == list.document.path())
            else {
                continue;
            };
            match edit.apply(&list, into) {
                Ok(said) => reasons.extend(said),
                Err(found) => faults.extend(found),
            }
        }
        faults.into_result(())?;
        let mut done = Vec::new();
        for (document, edit, reasons) in edits {
            let patch = edit.finish().map_err(Faults::from)?;
            if !patch.is_empty() {
                done.push(FileEdit {
                    before: document.clone(),
                    after: patch.apply(document)?,
                    reasons,
                });
            }
        }
        Ok(done)
    }

    /// Whose rules a zone has.
    pub fn target(&self, zone: Zone) -> Target {
        let guest = match zone {
            Zone::Guest(id, _) => self.guests.iter().find(|guest| guest.id.id == id),
            _ => None,
        };
        guest.map_or(Target::Global, |guest| Target::Guest(guest.id))
    }
}
