//! Docker's API: closed to everybody but us, open to us, serving the leaf that was deployed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::TcpStream;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::http::{self, Get, HttpError, Response};
use super::tls::{self, Server, Timed, Tls, TlsFailure, Trust};
use super::{Identity, Probe, Verdict, Viewpoint, excerpt};
use crate::docker::versions::DockerVersion;
use crate::secret::Secret;
use crate::x509::Fingerprint;

/// A Docker daemon, and all that is to be true of it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Where it listens.
    pub host: &'a str,
    /// The port of its TLS listener, by custom 2376.
    pub port: u16,
    /// The name or address that its certificate must hold.
    pub server_name: &'a str,
    /// The roots that its certificate must chain to.
    pub roots: &'a [CertificateDer<'static>],
    /// The consumer's own client certificate.
    pub identity: Identity<'a>,
    /// The leaf that was deployed; `None`: not compared.
    pub deployed_leaf: Option<&'a CertificateDer<'a>>,
    /// Another valid leaf of the CA that issued the client certificate; `None`: not tried.
    pub same_ca: Option<SameCa<'a>>,
    /// The port that must be closed, by custom 2375.
    pub plain_port: u16,
    /// Whether the guest's own socket list shows a listener on the plain port; `None`: not known.
    pub plain_listener: Option<bool>,
}

/// A leaf that is not the consumer's, of a CA that Docker may know.
#[derive(Debug, Clone, Copy)]
pub struct SameCa<'a> {
    /// The leaf and its key.
    pub identity: Identity<'a>,
    /// Whether Docker's clients have a CA of their own: then this leaf must be refused. With a shared one it is
    /// admitted, which is a note.
    pub dedicated: bool,
}

/// What Docker showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DockerSeen {
    /// One probe a question.
    pub probes: Vec<Probe>,
    /// The daemon's version, when it answered.
    pub version: Option<DockerVersion>,
    /// The Swarm's services, when they were listed.
    pub services: Option<Vec<Service>>,
}

/// A service of the Swarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels (the service's, not the containers').
    pub labels: BTreeMap<String, String>,
    /// How many of its tasks run; `None`: a daemon before API 1.41 does not say.
    pub running_tasks: Option<u64>,
}

/// Asks all of Docker's questions.
pub fn probe(view: &Viewpoint<'_>, target: &Target<'_>) -> DockerSeen {
    let mut probes = vec![
        plain_http(view, target),
        no_certificate(view, target),
        foreign_ca(view, target),
        same_ca(view, target),
    ];
    let (ours, version, services) = ours(view, target);
    probes.extend(ours);
    probes.push(leaf(view, target));
    probes.push(plain_port(view, target));
    DockerSeen {
        probes,
        version,
        services,
    }
}

/// Plain HTTP on the TLS port gets no Docker answer.
pub fn plain_http(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let expected = format!("plain HTTP on port {} to be refused", target.port);
    let probe = |seen: String, verdict| Probe::new("docker/plain-http", &expected, seen, verdict);
    let answer = Timed::dial(view, target.host, target.port)
        .map_err(HttpError::Io)
        .and_then(|mut socket| http::get(&mut socket, &request(target, "/version")));
    match answer {
        Ok(response) if response.is_success() => {
            probe(describe("answered", &response), Verdict::Failed)
        }
        Ok(response) => probe(describe("refused with", &response), Verdict::Passed),
        Err(HttpError::Malformed { found, .. }) => {
            let seen = format!("answered no HTTP but {found:?}");
            probe(seen, Verdict::Passed)
        }
        Err(error) => match failure(&error, view, target) {
            TlsFailure::Closed => probe(
                "the connection was closed without an answer".to_owned(),
                Verdict::Passed,
            ),
            other => probe(other.to_string(), stopped(&other)),
        },
    }
}

