//! Rules that decide nothing: copies, what an earlier rule always decides, what never comes by.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Found, View};
use crate::check::finding::Deed;
use crate::document::{NodeId, Part};
use crate::firewall::{AddressMatch, Direction, Listed, Ports, Rule, RuleList};
use crate::guests::Guest;

pub(in crate::check) fn check<'m>(
    view: &View<'m>,
    guest: Option<&'m Guest>,
    list: &RuleList<'m>,
    found: &mut Found<'m>,
) {
    let rules: Vec<&Listed> = list
        .rules
        .iter()
        // What Proxmox ignores is reported as such.
        .filter(|listed| listed.rule.enabled && !listed.ignored)
        .collect();
    let mut index = Index::new(&rules);
    let mut foreign = Vec::new();
    for (at, listed) in rules.iter().enumerate() {
        let earlier = index.covering(&rules, at).map(|earlier| rules[earlier]);
        // A copy is a copy, whatever it is about.
        let copy = earlier.filter(|earlier| listed.rule.same_but_comment(&earlier.rule));
        if let Some(earlier) = copy {
            covered(list, listed, earlier, found);
        } else if super::firewall::opens_plain(view, &listed.rule) {
            // To be moved or removed, whatever comes before it.
        } else if !never(view, guest, list, listed, &mut foreign, found)
            && let Some(earlier) = earlier
        {
            covered(list, listed, earlier, found);
        }
        index.add(&listed.rule, at);
    }
    not_the_hosts(view, list, &foreign, found);
}

/// Host-wide rules about guests: whoever writes them believes that they are every guest's, so they are told together.
fn not_the_hosts<'m>(
    view: &View<'m>,
    list: &RuleList<'m>,
    foreign: &[Foreign],
    found: &mut Found<'m>,
) {
    let Some(first) = foreign.first() else {
        return;
    };
    let mut guests: Vec<String> = Vec::new();
    for rule in foreign {
        let guest = view.at(rule.ip).map(|guest| guest.id.to_string());
        guests.extend(guest.filter(|guest| !guests.contains(guest)));
    }
    let count = match foreign.len() {
        1 => "a host-wide rule".to_owned(),
        count => format!("{count} host-wide rules"),
    };
    let open = found.add(
        "PX023",
        format!(
            "found {count} about {}, expected none: such rules see only what the host itself gets and sends",
            guests.join(", ")
        ),
    );
    let place = |rule: &Foreign| {
        let cursor = list.document.cursor(rule.node);
        cursor.get(rule.key).unwrap_or(cursor)
    };
    open.value(place(first));
    for rule in foreign.iter().skip(1).take(SHOWN) {
        open.and_value(place(rule), "so is this one");
    }
    if let more @ 1.. = foreign.len().saturating_sub(SHOWN + 1) {
        open.note(format!("and {more} more"));
    }
}

/// A host-wide rule whose own end is a guest.
struct Foreign {
    node: NodeId,
    key: &'static str,
    ip: IpAddr,
}

fn covered<'m>(list: &RuleList<'m>, listed: &Listed, earlier: &Listed, found: &mut Found<'m>) {
    let document = list.document;
    let (rule, by) = (&listed.rule, &earlier.rule);
    if rule == by {
        found
            .add("PX009", "found the same firewall rule twice")
            .at(document, listed.node, Part::Start)
            .and(document, earlier.node, "first stated here")
            .fix(
                document,
                Deed::Remove(listed.node),
                format!("{}: a copy of `{rule}` went", list.target),
            );
        return;
    }
    if rule.same_but_comment(by) {
        found
            .add(
                "PX024",
                format!("found `{}` twice, with different comments", short(rule)),
            )
            .at(document, listed.node, Part::Start)
            .and(document, earlier.node, "first stated here");
        return;
    }
    let open = found.add(
        "PX023",
        format!(
            "found `{}`, which never decides anything: `{}` comes before it and decides all of it{}",
            short(rule),
            short(by),
            if rule.action == by.action { "" } else { ", otherwise" }
        ),
    );
    open.at(document, listed.node, Part::Start)
        .and(document, earlier.node, "this one decides");
    if rule.action != by.action {
        open.severe();
    }
}

/// A rule in Proxmox's words, without its comment.
fn short(rule: &Rule) -> String {
    let rule = Rule {
        comment: None,
        ..rule.clone()
    };
    rule.to_string()
}

