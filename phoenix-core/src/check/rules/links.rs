//! Traefik's end of the link to Docker: the template, the two certificates, and both ends' rules.

use std::net::IpAddr;

use super::{Found, View};
use crate::check::finding::Deed;
use crate::document::Part;
use crate::firewall::{Action, Direction, RuleSource, TCP, covers};
use crate::guests::Guest;
use crate::manifest::{CertType, Entry};
use crate::names::SubjectAltName;
use crate::settings::{CaChoice, discover};
use crate::traefik::{Provider, StaticFile};

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    client_entry(view, found);
    admission(view, found);
    shared_root(view, found);
    // Which of several managers Traefik shall ask is not for us to guess.
    let mut managers = view.managers.iter().copied();
    let (Some(manager), None) = (managers.next(), managers.next()) else {
        return;
    };
    if let Some(Ok(file)) = &view.static_file
        && let Some(provider) = file.provider()
    {
        endpoint(view, manager, file, &provider, found);
        block(view, manager, file, &provider, found);
    }
}

fn endpoint<'m>(
    view: &View<'m>,
    manager: &'m Guest,
    file: &StaticFile,
    provider: &Provider,
    found: &mut Found<'m>,
) {
    let Some((text, node)) = &provider.endpoint else {
        return;
    };
    let place = || view.template_place(file.document().cursor(*node), Part::Whole);
    let docker = &view.model.settings.docker;
    let Some((host, port)) = text
        .strip_prefix("tcp://")
        .and_then(|rest| rest.rsplit_once(':'))
    else {
        return;
    };
    let plain = port.parse() == Ok(docker.plain_port);
    if plain {
        found
            .add(
                "PX001",
                format!(
                    "found the plain port {port} as Traefik's way to Docker, expected {}",
                    docker.port
                ),
            )
            .place(place())
            .help("phoenix migrate docker-tls");
    }
    let Some(ip) = manager.address.ip() else {
        return;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let leads_there = host.parse().map_or(true, |found: IpAddr| found == ip);
    if !leads_there || !plain && port.parse() != Ok(docker.port) {
        found
            .add(
                "PX002",
                format!(
                    "found the endpoint {text}, expected {ip} and port {} of {}",
                    docker.port, manager.id
                ),
            )
            .place(place())
            .and_guest(view, manager);
    }
    let Ok(name) = host.parse::<SubjectAltName>() else {
        return;
    };
    let by_name = || {
        let name = view.model.docker_common_name()?;
        view.model.manifest.entry(&name)
    };
    let entry = view
        .model
        .docker_entry(manager.id)
        .map(|(entry, _)| entry)
        .or_else(by_name);
    if let Some(entry) = entry
        && !entry.names.contains(&name)
    {
        let open = found.add(
            "PX004",
            format!(
                "found no {name} among the names of {}, expected it: Traefik connects to {text}",
                entry.common_name
            ),
        );
        if let Some(node) = node_of(view, entry) {
            let cursor = view.manifest().cursor(node);
            match cursor.get("sans") {
                Some(sans) => open.start(sans),
                None => open.start(cursor),
            };
        }
        open.place(place().with_label("the endpoint"))
            .help(format!("add {name} to `sans`"));
    }
}

/// The object of an entry.
fn node_of(view: &View<'_>, entry: &Entry) -> Option<crate::document::NodeId> {
    let entries = &view.model.manifest.entries;
    entries
        .iter()
        .find(|located| located.value.common_name == entry.common_name)
        .map(|located| located.node)
}

fn block<'m>(
    view: &View<'m>,
    manager: &Guest,
    file: &StaticFile,
    provider: &Provider,
    found: &mut Found<'m>,
) {
    let block = file.document().cursor(provider.node);
    let key = || view.template_place(block, Part::Key);
    let name = &provider.name;
    match &provider.tls {
        None => {
            found
                .add(
                    "PX003",
                    format!(
                        "found no `tls` in providers.{name}, expected one with ca, cert and key"
                    ),
                )
                .place(key());
        }
        Some(tls) => {
            let place = || view.template_place(block.get("tls").unwrap_or(block), Part::Key);
            let members = [("ca", &tls.ca), ("cert", &tls.cert), ("key", &tls.key)];
            let missing: Vec<&str> = members
                .iter()
                .filter(|(_, path)| path.is_none())
                .map(|(key, _)| *key)
                .collect();
            if !missing.is_empty() {
                found
                    .add(
                        "PX003",
                        format!("found no {} in providers.{name}.tls", missing.join(", ")),
                    )
                    .place(place());
            }
            if tls.insecure {
                found
                    .add("PX003", format!("found insecureSkipVerify: true in providers.{name}.tls, expected verification"))
                    .place(place());
            }
        }
    }
    if let Some(field) = block.get("apiVersion") {
        let open = found
            .add(
                "PX007",
                format!("found apiVersion in providers.{name}, which Traefik 3.7 refuses"),
            )
            .place(view.template_place(field, Part::Key));
        if let Some((document, node)) = view.template_node(field) {
            open.fix(
                document,
                Deed::Remove(node),
                format!("providers.{name}.apiVersion: removed"),
            );
        }
    }
    if name == "docker" && manager.swarm_role.as_deref() == Some("manager") {
        found
            .add(
                "PX008",
                format!(
                    "found providers.docker, expected providers.swarm: {} is a Swarm manager",
                    manager.id
                ),
            )
            .place(key());
    }
}

