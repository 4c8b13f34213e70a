//! Traefik: its provider holds the connection to Docker, and every service that asks for a router has one.
//!
//! The overview names a provider with a dead endpoint too, and the log says "established" only at DEBUG. The proof is
//! therefore a router of that provider for a labelled service that Docker itself lists; the log only explains.

mod api;
mod log;

use std::collections::BTreeSet;
use std::time::SystemTime;

use rustls_pki_types::CertificateDer;

use super::docker::{Service, describe, stopped};
use super::http::{self, Get, HttpError, Response};
use super::tls::{Server, Timed, Tls, TlsFailure, Trust};
use super::{Probe, Verdict, Viewpoint, excerpt};

pub use api::{
    ApiError, EntryPoint, LoadBalanced, Overview, Request, Router, expected_routers, has_backend,
    parse_entry_points, parse_load_balanced, parse_overview, parse_routers, parse_version,
    request_of,
};
pub use log::{LogSummary, read_log, strip_colours};

/// A Traefik, and all that is to be true of it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Where it listens.
    pub host: &'a str,
    /// The port of its API, by custom 8080; `None`: it is closed.
    pub api_port: Option<u16>,
    /// The name of the provider that watches Docker: `swarm` (Traefik 3) or `docker`.
    pub provider: &'a str,
    /// The Swarm's services as Docker itself lists them; `None`: not known.
    pub services: Option<&'a [Service]>,
    /// Whether Traefik's own socket list shows an established connection to Docker's TLS port; `None`: not known.
    pub connected: Option<bool>,
    /// Traefik's log; `None`: not at hand.
    pub log: Option<&'a str>,
    /// Log lines before this are about another life: the last restart of Traefik or Docker, whichever came later.
    pub since: Option<SystemTime>,
}

/// Asks all of Traefik's questions. Where its API is closed the connection to Docker is what can be seen.
pub fn probe(view: &Viewpoint<'_>, target: &Target<'_>) -> Vec<Probe> {
    if target.api_port.is_none() {
        let routers = Probe::skipped("traefik/routers", ROUTERS_EXPECTED, CLOSED);
        return vec![routers, connection(target), explained(target)];
    }
    let mut probes = vec![version(view, target), provider(view, target)];
    let listed = routers(view, target);
    match (&listed, target.services) {
        (Err(stop), _) => probes.push(Probe::new(
            "traefik/routers",
            ROUTERS_EXPECTED,
            stop.seen(),
            stop.verdict(),
        )),
        (Ok(_), None) => {
            let why = "Docker's own list of services is not known";
            probes.push(Probe::skipped("traefik/routers", ROUTERS_EXPECTED, why));
        }
        (Ok(routers), Some(services)) => {
            probes.push(routed(routers, services, target.provider));
        }
    }
    probes.push(connection(target));
    probes.push(explained(target));
    if let Ok(routers) = listed {
        probes.extend(backends(view, target, &routers));
    }
    probes
}

/// The API answers with Traefik's version.
pub fn version(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let expected = "Traefik's API to answer with its version";
    match fetch(view, target, "/api/version", parse_version) {
        Ok((version, _)) => Probe::new(
            "traefik/api",
            expected,
            format!("Traefik {version}"),
            Verdict::Passed,
        ),
        Err(stop) => Probe::new("traefik/api", expected, stop.seen(), stop.verdict()),
    }
}

/// The overview names the provider. This alone proves nothing about its endpoint.
pub fn provider(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let expected = format!("the provider `{}` in the overview", target.provider);
    match fetch(view, target, "/api/overview", parse_overview) {
        Err(stop) => Probe::new("traefik/provider", expected, stop.seen(), stop.verdict()),
        Ok((overview, _)) => {
            let named = overview
                .providers
                .iter()
                .any(|name| name.eq_ignore_ascii_case(target.provider));
            let verdict = if named {
                Verdict::Passed
            } else {
                Verdict::Failed
            };
            let seen = format!("providers: {}", list(&overview.providers));
            Probe::new("traefik/provider", expected, seen, verdict)
        }
    }
}

/// Every HTTP router, page by page.
pub fn routers(view: &Viewpoint<'_>, target: &Target<'_>) -> Result<Vec<Router>, ApiStop> {
    pages(view, target, "/api/http/routers", parse_routers)
}

/// All services of Traefik's that balance load, of whatever provider.
pub fn load_balanced(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
) -> Result<Vec<LoadBalanced>, ApiStop> {
    pages(view, target, "/api/http/services", parse_load_balanced)
}

fn pages<T>(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
    path: &str,
    parse: impl Fn(&[u8]) -> Result<Vec<T>, ApiError>,
) -> Result<Vec<T>, ApiStop> {
    let mut all = Vec::new();
    let mut page = 1_u32;
    loop {
        let path = format!("{path}?per_page=100&page={page}");
        let (more, answer) = fetch(view, target, &path, &parse)?;
        all.extend(more);
        // On the last page the header leads back to page 1.
        match answer.header("x-next-page").and_then(|n| n.parse().ok()) {
            Some(next) if next > page && next <= PAGE_LIMIT => page = next,
            _ => return Ok(all),
        }
    }
}

