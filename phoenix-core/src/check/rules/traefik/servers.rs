//! Servers behind Traefik, and whether it knows them.

use super::{PlaceOf, own_place};
use crate::check::finding::Found;
use crate::check::rules::hooks;
use crate::check::view::View;
use crate::document::{Cursor, Part};

/// Servers that Traefik verifies by their address: the certificates there must name it.
pub(super) fn addresses<'m>(view: &View<'m>, root: Cursor<'_>, found: &mut Found<'m>) {
    let served = hooks::served(view);
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

pub(super) fn unverified(
    block: Option<Cursor<'_>>,
    name: &str,
    place: &PlaceOf<'_>,
    found: &mut Found<'_>,
) {
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
