//! What daemons say of themselves, as far as it is known.

use super::{Found, View};
use crate::docker::unit::plan as unit_plan;
use crate::docker::versions::{DockerVersion, compatible, parse_traefik};
use crate::document::{Cursor, Document, Format};
use crate::guests::Guest;
use crate::inventory::DockerFacts;

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    for guest in view.managers.iter().copied() {
        let told = view.facts.guests.get(&guest.id);
        let Some(docker) = told.and_then(|told| told.docker.as_ref()) else {
            continue;
        };
        let path = format!("{}:{DAEMON_JSON}", guest.id);
        let bytes = docker.daemon_json.clone().unwrap_or_default();
        if bytes.iter().any(|byte| !byte.is_ascii_whitespace()) {
            match Document::parse(path.as_ref(), bytes, Format::Json) {
                Ok(document) => daemon_json(view, guest, docker, &document, found),
                Err(faults) => faults.iter().for_each(|fault| found.read(fault)),
            }
        }
        versions(view, guest, docker, found);
    }
}

fn daemon_json<'m>(
    view: &View<'m>,
    guest: &'m Guest,
    docker: &DockerFacts,
    document: &Document,
    found: &mut Found<'m>,
) {
    let root = document.root();
    let flag = |key: &str| root.get(key).and_then(Cursor::as_bool) == Some(true);
    if let Some(tls) = root
        .get("tls")
        .filter(|_| flag("tls") && !flag("tlsverify"))
    {
        found
            .add(
                "PX045",
                format!(
                    "found `tls` without `tlsverify` in {}, expected both",
                    guest.id
                ),
            )
            .place(tls.place());
    }
    if let Some(live) = root.get("live-restore").filter(|_| flag("live-restore"))
        && (docker.swarm_active || guest.swarm_role.is_some())
    {
        let open = found.add(
            "PX047",
            format!("found `live-restore: true` in {}, which is in a Swarm, expected it absent or false", guest.id),
        );
        open.place(live.place()).and_guest(view, guest);
    }
    let Some(hosts) = root.get("hosts") else {
        return;
    };
    // A drop-in of ours that takes the options out is among what is in effect.
    if let Ok(plan) = unit_plan(&docker.unit)
        && plan.drop_in.is_some()
        && let Some(option) = plan
            .removed
            .iter()
            .find(|option| option.starts_with("-H") || option.starts_with("--host"))
    {
        found
            .add(
                "PX046",
                format!("found `hosts` in daemon.json and `{option}` in docker.service of {}, expected one of them", guest.id),
            )
            .place(hosts.place());
    }
    listeners(view, guest, hosts, found);
}

fn listeners<'m>(view: &View<'m>, guest: &'m Guest, hosts: Cursor<'_>, found: &mut Found<'m>) {
    let settings = &view.model.settings.docker;
    let port_of = |host: &str| -> Option<u16> {
        let place = host.strip_prefix("tcp://")?;
        place.rsplit_once(':')?.1.parse().ok()
    };
    let mut listens = false;
    for item in hosts.items() {
        let Some(host) = item.as_str() else {
            continue;
        };
        match port_of(&host) {
            Some(port) if port == settings.plain_port => {
                found
                    .add(
                        "PX055",
                        format!("found {} listen on the plain port: {host}", guest.id),
                    )
                    .place(item.place());
            }
            Some(port) if port == settings.port => listens = true,
            _ => {}
        }
    }
    let asked = view
        .static_file
        .as_ref()
        .and_then(|file| file.as_ref().ok())
        .and_then(crate::traefik::StaticFile::provider)
        .and_then(|provider| provider.endpoint)
        .and_then(|(text, _)| port_of(&text));
    if asked == Some(settings.port) && !listens {
        found
            .add(
                "PX055",
                format!(
                    "found no listener of {} on port {}, where Traefik asks",
                    guest.id, settings.port
                ),
            )
            .place(hosts.place());
    }
}

fn versions<'m>(view: &View<'m>, guest: &'m Guest, docker: &DockerFacts, found: &mut Found<'m>) {
    let running = docker
        .server_version
        .as_deref()
        .and_then(|text| DockerVersion::from_json(text).ok());
    let installed = || DockerVersion::from_command(docker.version.as_deref()?).ok();
    let Some(version) = running.or_else(installed) else {
        return;
    };
    for traefik in view.traefiks.iter().copied() {
        let told = view.facts.guests.get(&traefik.id);
        let release = told
            .and_then(|told| told.traefik.as_ref()?.version.as_deref())
            .and_then(|text| parse_traefik(text).ok());
        if let Some(Err(impossible)) = release.map(|release| compatible(&version, &release)) {
            let mut text = impossible.to_string();
            if let Some(first) = text.get(..1) {
                text = format!("{}{}", first.to_lowercase(), &text[1..]);
            }
            let open = found.add("PX048", text);
            open.guest(view, traefik).and_guest(view, guest);
        }
    }
}

/// A path is shown with its guest before it.
const DAEMON_JSON: &str = "/etc/docker/daemon.json";
