//! What all rules look at: the model with its cross-references looked up once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::Facts;
use super::finding::Found;
use super::spread::spread;
use crate::diagnostic::{Faults, Place};
use crate::document::{Cursor, Document, Format, NodeId, Part};
use crate::firewall::{
    Action, Decision, Direction, Firewall, FirewallConfig, Packet, RuleList, Zone,
};
use crate::guests::Guest;
use crate::model::Model;
use crate::names::GuestId;
use crate::traefik::StaticFile;

pub(super) struct View<'m> {
    pub(super) model: &'m Model,
    pub(super) facts: &'m Facts,
    /// Rules of guests and of the host, each list read once; the host's are the last.
    lists: Vec<RuleList<'m>>,
    /// Whose each list is.
    owners: Vec<Option<&'m Guest>>,
    /// Whether each list's firewall is switched on.
    on: Vec<bool>,
    /// Traefik's static file as it will be.
    pub(super) static_file: Option<Result<StaticFile, Faults>>,
    /// The template itself, where it is YAML as it stands.
    source: Option<Document>,
    /// Guests whose dockerd is commanded over the network.
    pub(super) managers: Vec<&'m Guest>,
    /// Guests that run Traefik.
    pub(super) traefiks: Vec<&'m Guest>,
    by_id: HashMap<GuestId, &'m Guest>,
    by_address: HashMap<IpAddr, &'m Guest>,
    /// Host directories that guests see, by their path as the host mounts them.
    mounts: HashMap<PathBuf, Vec<Mounted<'m>>>,
    /// Of the lists, by the number of their guests.
    by_number: HashMap<u32, usize>,
}

