use std::path::{Path, PathBuf};

use super::*;
use crate::diagnostic::Faults;
use crate::document::{Document, Format};
use crate::firewall::{RuleScope, decode_rules, opens};
use crate::manifest::{CertType, Entry};
use crate::model::{Issuer, Model, Placement, SourceFile};
use crate::names::SubjectAltName;
use crate::settings::{ClientCa, Settings};
use crate::test_sites::{self, HOST, LXCS, MANIFEST, TEMPLATE, VMS, corpus, sample_site};
use crate::traefik::StaticFile;

/// A site of the tests and what its migration leads to.
struct Expected {
    domain: &'static str,
    storage: &'static str,
}

fn read(site: &Path, migrated: &Migration) -> Model {
    test_sites::model(|name| {
        let path = site.join("etc").join(name);
        let after = migrated
            .files
            .iter()
            .find(|edit| edit.before.path() == path);
        let bytes = match after {
            Some(edit) => edit.after.text().as_bytes().to_vec(),
            None => std::fs::read(&path).unwrap(),
        };
        SourceFile { path, bytes }
    })
}

fn edit<'m>(migration: &'m Migration, name: &str) -> &'m FileEdit {
    migration
        .files
        .iter()
        .find(|edit| edit.before.path().ends_with(name))
        .unwrap()
}

/// Lines without indentation and comma: what a removed neighbour cannot change.
fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.trim().trim_end_matches(',').to_owned())
        .collect()
}

/// What `from` has more often than `other`, sorted.
fn surplus(from: &str, other: &str) -> Vec<String> {
    let mut rest = lines(other);
    let mut more: Vec<String> = lines(from)
        .into_iter()
        .filter(|line| match rest.iter().position(|found| found == line) {
            Some(at) => {
                rest.swap_remove(at);
                false
            }
            None => true,
        })
        .collect();
    more.sort();
    more
}

fn lists(model: &Model) -> Vec<(&Document, crate::document::NodeId)> {
    let of_guests = model
        .guests
        .iter()
        .filter_map(|guest| Some((model.documents.of(guest.id.kind)?, guest.rules?)));
    of_guests
        .chain(model.host.rules.map(|rules| (&model.documents.host, rules)))
        .collect()
}

/// Rules that open a port to TCP, anywhere in the site: their file and their text.
fn opening(model: &Model, port: u16) -> Vec<(PathBuf, String)> {
    let mut faults = Faults::new();
    let mut found = Vec::new();
    for (document, list) in lists(model) {
        let rules = decode_rules(document, list, RuleScope::Cluster, &mut faults);
        for rule in opens(&rules, port) {
            let span = document.place(rule.node).span;
            found.push((document.path().to_owned(), document.text()[span].to_owned()));
        }
    }
    found
}

fn entry<'m>(model: &'m Model, name: &str) -> &'m Entry {
    model.manifest.entry(&name.parse().unwrap()).unwrap()
}

fn hook(entry: &Entry) -> String {
    entry.hook.as_ref().unwrap().command.to_string()
}

fn migrates(site: &Path, expected: &Expected) {
    let before = read(site, &Migration::default());
    let migration = docker_tls(&before, DockerTlsOptions::default()).unwrap();
    let after = read(site, &migration);
    assert_eq!(migration.files.len(), 5, "five files change together");
    assert!(migration.files.iter().all(|edit| !edit.reasons.is_empty()));
    entries(&before, &after, &migration, expected);
    template(&migration);
    firewall(&before, &after, &migration);
    let second = docker_tls(&after, DockerTlsOptions::default()).unwrap();
    assert!(
        second.files.is_empty(),
        "{:?}",
        second
            .files
            .iter()
            .map(|edit| &edit.reasons)
            .collect::<Vec<_>>()
    );
}