fn client_entry<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let Some(name) = view.model.traefik_common_name() else {
        return;
    };
    let shown = match &view.static_file {
        Some(Ok(file)) => file.provider().and_then(|provider| provider.tls?.cert),
        _ => None,
    };
    let is_shown = |entry: &Entry| {
        entry.deploy.iter().any(|target| {
            Some(&target.cert) == shown.as_ref()
                && view.traefiks.iter().any(|guest| guest.id == target.guest)
        })
    };
    let document = view.manifest();
    for located in &view.model.manifest.entries {
        let entry = &located.value;
        let is_client = entry.common_name == name || is_shown(entry);
        if !is_client || entry.cert_type == CertType::Client {
            continue;
        }
        let name = &entry.common_name;
        let cursor = document.cursor(located.node);
        let open = found
            .add(
                "PX006",
                format!("found {name} without client usage, expected `cert_type: client`"),
            )
            .help("\"cert_type\": \"client\"");
        let deed = if let Some(stated) = cursor.get("cert_type") {
            open.value(stated);
            Deed::Set(stated.node(), "client".into())
        } else {
            match cursor.get("common_name") {
                Some(stated) => open.value(stated),
                None => open.start(cursor),
            };
            Deed::Insert(located.node, "cert_type", "client".into())
        };
        open.fix(document, deed, format!("{name}: `cert_type` is `client`"));
    }
}

/// Traefik must reach the manager's encrypted port.
fn admission<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let port = view.model.settings.docker.port;
    for manager in view.managers.iter().copied() {
        for traefik in view.traefiks.iter().copied() {
            let (Some(from), Some(to)) = (traefik.address.ip(), manager.address.ip()) else {
                continue;
            };
            let decision = view.dropped(from, to, TCP, port);
            let by_receiver = decision.filter(|decision| {
                *super::connections::list_of(decision) != RuleSource::Guest(traefik.id.id)
            });
            if let Some(decision) = by_receiver {
                let open = found.add(
                    "PX005",
                    format!(
                        "found no inbound rule of {} for {from} on port {port}, expected one",
                        manager.id
                    ),
                );
                super::connections::at_decision(view, manager, &decision, open);
                open.and_guest(view, traefik)
                    .help("phoenix migrate docker-tls");
            }
            outbound(view, traefik, manager, to, found);
        }
    }
}

/// Where Traefik's rules say what goes out, they shall name the link, too.
fn outbound<'m>(
    view: &View<'m>,
    traefik: &'m Guest,
    manager: &'m Guest,
    ip: IpAddr,
    found: &mut Found<'m>,
) {
    let port = view.model.settings.docker.port;
    let Some(document) = view.document(traefik) else {
        return;
    };
    let Some(list) = view.list(Some(traefik.id.id)) else {
        return;
    };
    let admits = |rule: &crate::firewall::Rule| {
        rule.direction == Direction::Out && rule.enabled && rule.action == Action::Accept
    };
    let plain = view.model.settings.docker.plain_port;
    let out = || list.rules.iter().filter(|listed| admits(&listed.rule));
    let covered = out().any(|listed| {
        covers(listed.rule.dest.as_ref(), ip)
            && listed.rule.ports.contains(port)
            && listed
                .rule
                .proto
                .as_ref()
                .is_none_or(|proto| proto.number() == TCP)
    });
    // A rule for the plain port is about to become the one that is missing.
    let about_to = out().any(|listed| listed.rule.ports.names(plain));
    if out().next().is_none() || covered || about_to {
        return;
    }
    if let Some(array) = list.array {
        found
            .add(
                "PX020",
                format!(
                    "found outbound rules of {} and none for {ip} on port {port}, expected one",
                    traefik.id
                ),
            )
            .at(document, array, Part::Start)
            .and_guest(view, manager);
    }
}

/// Docker trusts the root that every certificate of the site chains to.
fn shared_root<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let model = view.model;
    // Our own CA gives each leaf the one usage that was asked for, step-ca both.
    let ours = discover(&model.settings.ca, &model.ca_hints()) == CaChoice::Embedded;
    let clients = model
        .manifest
        .entries
        .iter()
        .filter(|located| located.value.cert_type == CertType::Client);
    if model.dedicated_client_ca() || (ours && clients.count() < 2) {
        return;
    }
    for manager in view.managers.iter().copied() {
        let Some((entry, target)) = view.model.docker_entry(manager.id) else {
            continue;
        };
        let (Some(ca), Some(node)) = (&target.ca, node_of(view, entry)) else {
            continue;
        };
        let deploy = view.manifest().cursor(node).get("deploy");
        let stated = deploy
            .into_iter()
            .flat_map(crate::document::Cursor::items)
            .filter_map(|item| item.get("ca"))
            .find(|stated| {
                stated
                    .as_str()
                    .is_some_and(|text| ca.as_os_str() == text.as_ref())
            });
        if let Some(stated) = stated {
            found
                .add(
                    "PX053",
                    format!("found the site's own root as `tlscacert` of {}: every leaf of this CA may command Docker", manager.id),
                )
                .value(stated);
        }
    }
}
