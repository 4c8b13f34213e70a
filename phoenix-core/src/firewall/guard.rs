//! Nobody locks himself out: what is admitted now and needed must be admitted afterwards.

use std::net::IpAddr;

use serde::Serialize;

use super::{Action, AddressMatch, Direction, Firewall, Network, Packet, Ports, Rule, TCP, Zone};

/// A connection that the site needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data")]
pub struct Link {
    /// What it is for.
    pub what: String,
    /// From whom.
    pub from: Zone,
    /// The source address.
    pub source: IpAddr,
    /// To whom.
    pub to: Zone,
    /// The destination address.
    pub dest: IpAddr,
    /// Protocol number.
    pub proto: u8,
    /// Port.
    pub port: u16,
}

/// Something that would no longer be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lost {
    /// What it is for.
    pub what: String,
    /// The rule that would be missing, in Proxmox's words.
    pub missing: String,
    /// In whose rules.
    pub zone: Zone,
    /// What decides against it.
    pub decision: String,
}

/// What `after` no longer admits of what `before` did: the ways into the host, and the links.
pub fn lock_out(
    before: &Firewall,
    after: &Firewall,
    host: Option<IpAddr>,
    links: &[Link],
) -> Vec<Lost> {
    let mut lost = Vec::new();
    if let Some(host) = host {
        for port in ADMIN {
            lost.extend(host_port(before, after, host, port));
        }
    }
    for link in links {
        let packet = Packet::new(
            link.from,
            link.to,
            link.source,
            link.dest,
            link.proto,
            link.port,
        );
        if *before.verdict(&packet).action != Action::Accept {
            continue;
        }
        let verdict = after.verdict(&packet);
        if *verdict.action == Action::Accept {
            continue;
        }
        // The list that decides is the one that lacks the rule.
        let out = after.is_cut_by_sender(&packet);
        let mut rule = missing(link.source, link.proto, link.port);
        if out {
            rule.direction = Direction::Out;
            rule.source = None;
            rule.dest = Some(AddressMatch::Networks(vec![Network::host(link.dest)]));
        }
        lost.push(Lost {
            what: format!(
                "{} ({} -> {} port {})",
                link.what, link.source, link.dest, link.port
            ),
            missing: rule.to_string(),
            zone: if out { link.from } else { link.to },
            decision: verdict.decision.to_string(),
        });
    }
    lost
}

/// Sources that the host admits on a port now and would not any more.
fn host_port(before: &Firewall, after: &Firewall, host: IpAddr, port: u16) -> Option<Lost> {
    let mut sources = before.source_edges(host, port);
    sources.extend(after.source_edges(host, port));
    sources.push(match host {
        IpAddr::V4(_) => IpAddr::V4(0.into()),
        IpAddr::V6(_) => IpAddr::V6(0.into()),
    });
    sources.sort_unstable();
    sources.dedup();
    let packet = |source| Packet::new(Zone::Outside, Zone::Host, source, host, TCP, port);
    // Between two edges all addresses fare alike.
    let mut gone = sources.into_iter().filter(|source| {
        *before.verdict(&packet(*source)).action == Action::Accept
            && *after.verdict(&packet(*source)).action != Action::Accept
    });
    let first = gone.next()?;
    let more = gone.count();
    let decision = after.verdict(&packet(first)).decision.to_string();
    let rest = match more {
        0 => String::new(),
        more => format!(" and {more} more ranges"),
    };
    Some(Lost {
        what: format!("port {port} of the host from {first}{rest}"),
        missing: missing(first, TCP, port).to_string(),
        zone: Zone::Host,
        decision,
    })
}

fn missing(source: IpAddr, proto: u8, port: u16) -> Rule {
    let proto = if proto == TCP { "tcp" } else { "udp" };
    Rule {
        source: Some(AddressMatch::Networks(vec![Network::host(source)])),
        proto: proto.parse().ok(),
        ports: Ports(vec![port..=port]),
        ..Rule::new(Direction::In, Action::Accept)
    }
}

/// SSH and Proxmox's web interface.
const ADMIN: [u16; 2] = [22, 8006];