/// A client without a certificate is refused.
pub fn no_certificate(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let expected = "a client without a certificate to be refused";
    match admitted(view, target, None) {
        Admission::Admitted(seen) => {
            Probe::new("docker/no-certificate", expected, seen, Verdict::Failed)
        }
        Admission::Refused(seen) => {
            Probe::new("docker/no-certificate", expected, seen, Verdict::Passed)
        }
        Admission::Unclear(failure) => Probe::new(
            "docker/no-certificate",
            expected,
            failure.to_string(),
            stopped(&failure),
        ),
    }
}

/// A client certificate of a CA that was made up for this probe is refused.
pub fn foreign_ca(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let name = "docker/foreign-ca";
    let expected = "another CA's client certificate to be refused";
    let (chain, key) = match foreign_identity() {
        Ok(identity) => identity,
        Err(error) => {
            let why = format!("could not make a certificate for it: {error}");
            return Probe::skipped(name, expected, why);
        }
    };
    let identity = Identity {
        chain_pem: chain.as_bytes(),
        key_pem: &key,
    };
    match admitted(view, target, Some(identity)) {
        Admission::Admitted(seen) => Probe::new(name, expected, seen, Verdict::Failed),
        Admission::Refused(seen) => Probe::new(name, expected, seen, Verdict::Passed),
        Admission::Unclear(failure) => {
            Probe::new(name, expected, failure.to_string(), stopped(&failure))
        }
    }
}

/// Another leaf of the clients' CA is refused where that CA is Docker's own, and noted where it is shared.
pub fn same_ca(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let name = "docker/same-ca";
    let Some(other) = target.same_ca else {
        let expected = "another certificate of the same CA to be refused, or noted";
        return Probe::skipped(name, expected, "no other certificate of that CA at hand");
    };
    let expected = if other.dedicated {
        "another CA leaf to be refused, since Docker's clients have a CA of their own"
    } else {
        "another leaf of the shared CA to be refused, or noted"
    };
    match admitted(view, target, Some(other.identity)) {
        Admission::Refused(seen) => Probe::new(name, expected, seen, Verdict::Passed),
        Admission::Admitted(seen) if other.dedicated => {
            Probe::new(name, expected, seen, Verdict::Failed)
        }
        Admission::Admitted(seen) => Probe::new(
            name,
            expected,
            format!("{seen}: every certificate of this CA commands Docker"),
            Verdict::Noted,
        ),
        Admission::Unclear(failure) => {
            Probe::new(name, expected, failure.to_string(), stopped(&failure))
        }
    }
}

