//! Traefik's configuration beside the link: fields, names, verification, the dashboard.

use std::collections::BTreeSet;

use super::{Found, View};
use crate::check::finding::Deed;
use crate::diagnostic::{Place, nearest};
use crate::docker::versions::parse_traefik;
use crate::document::{Cursor, Document, Format, Kind, Part};
use crate::traefik::{FileKind, unknown_fields};

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let mut names = Names::default();
    let dynamic = dynamic(view, found);
    let root = match &view.static_file {
        Some(Ok(file)) => Some(file.document().root()),
        Some(Err(faults)) => {
            faults.iter().for_each(|fault| found.read(fault));
            None
        }
        None => None,
    };
    if let Some(root) = root {
        names.of_static(root);
    }
    for document in &dynamic {
        names.of_dynamic(document.root());
    }
    if let Some(root) = root {
        let place = |cursor: Cursor<'_>, part: Part| view.template_place(cursor, part);
        fields(view, root, FileKind::Static, &place, found);
        static_names(root, &names, !dynamic.is_empty(), &place, found);
        dashboard(root, &place, found);
        unverified(
            root.get("serversTransport"),
            "serversTransport",
            &place,
            found,
        );
        both(view, root, &place, found);
    }
    for document in &dynamic {
        let place = own_place;
        let root = document.root();
        fields(view, root, FileKind::Dynamic, &place, found);
        dynamic_names(root, &names, found);
        addresses(view, root, found);
        for protocol in ["http", "tcp"] {
            let transports = root.at(&format!("/{protocol}/serversTransports"));
            for entry in transports.into_iter().flat_map(Cursor::entries) {
                unverified(Some(entry.value), &entry.key, &place, found);
                unverified(entry.value.get("tls"), &entry.key, &place, found);
            }
        }
    }
}

fn dynamic<'m>(view: &View<'m>, found: &mut Found<'m>) -> Vec<Document> {
    let mut documents = Vec::new();
    for file in &view.facts.dynamic {
        match Document::parse(&file.path, file.bytes.clone(), Format::Yaml) {
            Ok(document) => documents.push(document),
            Err(faults) => faults.iter().for_each(|fault| found.read(fault)),
        }
    }
    documents
}

type PlaceOf<'a> = dyn Fn(Cursor<'_>, Part) -> Place + 'a;

fn own_place(cursor: Cursor<'_>, part: Part) -> Place {
    let place = cursor.document().places(&[(cursor.node(), part)]).pop();
    place.unwrap_or_else(|| cursor.place())
}

fn fields<'m>(
    view: &View<'m>,
    root: Cursor<'_>,
    kind: FileKind,
    place: &PlaceOf<'_>,
    found: &mut Found<'m>,
) {
    let told = view.facts.guests.values();
    let major = told
        .filter_map(|told| told.traefik.as_ref()?.version.as_deref())
        .find_map(|text| parse_traefik(text).ok())
        .map_or(3, |release| release.numbers.0);
    for field in unknown_fields(root, kind, major) {
        // A rule of its own, which knows more of it.
        if field.name == "apiVersion" && field.parent.starts_with("providers.") {
            continue;
        }
        let whose = if field.parent.is_empty() {
            "at the top".to_owned()
        } else {
            format!("in {}", field.parent)
        };
        let open = found.add(
            "PX040",
            format!(
                "found the field `{}` {whose}, which Traefik {major} does not know",
                field.name
            ),
        );
        open.place(place(field.value, Part::Key));
        if field.elsewhere {
            let other = if major == 2 { 3 } else { 2 };
            open.note(format!("it is one of Traefik {other}"));
        }
        if let Some(like) = field.like {
            open.help(format!("did you mean `{like}`?"));
        }
    }
}

/// What is defined, by kind.
#[derive(Default)]
struct Names {
    entry_points: BTreeSet<String>,
    resolvers: BTreeSet<String>,
    /// Of `http`, `tcp` and `udp`: `http.middlewares.short`.
    defined: BTreeSet<String>,
    options: BTreeSet<String>,
}

impl Names {
    fn of_static(&mut self, root: Cursor<'_>) {
        let keys = |key: &str| -> Vec<String> {
            let object = root
                .entries()
                .find(|entry| entry.key.eq_ignore_ascii_case(key))
                .map(|entry| entry.value);
            let entries = object.into_iter().flat_map(Cursor::entries);
            entries.map(|entry| entry.key.into_owned()).collect()
        };
        self.entry_points.extend(keys("entryPoints"));
        // Traefik makes this one where the API, ping or metrics need it.
        self.entry_points.insert("traefik".to_owned());
        if self.entry_points.len() == 1 {
            self.entry_points.insert("http".to_owned());
        }
        self.resolvers.extend(keys("certificatesResolvers"));
    }

