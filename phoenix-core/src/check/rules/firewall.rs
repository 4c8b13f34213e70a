//! Firewall rules: the plain port, the link's admission, copies.

use std::collections::HashMap;

use crate::check::Findings;
use crate::diagnostic::{Fault, Faults};
use crate::document::{Document, Located, NodeId};
use crate::firewall::{Direction, Rule, RuleScope, covers, decode_rules, opens};
use crate::model::Model;

pub(crate) fn check(model: &Model, findings: &mut Findings) {
    let mut faults = Faults::new();
    for guest in &model.guests {
        if let (Some(document), Some(list)) = (super::document(model, guest), guest.rules) {
            let rules = decode_rules(document, list, RuleScope::Guest, &mut faults);
            plain(model, document, &rules, &guest.id.to_string(), findings);
            copies(document, &rules, findings);
        }
    }
    if let Some(list) = model.host.rules {
        let document = &model.documents.host;
        let rules = decode_rules(document, list, RuleScope::Cluster, &mut faults);
        plain(model, document, &rules, "the host-wide rules", findings);
        copies(document, &rules, findings);
    }
    for fault in &faults {
        findings.push(fault.clone());
    }
    admission(model, findings);
}

fn plain(
    model: &Model,
    document: &Document,
    rules: &[Located<Rule>],
    whose: &str,
    findings: &mut Findings,
) {
    let port = model.settings.docker.plain_port;
    for rule in opens(rules, port) {
        let manager = model.docker_managers().any(|guest| {
            guest
                .address
                .ip()
                .is_some_and(|ip| covers(rule.value.dest.as_ref(), ip))
        });
        // A range that happens to hold the port, on the way to somebody else, is no plain Docker.
        if manager {
            findings.push(
                Fault::error(
                    "PX001",
                    format!("found the plain Docker port {port} open in {whose}"),
                )
                .at(place(document, rule.node))
                .help("phoenix migrate docker-tls"),
            );
        }
    }
}

fn copies(document: &Document, rules: &[Located<Rule>], findings: &mut Findings) {
    let mut seen: HashMap<String, &Located<Rule>> = HashMap::new();
    for rule in rules {
        let first = *seen.entry(rule.value.to_string()).or_insert(rule);
        if first.node != rule.node {
            findings.push(
                Fault::warning("PX009", "found the same firewall rule twice")
                    .at(document.place(rule.node))
                    .at(document.place(first.node).with_label("first stated here"))
                    .help("remove one of them"),
            );
        }
    }
}

/// Traefik must reach the manager's encrypted port, where the manager has rules at all.
fn admission(model: &Model, findings: &mut Findings) {
    let port = model.settings.docker.port;
    let mut ignored = Faults::new();
    for manager in model.docker_managers() {
        let (Some(document), Some(list)) = (super::document(model, manager), manager.rules) else {
            continue;
        };
        let rules = decode_rules(document, list, RuleScope::Guest, &mut ignored);
        for traefik in model.traefiks() {
            let Some(ip) = traefik.address.ip() else {
                continue;
            };
            let admitted = opens(&rules, port).any(|rule| {
                rule.value.direction == Direction::In && covers(rule.value.source.as_ref(), ip)
            });
            if !admitted {
                let mut fault = Fault::error(
                    "PX005",
                    format!(
                        "found no inbound rule of {} for {ip} on port {port}, expected one",
                        manager.id
                    ),
                )
                .at(document.place(list));
                if let Some(place) = super::guest_place(model, traefik) {
                    fault = fault.at(place);
                }
                findings.push(fault.help("phoenix migrate docker-tls"));
            }
        }
    }
}

fn place(document: &Document, rule: NodeId) -> crate::diagnostic::Place {
    let cursor = document.cursor(rule);
    cursor.get("port").unwrap_or(cursor).place()
}
