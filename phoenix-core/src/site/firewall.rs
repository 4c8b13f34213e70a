//! `firewall`: the rules of the site's files, shown and edited.

use super::{ChangeOptions, Site};
use crate::change::{ChangeReport, FileEdit};
use crate::diagnostic::{Fault, Faults, Place, nearest};
use crate::document::{Document, Edit, Format};
use crate::error::Error;
use crate::firewall::{RuleEdit, RuleList, Selector, ShownList, Target};
use crate::guests::{Guest, decode_lxcs, decode_vms};
use crate::names::GuestKind;

impl Site {
    /// The rules that are meant, list by list; those of every guest and of the host where no target is named.
    ///
    /// # Errors
    ///
    /// [`Error::Faults`] when a file cannot be read, [`Error::Refused`] for a guest that the site does not have.
    pub fn firewall_rules(
        &self,
        targets: &[Target],
        selector: &Selector,
    ) -> Result<Vec<ShownList>, Error> {
        let files = RuleFiles::read(self, targets)?;
        let all;
        let targets = if targets.is_empty() {
            all = files.targets();
            &all
        } else {
            targets
        };
        let mut faults = Faults::new();
        let mut lists = Vec::new();
        for target in targets {
            match files.list(*target) {
                Ok(list) => lists.push(ShownList::of(&list, selector)),
                Err(found) => faults.extend(found),
            }
        }
        faults.into_result(lists).map_err(Error::Refused)
    }

    /// Makes one edit in the lists of all these guests, as one change of all their files.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when one of them does not allow it: then none was changed. Those of [`Site::change`].
    pub fn edit_firewall(
        &self,
        targets: &[Target],
        edit: &RuleEdit,
        options: ChangeOptions,
    ) -> Result<ChangeReport, Error> {
        self.change("firewall", options, |site| {
            let files = RuleFiles::read(site, targets)?;
            files.edit(targets, edit).map_err(Error::Refused)
        })
    }
}

/// The site's files that hold rules.
struct RuleFiles {
    host: Option<Document>,
    vms: Option<Document>,
    lxcs: Option<Document>,
    guests: Vec<Guest>,
    faults: Faults,
}

impl RuleFiles {
    /// Reads those that the targets stand in; all when none is named.
    fn read(site: &Site, targets: &[Target]) -> Result<Self, Error> {
        let wanted = |kind: Option<GuestKind>| {
            targets.is_empty()
                || targets.iter().any(|target| match target {
                    Target::Global => kind.is_none(),
                    Target::Guest(guest) => kind == Some(guest.kind),
                })
        };
        let mut unreadable = Faults::new();
        let mut read = |kind, path: &str| -> Result<Option<Document>, Error> {
            let path = site.paths.site.join(path);
            if !wanted(kind) {
                return Ok(None);
            }
            let Some(bytes) = site.root.read_optional(&path)? else {
                return Ok(None);
            };
            match Document::parse(&path, bytes, Format::Json) {
                Ok(document) => Ok(Some(document)),
                Err(faults) => {
                    unreadable.extend(faults);
                    Ok(None)
                }
            }
        };
        let host = read(None, "etc/phoenix_hypervisor_config.json")?;
        let vms = read(Some(GuestKind::Vm), "etc/phoenix_vm_configs.json")?;
        let lxcs = read(Some(GuestKind::Lxc), "etc/phoenix_lxc_configs.json")?;
        unreadable.into_result(())?;
        // What is wrong with a guest beside its rules is `check`'s business, unless it hides the guest.
        let mut faults = Faults::new();
        let mut guests = Vec::new();
        if let Some(document) = &vms {
            guests.extend(decode_vms(document, &mut faults));
        }
        if let Some(document) = &lxcs {
            guests.extend(decode_lxcs(document, &mut faults));
        }
        Ok(Self {
            host,
            vms,
            lxcs,
            guests,
            faults,
        })
    }

    /// Everybody who may have rules.
    fn targets(&self) -> Vec<Target> {
        let global = self.host.is_some().then_some(Target::Global);
        let guests = self.guests.iter().map(|guest| Target::Guest(guest.id));
        global.into_iter().chain(guests).collect()
    }

    fn list(&self, target: Target) -> Result<RuleList<'_>, Faults> {
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

    fn edit(&self, targets: &[Target], edit: &RuleEdit) -> Result<Vec<FileEdit>, Faults> {
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
}
