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
    let sources = before.differing_sources(after, host, port);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::firewall::{FirewallConfig, FwFile, FwKind, NodeNetwork};

    fn firewall(rules: &str) -> Firewall {
        let text = format!("[OPTIONS]\nenable: 1\n[RULES]\n{rules}");
        let file = FwFile::parse("c".as_ref(), text.into(), FwKind::Cluster).unwrap();
        Firewall::new(&FirewallConfig {
            cluster: file.config(),
            node: NodeNetwork {
                addresses: vec![host()],
                local_network: "198.51.100.0/24".parse().ok(),
                bridge: "vmbr0".to_owned(),
                ..NodeNetwork::default()
            },
            ..FirewallConfig::default()
        })
    }

    fn host() -> IpAddr {
        "198.51.100.250".parse().unwrap()
    }

    fn lost(before: &str, after: &str) -> Vec<String> {
        lock_out(&firewall(before), &firewall(after), Some(host()), &[])
            .into_iter()
            .map(|lost| format!("{} | {} | {}", lost.what, lost.missing, lost.decision))
            .collect()
    }

    #[test]
    fn a_way_into_the_host_that_goes_is_named_with_the_rule_that_would_be_missing() {
        let admin = "IN ACCEPT -source 203.0.113.0/24 -p tcp -dport 8006\n";
        assert_eq!(
            lost(admin, ""),
            [
                "port 8006 of the host from 203.0.113.0 | IN ACCEPT -source 203.0.113.0 -p tcp -dport 8006 | cluster: policy_in: DROP"
            ]
        );
        assert_eq!(lost(admin, admin), [""; 0]);
        // What Proxmox adds by itself does not save whom a rule shuts out before.
        let found = lost("", "IN DROP -source 198.51.100.7\n");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("port 22 of the host from 198.51.100.7 |"));
        // Another rule in its place will do.
        assert_eq!(lost(admin, "IN ACCEPT -source 203.0.0.0/16\n"), [""; 0]);
    }

    proptest! {
        /// A guard that passes means that whoever was admitted still is, wherever he comes from.
        #[test]
        fn whoever_was_admitted_still_is(
            before in prop::collection::vec(rule(), 0..6),
            after in prop::collection::vec(rule(), 0..6),
            sources in prop::collection::vec(any::<u32>(), 20),
            near in prop::collection::vec((0..4_u8, any::<u8>()), 20),
        ) {
            let (before, after) = (firewall(&before.concat()), firewall(&after.concat()));
            let passed = lock_out(&before, &after, Some(host()), &[]).is_empty();
            let near = near.into_iter().map(|(net, last)| u32::from_be_bytes([198, 51, 100 + net, last]));
            for source in sources.into_iter().chain(near) {
                for port in ADMIN {
                    let packet = Packet::new(Zone::Outside, Zone::Host, IpAddr::V4(source.into()), host(), TCP, port);
                    let was = *before.verdict(&packet).action == Action::Accept;
                    let is = *after.verdict(&packet).action == Action::Accept;
                    prop_assert!(!passed || !was || is, "{packet:?}");
                }
            }
        }
    }

    fn rule() -> impl Strategy<Value = String> {
        "IN (ACCEPT|DROP|REJECT)( -source 198\\.51\\.10[0-3]\\.(0/24|64/26|[1-9]|7-198\\.51\\.103\\.9))?( -p tcp( -dport (22|8006|80|1:100))?)?\n"
    }
}
