//! Addresses of guests: used once, and on the bridge's network.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Found, View, named, object};
use crate::document::Cursor;
use crate::firewall::Network;
use crate::guests::{Address, Guest};

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let host = view.model.documents.host.root();
    let interface = host.at("/network/interfaces");
    let own = interface.and_then(|interface| interface.get("address"));
    let read = |cursor: Option<Cursor<'m>>| {
        let address = Address::parse(&cursor?.as_str()?)?;
        Some((address, cursor?))
    };
    let mut taken: HashMap<IpAddr, Taken<'m>> = HashMap::new();
    if let Some((address, at)) = read(own)
        && let Some(ip) = address.ip()
    {
        taken.insert(ip, Taken { by: None, at });
    }
    let bridge = network(read(own).map(|(address, _)| address)).or_else(|| {
        let subnet = host.at("/network/default_subnet")?;
        subnet.as_str()?.parse().ok()
    });
    let bridge_name = interface.and_then(|interface| interface.get("name")?.as_str());
    for guest in view.model.guests.iter().filter(|guest| !guest.is_template) {
        let Some(settings) = object(view, guest).and_then(|object| object.get("network_config"))
        else {
            continue;
        };
        let (Some(ip), Some(at)) = (guest.address.ip(), settings.get("ip")) else {
            continue;
        };
        once(guest, ip, at, &mut taken, found);
        // A guest on another bridge is on another network.
        let elsewhere = settings
            .get("bridge")
            .and_then(Cursor::as_str)
            .is_some_and(|name| bridge_name.as_ref().is_some_and(|bridge| *bridge != name))
            || settings
                .get("vlan")
                .or_else(|| settings.get("tag"))
                .is_some();
        if let Some(bridge) = bridge.filter(|bridge| {
            !elsewhere && bridge.family() == crate::firewall::Family::of(ip) && !bridge.contains(ip)
        }) {
            let open = found.add(
                "PX026",
                format!(
                    "found the address {ip} of {}, expected one of {bridge}",
                    named(guest)
                ),
            );
            open.value(at);
            if let Some(own) = own {
                open.and_value(own, "the bridge's network");
            }
        } else if let (Some(network), Some((gateway, cursor))) =
            (network(Some(guest.address)), read(settings.get("gw")))
            && let Some(gateway) = gateway.ip()
            && !network.contains(gateway)
        {
            found
                .add(
                    "PX026",
                    format!(
                        "found the gateway {gateway} of {}, expected one of its network {network}",
                        named(guest)
                    ),
                )
                .value(cursor)
                .and_value(at, "its own address");
        }
    }
}

struct Taken<'m> {
    /// Nobody is the host.
    by: Option<&'m Guest>,
    at: Cursor<'m>,
}

fn once<'m>(
    guest: &'m Guest,
    ip: IpAddr,
    at: Cursor<'m>,
    taken: &mut HashMap<IpAddr, Taken<'m>>,
    found: &mut Found<'m>,
) {
    if let Some(first) = taken.get(&ip) {
        let by = first.by.map_or_else(|| "the host".to_owned(), named);
        found
            .add(
                "PX025",
                format!(
                    "found the address {ip} for {} and {}, expected one of its own for each",
                    by,
                    named(guest)
                ),
            )
            .value(at)
            .and_value(first.at, format!("{by} has it here"));
    } else {
        taken.insert(
            ip,
            Taken {
                by: Some(guest),
                at,
            },
        );
    }
}

fn network(address: Option<Address>) -> Option<Network> {
    match address? {
        Address::Static {
            ip,
            prefix: Some(prefix),
        } => Some(Network::around(ip, prefix)),
        _ => None,
    }
}