/// Our own client is let in, and gets version and services.
pub fn ours(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
) -> (Vec<Probe>, Option<DockerVersion>, Option<Vec<Service>>) {
    let ask = |name, expected: &str, path| {
        let answer = ask(view, target, Some(target.identity), path, Trust::Required);
        match answer {
            Ok(response) if response.is_success() => Ok(response),
            Ok(response) => Err(Probe::new(
                name,
                expected,
                describe("answered", &response),
                Verdict::Failed,
            )),
            Err(failure) => Err(Probe::new(
                name,
                expected,
                failure.to_string(),
                stopped(&failure),
            )),
        }
    };

    let expected = "our client certificate to be accepted";
    let mut probes = vec![match ask("docker/accepts-ours", expected, "/_ping") {
        Ok(response) => Probe::new(
            "docker/accepts-ours",
            expected,
            describe("answered", &response),
            Verdict::Passed,
        ),
        Err(probe) => probe,
    }];
    if probes[0].verdict != Verdict::Passed {
        let why = "our client was not let in";
        probes.push(Probe::skipped("docker/version", VERSION_EXPECTED, why));
        probes.push(Probe::skipped("docker/services", SERVICES_EXPECTED, why));
        return (probes, None, None);
    }

    let (probe, version) = match ask("docker/version", VERSION_EXPECTED, "/version") {
        Err(probe) => (probe, None),
        Ok(response) => decoded(
            "docker/version",
            VERSION_EXPECTED,
            DockerVersion::from_json(&response.text()).map_err(|e| e.to_string()),
            &response,
            ToString::to_string,
        ),
    };
    probes.push(probe);
    let (probe, services) = match ask(
        "docker/services",
        SERVICES_EXPECTED,
        "/services?status=true",
    ) {
        Err(probe) => (probe, None),
        Ok(response) => decoded(
            "docker/services",
            SERVICES_EXPECTED,
            parse_services(&response.body),
            &response,
            |services| match services.as_slice() {
                [] => "no service".to_owned(),
                services => services
                    .iter()
                    .map(|service| service.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            },
        ),
    };
    probes.push(probe);
    (probes, version, services)
}

/// The served leaf is the deployed one.
pub fn leaf(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let name = "docker/served-leaf";
    let Some(deployed) = target.deployed_leaf else {
        let expected = "the served leaf to be the deployed one";
        return Probe::skipped(name, expected, "the deployed leaf is not known");
    };
    let expected = format!("the leaf with SHA-256 {}", Fingerprint::of(deployed));
    match tls::served_leaf(view, &server(target, Some(target.identity))) {
        Ok(leaf) if leaf.as_ref() == deployed.as_ref() => Probe::new(
            name,
            expected,
            format!("served the deployed leaf {}", Fingerprint::of(&leaf)),
            Verdict::Passed,
        ),
        Ok(leaf) => Probe::new(
            name,
            expected,
            format!("served another leaf, {}", Fingerprint::of(&leaf)),
            Verdict::Failed,
        ),
        Err(failure) => Probe::new(name, expected, failure.to_string(), stopped(&failure)),
    }
}

/// Nothing listens on the plain port: refused here and absent from the guest's own socket list, where that is known.
pub fn plain_port(view: &Viewpoint<'_>, target: &Target<'_>) -> Probe {
    let port = target.plain_port;
    // Where the guest's own list of sockets decides, a firewall that drops the packet is not waited for to the end.
    let timeout = match target.plain_listener {
        Some(_) => view.timeout.min(PLAIN_PORT_TIME),
        None => view.timeout,
    };
    let view = &Viewpoint { timeout, ..*view };
    let dialled = view
        .dial
        .dial(target.host, port, view.timeout)
        .map(|socket: TcpStream| drop(socket))
        .map_err(|e| TlsFailure::from_io(&e, view, target.server_name));
    let (seen, verdict) = match (dialled, target.plain_listener) {
        (Ok(()), _) => ("it is open".to_owned(), Verdict::Failed),
        (Err(failure), Some(true)) => (
            format!("{failure}; but the guest has a listener on it"),
            Verdict::Failed,
        ),
        (Err(TlsFailure::Refused), Some(false)) => (
            "refused, and the guest has no listener on it".to_owned(),
            Verdict::Passed,
        ),
        (Err(TlsFailure::Refused), None) => ("refused".to_owned(), Verdict::Passed),
        (Err(failure), Some(false)) => (
            format!("{failure} from here; the guest has no listener on it"),
            Verdict::Passed,
        ),
        (Err(failure), None) => (failure.to_string(), stopped(&failure)),
    };
    Probe::new(
        "docker/plain-port",
        format!("port {port} to be closed"),
        format!("port {port}: {seen}"),
        verdict,
    )
}

/// The Swarm's services from the answer to `/services`, sorted by name.
pub(crate) fn parse_services(body: &[u8]) -> Result<Vec<Service>, String> {
    let wire: Vec<WireService> = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let mut services: Vec<Service> = wire
        .into_iter()
        .map(|service| Service {
            id: service.id,
            name: service.spec.name,
            labels: service.spec.labels.unwrap_or_default(),
            running_tasks: service.status.map(|status| status.running),
        })
        .collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(services)
}

#[derive(Deserialize)]
struct WireService {
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(rename = "Spec")]
    spec: WireSpec,
    #[serde(rename = "ServiceStatus", default)]
    status: Option<WireStatus>,
}

