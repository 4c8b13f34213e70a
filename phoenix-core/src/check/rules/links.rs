//! Traefik's end of the link to Docker: the template, and the two certificates.

use crate::check::Findings;
use crate::diagnostic::{Fault, Place};
use crate::guests::Guest;
use crate::manifest::CertType;
use crate::model::Model;
use crate::names::SubjectAltName;
use crate::settings::{CaChoice, discover};
use crate::traefik::{Provider, StaticFile};

pub(crate) fn check(model: &Model, findings: &mut Findings) {
    client_entry(model, findings);
    shared_root(model, findings);
    // Which of several managers Traefik shall ask is not for us to guess.
    let mut managers = model.docker_managers();
    let (Some(manager), None) = (managers.next(), managers.next()) else {
        return;
    };
    match model.static_file() {
        None => {}
        Some(Err(faults)) => faults
            .into_iter()
            .for_each(|fault| findings.push(fault.clone())),
        Some(Ok((_, file))) => {
            if let Some(provider) = file.provider() {
                endpoint(model, manager, &file, &provider, findings);
                block(manager, &file, &provider, findings);
            }
        }
    }
}

fn endpoint(
    model: &Model,
    manager: &Guest,
    file: &StaticFile,
    provider: &Provider,
    findings: &mut Findings,
) {
    let Some((text, node)) = &provider.endpoint else {
        return;
    };
    let place = || file.document().place(*node);
    let docker = &model.settings.docker;
    let Some((host, port)) = text
        .strip_prefix("tcp://")
        .and_then(|rest| rest.rsplit_once(':'))
    else {
        return;
    };
    if port.parse() == Ok(docker.plain_port) {
        findings.push(
            Fault::error(
                "PX001",
                format!(
                    "found the plain port {port} as Traefik's way to Docker, expected {}",
                    docker.port
                ),
            )
            .at(place())
            .help("phoenix migrate docker-tls"),
        );
    }
    let Some(ip) = manager.address.ip() else {
        return;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let leads_there = host
        .parse()
        .map_or(true, |found: std::net::IpAddr| found == ip);
    if !leads_there || port.parse() != Ok(docker.port) {
        let fault = Fault::error(
            "PX002",
            format!(
                "found the endpoint {text}, expected {ip} and port {} of {}",
                docker.port, manager.id
            ),
        );
        findings.push(with(fault.at(place()), super::guest_place(model, manager)));
    }
    let name: Option<SubjectAltName> = host.parse().ok();
    let by_name = || {
        let name = model.docker_common_name()?;
        model.manifest.entry(&name)
    };
    let entry = model
        .docker_entry(manager.id)
        .map(|(entry, _)| entry)
        .or_else(by_name);
    if let (Some(name), Some(entry)) = (name, entry)
        && !entry.names.contains(&name)
    {
        let located = model
            .manifest
            .entries
            .iter()
            .find(|located| located.value.common_name == entry.common_name);
        let mut fault = Fault::error(
            "PX004",
            format!(
                "found no {name} among the names of {}, expected it: Traefik connects to {text}",
                entry.common_name
            ),
        );
        if let Some(located) = located {
            let cursor = model.documents.manifest.cursor(located.node);
            fault = fault.at(cursor.get("sans").unwrap_or(cursor).place());
        }
        findings.push(
            fault
                .at(place().with_label("the endpoint"))
                .help(format!("add {name} to `sans`")),
        );
    }
}

fn block(manager: &Guest, file: &StaticFile, provider: &Provider, findings: &mut Findings) {
    let block = file.document().cursor(provider.node);
    let name = &provider.name;
    match &provider.tls {
        None => findings.push(
            Fault::error(
                "PX003",
                format!("found no `tls` in providers.{name}, expected one with ca, cert and key"),
            )
            .at(block.place()),
        ),
        Some(tls) => {
            let place = || block.get("tls").unwrap_or(block).place();
            let members = [("ca", &tls.ca), ("cert", &tls.cert), ("key", &tls.key)];
            let missing: Vec<&str> = members
                .iter()
                .filter(|(_, path)| path.is_none())
                .map(|(key, _)| *key)
                .collect();
            if !missing.is_empty() {
                findings.push(
                    Fault::error(
                        "PX003",
                        format!("found no {} in providers.{name}.tls", missing.join(", ")),
                    )
                    .at(place()),
                );
            }
            if tls.insecure {
                findings.push(
                    Fault::error("PX003", format!("found insecureSkipVerify: true in providers.{name}.tls, expected verification")).at(place()),
                );
            }
        }
    }
    if let Some(field) = block.get("apiVersion") {
        findings.push(
            Fault::error(
                "PX007",
                format!("found apiVersion in providers.{name}, which Traefik 3.7 refuses"),
            )
            .at(field.place())
            .help("remove it"),
        );
    }
    if name == "docker" && manager.swarm_role.as_deref() == Some("manager") {
        findings.push(
            Fault::error(
                "PX008",
                format!(
                    "found providers.docker, expected providers.swarm: {} is a Swarm manager",
                    manager.id
                ),
            )
            .at(block.place()),
        );
    }
}

fn client_entry(model: &Model, findings: &mut Findings) {
    let Some(name) = model.traefik_common_name() else {
        return;
    };
    for located in &model.manifest.entries {
        let entry = &located.value;
        if entry.common_name == name && entry.cert_type != CertType::Client {
            let cursor = model.documents.manifest.cursor(located.node);
            let place: Place = cursor.get("cert_type").unwrap_or(cursor).place();
            findings.push(
                Fault::error(
                    "PX006",
                    format!("found {name} without client usage, expected `cert_type: client`"),
                )
                .at(place)
                .help("\"cert_type\": \"client\""),
            );
        }
    }
}

/// Who else commands Docker where it admits every client of the site's CA.
fn shared_root(model: &Model, findings: &mut Findings) {
    if model.dedicated_client_ca() {
        return;
    }
    let Some((manager, (server, _))) = model
        .docker_managers()
        .find_map(|guest| Some((guest.id, model.docker_entry(guest.id)?)))
    else {
        return;
    };
    let Some(client) = model
        .traefiks()
        .find_map(|guest| model.traefik_entry(guest.id))
        .map(|(entry, _)| &entry.common_name)
    else {
        return;
    };
    // Our own CA gives each leaf the one usage that was asked for, step-ca both.
    let ours = discover(&model.settings.ca, &model.ca_hints()) == CaChoice::Embedded;
    let others = model
        .manifest
        .entries
        .iter()
        .filter(|located| located.value.common_name != *client)
        .filter(|located| !ours || located.value.cert_type == CertType::Client)
        .count();
    if others == 0 {
        return;
    }
    let place = model
        .manifest
        .entries
        .iter()
        .find(|located| located.value.common_name == server.common_name)
        .map(|located| {
            let cursor = model.documents.manifest.cursor(located.node);
            cursor.get("deploy").unwrap_or(cursor).place()
        });
    let fault = Fault::warning(
        "PX019",
        format!(
            "found Docker of {manager} to admit every client certificate of the site's CA ({others} {} of the manifest besides {client}), expected {client} alone",
            if others == 1 { "other" } else { "others" }
        ),
    )
    .help("phoenix migrate docker-tls --client-ca dedicated");
    findings.push(with(fault, place));
}

fn with(fault: Fault, place: Option<Place>) -> Fault {
    match place {
        Some(place) => fault.at(place),
        None => fault,
    }
}