fn entries(before: &Model, after: &Model, migration: &Migration, expected: &Expected) {
    let Expected { domain, storage } = expected;
    let (server_name, client_name) = (
        format!("docker-daemon.{domain}"),
        format!("traefik-client.{domain}"),
    );
    let server = entry(after, &server_name);
    let dir = Path::new(storage).join("vm-persistent-data/1001/docker/certs");
    assert_eq!(
        (&server.cert_path, &server.key_path),
        (&dir.join("server-cert.pem"), &dir.join("server-key.pem"))
    );
    assert!(
        server
            .names
            .contains(&SubjectAltName::Ip("10.0.0.111".parse().unwrap()))
    );
    assert_eq!(server.cert_type, CertType::Server);
    assert_eq!(
        hook(server),
        "qm guest exec 1001 -- systemctl restart docker"
    );
    let client = entry(after, &client_name);
    let dir = Path::new(storage).join("lxc-persistent-data/102/traefik/certs");
    assert_eq!(
        (&client.cert_path, &client.key_path),
        (&dir.join("client-cert.pem"), &dir.join("client-key.pem"))
    );
    assert_eq!(client.cert_type, CertType::Client);
    assert_eq!(hook(client), "pct exec 102 -- systemctl restart traefik");
    let delivered = |entry: &Entry| {
        let target = entry.deploy.first().unwrap();
        (
            target.guest.to_string(),
            target.cert.to_string_lossy().into_owned(),
            entry.deploy.len(),
        )
    };
    assert_eq!(
        delivered(server),
        (
            "vm:1001".to_owned(),
            "/etc/docker/tls/server-cert.pem".to_owned(),
            1
        )
    );
    assert_eq!(
        delivered(client),
        (
            "lxc:102".to_owned(),
            "/etc/traefik/certs/client-cert.pem".to_owned(),
            1
        )
    );

    // Every other entry stays byte for byte.
    let edit = edit(migration, MANIFEST);
    let others = |model: &Model, document: &Document| -> Vec<String> {
        let others = model.manifest.entries.iter().filter(|located| {
            ![&server_name, &client_name]
                .iter()
                .any(|name| located.value.common_name.as_str() == name.as_str())
        });
        others
            .map(|located| document.text()[document.place(located.node).span].to_owned())
            .collect()
    };
    let untouched = others(before, &edit.before);
    assert!(!untouched.is_empty());
    assert_eq!(untouched, others(after, &edit.after));
}

fn template(migration: &Migration) {
    let edit = edit(migration, TEMPLATE);
    assert_eq!(
        surplus(edit.before.text(), edit.after.text()),
        [
            "apiVersion: \"1.52\"",
            "docker:",
            "endpoint: \"tcp://10.0.0.111:2375\""
        ]
    );
    let gained: Vec<String> = surplus(edit.after.text(), edit.before.text())
        .into_iter()
        .map(|line| line.replace('"', ""))
        .collect();
    let mut wanted = [
        "ca: /etc/traefik/certs/ca.pem",
        "cert: /etc/traefik/certs/client-cert.pem",
        "endpoint: tcp://10.0.0.111:2376",
        "insecureSkipVerify: false",
        "key: /etc/traefik/certs/client-key.pem",
        "swarm:",
        "tls:",
    ];
    wanted.sort_unstable();
    let mut gained = gained;
    gained.sort();
    assert_eq!(gained, wanted);
    let provider = StaticFile::parse(edit.after.path(), edit.after.text())
        .unwrap()
        .provider()
        .unwrap();
    assert_eq!(
        (
            provider.name.as_str(),
            provider.endpoint.unwrap().0.as_str()
        ),
        ("swarm", "tcp://10.0.0.111:2376")
    );
    assert!(provider.tls.is_some_and(|tls| !tls.insecure
        && tls.ca.is_some()
        && tls.cert.is_some()
        && tls.key.is_some()));
}