    fn of_dynamic(&mut self, root: Cursor<'_>) {
        for protocol in ["http", "tcp", "udp"] {
            for kind in ["middlewares", "services", "serversTransports"] {
                let object = root.at(&format!("/{protocol}/{kind}"));
                for entry in object.into_iter().flat_map(Cursor::entries) {
                    self.defined
                        .insert(format!("{protocol}.{kind}.{}", entry.key));
                }
            }
        }
        let options = root
            .at("/tls/options")
            .into_iter()
            .flat_map(Cursor::entries);
        self.options
            .extend(options.map(|entry| entry.key.into_owned()));
    }
}

/// A name that is used: found among the known ones, or reported with the nearest.
fn used(
    what: &str,
    at: Option<Cursor<'_>>,
    known: &BTreeSet<String>,
    prefix: &str,
    place: &PlaceOf<'_>,
    found: &mut Found<'_>,
) {
    let Some(cursor) = at else {
        return;
    };
    if cursor.kind() == Kind::Array {
        for item in cursor.items() {
            used(what, Some(item), known, prefix, place, found);
        }
        return;
    }
    let Some(text) = cursor.as_str() else {
        return;
    };
    // `name@docker` is defined by another provider.
    let name = match text.split_once('@') {
        None => text.as_ref(),
        Some((name, "file")) => name,
        Some(_) => return,
    };
    if known.contains(&format!("{prefix}{name}")) {
        return;
    }
    let names = known.iter().filter_map(|known| known.strip_prefix(prefix));
    let like = nearest(name, names).map(str::to_owned);
    let open = found.add(
        "PX041",
        format!("found the {what} `{name}`, which is defined nowhere"),
    );
    open.place(place(cursor, Part::Whole));
    if let Some(like) = like {
        open.help(format!("did you mean `{like}`?"));
    }
}

fn static_names(
    root: Cursor<'_>,
    names: &Names,
    has_dynamic: bool,
    place: &PlaceOf<'_>,
    found: &mut Found<'_>,
) {
    for pointer in ["/ping/entryPoint", "/metrics/prometheus/entryPoint"] {
        used(
            "entry point",
            root.at(pointer),
            &names.entry_points,
            "",
            place,
            found,
        );
    }
    let points = root
        .get("entryPoints")
        .into_iter()
        .flat_map(Cursor::entries);
    for point in points {
        let at = |pointer: &str| point.value.at(pointer);
        used(
            "resolver",
            at("/http/tls/certResolver"),
            &names.resolvers,
            "",
            place,
            found,
        );
        let to = at("/http/redirections/entryPoint/to");
        // A port may stand there, too.
        let to = to.filter(|to| to.as_str().is_some_and(|text| !text.starts_with(':')));
        used("entry point", to, &names.entry_points, "", place, found);
        if has_dynamic {
            used(
                "middleware",
                at("/http/middlewares"),
                &names.defined,
                "http.middlewares.",
                place,
                found,
            );
            options(at("/http/tls/options"), names, place, found);
        }
    }
    let resolvers = root
        .get("certificatesResolvers")
        .into_iter()
        .flat_map(Cursor::entries);
    for resolver in resolvers {
        let point = resolver.value.at("/acme/httpChallenge/entryPoint");
        used("entry point", point, &names.entry_points, "", place, found);
    }
}

fn options(at: Option<Cursor<'_>>, names: &Names, place: &PlaceOf<'_>, found: &mut Found<'_>) {
    // There is always one of this name.
    let other = at.filter(|at| at.as_str().is_some_and(|text| text != "default"));
    used("TLS options", other, &names.options, "", place, found);
}

fn dynamic_names(root: Cursor<'_>, names: &Names, found: &mut Found<'_>) {
    let place: &PlaceOf<'_> = &own_place;
    for protocol in ["http", "tcp", "udp"] {
        let prefix = |kind: &str| format!("{protocol}.{kind}.");
        let section = |kind: &str| -> Vec<Cursor<'_>> {
            let object = root.at(&format!("/{protocol}/{kind}"));
            let entries = object.into_iter().flat_map(Cursor::entries);
            entries.map(|entry| entry.value).collect()
        };
        for router in section("routers") {
            let at = |pointer: &str| router.at(pointer);
            if names.entry_points.len() > 1 {
                used(
                    "entry point",
                    at("/entryPoints"),
                    &names.entry_points,
                    "",
                    place,
                    found,
                );
            }
            used(
                "middleware",
                at("/middlewares"),
                &names.defined,
                &prefix("middlewares"),
                place,
                found,
            );
            used(
                "service",
                at("/service"),
                &names.defined,
                &prefix("services"),
                place,
                found,
            );
            used(
                "resolver",
                at("/tls/certResolver"),
                &names.resolvers,
                "",
                place,
                found,
            );
            options(at("/tls/options"), names, place, found);
        }
        for service in section("services") {
            let transport = service.at("/loadBalancer/serversTransport");
            used(
                "servers transport",
                transport,
                &names.defined,
                &prefix("serversTransports"),
                place,
                found,
            );
            let inner = service.at("/weighted/services").into_iter();
            for part in inner.flat_map(Cursor::items) {
                used(
                    "service",
                    part.get("name"),
                    &names.defined,
                    &prefix("services"),
                    place,
                    found,
                );
            }
            for pointer in [
                "/mirroring/service",
                "/failover/service",
                "/failover/fallback",
            ] {
                used(
                    "service",
                    service.at(pointer),
                    &names.defined,
                    &prefix("services"),
                    place,
                    found,
                );
            }
        }
        for middleware in section("middlewares") {
            let chain = middleware.at("/chain/middlewares");
            used(
                "middleware",
                chain,
                &names.defined,
                &prefix("middlewares"),
                place,
                found,
            );
            let errors = middleware.at("/errors/service");
            used(
                "service",
                errors,
                &names.defined,
                &prefix("services"),
                place,
                found,
            );
        }
    }
}

