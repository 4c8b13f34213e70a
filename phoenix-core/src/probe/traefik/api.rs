//! Reading Traefik's API, its rules, and the labels that routers come from. Pure.

use serde::{Deserialize, Serialize};

use crate::probe::docker::Service;

/// An answer that is not what Traefik's API gives.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not read {what}: {message}")]
pub struct ApiError {
    what: &'static str,
    message: String,
}

/// `/api/overview`, as far as it is of use here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Overview {
    /// The providers that are configured, dead ones too: `Swarm`, `File`.
    #[serde(default)]
    pub providers: Vec<String>,
}

/// A router of `/api/http/routers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Router {
    /// Name and provider: `web@swarm`.
    pub name: String,
    /// Its rule: ``Host(`web.example`)``.
    pub rule: String,
    /// `enabled`, `warning` or `disabled`.
    pub status: String,
    /// The entry points in use.
    pub entry_points: Vec<String>,
    /// Whether it is served over TLS.
    pub tls: bool,
    /// What Traefik has against it.
    pub error: Vec<String>,
}

/// A service of `/api/http/services` that balances load.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoadBalanced {
    /// Name and provider: `web-service@file`.
    pub name: String,
    /// Its servers; absent for services of another kind.
    #[serde(rename = "loadBalancer")]
    servers: Option<Servers>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Servers {
    #[serde(default)]
    servers: Vec<ServerUrl>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ServerUrl {
    #[serde(default)]
    url: String,
}

impl LoadBalanced {
    /// The addresses behind it: `http://10.0.0.153:8080`.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        let servers = self.servers.iter().flat_map(|servers| &servers.servers);
        servers.map(|server| server.url.as_str())
    }
}

/// One page of `/api/http/services`.
pub fn parse_load_balanced(body: &[u8]) -> Result<Vec<LoadBalanced>, ApiError> {
    decode(body, "the services")
}

/// An entry point of `/api/entrypoints`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct EntryPoint {
    /// Its name: `web`.
    pub name: String,
    /// Where it listens: `:80`, `10.0.0.12:443/tcp`.
    #[serde(default)]
    pub address: String,
}

impl EntryPoint {
    /// Its TCP port; `None` for UDP.
    pub fn port(&self) -> Option<u16> {
        let address = match self.address.split_once('/') {
            None => self.address.as_str(),
            Some((address, "tcp")) => address,
            Some(_) => return None,
        };
        address.rsplit_once(':')?.1.parse().ok()
    }
}

/// A request that a router's rule would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The `Host` header.
    pub host: String,
    /// The path.
    pub path: String,
}

/// The version from `/api/version`.
pub fn parse_version(body: &[u8]) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "Version")]
        version: String,
    }
    let wire: Wire = decode(body, "the version")?;
    Ok(wire.version)
}

/// The overview from `/api/overview`.
pub fn parse_overview(body: &[u8]) -> Result<Overview, ApiError> {
    decode(body, "the overview")
}

/// One page of `/api/http/routers`.
pub fn parse_routers(body: &[u8]) -> Result<Vec<Router>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        name: String,
        #[serde(default)]
        rule: String,
        #[serde(default)]
        status: String,
        #[serde(default)]
        using: Option<Vec<String>>,
        #[serde(default)]
        entry_points: Option<Vec<String>>,
        #[serde(default)]
        tls: Option<serde_json::Value>,
        #[serde(default)]
        error: Option<Vec<String>>,
    }
    let wire: Vec<Wire> = decode(body, "the routers")?;
    Ok(wire
        .into_iter()
        .map(|router| Router {
            name: router.name,
            rule: router.rule,
            status: router.status,
            entry_points: router.using.or(router.entry_points).unwrap_or_default(),
            tls: router.tls.is_some_and(|tls| !tls.is_null()),
            error: router.error.unwrap_or_default(),
        })
        .collect())
}

/// The entry points from `/api/entrypoints`.
pub fn parse_entry_points(body: &[u8]) -> Result<Vec<EntryPoint>, ApiError> {
    decode(body, "the entry points")
}

/// The HTTP routers that Traefik makes of a service's labels, without their provider: those named in labels, else one
/// after the service itself; none without `traefik.enable=true` and none for a service of TCP or UDP alone.
pub fn expected_routers(service: &Service) -> Vec<String> {
    if !is_true(label(service, "traefik.enable")) {
        return Vec::new();
    }
    let mut named: Vec<String> = Vec::new();
    let mut other = false;
    for name in service.labels.keys() {
        let folded = name.to_ascii_lowercase();
        if let Some(rest) = folded.strip_prefix("traefik.http.routers.") {
            let router = rest.split('.').next().unwrap_or("").to_owned();
            if !router.is_empty() && !named.contains(&router) {
                named.push(router);
            }
        }
        other |= folded.starts_with("traefik.tcp.") || folded.starts_with("traefik.udp.");
    }
    let http = service
        .labels
        .keys()
        .any(|name| name.to_ascii_lowercase().starts_with("traefik.http."));
    if named.is_empty() && (http || !other) {
        named.push(normalized(&service.name));
    }
    named
}

/// Whether Traefik has anything to route to: it balances over running tasks and makes no router without one, unless a
/// label leaves the balancing to the Swarm (`traefik.swarm.lbswarm`, before Traefik 3 `traefik.docker.lbswarm`).
pub fn has_backend(service: &Service) -> bool {
    let by_swarm = ["traefik.swarm.lbswarm", "traefik.docker.lbswarm"];
    service.running_tasks != Some(0) || by_swarm.iter().any(|name| is_true(label(service, name)))
}