/// Whether nothing that a rule is about passes by the list that it stands in.
fn never<'m>(
    view: &View<'m>,
    guest: Option<&'m Guest>,
    list: &RuleList<'m>,
    listed: &Listed,
    foreign: &mut Vec<Foreign>,
    found: &mut Found<'m>,
) -> bool {
    let rule = &listed.rule;
    // At the own end only the own address is seen, at the other end every other.
    let (near, far, near_key, far_key) = match rule.direction {
        Direction::In => (&rule.dest, &rule.source, "dest", "source"),
        Direction::Out => (&rule.source, &rule.dest, "source", "dest"),
        _ => return false,
    };
    let own = match guest {
        Some(guest) => guest.address.ip(),
        None => view.model.host.address,
    };
    let Some(own) = own else {
        return false;
    };
    let (key, message) = if let Some(other) = single(near.as_ref()).filter(|ip| *ip != own)
        && let Some(whose) = whose(view, other)
    {
        let Some(guest) = guest else {
            foreign.push(Foreign {
                node: listed.node,
                key: near_key,
                ip: other,
            });
            return true;
        };
        let message = format!(
            "found {other} as `{near_key}` of an {} rule of {}, which is {whose} and never seen there",
            word(rule.direction),
            guest.id
        );
        (near_key, message)
    } else if single(far.as_ref()) == Some(own) {
        let message = format!(
            "found {own} as `{far_key}` of an {} rule of {}, which is its own address",
            word(rule.direction),
            list.target
        );
        (far_key, message)
    } else {
        return false;
    };
    let cursor = list.document.cursor(listed.node);
    let open = found.add("PX023", message);
    open.value(cursor.get(key).unwrap_or(cursor));
    if let Some(other) = single(near.as_ref()).and_then(|ip| view.at(ip)) {
        open.and_guest(view, other);
    }
    true
}

fn word(direction: Direction) -> &'static str {
    if direction == Direction::In {
        "inbound"
    } else {
        "outbound"
    }
}

fn whose(view: &View<'_>, ip: IpAddr) -> Option<String> {
    if view.model.host.address == Some(ip) {
        return Some("the host".to_owned());
    }
    view.at(ip).map(|guest| guest.id.to_string())
}

