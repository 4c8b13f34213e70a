//! Connections that a firewall drops: those that the site's settings need, and those that one end's rules let pass.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Found, Open, View, named, object};
use crate::document::{Cursor, Part};
use crate::firewall::{
    Action, AddressMatch, Decision, Direction, Listed, Rule, RuleList, RuleSource, TCP, UDP, Zone,
};
use crate::guests::Guest;

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let mut said = BTreeSet::new();
    for need in needs(view) {
        if let Some(decision) = view.dropped(need.from, need.to, need.proto, need.port)
            && said.insert((need.from, need.to, need.proto, need.port))
        {
            let open = found.add(
                "PX022",
                format!(
                    "found {}, {} -> {} port {}, dropped by {}",
                    need.what,
                    need.from,
                    need.to,
                    need.port,
                    in_words(&decision)
                ),
            );
            match need.at {
                Some(at) => open.value(at),
                None => open,
            };
            let receiver = view.at(need.to);
            if let Some(receiver) = receiver {
                at_decision(view, receiver, &decision, open);
            }
        }
    }
    opposite(view, &mut said, found);
}

/// A connection that the site needs.
struct Need<'m> {
    what: What<'m>,
    from: IpAddr,
    to: IpAddr,
    proto: u8,
    port: u16,
    /// What says so.
    at: Option<Cursor<'m>>,
}

/// What a connection is for.
#[derive(Clone, Copy)]
enum What<'m> {
    GuestToCa(&'m Guest),
    HostToCa,
    Service(&'m str),
    Swarm(&'static str),
}

impl std::fmt::Display for What<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::GuestToCa(guest) => write!(f, "the way of {} to its CA", named(guest)),
            Self::HostToCa => f.write_str("the way of the host to the CA"),
            Self::Service(name) => write!(f, "Traefik's way to the service `{name}`"),
            Self::Swarm(what) => write!(f, "the Swarm's {what}"),
        }
    }
}

fn needs<'m>(view: &View<'m>) -> Vec<Need<'m>> {
    let mut needs = Vec::new();
    let mut need = |what: What<'m>, from: Option<IpAddr>, to: Option<IpAddr>, proto, port, at| {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            needs.push(Need {
                what,
                from,
                to,
                proto,
                port,
                at,
            });
        }
    };
    let all = || view.model.guests.iter().filter(|guest| !guest.is_template);
    let ip = |guest: &Guest| guest.address.ip();
    let traefiks = &view.traefiks;
    let cas: Vec<&Guest> = all().filter(|guest| guest.is_step_ca()).collect();
    for guest in all() {
        let object = object(view, guest);
        let member = |key: &str| object.and_then(|object| object.get(key));
        if let Some(service) = &guest.traefik_service {
            let at = member("traefik_service").and_then(|service| service.get("port"));
            for traefik in traefiks {
                let what = What::Service(&service.name);
                need(what, ip(traefik), ip(guest), TCP, service.port, at);
            }
        }
        if let Some((to, port)) = guest.bootstrap_ca_url.as_deref().and_then(address_of) {
            let what = What::GuestToCa(guest);
            need(
                what,
                ip(guest),
                Some(to),
                TCP,
                port,
                member("bootstrap_ca_url"),
            );
        }
    }
    for ca in &cas {
        let what = What::HostToCa;
        need(what, view.model.host.address, ip(ca), TCP, STEP_CA, None);
    }
    swarm(all(), &mut need);
    needs
}

fn swarm<'m>(
    guests: impl Iterator<Item = &'m Guest>,
    need: &mut impl FnMut(What<'m>, Option<IpAddr>, Option<IpAddr>, u8, u16, Option<Cursor<'m>>),
) {
    let nodes: Vec<&Guest> = guests.filter(|guest| guest.swarm_role.is_some()).collect();
    let (managers, others): (Vec<&Guest>, Vec<&Guest>) = nodes
        .into_iter()
        .partition(|guest| guest.is_docker_manager());
    let ways: &[(&'static str, u8, u16)] = &[
        ("management", TCP, 2377),
        ("gossip", TCP, 7946),
        ("gossip", UDP, 7946),
        ("overlay network", UDP, 4789),
    ];
    for manager in &managers {
        for node in managers.iter().chain(&others) {
            for (what, proto, port) in ways {
                let what = What::Swarm(what);
                let (node, manager) = (node.address.ip(), manager.address.ip());
                need(what, node, manager, *proto, *port, None);
                if *port != 2377 {
                    need(what, manager, node, *proto, *port, None);
                }
            }
        }
    }
}

/// Rules that let a connection pass which the other end drops.
fn opposite<'m>(
    view: &View<'m>,
    said: &mut BTreeSet<(IpAddr, IpAddr, u8, u16)>,
    found: &mut Found<'m>,
) {
    for Stopped {
        list,
        listed,
        other,
        way,
        decision,
    } in view.in_each_list(|guest, list| stopped(view, guest, list))
    {
        if !said.insert(way) {
            continue;
        }
        let (here, there) = match listed.rule.direction {
            Direction::Out => ("out", "in"),
            _ => ("in", "out"),
        };
        let open = found.add(
            "PX021",
            format!(
                "found `{rule}` let {here} by {} and not {there} by {}: {} decides",
                list.target,
                named(other),
                in_words(&decision),
                rule = Rule {
                    comment: None,
                    ..listed.rule.clone()
                },
            ),
        );
        open.at(list.document, listed.node, Part::Start);
        at_decision(view, other, &decision, open);
    }
}

