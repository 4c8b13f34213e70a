//! What all rules look at: the model with its cross-references looked up once.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::Facts;
use crate::diagnostic::{Faults, Place};
use crate::document::{Cursor, Document, Format, NodeId, Part};
use crate::firewall::{Firewall, FirewallConfig, RuleList, Zone};
use crate::guests::Guest;
use crate::model::Model;
use crate::names::{GuestId, GuestKind};
use crate::traefik::StaticFile;

pub(super) struct View<'m> {
    pub(super) model: &'m Model,
    pub(super) facts: &'m Facts,
    /// Rules of guests and of the host, each list read once.
    pub(super) lists: Vec<(Option<&'m Guest>, RuleList<'m>)>,
    /// Traefik's static file as it will be.
    pub(super) static_file: Option<Result<StaticFile, Faults>>,
    /// The template itself, where it is YAML as it stands.
    source: Option<Document>,
    /// Guests whose dockerd is commanded over the network.
    pub(super) managers: Vec<&'m Guest>,
    /// Guests that run Traefik.
    pub(super) traefiks: Vec<&'m Guest>,
    by_id: HashMap<GuestId, &'m Guest>,
    by_ip: HashMap<IpAddr, &'m Guest>,
    /// Host directories that guests see, by their path as the host mounts them.
    mounts: HashMap<PathBuf, Vec<Mounted<'m>>>,
    /// Of the lists, by the number of their guests.
    by_number: HashMap<u32, usize>,
    firewall: OnceCell<(FirewallConfig, Firewall)>,
}

/// A directory of the host that a guest sees.
#[derive(Clone, Copy)]
pub(super) struct Mounted<'m> {
    pub(super) guest: &'m Guest,
    /// Its place among the guest's mounts.
    pub(super) index: usize,
}

impl<'m> View<'m> {
    pub(super) fn new(model: &'m Model, facts: &'m Facts) -> Self {
        let mut lists = Vec::with_capacity(model.guests.0.len() + 1);
        let mut mounts: HashMap<PathBuf, Vec<Mounted<'m>>> = HashMap::new();
        let mut by_number = HashMap::new();
        let mut by_id = HashMap::new();
        let mut by_ip = HashMap::new();
        for guest in &model.guests {
            by_id.entry(guest.id).or_insert(guest);
            if let Some(ip) = guest.address.ip().filter(|_| !guest.is_template) {
                by_ip.entry(ip).or_insert(guest);
            }
            if let Some(document) = document(model, guest) {
                by_number.entry(guest.id.id).or_insert(lists.len());
                lists.push((Some(guest), RuleList::guest(document, guest)));
            }
            for (index, mount) in guest.mounts.iter().enumerate() {
                let path = model.on_host(&mount.host_path);
                mounts
                    .entry(path)
                    .or_default()
                    .push(Mounted { guest, index });
            }
        }
        lists.push((None, RuleList::global(&model.documents.host)));
        let static_file = model
            .static_file()
            .map(|result| result.map(|(_, file)| file));
        let source = model.template.as_ref().and_then(|(path, text)| {
            Document::parse(path, text.as_bytes().to_vec(), Format::Yaml).ok()
        });
        Self {
            model,
            facts,
            lists,
            static_file,
            source,
            managers: model.docker_managers().collect(),
            traefiks: model.traefiks().collect(),
            by_id,
            by_ip,
            mounts,
            by_number,
            firewall: OnceCell::new(),
        }
    }

    pub(super) fn guest(&self, id: GuestId) -> Option<&'m Guest> {
        self.by_id.get(&id).copied()
    }

    /// The guest of this number; Proxmox has one number for containers and machines alike.
    pub(super) fn numbered(&self, number: u32) -> Option<&'m Guest> {
        self.guest(GuestId::lxc(number))
            .or_else(|| self.guest(GuestId::vm(number)))
    }

    /// The guest with this address, templates left out.
    pub(super) fn at(&self, ip: IpAddr) -> Option<&'m Guest> {
        self.by_ip.get(&ip).copied()
    }

    /// The rules of the guest of this number; the host-wide ones for none.
    pub(super) fn list(&self, number: Option<u32>) -> Option<&RuleList<'m>> {
        let index = match number {
            Some(number) => *self.by_number.get(&number)?,
            None => self.lists.len().checked_sub(1)?,
        };
        self.lists.get(index).map(|(_, list)| list)
    }

    /// What the rules come to when they are rendered.
    pub(super) fn firewall(&self) -> (&FirewallConfig, &Firewall) {
        let (config, firewall) = self.firewall.get_or_init(|| {
            let lists: Vec<RuleList<'_>> =
                self.lists.iter().map(|(_, list)| list.clone()).collect();
            let host = Some(&self.model.documents.host);
            let config = FirewallConfig::of_site(host, &self.model.guests.0, &lists);
            let firewall = Firewall::new(&config);
            (config, firewall)
        });
        (config, firewall)
    }

    /// Who has this address.
    pub(super) fn zone(&self, ip: IpAddr) -> Zone {
        if self.model.host.address == Some(ip) {
            return Zone::Host;
        }
        self.at(ip)
            .map_or(Zone::Outside, |guest| Zone::Guest(guest.id.id, 0))
    }

    /// The guests that see this path of the host, whichever of its names is used.
    pub(super) fn seen_by(&self, path: &Path) -> Vec<Mounted<'m>> {
        let path = self.model.on_host(path);
        let mut all: Vec<Mounted<'m>> = path
            .ancestors()
            .skip(1)
            .filter_map(|dir| self.mounts.get(dir))
            .flatten()
            .copied()
            .collect();
        all.sort_by_key(|mounted| (mounted.guest.id, mounted.index));
        all.dedup_by_key(|mounted| mounted.guest.id);
        all
    }

    pub(super) fn document(&self, guest: &Guest) -> Option<&'m Document> {
        document(self.model, guest)
    }

    /// The manifest's object of an entry.
    pub(super) fn manifest(&self) -> &'m Document {
        &self.model.documents.manifest
    }

    /// Where a node of the rendered static file stands in the template.
    pub(super) fn template_place(&self, cursor: Cursor<'_>, part: Part) -> Place {
        let rendered = cursor.document();
        let place = |cursor: Cursor<'_>| cursor.document().places(&[(cursor.node(), part)]).pop();
        let own = match &self.source {
            Some(source) if source.text() != rendered.text() => {
                source.root().at(&cursor.pointer()).and_then(place)
            }
            Some(_) => place(cursor),
            None => None,
        };
        own.unwrap_or_else(|| Place::file(rendered.path()))
    }

    /// The same node in the template itself, where an edit of it means what it says.
    pub(super) fn template_node(&self, cursor: Cursor<'_>) -> Option<(&Document, NodeId)> {
        let source = self.source.as_ref()?;
        if !crate::template::jinja_outside_quotes(source).is_empty() {
            return None;
        }
        let node = source.root().at(&cursor.pointer())?.node();
        Some((source, node))
    }
}

fn document<'m>(model: &'m Model, guest: &Guest) -> Option<&'m Document> {
    match guest.id.kind {
        GuestKind::Vm => model.documents.vms.as_ref(),
        GuestKind::Lxc => model.documents.lxcs.as_ref(),
    }
}
