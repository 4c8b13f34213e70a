//! Names that are used and defined nowhere.

use std::collections::BTreeSet;

use super::{PlaceOf, own_place};
use crate::check::finding::Found;
use crate::diagnostic::nearest;
use crate::document::{Cursor, Kind, Part};

/// What is defined, by kind.
#[derive(Default)]
pub(super) struct Names {
    entry_points: BTreeSet<String>,
    resolvers: BTreeSet<String>,
    /// Of `http`, `tcp` and `udp`: `http.middlewares.short`.
    defined: BTreeSet<String>,
    options: BTreeSet<String>,
}

impl Names {
    pub(super) fn of_static(&mut self, root: Cursor<'_>) {
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

    pub(super) fn of_dynamic(&mut self, root: Cursor<'_>) {
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

pub(super) fn static_names(
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

pub(super) fn dynamic_names(root: Cursor<'_>, names: &Names, found: &mut Found<'_>) {
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