/// Servers that Traefik verifies by their address: the certificates there must name it.
fn addresses<'m>(view: &View<'m>, root: Cursor<'_>, found: &mut Found<'m>) {
    let served = super::hooks::served(view);
    let services = root
        .at("/http/services")
        .into_iter()
        .flat_map(Cursor::entries);
    for service in services {
        let balancer = service.value.get("loadBalancer");
        let transport = balancer
            .and_then(|balancer| balancer.get("serversTransport")?.as_str())
            .and_then(|name| {
                let name = name.split('@').next().unwrap_or("").to_owned();
                root.at("/http/serversTransports")?.get(&name)
            });
        let says = |key: &str| transport.and_then(|transport| transport.get(key));
        let unverified = says("insecureSkipVerify").and_then(Cursor::as_bool) == Some(true);
        if unverified || says("serverName").is_some() {
            continue;
        }
        let servers = balancer.and_then(|balancer| balancer.get("servers"));
        for url in servers
            .into_iter()
            .flat_map(Cursor::items)
            .filter_map(|server| server.get("url"))
        {
            let text = url.as_str().unwrap_or_default();
            let Some(ip) = text.strip_prefix("https://").and_then(host_of) else {
                continue;
            };
            let entries = view.at(ip).and_then(|guest| served.get(&guest.id));
            let name = crate::names::SubjectAltName::Ip(ip);
            let Some(first) = entries
                .filter(|all| {
                    !all.iter()
                        .any(|located| located.value.names.contains(&name))
                })
                .and_then(|all| all.first())
            else {
                continue;
            };
            let entry = view.manifest().cursor(first.node);
            found
                .add(
                    "PX037",
                    format!("found no {ip} among the names of {}, expected it: Traefik connects to {text}", first.value.common_name),
                )
                .start(entry.get("sans").unwrap_or(entry))
                .place(own_place(url, Part::Whole).with_label("Traefik's server"))
                .help(format!("add {ip} to `sans`"));
        }
    }
}

/// The address in `10.0.0.153:443/path`; nothing for a name.
fn host_of(rest: &str) -> Option<std::net::IpAddr> {
    let authority = rest.split('/').next()?;
    let bare = authority.parse().ok();
    bare.or_else(|| Some(authority.parse::<std::net::SocketAddr>().ok()?.ip()))
}

fn dashboard(root: Cursor<'_>, place: &PlaceOf<'_>, found: &mut Found<'_>) {
    if let Some(insecure) = root
        .at("/api/insecure")
        .filter(|flag| flag.as_bool() == Some(true))
    {
        found
            .add(
                "PX043",
                "found `api.insecure: true`, expected a router that asks who it is",
            )
            .place(place(insecure, Part::Whole));
    }
}

fn unverified(block: Option<Cursor<'_>>, name: &str, place: &PlaceOf<'_>, found: &mut Found<'_>) {
    let flag = block.and_then(|block| block.get("insecureSkipVerify"));
    if let Some(flag) = flag.filter(|flag| flag.as_bool() == Some(true)) {
        found
            .add(
                "PX042",
                format!("found `insecureSkipVerify: true` in {name}, expected verification"),
            )
            .place(place(flag, Part::Whole));
    }
}

fn both<'m>(view: &View<'m>, root: Cursor<'_>, place: &PlaceOf<'_>, found: &mut Found<'m>) {
    let Some(provider) = root.at("/providers/file") else {
        return;
    };
    let (Some(directory), Some(name)) = (provider.get("directory"), provider.get("filename"))
    else {
        return;
    };
    let open = found.add(
        "PX044",
        "found both `directory` and `filename` of the file provider, expected one: the directory counts",
    );
    open.place(place(name, Part::Whole))
        .place(place(directory, Part::Whole).with_label("this one counts"));
    if let Some((document, node)) = view.template_node(name) {
        open.fix(
            document,
            Deed::Remove(node),
            "providers.file.filename: removed, the directory counts",
        );
    }
}