#[derive(Deserialize)]
struct WireStatus {
    #[serde(rename = "RunningTasks", default)]
    running: u64,
}

#[derive(Deserialize)]
struct WireSpec {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

/// Whether Docker let a client in.
enum Admission {
    Admitted(String),
    Refused(String),
    /// Neither was seen.
    Unclear(TlsFailure),
}

/// Pings as some client. Whether the served certificate is trusted is another probe's question.
fn admitted(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
    identity: Option<Identity<'_>>,
) -> Admission {
    match ask(view, target, identity, "/_ping", Trust::Ignored) {
        // A proxy in front of Docker may refuse by status.
        Ok(response) if matches!(response.status, 400 | 401 | 403) => {
            Admission::Refused(describe("refused with", &response))
        }
        Ok(response) => Admission::Admitted(describe("was let in and got", &response)),
        Err(failure) if failure.is_refusal() => Admission::Refused(failure.to_string()),
        Err(failure) => Admission::Unclear(failure),
    }
}

fn ask(
    view: &Viewpoint<'_>,
    target: &Target<'_>,
    identity: Option<Identity<'_>>,
    path: &str,
    trust: Trust,
) -> Result<Response, TlsFailure> {
    let mut stream = Tls::connect(view, &server(target, identity), trust)?;
    http::get(&mut stream, &request(target, path)).map_err(|e| failure(&e, view, target))
}

fn request<'a>(target: &Target<'a>, path: &'a str) -> Get<'a> {
    // An IPv6 address would need brackets; Docker does not look at the name at all.
    let host = if target.server_name.contains(':') {
        "docker"
    } else {
        target.server_name
    };
    Get::new(host, path)
}

fn server<'a>(target: &Target<'a>, identity: Option<Identity<'a>>) -> Server<'a> {
    Server {
        host: target.host,
        port: target.port,
        server_name: target.server_name,
        roots: target.roots,
        identity,
    }
}

fn failure(error: &HttpError, view: &Viewpoint<'_>, target: &Target<'_>) -> TlsFailure {
    match error {
        HttpError::Closed => TlsFailure::Closed,
        HttpError::Io(error) => TlsFailure::from_io(error, view, target.server_name),
        other => TlsFailure::Other(other.to_string()),
    }
}

/// The verdict on a probe that did not come to its question.
pub(super) fn stopped(failure: &TlsFailure) -> Verdict {
    if failure.is_unreachable() {
        Verdict::Unreachable
    } else {
        Verdict::Failed
    }
}

pub(super) fn describe(verb: &str, response: &Response) -> String {
    let text = excerpt(&response.text());
    if text.is_empty() {
        format!("{verb} {}", response.status)
    } else {
        format!("{verb} {}: {text}", response.status)
    }
}

fn decoded<T>(
    name: &'static str,
    expected: &str,
    value: Result<T, impl fmt::Display>,
    response: &Response,
    show: impl FnOnce(&T) -> String,
) -> (Probe, Option<T>) {
    match value {
        Ok(value) => (
            Probe::new(name, expected, show(&value), Verdict::Passed),
            Some(value),
        ),
        Err(error) => (
            Probe::new(
                name,
                expected,
                format!("{} ({error})", describe("answered", response)),
                Verdict::Failed,
            ),
            None,
        ),
    }
}

/// A CA and a client leaf of it that nobody has ever trusted, gone with this probe.
fn foreign_identity() -> Result<(String, Secret), rcgen::Error> {
    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, "Phoenix probe CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let mut leaf = CertificateParams::new(["probe.invalid".to_owned()])?;
    leaf.distinguished_name
        .push(DnType::CommonName, "probe.invalid");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&key, &ca)?;
    Ok((leaf.pem(), Secret::from(key.serialize_pem())))
}

const VERSION_EXPECTED: &str = "the daemon's version";
const SERVICES_EXPECTED: &str = "the Swarm's services to be listed";

/// How long the plain port may stay silent where the guest says itself whether it listens.
const PLAIN_PORT_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
