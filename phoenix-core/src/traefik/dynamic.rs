//! Traefik's dynamic file: a router and a service for each guest that says `traefik_service`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use super::StaticFile;
use super::static_file::port_of;
use crate::diagnostic::{Fault, Faults, Place};
use crate::document::{Document, Format, NodeId};
use crate::guests::{Address, Guest, Scheme};
use crate::names::GuestKind;

/// What the dynamic file is made from.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "every field is a fact that counts"
)]
pub struct Routes<'a> {
    /// The guests.
    pub guests: &'a [(&'a Guest, &'a Document)],
    /// The internal domain: `name.domain` is routed.
    pub domain: &'a str,
    /// The static file: its entry points and dashboard.
    pub static_file: &'a StaticFile,
    /// The CA's root as Traefik's guest sees it.
    pub root: &'a Path,
}

/// The file, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DynamicFile {
    /// Its text.
    pub text: String,
    /// Its routers by name, in order: the rule, and the address behind it (none for Traefik's own API).
    pub routers: BTreeMap<String, (String, Option<String>)>,
    /// What an operator should look at.
    pub notes: Vec<String>,
}

/// One router with its service.
struct Route {
    name: String,
    host: String,
    url: Option<String>,
    tls: bool,
}

impl Routes<'_> {
    /// Makes the file; the same guests make the same bytes, in whatever order they come.
    ///
    /// A service is spoken to by its `scheme`; without one, containers by `http` and virtual machines by `https`, as the
    /// old generator had it. The primary Portainer is left out: the Swarm routes to it by its labels.
    ///
    /// # Errors
    ///
    /// A guest whose address is not known, a name that two guests claim, TLS without an entry point for it.
    pub fn file(&self) -> Result<DynamicFile, Faults> {
        let mut faults = Faults::new();
        let mut notes = Vec::new();
        let mut claimed: BTreeMap<String, (Route, Place)> = BTreeMap::new();
        let guests = self.guests.iter().filter(|(guest, _)| !guest.is_template);
        for (guest, document) in guests {
            for (route, node) in self.routes_of(guest, document, &mut notes, &mut faults) {
                let place = document.cursor(node).place();
                let name = route.name.clone();
                if let Some((_, first)) = claimed.get(&name) {
                    faults.push(
                        Fault::error(
                            "route-twice",
                            format!("found a second service `{name}`, expected a name of its own"),
                        )
                        .at(place)
                        .at(first.clone().with_label("the first one")),
                    );
                    continue;
                }
                claimed.insert(name, (route, place));
            }
        }
        let secure = self.entry_point(|port| port == 443);
        if secure.is_none() {
            for (route, place) in claimed.values().filter(|(route, _)| route.tls) {
                faults.push(
                    Fault::error(
                        "route-tls",
                        format!(
                            "found no entry point on port 443 in Traefik's static file, expected one for `{}`, which asks for TLS",
                            route.name
                        ),
                    )
                    .at(place.clone()),
                );
            }
        }
        faults.into_result(())?;
        let mut routes: Vec<Route> = claimed.into_values().map(|(route, _)| route).collect();
        if self.static_file.has_dashboard() {
            routes.push(Route {
                name: "traefik-dashboard".to_owned(),
                host: format!("traefik.{}", self.domain),
                url: None,
                tls: false,
            });
            routes.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let web = self
            .entry_point(|port| port == 80)
            .or_else(|| {
                self.static_file
                    .entry_points()
                    .into_iter()
                    .next()
                    .map(|(name, _)| name)
            })
            .unwrap_or_else(|| "http".to_owned());
        let text = self.text(&routes, &web, secure.as_deref().unwrap_or_default());
        let named = |route: Route| (router(&route.name), (rule(&route.host), route.url));
        Ok(DynamicFile {
            text,
            routers: routes.into_iter().map(named).collect(),
            notes,
        })
    }

    fn routes_of(
        &self,
        guest: &Guest,
        document: &Document,
        notes: &mut Vec<String>,
        faults: &mut Faults,
    ) -> Vec<(Route, NodeId)> {
        let mut routes = Vec::new();
        let mut address = |node: NodeId| match guest.address {
            Address::Static { ip, .. } => Some(ip),
            Address::Dhcp | Address::Unknown => {
                let found = if guest.address == Address::Dhcp {
                    "`dhcp`"
                } else {
                    "no address"
                };
                faults.push(
                    Fault::error(
                        "route-address",
                        format!(
                            "found {found} for {}, expected a fixed address, since Traefik routes to it",
                            guest.id
                        ),
                    )
                    .at(document.cursor(node).place()),
                );
                None
            }
        };
        let by_swarm =
            guest.portainer_role.as_deref() == Some("primary") && guest.is_docker_manager();
        if let Some(service) = guest.traefik_service.as_ref().filter(|_| !by_swarm)
            && let Some(ip) = address(service.node)
        {
            let scheme = service.scheme.unwrap_or(match guest.id.kind {
                GuestKind::Lxc => Scheme::Http,
                GuestKind::Vm => Scheme::Https,
            });
            let speaks_tls = matches!(service.port, 443 | 8443 | 9443) || guest.is_step_ca();
            if service.scheme.is_none() && scheme == Scheme::Http && speaks_tls {
                notes.push(format!(
                    "{}: `{}` is spoken to by http on port {}, which is most likely https; say `\"scheme\": \"https\"` in its traefik_service",
                    guest.id, service.name, service.port
                ));
            }
            let route = Route {
                host: format!("{}.{}", service.name, self.domain),
                name: service.name.clone(),
                url: Some(url(scheme, ip, service.port)),
                tls: service.tls,
            };
            routes.push((route, service.node));
        }
        if let Some((environment, host)) = &guest.portainer_agent
            && let Some(ip) = address(guest.node)
        {
            let route = Route {
                name: environment.clone(),
                host: host.clone(),
                url: Some(url(Scheme::Https, ip, AGENT_PORT)),
                tls: false,
            };
            routes.push((route, guest.node));
        }
        routes
    }

    fn entry_point(&self, wanted: impl Fn(u16) -> bool) -> Option<String> {
        let points = self.static_file.entry_points();
        points
            .into_iter()
            .find_map(|(name, address)| wanted(port_of(&address)?).then_some(name))
    }

    fn text(&self, routes: &[Route], web: &str, secure: &str) -> String {
        let mut text = String::from(HEAD);
        if routes.is_empty() {
            // An empty `http:` is what Traefik takes for "nothing here".
            text.push_str("http: {}\n");
            return text;
        }
        text.push_str("http:\n  routers:\n");
        for route in routes {
            let service = match route.url {
                Some(_) => service(&route.name),
                None => "api@internal".to_owned(),
            };
            let point = if route.tls { secure } else { web };
            let _ = write!(
                text,
                "    {}:\n      rule: {}\n      service: {}\n      entryPoints:\n        - {}\n",
                quoted(&router(&route.name)),
                quoted(&rule(&route.host)),
                quoted(&service),
                quoted(point),
            );
            if route.tls {
                text.push_str("      tls: {}\n");
            }
        }
        let served: Vec<_> = routes
            .iter()
            .filter_map(|route| Some((&route.name, route.url.as_ref()?)))
            .collect();
        if !served.is_empty() {
            text.push_str("  services:\n");
        }
        for (name, url) in &served {
            let _ = write!(
                text,
                "    {}:\n      loadBalancer:\n        servers:\n          - url: {}\n        passHostHeader: true\n",
                quoted(&service(name)),
                quoted(url),
            );
            if url.starts_with("https:") {
                let _ = writeln!(text, "        serversTransport: \"{TRANSPORT}@file\"");
            }
        }
        if served.iter().any(|(_, url)| url.starts_with("https:")) {
            let _ = write!(
                text,
                "  serversTransports:\n    {TRANSPORT}:\n      rootCAs:\n        - {}\n",
                quoted(&self.root.to_string_lossy()),
            );
        }
        text
    }
}

