//! The rules, one file per subject, and their table.

pub(super) mod documents;
pub(super) mod firewall;
pub(super) mod guests;
pub(super) mod links;
pub(super) mod manifest;

use super::Rule;
use crate::diagnostic::Place;
use crate::document::Document;
use crate::guests::Guest;
use crate::model::Model;
use crate::names::GuestKind;

const fn rule(code: &'static str, title: &'static str, explanation: &'static str) -> Rule {
    Rule {
        code,
        title,
        explanation,
    }
}

/// Every rule, by code.
pub const RULES: &[Rule] = &[
    rule(
        "PX001",
        "plain Docker port",
        "Whoever reaches the plain port commands Docker. `phoenix migrate docker-tls` moves the link to TLS.",
    ),
    rule(
        "PX002",
        "endpoint leads elsewhere",
        "Traefik's endpoint must be the manager's address and the encrypted port.",
    ),
    rule(
        "PX003",
        "TLS block not complete",
        "Without ca, cert and key Docker refuses Traefik; without verification anybody can play Docker.",
    ),
    rule(
        "PX004",
        "certificate does not name the endpoint",
        "Traefik verifies the endpoint's address against the names of Docker's certificate.",
    ),
    rule(
        "PX005",
        "link not admitted",
        "The manager's firewall must let Traefik reach the encrypted port.",
    ),
    rule(
        "PX006",
        "client entry issues a server certificate",
        "Docker admits only certificates with client usage: `cert_type: client`.",
    ),
    rule(
        "PX007",
        "apiVersion",
        "Traefik 3.7 refuses the field and does not start.",
    ),
    rule(
        "PX008",
        "provider docker with a Swarm",
        "Traefik 3 lists no Swarm service under `docker`; the block is called `swarm`.",
    ),
    rule(
        "PX009",
        "rule twice",
        "An exact copy of a rule does nothing and hides what the list means.",
    ),
    rule(
        "PX010",
        "permissions would open the key",
        "The key gets a narrower mode than `permissions` says; state `key_permissions` to choose it.",
    ),
    rule(
        "PX011",
        "hook names an unknown guest",
        "The hook would fail after each renewal.",
    ),
    rule(
        "PX012",
        "dependency on an unknown guest",
        "The guest waits for one that will never start.",
    ),
    rule(
        "PX013",
        "clone of an unknown guest",
        "The guest cannot be made anew: containers are cloned from containers, machines from machines.",
    ),
    rule(
        "PX014",
        "guests wait for each other",
        "None of them can be made or started first.",
    ),
    rule(
        "PX015",
        "delivery to an unknown guest",
        "The pair would be issued and never arrive.",
    ),
    rule(
        "PX016",
        "one number for two guests",
        "Proxmox has one number for containers and machines alike; only one of them can exist.",
    ),
    rule(
        "PX017",
        "name twice in an object",
        "Every reader takes the last one; the first does nothing and hides what the file means.",
    ),
    rule(
        "PX018",
        "host-wide rules at both places",
        "Only `firewall.global_firewall_rules` is read where it is there.",
    ),
    rule(
        "PX019",
        "every certificate of the CA commands Docker",
        "dockerd admits every client certificate that leads to its root. step-ca puts client usage on each leaf, so any web \
         application's certificate is root on the Swarm manager. `phoenix migrate docker-tls --client-ca dedicated` gives \
         Docker's clients a CA of their own.",
    ),
];

/// The document that describes a guest.
fn document<'m>(model: &'m Model, guest: &Guest) -> Option<&'m Document> {
    match guest.id.kind {
        GuestKind::Vm => model.documents.vms.as_ref(),
        GuestKind::Lxc => model.documents.lxcs.as_ref(),
    }
}

/// Where a guest is described.
fn guest_place(model: &Model, guest: &Guest) -> Option<Place> {
    document(model, guest).map(|document| {
        document
            .place(guest.node)
            .with_label(format!("{} is described here", guest.id))
    })
}