/// Why a question to the API stayed open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiStop {
    /// It answered something else.
    #[error("{0}")]
    Answer(String),
    /// It did not answer.
    #[error("{0}")]
    Connection(TlsFailure),
}

impl ApiStop {
    fn seen(&self) -> String {
        self.to_string()
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Answer(_) => Verdict::Failed,
            Self::Connection(failure) => stopped(failure),
        }
    }
}

/// Every service with `traefik.enable=true` and something to route to has its routers at the provider, enabled.
fn routed(routers: &[Router], services: &[Service], provider: &str) -> Probe {
    let name = "traefik/routers";
    let mut wanted = Vec::new();
    let mut idle = Vec::new();
    for service in services {
        let routers = expected_routers(service);
        if !routers.is_empty() && !has_backend(service) {
            idle.push(service.name.as_str());
            continue;
        }
        for router in routers {
            wanted.push((service.name.as_str(), format!("{router}@{provider}")));
        }
    }
    let without_task = format!("without a running task: {}", list(&idle));
    if wanted.is_empty() {
        let why = if idle.is_empty() {
            "no service of the Swarm has `traefik.enable=true` and an HTTP router".to_owned()
        } else {
            format!("no service to route to; {without_task}")
        };
        return Probe::skipped(name, ROUTERS_EXPECTED, why);
    }
    let mut seen = Vec::new();
    let mut missing = Vec::new();
    for (service, router) in &wanted {
        match routers.iter().find(|r| r.name.eq_ignore_ascii_case(router)) {
            None => missing.push(format!("service `{service}` has no router `{router}`")),
            Some(found) if found.status == "disabled" => missing.push(format!(
                "router `{router}` is disabled: {}",
                list(&found.error)
            )),
            Some(_) => seen.push(router.as_str()),
        }
    }
    if missing.is_empty() && idle.is_empty() {
        Probe::new(name, ROUTERS_EXPECTED, list(&seen), Verdict::Passed)
    } else if missing.is_empty() {
        let seen = format!("{}; {without_task}", list(&seen));
        Probe::new(name, ROUTERS_EXPECTED, seen, Verdict::Noted)
    } else {
        Probe::new(name, ROUTERS_EXPECTED, missing.join("; "), Verdict::Failed)
    }
}

fn connection(target: &Target<'_>) -> Probe {
    let name = "traefik/connection";
    let expected = "an established connection from Traefik to Docker's TLS port";
    match target.connected {
        Some(true) => Probe::new(name, expected, "established", Verdict::Passed),
        Some(false) => {
            let seen = "no such connection in the guest's socket list";
            Probe::new(name, expected, seen, Verdict::Failed)
        }
        None => Probe::skipped(name, expected, "the guest's socket list is not known"),
    }
}

/// What the log says. It never fails a run: at the usual level it says nothing when all is well.
fn explained(target: &Target<'_>) -> Probe {
    let name = "traefik/log";
    let expected = "no error of the provider since the last restart";
    let Some(text) = target.log else {
        return Probe::skipped(name, expected, "Traefik's log is not at hand");
    };
    let summary = read_log(text, target.since);
    match (summary.errors.last(), summary.established.last()) {
        (Some(error), _) => Probe::new(
            name,
            expected,
            format!(
                "{} error lines, the last: {}",
                summary.errors.len(),
                excerpt(error)
            ),
            Verdict::Noted,
        ),
        (None, Some(line)) => Probe::new(name, expected, excerpt(line), Verdict::Passed),
        (None, None) => Probe::new(name, expected, "no error", Verdict::Passed),
    }
}

/// One request through Traefik for each router of the provider. A backend that Traefik cannot reach is a finding of
/// its own: the link to Docker is sound then, the network behind it is not.
fn backends(view: &Viewpoint<'_>, target: &Target<'_>, routers: &[Router]) -> Vec<Probe> {
    let suffix = format!("@{}", target.provider);
    let ours: Vec<&Router> = routers
        .iter()
        .filter(|router| router.name.ends_with(&suffix) && router.status != "disabled")
        .collect();
    if ours.is_empty() {
        return Vec::new();
    }
    let entry_points = match fetch(view, target, "/api/entrypoints", parse_entry_points) {
        Ok((entry_points, _)) => entry_points,
        Err(stop) => {
            let expected = "Traefik's entry points to be listed";
            return vec![Probe::new(
                "traefik/backend",
                expected,
                stop.seen(),
                stop.verdict(),
            )];
        }
    };
    ours.into_iter()
        .map(|router| backend(view, target, router, &entry_points))
        .collect()
}

