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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use rustls::version::TLS13;

    use super::super::testing::{
        Ca, Direct, NAME, Void, reply, serve, serve_silence, serve_tls, server_config, view,
    };
    use super::*;

    fn service(name: &str) -> Service {
        Service {
            id: format!("id-{name}"),
            name: name.to_owned(),
            labels: std::collections::BTreeMap::new(),
            running_tasks: None,
        }
    }

    fn portainer(request: &str) -> String {
        let path = request.split(' ').nth(1).unwrap_or("");
        let known = request.contains("X-API-Key: ptr_key\r\n");
        match path {
            "/" => reply("200 OK", "", "<html>"),
            "/api/status" => reply("200 OK", "", r#"{"Version":"2.21.4"}"#),
            "/api/endpoints" if known => reply(
                "200 OK",
                "",
                r#"[{"Id":1,"Name":"kube","Type":5},{"Id":2,"Name":"down","Type":2},{"Id":3,"Name":"swarm","Type":2}]"#,
            ),
            "/api/endpoints/2/docker/services" => reply("502 Bad Gateway", "", "down"),
            "/api/endpoints/3/docker/services" if known => reply(
                "200 OK",
                "",
                r#"[{"ID":"id-web","Spec":{"Name":"web"}},{"ID":"id-agent","Spec":{"Name":"agent"}}]"#,
            ),
            path if path.starts_with("/api/endpoints") => reply("401 Unauthorized", "", "{}"),
            _ => reply("404 Not Found", "", "404"),
        }
    }

    struct World {
        ca: Ca,
        roots: Vec<CertificateDer<'static>>,
        key: Secret,
    }

    impl World {
        fn new() -> Self {
            let ca = Ca::new();
            Self {
                roots: vec![ca.root()],
                ca,
                key: Secret::from("ptr_key\n".to_owned()),
            }
        }

        fn serve(&self, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> u16 {
            serve_tls(server_config(&self.ca.leaf(NAME), None, &[&TLS13]), answer)
        }

        fn target<'a>(&'a self, port: u16, services: &'a [Service]) -> Target<'a> {
            Target {
                host: "127.0.0.1",
                port,
                server_name: NAME,
                roots: &self.roots,
                api_key: Some(&self.key),
                services: Some(services),
            }
        }
    }

    fn verdicts(probes: &[Probe]) -> Vec<&str> {
        probes.iter().map(|probe| probe.verdict.as_str()).collect()
    }

    #[test]
    fn page_status_and_services_pass_at_an_older_portainer_with_a_dead_environment() {
        let world = World::new();
        let port = world.serve(portainer);
        let services = [service("agent"), service("web")];
        let probes = probe(&view(&Direct), &world.target(port, &services));
        assert_eq!(verdicts(&probes), ["passed"; 3], "{probes:#?}");
        assert_eq!(probes[1].seen, "Portainer 2.21.4");
        let mut without = world.target(port, &services);
        without.api_key = None;
        assert_eq!(
            super::services(&view(&Direct), &without).verdict.as_str(),
            "skipped"
        );
    }

    #[test]
    fn other_services_or_a_wrong_key_fail_and_say_so() {
        let mut world = World::new();
        let port = world.serve(portainer);
        let docker = [service("web"), service("new")];
        let differs = services(&view(&Direct), &world.target(port, &docker));
        assert_eq!(differs.verdict, Verdict::Failed);
        assert!(
            differs.seen.contains("lacks [new] and has besides [agent]"),
            "{differs}"
        );
        world.key = Secret::from("wrong".to_owned());
        let refused = services(&view(&Direct), &world.target(port, &docker));
        assert_eq!(refused.verdict, Verdict::Failed);
        assert!(
            refused.seen.contains("401") && !refused.seen.contains("wrong"),
            "{refused}"
        );
    }

    #[test]
    fn the_key_never_goes_to_a_server_that_we_do_not_trust() {
        let world = World::new();
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let flag = std::sync::Arc::clone(&asked);
        let port = Ca::new();
        let port = serve_tls(
            server_config(&port.leaf(NAME), None, &[&TLS13]),
            move |request| {
                flag.store(true, std::sync::atomic::Ordering::SeqCst);
                portainer(request)
            },
        );
        let probes = probe(&view(&Direct), &world.target(port, &[]));
        assert_eq!(verdicts(&probes), ["failed"; 3]);
        assert!(!asked.load(std::sync::atomic::Ordering::SeqCst));
    }

    #[test]
    fn silence_plain_http_and_errors_are_told_apart() {
        let world = World::new();
        let seen = |port| verdicts(&probe(&view(&Direct), &world.target(port, &[]))).join(" ");
        assert_eq!(seen(serve_silence()), "unreachable unreachable unreachable");
        let plain = serve(|mut socket| {
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = socket.read(&mut [0; 512]);
        });
        assert_eq!(seen(plain), "failed failed failed");
        let broken = |_: &str| reply("500 Internal Server Error", "", "x");
        assert_eq!(seen(world.serve(broken)), "failed failed failed");
        let void = probe(&view(&Void), &world.target(1, &[]));
        assert_eq!(verdicts(&void), ["unreachable"; 3]);
    }
}
