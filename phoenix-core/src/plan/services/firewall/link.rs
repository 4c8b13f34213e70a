//! What a change of the rules means for the link between Traefik and Docker.

use std::collections::HashSet;
use std::net::IpAddr;

use super::Planner;
use crate::firewall::{
    Action, Direction, Finished, Firewall, FirewallConfig, Link, Packet, Ports, Rendering, Rule,
    TCP, covers,
};
use crate::names::GuestId;

impl Planner<'_> {
    /// The way of the link as the site describes it: each manager with Traefik's way to its encrypted port.
    pub(super) fn link(&self, config: &FirewallConfig) -> Vec<(GuestId, Link)> {
        let mut link = Vec::new();
        for (manager, _) in self.described_managers() {
            for traefik in self.model.traefiks() {
                let address = |id: GuestId| self.model.guests.guest(id)?.address.ip();
                let (Some(source), Some(dest)) = (address(traefik.id), address(manager)) else {
                    continue;
                };
                link.push((
                    manager,
                    Link {
                        what: "Traefik to Docker".to_owned(),
                        from: config.zone_of(source),
                        source,
                        to: config.zone_of(dest),
                        dest,
                        proto: TCP,
                        port: self.model.settings.docker.port,
                    },
                ));
            }
        }
        link
    }

    /// Whether somebody's way to Docker's ports changes: Traefik's by the verdict, anybody's by rules that name them.
    pub(super) fn moves_link(&self, rendering: &Rendering, last: &Finished) -> bool {
        let found = rendering.found();
        let (before, after) = (Firewall::new(&found), Firewall::new(&last.config));
        let docker = &self.model.settings.docker;
        let ports = [docker.port, docker.plain_port];
        let decided = self.link(&found).into_iter().any(|(_, link)| {
            ports.into_iter().any(|port| {
                let packet = Packet::new(link.from, link.to, link.source, link.dest, TCP, port);
                before.verdict(&packet).action != after.verdict(&packet).action
            })
        });
        let managers: Vec<IpAddr> = self
            .model
            .docker_managers()
            .filter_map(|guest| guest.address.ip())
            .collect();
        decided || differing_rules(&found, &last.config).any(|rule| names(rule, &ports, &managers))
    }
}

/// Rules that one configuration has and the other has not, whatever their comments say.
fn differing_rules<'c>(
    before: &'c FirewallConfig,
    after: &'c FirewallConfig,
) -> impl Iterator<Item = &'c Rule> {
    let lists = |config: &'c FirewallConfig| {
        let guests = config.guests.values().map(|guest| &guest.file.rules);
        guests.chain([&config.cluster.rules]).collect::<Vec<_>>()
    };
    let (before, after) = (lists(before), lists(after));
    let gone = before.clone().into_iter().zip(after.clone());
    let come = after.into_iter().zip(before);
    gone.chain(come).flat_map(|(list, other)| {
        let known: HashSet<String> = other.iter().map(|other| other.rule.deed()).collect();
        let rules = list.iter().map(|listed| &listed.rule);
        rules.filter(move |rule| !known.contains(&rule.deed()))
    })
}

/// Whether a rule names one of these ports, by itself or in a range, on the way to one of these addresses.
fn names(rule: &Rule, ports: &[u16], to: &[IpAddr]) -> bool {
    let named = |list: &Ports| ports.iter().any(|port| list.names(*port));
    let meant =
        rule.direction == Direction::In || to.iter().any(|ip| covers(rule.dest.as_ref(), *ip));
    rule.enabled
        && rule.action == Action::Accept
        && named(&rule.ports)
        && rule
            .proto
            .as_ref()
            .is_none_or(|proto| proto.number() == TCP)
        && meant
}
