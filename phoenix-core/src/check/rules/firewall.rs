//! Lists of rules: the plain port, lists that are switched off, what Proxmox would ignore.

use super::{Found, View};
use crate::document::{Cursor, Part};
use crate::firewall::{Action, Rule, RuleList, TCP, Target, covers};
use crate::guests::Guest;

pub(in crate::check) fn check<'m>(
    view: &View<'m>,
    guest: Option<&'m Guest>,
    list: &RuleList<'m>,
    found: &mut Found<'m>,
) {
    for fault in &list.faults {
        found.read(fault);
    }
    plain(view, list, found);
    if guest.is_none_or(|guest| !guest.is_template) {
        switched_off(list, found);
    }
}

fn whose(list: &RuleList<'_>) -> String {
    match list.target {
        Target::Global => "the host-wide rules".to_owned(),
        Target::Guest(guest) => guest.to_string(),
    }
}

fn plain<'m>(view: &View<'m>, list: &RuleList<'m>, found: &mut Found<'m>) {
    let port = view.model.settings.docker.plain_port;
    for listed in &list.rules {
        if opens_plain(view, &listed.rule) {
            let cursor = list.document.cursor(listed.node);
            found
                .add(
                    "PX001",
                    format!("found the plain Docker port {port} open in {}", whose(list)),
                )
                .value(cursor.get("port").unwrap_or(cursor))
                .help("phoenix migrate docker-tls");
        }
    }
}

/// Whether a rule lets somebody reach a manager's plain port.
pub(super) fn opens_plain(view: &View<'_>, rule: &Rule) -> bool {
    // A range that happens to hold the port, on the way to somebody else, is no plain Docker.
    rule.enabled
        && rule.action == Action::Accept
        && rule.ports.names(view.model.settings.docker.plain_port)
        && rule
            .proto
            .as_ref()
            .is_none_or(|proto| proto.number() == TCP)
        && view.managers.iter().any(|guest| {
            let ip = guest.address.ip();
            ip.is_some_and(|ip| covers(rule.dest.as_ref(), ip))
        })
}

fn switched_off<'m>(list: &RuleList<'m>, found: &mut Found<'m>) {
    let Some(firewall) = list.firewall.map(|node| list.document.cursor(node)) else {
        return;
    };
    let flag = firewall.get("enabled");
    if flag.and_then(Cursor::as_bool) == Some(true) || list.rules.is_empty() {
        return;
    }
    // The old place of the host-wide rules had no such flag.
    if flag.is_none()
        && list.target == Target::Global
        && firewall.pointer().starts_with("/shared_volumes/")
    {
        return;
    }
    let count = list.rules.len();
    let open = found.add(
        "PX054",
        format!(
            "found {count} {} in {} and its firewall switched off",
            if count == 1 { "rule" } else { "rules" },
            whose(list)
        ),
    );
    match flag {
        Some(flag) => open.value(flag),
        None => open.at(list.document, firewall.node(), Part::Key),
    };
}
