//! The connections that the site needs, as far as a firewall may cut them.

use std::net::IpAddr;

use crate::firewall::{FirewallConfig, Link, TCP, UDP};
use crate::guests::Guest;
use crate::settings::Settings;

/// The links between guests, from the host to the CA and to the cluster's other nodes, that the site cannot do without.
///
/// Whoever has rules of another address is asked by it: guests without a fixed one have no links.
pub fn links(guests: &[Guest], settings: &Settings, config: &FirewallConfig) -> Vec<Link> {
    let mut links = Vec::new();
    let mut link = |what: &str, source: IpAddr, dest: IpAddr, proto: u8, port: u16| {
        if source != dest {
            links.push(Link {
                what: what.to_owned(),
                from: config.zone_of(source),
                source,
                to: config.zone_of(dest),
                dest,
                proto,
                port,
            });
        }
    };
    let address = |guest: &Guest| guest.address.ip().filter(|_| !guest.is_template);
    let of = |wanted: fn(&Guest) -> bool| {
        guests
            .iter()
            .filter(move |guest| wanted(guest))
            .filter_map(address)
    };
    for ca in of(Guest::is_step_ca) {
        for host in &config.node.addresses {
            link("the host to the CA", *host, ca, TCP, STEP_CA);
        }
        for guest in guests {
            if let (Some(url), Some(source)) = (&guest.bootstrap_ca_url, address(guest)) {
                link("a guest to the CA", source, ca, TCP, port_of(url));
            }
        }
        for guest in of(Guest::is_traefik).chain(of(Guest::is_docker_manager)) {
            link("a guest to the CA", guest, ca, TCP, STEP_CA);
        }
    }
    for traefik in of(Guest::is_traefik) {
        for manager in of(Guest::is_docker_manager) {
            link(
                "Traefik to Docker",
                traefik,
                manager,
                TCP,
                settings.docker.port,
            );
        }
    }
    let swarm: Vec<(IpAddr, bool)> = guests
        .iter()
        .filter(|guest| guest.swarm_role.is_some())
        .filter_map(|guest| Some((address(guest)?, guest.is_docker_manager())))
        .collect();
    for (source, _) in &swarm {
        for (dest, is_manager) in &swarm {
            if *is_manager {
                link("the Swarm's management", *source, *dest, TCP, 2377);
            }
            link("the Swarm's gossip", *source, *dest, TCP, 7946);
            link("the Swarm's gossip", *source, *dest, UDP, 7946);
            link("the Swarm's overlay", *source, *dest, UDP, 4789);
        }
    }
    for (own, other) in &config.node.corosync {
        link("the cluster's corosync", *other, *own, UDP, COROSYNC);
        link("the cluster's corosync", *own, *other, UDP, COROSYNC);
    }
    links.dedup();
    links
}

fn port_of(url: &str) -> u16 {
    let authority = url.trim_end_matches('/').rsplit('/').next().unwrap_or(url);
    authority
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .unwrap_or(STEP_CA)
}

/// Corosync's first port.
const COROSYNC: u16 = 5405;
/// The port of step-ca, as its guest's rules name it.
const STEP_CA: u16 = 9000;