/// A request that the rule takes, from its first `Host` and `Path` or `PathPrefix`; `None` when no host is named.
pub fn request_of(rule: &str) -> Option<Request> {
    let host = first_argument(rule, "Host")?;
    let path = first_argument(rule, "PathPrefix")
        .or_else(|| first_argument(rule, "Path"))
        .filter(|path| path.starts_with('/') && path.bytes().all(|b| (0x21..0x7f).contains(&b)))
        .unwrap_or_else(|| "/".to_owned());
    let sendable = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    (sendable && !host.is_empty()).then_some(Request { host, path })
}

fn label<'s>(service: &'s Service, wanted: &str) -> Option<&'s str> {
    let mut labels = service.labels.iter();
    labels
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.trim())
}

/// As Go's `ParseBool` reads it, which is what Traefik uses.
fn is_true(label: Option<&str>) -> bool {
    matches!(label, Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
}

fn decode<'b, T: Deserialize<'b>>(body: &'b [u8], what: &'static str) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|e| ApiError {
        what,
        message: e.to_string(),
    })
}

/// The first string given to a matcher that is not negated: `Host`, but neither `HostRegexp` nor `!Host`.
fn first_argument(rule: &str, matcher: &str) -> Option<String> {
    for (at, _) in rule.match_indices(matcher) {
        let before = rule[..at].trim_end().chars().next_back();
        if before.is_some_and(|c| c == '!' || c.is_alphanumeric()) {
            continue;
        }
        let rest = rule[at + matcher.len()..].trim_start();
        let Some(rest) = rest.strip_prefix('(') else {
            continue;
        };
        let rest = rest.trim_start();
        let Some(quote) = rest
            .chars()
            .next()
            .filter(|c| matches!(c, '`' | '"' | '\''))
        else {
            continue;
        };
        return rest[1..].split_once(quote).map(|(text, _)| text.to_owned());
    }
    None
}

/// As Traefik makes a name of a name: letters and digits survive, all else becomes one dash.
fn normalized(name: &str) -> String {
    name.split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, labels: &[(&str, &str)]) -> Service {
        Service {
            id: "1".to_owned(),
            name: name.to_owned(),
            labels: labels
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            running_tasks: None,
        }
    }

    #[test]
    fn routers_are_named_by_labels_or_after_the_service() {
        let enabled = ("traefik.enable", "true");
        let cases: [(Service, &[&str]); 6] = [
            (service("web", &[]), &[]),
            (service("web", &[("traefik.enable", "false")]), &[]),
            (service("stack_web.1", &[enabled]), &["stack-web-1"]),
            (
                service(
                    "web",
                    &[
                        enabled,
                        ("traefik.http.routers.Site.rule", "Host(`a`)"),
                        ("traefik.http.routers.Site.tls", "true"),
                        ("traefik.http.routers.other.rule", "Host(`b`)"),
                    ],
                ),
                &["site", "other"],
            ),
            (
                service(
                    "db",
                    &[enabled, ("traefik.tcp.routers.db.rule", "HostSNI(`*`)")],
                ),
                &[],
            ),
            (
                service(
                    "web",
                    &[
                        enabled,
                        ("traefik.http.services.web.loadbalancer.server.port", "80"),
                    ],
                ),
                &["web"],
            ),
        ];
        for (service, routers) in cases {
            assert_eq!(expected_routers(&service), routers, "{service:?}");
        }
    }

    #[test]
    fn without_a_running_task_there_is_a_backend_only_if_the_swarm_balances() {
        let with = |running_tasks, labels| {
            has_backend(&Service {
                running_tasks,
                ..service("web", labels)
            })
        };
        assert!(with(None, &[]) && with(Some(1), &[]));
        assert!(!with(Some(0), &[]));
        assert!(with(Some(0), &[("traefik.swarm.lbSwarm", "true")]));
        assert!(!with(Some(0), &[("traefik.swarm.lbswarm", "false")]));
    }

    #[test]
    fn a_request_is_made_of_the_first_host_and_path_that_a_rule_wants() {
        let request = |rule| request_of(rule).map(|r| format!("{} {}", r.host, r.path));
        for (rule, expected) in [
            ("Host(`web.example`)", Some("web.example /")),
            (
                "Host(\"a.example\") && PathPrefix(`/api`)",
                Some("a.example /api"),
            ),
            ("!Host(`x`) && (Host( `a`,`b`))", Some("a /")),
            ("HostRegexp(`.+`) || Host(`a`)", Some("a /")),
            ("PathPrefix(`/`)", None),
            ("Host(`a\r\nX: y`)", None),
            ("Host(`", None),
            ("", None),
        ] {
            assert_eq!(request(rule).as_deref(), expected, "{rule}");
        }
    }

    #[test]
    fn ports_of_entry_points_are_tcp_ports() {
        for (address, port) in [
            (":80", Some(80)),
            ("10.0.0.12:443/tcp", Some(443)),
            ("[::]:8443", Some(8443)),
            (":53/udp", None),
            ("", None),
        ] {
            let entry = EntryPoint {
                name: "x".to_owned(),
                address: address.to_owned(),
            };
            assert_eq!(entry.port(), port, "{address}");
        }
    }

    #[test]
    fn a_router_page_is_read_with_what_traefik_leaves_out() {
        let page = br#"[{"entryPoints":["web"],"service":"web","rule":"Host(`web.example`)",
            "status":"enabled","using":["web"],"name":"web@swarm","provider":"swarm"},
            {"name":"x@swarm","status":"disabled","error":["no service"],"tls":{"options":"default"}}]"#;
        let routers = parse_routers(page).unwrap();
        assert_eq!(routers[0].entry_points, ["web"]);
        assert!(!routers[0].tls && routers[1].tls);
        assert_eq!(routers[1].error, ["no service"]);
        assert!(parse_routers(b"404 page not found").is_err());
    }
}
