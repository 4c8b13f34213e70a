//! Deliveries, lifetimes and what consumers connect by.

use super::{Found, View, object};
use crate::document::Cursor;
use crate::guests::Scheme;
use crate::manifest::Entry;
use crate::names::{GuestId, SubjectAltName};
use crate::time::RenewBefore;

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    for located in &view.model.manifest.entries {
        let entry = &located.value;
        let object = view.manifest().cursor(located.node);
        deliveries(view, entry, object, found);
        lifetime(view, entry, object, found);
    }
    served(view, found);
}

/// Guests that get the pair must be there.
fn deliveries<'m>(view: &View<'m>, entry: &Entry, object: Cursor<'m>, found: &mut Found<'m>) {
    let targets = object.get("deploy").into_iter().flat_map(Cursor::items);
    let named = targets.map(|target| target.get("guest").unwrap_or(target));
    let mut all: Vec<(GuestId, Cursor<'m>)> = entry
        .deploy
        .iter()
        .map(|target| target.guest)
        .zip(named)
        .collect();
    let old = entry.old_delivery.as_ref().map(|old| old.guest);
    all.extend(old.zip(object.get("guest_id")));
    for (guest, at) in all {
        if view.guest(guest).is_none() {
            found
                .add(
                    "PX015",
                    format!(
                        "found {guest} as a place of {}, expected a guest of the site",
                        entry.common_name
                    ),
                )
                .value(at);
        }
    }
}

fn lifetime<'m>(view: &View<'m>, entry: &Entry, object: Cursor<'m>, found: &mut Found<'m>) {
    let Some(validity) = entry.validity else {
        return;
    };
    let window = match entry
        .renew_before
        .unwrap_or(view.model.settings.renew_before)
    {
        RenewBefore::Duration(stated) => stated.0,
        fraction @ RenewBefore::Fraction(_) => fraction.of(validity.0),
    };
    if window >= validity.0 {
        let open = found.add(
            "PX038",
            format!(
                "found a renewal window of {} and a lifetime of {} of {}, expected a shorter window",
                crate::time::human(window),
                crate::time::human(validity.0),
                entry.common_name
            ),
        );
        let stated = object.get("validity");
        match (object.get("renew_before"), stated) {
            (Some(window), Some(validity)) => {
                open.value(window).and_value(validity, "the lifetime");
            }
            (_, Some(validity)) => {
                open.value(validity)
                    .note("the window is `renew_before` of etc/phoenix.toml");
            }
            _ => {}
        }
    }
    if let Some(maximum) = view
        .facts
        .ca_maximum
        .filter(|maximum| *maximum < validity.0)
    {
        let open = found.add(
            "PX039",
            format!(
                "found a lifetime of {} of {}, expected at most the {} of the CA",
                crate::time::human(validity.0),
                entry.common_name,
                crate::time::human(maximum)
            ),
        );
        if let Some(stated) = object.get("validity") {
            open.value(stated);
        }
    }
}

/// Traefik connects by a guest's address: its certificate must name it.
fn served<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let served = super::hooks::served(view);
    let https = |scheme: Option<Scheme>| scheme == Some(Scheme::Https);
    for guest in view.model.guests.iter().filter(|guest| !guest.is_template) {
        let Some(service) = guest.traefik_service.as_ref() else {
            continue;
        };
        let member = object(view, guest).and_then(|object| object.get("traefik_service"));
        let Some(ip) = guest.address.ip() else {
            if guest.address == crate::guests::Address::Dhcp {
                let open = found.add(
                    "PX056",
                    format!(
                        "found the service `{}` of {} behind Traefik and its address `dhcp`, expected a fixed one",
                        service.name,
                        super::named(guest)
                    ),
                );
                if let Some(at) =
                    object(view, guest).and_then(|object| object.at("/network_config/ip"))
                {
                    open.value(at);
                }
                if let Some(member) = member {
                    open.and_value(member, "the service");
                }
            }
            continue;
        };
        if !https(service.scheme) {
            continue;
        }
        // Which of several is served there is not known: one that names the address is enough.
        let entries = served.get(&guest.id);
        let name = SubjectAltName::Ip(ip);
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
        let open = found.add(
            "PX037",
            format!(
                "found no {ip} among the names of {}, expected it: Traefik connects to https://{ip}:{}",
                first.value.common_name, service.port
            ),
        );
        open.start(entry.get("sans").unwrap_or(entry))
            .help(format!("add {ip} to `sans`"));
        if let Some(member) = member {
            open.and_value(member, "the service");
        }
    }
}