fn backend(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
    router: &Router,
    entry_points: &[EntryPoint],
) -> Probe {
    let name = "traefik/backend";
    let expected = format!("an answer from the service behind `{}`", router.name);
    let Some(request) = request_of(&router.rule) else {
        let why = format!("its rule names no host: {}", excerpt(&router.rule));
        return Probe::skipped(name, expected, why);
    };
    let Some(port) = entry_points
        .iter()
        .find(|entry| router.entry_points.contains(&entry.name))
        .and_then(EntryPoint::port)
    else {
        let why = format!("`{}` uses no entry point with a known port", router.name);
        return Probe::skipped(name, expected, why);
    };
    let mut get = Get::new(&request.host, &request.path);
    get.limit = 4096;
    let answer = send(view, target.host, port, router.tls, &get);
    let at = format!("{} on port {port}", request.host);
    match answer {
        Ok((status @ (502 | 504), _)) => Probe::new(
            name,
            expected,
            format!("{at} gave {status}: Traefik does not reach the service's tasks"),
            Verdict::Noted,
        ),
        Ok((503, _)) => Probe::new(
            name,
            expected,
            format!("{at} gave 503: the service has no task that can answer"),
            Verdict::Noted,
        ),
        Ok((404, text)) if text.trim() == "404 page not found" => Probe::new(
            name,
            expected,
            format!("{at} gave Traefik's own 404: no router took the request"),
            Verdict::Failed,
        ),
        Ok((status, _)) => Probe::new(
            name,
            expected,
            format!("{at} gave {status}"),
            Verdict::Passed,
        ),
        Err(failure) => Probe::new(
            name,
            expected,
            format!("{at}: {failure}"),
            stopped(&failure),
        ),
    }
}

/// Status and a short body. The certificate of an entry point is none of this probe's business.
fn send(
    view: &Viewpoint<'_>,
    host: &str,
    port: u16,
    tls: bool,
    get: &Get<'_>,
) -> Result<(u16, String), TlsFailure> {
    const NO_ROOTS: &[CertificateDer<'static>] = &[];
    let failed = |e: &HttpError| failure(e, view, get.host);
    let ask = |get: &Get<'_>| {
        if tls {
            let server = Server {
                host,
                port,
                server_name: get.host,
                roots: NO_ROOTS,
                identity: None,
            };
            let mut stream = Tls::connect(view, &server, Trust::Ignored)?;
            http::get(&mut stream, get).map_err(|e| failed(&e))
        } else {
            let mut stream = Timed::dial(view, host, port)
                .map_err(|e| TlsFailure::from_io(&e, view, get.host))?;
            http::get(&mut stream, get).map_err(|e| failed(&e))
        }
    };
    let head = ask(&Get {
        body: false,
        ..*get
    })?;
    if head.status != 404 {
        return Ok((head.status, String::new()));
    }
    // Only a 404 needs its text: Traefik's own is a short one.
    match ask(get) {
        Ok(response) => Ok((response.status, response.text())),
        Err(TlsFailure::Other(_)) => Ok((head.status, String::new())),
        Err(failure) => Err(failure),
    }
}

fn fetch<T>(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
    path: &str,
    parse: impl FnOnce(&[u8]) -> Result<T, ApiError>,
) -> Result<(T, Response), ApiStop> {
    let Some(port) = target.api_port else {
        return Err(ApiStop::Answer(CLOSED.to_owned()));
    };
    let mut stream = Timed::dial(view, target.host, port)
        .map_err(|e| ApiStop::Connection(TlsFailure::from_io(&e, view, target.host)))?;
    let host = format!("traefik:{port}");
    let response = http::get(&mut stream, &Get::new(&host, path))
        .map_err(|e| ApiStop::Connection(failure(&e, view, target.host)))?;
    if !response.is_success() {
        return Err(ApiStop::Answer(describe("answered", &response)));
    }
    let value = parse(&response.body)
        .map_err(|e| ApiStop::Answer(format!("{} ({e})", describe("answered", &response))))?;
    Ok((value, response))
}

fn failure(error: &HttpError, view: &Viewpoint<'_>, name: &str) -> TlsFailure {
    match error {
        HttpError::Closed => TlsFailure::Closed,
        HttpError::Io(error) => TlsFailure::from_io(error, view, name),
        other => TlsFailure::Other(other.to_string()),
    }
}

fn list<S: AsRef<str>>(words: &[S]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    let unique: BTreeSet<&str> = words.iter().map(AsRef::as_ref).collect();
    excerpt(&unique.into_iter().collect::<Vec<_>>().join(", "))
}

const ROUTERS_EXPECTED: &str = "a router for each Swarm service with `traefik.enable=true`";
const CLOSED: &str = "Traefik's API is not open inside its guest (`api.insecure`)";
const PAGE_LIMIT: u32 = 100;

#[cfg(test)]
mod tests;