/// A plain rule goes whole where its encrypted twin stands already, else only its port changes.
fn firewall(before: &Model, after: &Model, migration: &Migration) {
    let plain = opening(before, 2375);
    let encrypted = opening(before, 2376);
    assert_eq!(plain.len(), 3, "one rule in each of three files");
    assert_eq!(opening(after, 2375), []);
    for name in [VMS, LXCS, HOST] {
        let edit = edit(migration, name);
        let (path, rule) = plain.iter().find(|(path, _)| path.ends_with(name)).unwrap();
        let lost = surplus(edit.before.text(), edit.after.text());
        let gained = surplus(edit.after.text(), edit.before.text());
        if encrypted.iter().any(|(other, _)| other == path) {
            let mut whole = lines(rule);
            whole.sort();
            assert_eq!((lost, gained), (whole, vec![]), "{name}");
            let mut rest = lines(edit.before.text()).into_iter();
            let in_order = lines(edit.after.text())
                .iter()
                .all(|line| rest.any(|found| found == *line));
            assert!(in_order, "{name}: the order changed");
        } else {
            let ports = edit
                .before
                .text()
                .replace(rule, &rule.replace("2375", "2376"));
            assert_eq!(edit.after.text(), ports, "{name}");
        }
        let now = opening(after, 2376);
        assert_eq!(
            now.iter().filter(|(other, _)| other == path).count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn the_sample_site_gets_exactly_the_edits_of_the_link() {
    migrates(
        &sample_site(),
        &Expected {
            domain: "internal.example",
            storage: "/mnt/pve/tank",
        },
    );
}

#[test]
fn the_real_site_gets_exactly_the_edits_of_the_link() {
    let Some(site) = corpus("site") else {
        return;
    };
    migrates(
        &site,
        &Expected {
            domain: "internal.thinkheads.ai",
            storage: "/mnt/pve/quickOS",
        },
    );
}

#[test]
fn the_old_provider_name_can_be_kept() {
    let before = read(&sample_site(), &Migration::default());
    let options = DockerTlsOptions {
        provider: ProviderName::Docker,
        ..DockerTlsOptions::default()
    };
    let migration = docker_tls(&before, options).unwrap();
    let edit = edit(&migration, TEMPLATE);
    let provider = StaticFile::parse(edit.after.path(), edit.after.text())
        .unwrap()
        .provider()
        .unwrap();
    assert_eq!(provider.name, "docker");
    assert!(!edit.after.text().contains("apiVersion"));
    assert!(
        docker_tls(&read(&sample_site(), &migration), options)
            .unwrap()
            .files
            .is_empty()
    );
}

#[test]
fn only_dockers_client_and_dockerds_root_are_of_the_dedicated_ca() {
    let migration = docker_tls(
        &read(&sample_site(), &Migration::default()),
        DockerTlsOptions::default(),
    );
    let mut model = read(&sample_site(), &migration.unwrap());
    let of = |model: &Model| {
        let mut clients = Vec::new();
        let mut roots = Vec::new();
        for located in &model.manifest.entries {
            let entry = &located.value;
            if model.issuer_of(entry) == Issuer::DockerClients {
                clients.push(entry.common_name.to_string());
            }
            let theirs = |placement: &Placement| placement.ca_of == Issuer::DockerClients;
            let places = model.placements(entry).into_iter().filter(theirs);
            roots.extend(places.filter_map(|placement| placement.ca));
        }
        (clients, roots)
    };
    assert_eq!(of(&model), (vec![], vec![]));
    model.settings.docker.client_ca = ClientCa::Dedicated;
    assert_eq!(
        of(&model),
        (
            vec!["traefik-client.internal.example".to_owned()],
            vec!["/etc/docker/tls/ca.pem".into()]
        )
    );
}

#[test]
fn whose_clients_docker_admits_stands_in_the_settings() {
    let options = |client_ca| DockerTlsOptions {
        client_ca,
        ..DockerTlsOptions::default()
    };
    let dedicated = options(Some(ClientCa::Dedicated));
    let mut model = read(&sample_site(), &Migration::default());
    let new = docker_tls(&model, dedicated).unwrap().new_files;
    assert_eq!(new.len(), 1);
    assert!(new[0].path.ends_with("etc/phoenix.toml"));
    let set = |text: &str| {
        let document = Document::parse("phoenix.toml".as_ref(), text.into(), Format::Toml).unwrap();
        (Settings::decode(&document).unwrap(), document)
    };
    let (settings, document) = set(&new[0].text);
    assert_eq!(settings.docker.client_ca, ClientCa::Dedicated);
    // Nothing asked, nothing edited.
    assert!(
        docker_tls(&model, options(None))
            .unwrap()
            .new_files
            .is_empty()
    );
    (model.settings, model.documents.settings) = (settings, Some(document));
    assert_eq!(docker_tls(&model, dedicated).unwrap().files.len(), 5);
    let shared = docker_tls(&model, options(Some(ClientCa::Shared))).unwrap();
    let edit = shared.files.last().unwrap();
    assert_eq!(edit.reasons, ["docker.client_ca becomes shared"]);
    assert_eq!(
        edit.after.text(),
        new[0].text.replace("\"dedicated\"\n", "\"shared\"\n")
    );
}