/// A connection that a rule admits and the list of the other end does not.
struct Stopped<'v, 'm> {
    list: &'v RuleList<'m>,
    listed: &'v Listed,
    other: &'m Guest,
    way: (IpAddr, IpAddr, u8, u16),
    decision: Decision,
}

fn stopped<'v, 'm>(
    view: &View<'m>,
    guest: Option<&'m Guest>,
    list: &'v RuleList<'m>,
) -> Vec<Stopped<'v, 'm>> {
    let mut all = Vec::new();
    let Some(guest) = guest.filter(|guest| !guest.is_template) else {
        return all;
    };
    let Some(own) = guest.address.ip() else {
        return all;
    };
    let zone = |guest: &Guest| Zone::Guest(guest.id.id, 0);
    for listed in &list.rules {
        let rule = &listed.rule;
        let Some((far, proto)) = end(rule) else {
            continue;
        };
        let Some(other) = view.at(far).filter(|_| far != own) else {
            continue;
        };
        let ends = ((zone(guest), own), (zone(other), far));
        let (sender, receiver) = match rule.direction {
            Direction::Out => ends,
            _ => (ends.1, ends.0),
        };
        for range in &rule.ports.0 {
            let port = *range.start();
            let way = (sender.1, receiver.1, proto, port);
            // Only what the other end says is news to who wrote this rule.
            let decision = view
                .dropped_between(sender, receiver, proto, port)
                .filter(|decision| *list_of(decision) == RuleSource::Guest(other.id.id));
            all.extend(decision.map(|decision| Stopped {
                list,
                listed,
                other,
                way,
                decision,
            }));
        }
    }
    all
}

/// The one address at the other end of an admitting rule, and its protocol.
fn end(rule: &Rule) -> Option<(IpAddr, u8)> {
    if !rule.enabled || rule.action != Action::Accept || rule.macro_name.is_some() {
        return None;
    }
    let (far, near) = match rule.direction {
        Direction::In => (&rule.source, &rule.dest),
        Direction::Out => (&rule.dest, &rule.source),
        _ => return None,
    };
    if near.is_some() || !rule.source_ports.is_empty() {
        return None;
    }
    let AddressMatch::Networks(list) = far.as_ref()? else {
        return None;
    };
    let [network] = list.as_slice() else {
        return None;
    };
    let is_one = network.prefix() == network.family().bits();
    is_one.then_some((network.first(), rule.proto.as_ref()?.number()))
}

/// The list that decides.
pub(super) fn list_of(decision: &Decision) -> &RuleSource {
    match decision {
        Decision::Implicit { list, .. }
        | Decision::Off(list)
        | Decision::Policy { list, .. }
        | Decision::Rule { list, .. } => list,
    }
}

fn in_words(decision: &Decision) -> String {
    match decision {
        Decision::Policy { list, what } => format!("the policy of {list} ({what})"),
        Decision::Rule { list, .. } => format!("a rule of {list}"),
        other => other.to_string(),
    }
}

/// The deciding rule, or the list that lacks one, as another place of the finding.
pub(super) fn at_decision<'m>(
    view: &View<'m>,
    receiver: &Guest,
    decision: &Decision,
    open: &mut Open<'m>,
) {
    let list = match list_of(decision) {
        RuleSource::Guest(number) => view.list(Some(*number)),
        RuleSource::Cluster | RuleSource::Host => view.list(None),
        RuleSource::Group(_) => None,
    };
    let Some(list) = list.or_else(|| view.list(Some(receiver.id.id))) else {
        return;
    };
    let rule = match decision {
        Decision::Rule { line, .. } => list.items.get(*line).copied(),
        _ => None,
    };
    match (rule, list.array) {
        (Some(rule), _) => open.and(list.document, rule, "this rule decides"),
        (None, Some(array)) => open.and(list.document, array, "no rule here lets it pass"),
        (None, None) => open.and(list.document, list.owner, "no rule here lets it pass"),
    };
}

/// Address and port of `https://10.0.0.10:9000`; nothing for a name.
fn address_of(url: &str) -> Option<(IpAddr, u16)> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, 443),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.parse().ok()?, port))
}

/// The port of step-ca, as its guest's rules name it.
const STEP_CA: u16 = 9000;