fn is_on(list: &RuleList<'_>) -> bool {
    let firewall = list.firewall.map(|node| list.document.cursor(node));
    let flag = firewall.and_then(|firewall| firewall.get("enabled"));
    flag.and_then(Cursor::as_bool) == Some(true)
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
        let mut described = Vec::with_capacity(model.guests.0.len());
        let mut mounts: HashMap<PathBuf, Vec<Mounted<'m>>> = HashMap::new();
        let mut by_number = HashMap::new();
        let mut by_id = HashMap::new();
        let mut by_address = HashMap::new();
        for guest in &model.guests {
            by_id.entry(guest.id).or_insert(guest);
            if let Some(ip) = guest.address.ip().filter(|_| !guest.is_template) {
                by_address.entry(ip).or_insert(guest);
            }
            if let Some(document) = model.documents.of(guest.id.kind) {
                by_number.entry(guest.id.id).or_insert(described.len());
                described.push((document, guest));
            }
            for (index, mount) in guest.mounts.iter().enumerate() {
                let path = model.on_host(&mount.host_path);
                mounts
                    .entry(path)
                    .or_default()
                    .push(Mounted { guest, index });
            }
        }
        let read = |(document, guest): &(&'m Document, &'m Guest)| RuleList::guest(document, guest);
        let parts = spread(&described, |part| -> Vec<_> {
            part.iter().map(read).collect()
        });
        let mut lists: Vec<RuleList<'m>> = parts.into_iter().flatten().collect();
        lists.push(RuleList::global(&model.documents.host));
        let mut owners: Vec<_> = described.iter().map(|(_, guest)| Some(*guest)).collect();
        owners.push(None);
        let on = lists.iter().map(is_on).collect();
        let static_file = model
            .static_file()
            .map(|result| result.map(|(_, file)| file));
        let source = model.template.as_ref().and_then(|template| {
            let bytes = template.source.as_bytes().to_vec();
            Document::parse(&template.path, bytes, Format::Yaml).ok()
        });
        Self {
            model,
            facts,
            lists,
            owners,
            on,
            static_file,
            source,
            managers: model.docker_managers().collect(),
            traefiks: model.traefiks().collect(),
            by_id,
            by_address,
            mounts,
            by_number,
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
        self.by_address.get(&ip).copied()
    }

    /// The rules of the guest of this number; the host-wide ones for none.
    pub(super) fn list(&self, number: Option<u32>) -> Option<&RuleList<'m>> {
        self.lists.get(self.index(number)?)
    }

    fn index(&self, number: Option<u32>) -> Option<usize> {
        match number {
            Some(number) => self.by_number.get(&number).copied(),
            None => self.lists.len().checked_sub(1),
        }
    }

    /// Looks at each list with its guest; the host-wide one has none.
    pub(super) fn each_list(
        &self,
        found: &mut Found<'m>,
        look: impl Fn(Option<&'m Guest>, &RuleList<'m>, &mut Found<'m>) + Sync,
    ) {
        let all: Vec<usize> = (0..self.lists.len()).collect();
        let parts = spread(&all, |part| {
            let mut found = Found::default();
            for index in part {
                look(self.owners[*index], &self.lists[*index], &mut found);
            }
            found
        });
        for part in parts {
            found.append(part);
        }
    }

    /// What is found in the lists, in their order.
    pub(super) fn in_each_list<'v, T: Send>(
        &'v self,
        look: impl Fn(Option<&'m Guest>, &'v RuleList<'m>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let all: Vec<usize> = (0..self.lists.len()).collect();
        let look = |index: &usize| look(self.owners[*index], &self.lists[*index]);
        let parts = spread(&all, |part| part.iter().flat_map(look).collect::<Vec<_>>());
        parts.into_iter().flatten().collect()
    }

    /// What decides against a connection, if something does.
    pub(super) fn dropped(
        &self,
        from: IpAddr,
        to: IpAddr,
        proto: u8,
        port: u16,
    ) -> Option<Decision> {
        self.dropped_between((self.zone(from), from), (self.zone(to), to), proto, port)
    }

    /// The same where it is known who has the addresses.
    pub(super) fn dropped_between(
        &self,
        (sender, from): (Zone, IpAddr),
        (receiver, to): (Zone, IpAddr),
        proto: u8,
        port: u16,
    ) -> Option<Decision> {
        let ends = [
            (sender, Direction::Out, to),
            (receiver, Direction::In, from),
        ];
        if ends
            .into_iter()
            .all(|(zone, direction, far)| self.surely_passes(zone, direction, far, proto, port))
        {
            return None;
        }
        // Only those who have a say are simulated: the whole site takes longer than all other rules.
        let number = |zone| match zone {
            Zone::Guest(number, _) => Some(number),
            _ => None,
        };
        let mut guests = Vec::new();
        let mut lists: Vec<RuleList<'_>> = self.list(None).cloned().into_iter().collect();
        for number in [number(sender), number(receiver)].into_iter().flatten() {
            guests.extend(self.numbered(number).cloned());
            lists.extend(self.list(Some(number)).cloned());
        }
        let host = Some(&self.model.documents.host);
        let firewall = Firewall::new(&FirewallConfig::of_site(host, &guests, &lists));
        let packet = Packet::new(sender, receiver, from, to, proto, port);
        let verdict = firewall.verdict(&packet);
        (*verdict.action != Action::Accept).then(|| verdict.decision.clone())
    }

    /// Whether the first rule that fits admits the connection, or nobody looks; what is not plain is left to the
    /// simulation.
    fn surely_passes(
        &self,
        zone: Zone,
        direction: Direction,
        far: IpAddr,
        proto: u8,
        port: u16,
    ) -> bool {
        let Zone::Guest(number, _) = zone else {
            return zone == Zone::Outside;
        };
        let Some(index) = self.index(Some(number)) else {
            return false;
        };
        if !self.on[index] {
            return true;
        }
        for listed in &self.lists[index].rules {
            let rule = &listed.rule;
            if !rule.enabled || rule.direction != direction && rule.direction != Direction::Group {
                continue;
            }
            let (near, other) = match direction {
                Direction::In => (&rule.dest, &rule.source),
                _ => (&rule.source, &rule.dest),
            };
            let is_plain = rule.direction == direction
                && rule.macro_name.is_none()
                && rule.iface.is_none()
                && near.is_none()
                && rule.source_ports.is_empty()
                && rule.icmp_type.is_none();
            let fits_port = rule.ports.contains(port)
                && rule.proto.as_ref().is_none_or(|own| own.number() == proto);
            if is_plain && !fits_port {
                continue;
            }
            match other
                .as_ref()
                .map_or(Some(true), |other| other.contains(far))
            {
                Some(false) if is_plain => {}
                // A rule of ports without a protocol is one that Proxmox ignores.
                Some(true) if is_plain && (rule.proto.is_some() || rule.ports.is_empty()) => {
                    return rule.action == Action::Accept;
                }
                _ => return false,
            }
        }
        // What goes out passes where no rule says otherwise.
        direction == Direction::Out
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
        self.model.documents.of(guest.id.kind)
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
