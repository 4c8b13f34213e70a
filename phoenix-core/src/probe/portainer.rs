//! Portainer: page and status over TLS that chains to our root, and the Swarm's services as Docker lists them.

use std::collections::BTreeSet;

use rustls_pki_types::CertificateDer;
use serde::Deserialize;

use super::docker::{Service, describe, parse_services, stopped};
use super::http::{self, Get, HttpError, Response};
use super::tls::{Server, Tls, TlsFailure, Trust};
use super::{Probe, Verdict, Viewpoint, excerpt};
use crate::secret::Secret;

/// A Portainer, and all that is to be true of it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Where it listens.
    pub host: &'a str,
    /// Its HTTPS port, by custom 9443.
    pub port: u16,
    /// The name or address that its certificate must hold.
    pub server_name: &'a str,
    /// The roots that its certificate must chain to.
    pub roots: &'a [CertificateDer<'static>],
    /// An access token of Portainer; `None`: its services are not compared.
    pub api_key: Option<&'a Secret>,
    /// The Swarm's services as Docker itself lists them; `None`: not known.
    pub services: Option<&'a [Service]>,
}

/// Asks all of Portainer's questions.
pub fn probe(view: &Viewpoint<'_>, target: &Target<'_>) -> Vec<Probe> {
    vec![
        page(view, target),
        status(view, target),
        services(view, target),
    ]
}

/// Its page comes over TLS that we trust.
pub fn page(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let name = "portainer/page";
    let expected = "Portainer's page over TLS that chains to our root";
    match ask(view, target, "/", None, false) {
        Ok(response) if (200..400).contains(&response.status) => Probe::new(
            name,
            expected,
            format!("answered {}", response.status),
            Verdict::Passed,
        ),
        Ok(response) => Probe::new(
            name,
            expected,
            format!("answered {}", response.status),
            Verdict::Failed,
        ),
        Err(failure) => Probe::new(name, expected, failure.to_string(), stopped(&failure)),
    }
}

/// Its status names a version: at `/api/system/status`, or where older ones have it, at `/api/status`.
pub fn status(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "Version")]
        version: String,
    }
    let name = "portainer/status";
    let expected = "Portainer's status with its version";
    let mut answer = ask(view, target, "/api/system/status", None, true);
    if matches!(&answer, Ok(response) if response.status == 404) {
        answer = ask(view, target, "/api/status", None, true);
    }
    match answer {
        Err(failure) => Probe::new(name, expected, failure.to_string(), stopped(&failure)),
        Ok(response) => match serde_json::from_slice::<Wire>(&response.body) {
            Ok(wire) if response.is_success() => Probe::new(
                name,
                expected,
                format!("Portainer {}", excerpt(&wire.version)),
                Verdict::Passed,
            ),
            _ => Probe::new(
                name,
                expected,
                describe("answered", &response),
                Verdict::Failed,
            ),
        },
    }
}

/// One of its environments lists exactly the services that Docker lists.
pub fn services(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let name = "portainer/services";
    let expected = "the Swarm's services as Docker lists them";
    let Some(key) = target.api_key else {
        return Probe::skipped(name, expected, "no API key for Portainer");
    };
    let Some(docker) = target.services else {
        return Probe::skipped(name, expected, "Docker's own list of services is not known");
    };
    match listed(view, target, key) {
        Err(Stop::Connection(failure)) => {
            Probe::new(name, expected, failure.to_string(), stopped(&failure))
        }
        Err(Stop::Answer(seen)) => Probe::new(name, expected, seen, Verdict::Failed),
        Ok(environments) => {
            let wanted = identities(docker);
            let equal = environments
                .iter()
                .find(|(_, listed)| listed.as_ref().is_ok_and(|l| identities(l) == wanted));
            match equal {
                Some((environment, listed)) => {
                    let count = listed.as_ref().map_or(0, Vec::len);
                    let seen = format!("environment `{environment}` lists the same {count}");
                    Probe::new(name, expected, seen, Verdict::Passed)
                }
                None => Probe::new(
                    name,
                    expected,
                    differences(&environments, docker),
                    Verdict::Failed,
                ),
            }
        }
    }
}