/// The address, where a rule states just one.
fn single(stated: Option<&AddressMatch>) -> Option<IpAddr> {
    match stated? {
        AddressMatch::Networks(list) => match list.as_slice() {
            [network] if network.prefix() == network.family().bits() => Some(network.first()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the earlier rule fits everything that the later one fits.
fn covers(earlier: &Rule, later: &Rule) -> bool {
    earlier.direction == later.direction
        && matches!(later.direction, Direction::In | Direction::Out)
        && same_or_any(earlier.iface.as_ref(), later.iface.as_ref())
        && match (earlier.macro_name, later.macro_name) {
            (None, None) => {
                earlier.proto.as_ref().is_none_or(|earlier| {
                    let number = later.proto.as_ref().map(crate::firewall::Protocol::number);
                    number == Some(earlier.number())
                }) && holds_ports(&earlier.ports, &later.ports)
            }
            (None, Some(_)) => earlier.proto.is_none() && earlier.ports.is_empty(),
            (a, b) => a == b && earlier.proto == later.proto && earlier.ports == later.ports,
        }
        && holds_ports(&earlier.source_ports, &later.source_ports)
        && same_or_any(earlier.icmp_type.as_ref(), later.icmp_type.as_ref())
        && holds(earlier.source.as_ref(), later.source.as_ref())
        && holds(earlier.dest.as_ref(), later.dest.as_ref())
}

fn same_or_any<T: PartialEq>(earlier: Option<&T>, later: Option<&T>) -> bool {
    earlier.is_none() || earlier == later
}

fn holds_ports(earlier: &Ports, later: &Ports) -> bool {
    earlier.is_empty()
        || !later.is_empty()
            && later.0.iter().all(|range| {
                earlier
                    .0
                    .iter()
                    .any(|around| around.start() <= range.start() && range.end() <= around.end())
            })
}

fn holds(earlier: Option<&AddressMatch>, later: Option<&AddressMatch>) -> bool {
    let (Some(earlier), Some(later)) = (earlier, later) else {
        return earlier.is_none();
    };
    match (earlier, later) {
        (AddressMatch::Networks(around), AddressMatch::Networks(list)) => {
            list.iter().all(|inner| {
                around.iter().any(|network| {
                    network.contains(inner.first()) && network.contains(inner.last())
                })
            })
        }
        (AddressMatch::Networks(around), AddressMatch::Range(first, last)) => around
            .iter()
            .any(|network| network.contains(*first) && network.contains(*last)),
        (AddressMatch::Range(..), AddressMatch::Networks(list)) => list.iter().all(|inner| {
            earlier.contains(inner.first()) == Some(true)
                && earlier.contains(inner.last()) == Some(true)
        }),
        (AddressMatch::Range(..), AddressMatch::Range(first, last)) => {
            earlier.contains(*first) == Some(true) && earlier.contains(*last) == Some(true)
        }
        // What a name stands for is not known here.
        (earlier, later) => earlier == later,
    }
}

/// Earlier rules by what they state exactly, so that a long list is not compared with itself.
struct Index {
    /// Short lists are compared rule by rule.
    short: bool,
    by_key: HashMap<Key, Vec<usize>>,
    by_text: HashMap<String, usize>,
}

/// Direction, protocol, port, source and destination; nothing where a rule is about several.
type Key = (
    Direction,
    Option<u8>,
    Option<u16>,
    Option<IpAddr>,
    Option<IpAddr>,
);

impl Index {
    fn new(rules: &[&Listed]) -> Self {
        Self {
            short: rules.len() <= SHORT,
            by_key: HashMap::new(),
            by_text: HashMap::new(),
        }
    }

    fn key(rule: &Rule) -> Key {
        (
            rule.direction,
            rule.proto.as_ref().map(crate::firewall::Protocol::number),
            rule.ports.single(),
            single(rule.source.as_ref()),
            single(rule.dest.as_ref()),
        )
    }

    fn add(&mut self, rule: &Rule, at: usize) {
        if !self.short {
            let same_key = self.by_key.entry(Self::key(rule)).or_default();
            if same_key.len() < SHORT {
                same_key.push(at);
            }
            self.by_text.entry(short(rule)).or_insert(at);
        }
    }

    /// The first rule before this one that fits all that it fits.
    fn covering(&self, rules: &[&Listed], at: usize) -> Option<usize> {
        let rule = &rules[at].rule;
        if self.short {
            return (0..at).find(|earlier| covers(&rules[*earlier].rule, rule));
        }
        let (direction, proto, port, source, dest) = Self::key(rule);
        let mut first = self.by_text.get(&short(rule)).copied();
        for mask in 0..16u8 {
            let keep = |bit: u8| mask & bit == 0;
            let key = (
                direction,
                proto.filter(|_| keep(1)),
                port.filter(|_| keep(2)),
                source.filter(|_| keep(4)),
                dest.filter(|_| keep(8)),
            );
            let candidates = self.by_key.get(&key).into_iter().flatten();
            let covering = candidates
                .copied()
                .find(|earlier| covers(&rules[*earlier].rule, rule));
            first = match (first, covering) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        first
    }
}

/// Rules that are compared one by one.
const SHORT: usize = 48;
/// Places that are shown; more are counted.
const SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        let mut rule = Rule::new(Direction::In, crate::firewall::Action::Accept);
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap();
            match key {
                "source" => rule.source = value.parse().ok(),
                "dest" => rule.dest = value.parse().ok(),
                "proto" => rule.proto = value.parse().ok(),
                "port" => rule.ports = value.parse().unwrap(),
                "macro" => rule.macro_name = value.parse().ok(),
                other => panic!("{other}"),
            }
        }
        rule
    }

    #[test]
    fn a_rule_covers_what_it_is_wider_than() {
        for (earlier, later, expected) in [
            ("", "proto=tcp port=80", true),
            ("", "macro=HTTP", true),
            ("proto=tcp", "macro=HTTP", false),
            ("proto=tcp port=80,443", "proto=tcp port=443", true),
            ("proto=tcp port=8000:8010", "proto=tcp port=8001,8009", true),
            ("proto=tcp port=443", "proto=tcp port=80,443", false),
            ("proto=tcp port=443", "proto=tcp", false),
            ("proto=tcp", "proto=udp", false),
            ("source=10.0.0.0/24", "source=10.0.0.7", true),
            ("source=10.0.0.0/24", "source=10.0.0.7-10.0.0.9", true),
            ("source=10.0.0.0/24", "", false),
            ("source=10.0.0.7", "source=10.0.0.0/24", false),
            ("source=10.0.0.1-10.0.0.9", "source=10.0.0.4/30", true),
            ("source=+set", "source=+set", true),
            ("source=10.0.0.0/8", "source=+set", false),
        ] {
            assert_eq!(
                covers(&rule(earlier), &rule(later)),
                expected,
                "{earlier} | {later}"
            );
        }
    }

    #[test]
    fn a_long_list_finds_what_a_short_one_finds() {
        let mut texts = Vec::new();
        for number in 0..200 {
            texts.push(format!(
                "source=10.0.{number}.1 proto=tcp port={}",
                1000 + number
            ));
        }
        texts.push("proto=tcp port=1000:1100".to_owned());
        texts.push("source=10.0.9.1 proto=tcp port=1050".to_owned());
        texts.push("source=10.0.7.1 proto=tcp port=1007".to_owned());
        texts.push("source=10.0.7.1 proto=udp port=1007".to_owned());
        let document = crate::document::Document::parse(
            "t".as_ref(),
            "{}".into(),
            crate::document::Format::Json,
        )
        .unwrap();
        let node = document.root().node();
        let listed: Vec<Listed> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| Listed {
                index,
                node,
                rule: rule(text),
                ignored: false,
            })
            .collect();
        let rules: Vec<&Listed> = listed.iter().collect();
        let mut index = Index::new(&rules);
        let mut found = Vec::new();
        for at in 0..rules.len() {
            found.extend(index.covering(&rules, at).map(|by| (at, by)));
            let by_hand = (0..at).find(|earlier| covers(&rules[*earlier].rule, &rules[at].rule));
            assert_eq!(index.covering(&rules, at), by_hand);
            index.add(&rules[at].rule, at);
        }
        assert_eq!(found, [(201, 200), (202, 7)]);
    }
}