impl DynamicFile {
    /// Whether a file that is there says the same to Traefik.
    pub fn same_meaning(&self, path: &Path, there: &[u8]) -> bool {
        let read = |bytes: Vec<u8>| Document::parse(path, bytes, Format::Yaml);
        match (read(self.text.clone().into_bytes()), read(there.to_vec())) {
            (Ok(ours), Ok(theirs)) => ours.root().to_value() == theirs.root().to_value(),
            _ => false,
        }
    }
}

fn router(name: &str) -> String {
    format!("{name}-router")
}

fn service(name: &str) -> String {
    format!("{name}-service")
}

fn rule(host: &str) -> String {
    format!("Host(`{host}`)")
}

fn url(scheme: Scheme, ip: IpAddr, port: u16) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{scheme}://{ip}:{port}"),
        IpAddr::V6(ip) => format!("{scheme}://[{ip}]:{port}"),
    }
}

/// Double-quoted as JSON, which YAML reads alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const HEAD: &str = "# Made by Phoenix from the guests' traefik_service entries; what is changed here is made anew.\n";
/// Portainer's agents always listen here.
const AGENT_PORT: u16 = 9001;
const TRANSPORT: &str = "internal-ca";

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::model::{Model, SourceFile};
    use crate::test_sites::{self, LXCS, corpus, model_of, sample_site};

    fn file(model: &Model) -> Result<DynamicFile, Faults> {
        model.dynamic_file().unwrap().map(|(_, file)| file)
    }

    /// Each router without its ending, and where it leads.
    fn leads(file: &DynamicFile) -> Vec<(String, String)> {
        let routers = file.routers.iter();
        routers
            .map(|(name, (_, url))| {
                let name = name.strip_suffix("-router").unwrap().to_owned();
                (
                    name,
                    url.clone().unwrap_or_else(|| "api@internal".to_owned()),
                )
            })
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = expected.iter();
        own.map(|(name, url)| ((*name).to_owned(), (*url).to_owned()))
            .collect()
    }

    #[test]
    fn the_sample_sites_file_reads_as_traefik_wants_it() {
        let file = file(&model_of(&sample_site())).unwrap();
        assert_eq!(
            leads(&file),
            pairs(&[
                ("ca", "http://10.0.0.10:9000"),
                ("nginx", "http://10.0.0.153:443"),
                ("traefik-dashboard", "api@internal"),
                ("worker", "https://10.0.0.102:9001"),
            ])
        );
        insta::assert_snapshot!(file.text);
        assert_eq!(file.notes.len(), 2, "{:?}", file.notes);
    }

    /// The old generator's routers and services, where it was right.
    #[test]
    fn the_real_sites_file_has_the_old_generators_routers_and_services() {
        let Some(site) = corpus("site") else { return };
        let file = file(&model_of(&site)).unwrap();
        assert_eq!(
            leads(&file),
            pairs(&[
                ("ca", "http://10.0.0.10:9000"),
                ("drphoenix", "https://10.0.0.102:9001"),
                ("granite-3b", "http://10.0.0.142:8000"),
                // The old one spoke http to all containers, whatever `scheme` said: here and below.
                ("granite-embedding", "https://10.0.0.141:8000"),
                ("llamacpp", "http://10.0.0.157:8081"),
                ("nginx", "http://10.0.0.153:443"),
                ("ollama", "http://10.0.0.155:11434"),
                ("traefik-dashboard", "api@internal"),
                ("vllm-qwen2-7b-fp8-gpu1", "https://10.0.0.222:8000"),
                ("vllm-qwen2.5-7b-awq", "https://10.0.0.220:8000"),
            ])
        );
        let rules: Vec<&str> = file
            .routers
            .values()
            .map(|(rule, _)| rule.as_str())
            .collect();
        assert!(
            rules.contains(&"Host(`drphoenix-agent.internal.thinkheads.ai`)"),
            "{rules:?}"
        );
        assert!(
            rules.contains(&"Host(`vllm-qwen2.5-7b-awq.internal.thinkheads.ai`)"),
            "{rules:?}"
        );
        assert!(
            file.text.contains("/etc/step-ca/ssl/phoenix_root_ca.crt"),
            "{}",
            file.text
        );
        // Step-CA and nginx on 443 were spoken to in the clear; nothing in the site says otherwise, so it is said.
        assert_eq!(file.notes.len(), 2, "{:?}", file.notes);
    }

    fn changed(from: &str, to: &str) -> Model {
        let site = sample_site();
        test_sites::model(|name| {
            let path: PathBuf = site.join("etc").join(name);
            let mut bytes = std::fs::read(&path).unwrap();
            if name == LXCS {
                let text = String::from_utf8(bytes).unwrap();
                assert!(text.contains(from), "{from}");
                bytes = text.replacen(from, to, 1).into_bytes();
            }
            SourceFile { path, bytes }
        })
    }

    #[test]
    fn a_guest_with_an_address_from_dhcp_is_refused_with_its_place() {
        let faults = file(&changed("10.0.0.153/24", "dhcp"))
            .unwrap_err()
            .to_string();
        assert!(faults.contains("phoenix_lxc_configs.json:"), "{faults}");
        assert!(faults.contains("found `dhcp` for lxc:101"), "{faults}");
    }

    #[test]
    fn two_services_of_one_name_are_refused_with_both_places() {
        let model = changed("\"name\": \"nginx\"", "\"name\": \"ca\"");
        let fault = file(&model).unwrap_err().into_iter().next().unwrap();
        assert_eq!((fault.code, fault.places.len()), ("route-twice", 2));
    }

    #[test]
    fn tls_needs_an_entry_point_for_it() {
        let model = changed(
            "\"name\": \"nginx\",",
            "\"name\": \"nginx\", \"tls\": true, \"scheme\": \"https\",",
        );
        let fault = file(&model).unwrap_err().into_iter().next().unwrap();
        assert_eq!(fault.code, "route-tls");
    }

    #[test]
    fn another_form_of_the_same_file_means_the_same() {
        let file = file(&model_of(&sample_site())).unwrap();
        let bare = file.text.lines().skip(1).collect::<Vec<_>>().join("\n");
        assert!(file.same_meaning("d.yml".as_ref(), bare.as_bytes()));
        let other = file.text.replace(":9001", ":9002");
        assert!(!file.same_meaning("d.yml".as_ref(), other.as_bytes()));
        assert!(!file.same_meaning("d.yml".as_ref(), b"http: ["));
    }
}