/// An environment's name and its services, or what it said instead.
type Environment = (String, Result<Vec<Service>, String>);

enum Stop {
    Answer(String),
    Connection(TlsFailure),
}

#[derive(Deserialize)]
struct WireEndpoint {
    #[serde(rename = "Id")]
    id: u64,
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Type", default)]
    kind: u32,
}

impl WireEndpoint {
    /// Docker by its API (1), by an agent (2), by an edge agent (4); the others are Azure and Kubernetes.
    fn is_docker(&self) -> bool {
        matches!(self.kind, 0 | 1 | 2 | 4)
    }
}

fn listed(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
    key: &Secret,
) -> Result<Vec<Environment>, Stop> {
    let response =
        ask(view, target, "/api/endpoints", Some(key), true).map_err(Stop::Connection)?;
    let endpoints: Vec<WireEndpoint> = match serde_json::from_slice(&response.body) {
        Ok(endpoints) if response.is_success() => endpoints,
        _ => {
            let seen = format!("its environments: {}", describe("answered", &response));
            return Err(Stop::Answer(seen));
        }
    };
    let mut environments = Vec::new();
    for endpoint in endpoints
        .into_iter()
        .filter(WireEndpoint::is_docker)
        .take(ENVIRONMENT_LIMIT)
    {
        let path = format!("/api/endpoints/{}/docker/services", endpoint.id);
        let services = match ask(view, target, &path, Some(key), true) {
            Ok(response) if response.is_success() => parse_services(&response.body),
            Ok(response) => Err(describe("answered", &response)),
            Err(failure) => Err(failure.to_string()),
        };
        environments.push((excerpt(&endpoint.name), services));
    }
    Ok(environments)
}

fn identities(services: &[Service]) -> BTreeSet<(&str, &str)> {
    services
        .iter()
        .map(|service| (service.name.as_str(), service.id.as_str()))
        .collect()
}

fn differences(environments: &[Environment], docker: &[Service]) -> String {
    if environments.is_empty() {
        return "Portainer knows no Docker environment".to_owned();
    }
    let wanted = identities(docker);
    let names = |set: Vec<&(&str, &str)>| {
        set.iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    environments
        .iter()
        .map(|(environment, listed)| match listed {
            Err(seen) => format!("environment `{environment}`: {seen}"),
            Ok(listed) => {
                let found = identities(listed);
                format!(
                    "environment `{environment}` lacks [{}] and has besides [{}]",
                    names(wanted.difference(&found).collect()),
                    names(found.difference(&wanted).collect()),
                )
            }
        })
        .collect::<Vec<_>>()
        .join("; ")
}

fn ask(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
    path: &str,
    key: Option<&Secret>,
    body: bool,
) -> Result<Response, TlsFailure> {
    let server = Server {
        host: target.host,
        port: target.port,
        server_name: target.server_name,
        roots: target.roots,
        identity: None,
    };
    // The key goes only to a server that our root vouches for.
    let mut stream = Tls::connect(view, &server, Trust::Required)?;
    let host = if target.server_name.contains(':') {
        format!("[{}]:{}", target.server_name, target.port)
    } else {
        format!("{}:{}", target.server_name, target.port)
    };
    let request = Get {
        secret_header: key.map(|key| ("X-API-Key", key)),
        body,
        ..Get::new(&host, path)
    };
    http::get(&mut stream, &request).map_err(|error| match &error {
        HttpError::Closed => TlsFailure::Closed,
        HttpError::Io(error) => TlsFailure::from_io(error, view, target.server_name),
        _ => TlsFailure::Other(error.to_string()),
    })
}

/// Each environment costs a request with its own deadline.
const ENVIRONMENT_LIMIT: usize = 16;
