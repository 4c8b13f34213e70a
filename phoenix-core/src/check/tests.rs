use std::path::{Path, PathBuf};

use super::*;
use crate::migrate::{DockerTlsOptions, Migration, docker_tls};
use crate::model::SourceFile;
use crate::test_sites::{self, HOST, LXCS, MANIFEST, TEMPLATE, VMS, corpus, sample_site};

const FILES: [&str; 5] = [MANIFEST, VMS, LXCS, HOST, TEMPLATE];

/// What concerns the link between Traefik and Docker.
const LINK: [&str; 8] = [
    "PX001", "PX002", "PX003", "PX004", "PX005", "PX006", "PX007", "PX008",
];

type Texts = Vec<(PathBuf, String)>;

fn model(texts: &Texts) -> Model {
    test_sites::model(|name| {
        let (path, text) = texts.iter().find(|(path, _)| path.ends_with(name)).unwrap();
        SourceFile {
            path: path.clone(),
            bytes: text.as_bytes().to_vec(),
        }
    })
}

fn plain_site(site: &Path) -> Texts {
    let paths = FILES.iter().map(|name| site.join("etc").join(name));
    paths
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn migrated(site: &Path) -> Texts {
    let mut texts = plain_site(site);
    let Migration { files } = docker_tls(&model(&texts), DockerTlsOptions::default()).unwrap();
    for edit in files {
        let (_, text) = texts
            .iter_mut()
            .find(|(path, _)| path == edit.before.path())
            .unwrap();
        edit.after.text().clone_into(text);
    }
    texts
}

fn look(texts: &Texts) -> Findings {
    check(&model(texts), &Facts::default(), &Selection::default())
}

fn count(texts: &Texts, code: &str) -> usize {
    look(texts).of(code).count()
}

fn with(texts: &Texts, name: &str, from: &str, to: &str) -> Texts {
    let mut texts = texts.clone();
    let (_, text) = texts
        .iter_mut()
        .find(|(path, _)| path.ends_with(name))
        .unwrap();
    assert!(text.contains(from), "the example `{from}` is not in {name}");
    *text = text.replace(from, to);
    texts
}

#[test]
fn each_rule_finds_its_bad_example_and_nothing_in_the_good_one() {
    let good = migrated(&sample_site());
    let hook = "qm guest exec 1001 -- systemctl restart docker";
    let bad = [
        ("PX001", HOST, "\"port\": \"2376\"", "\"port\": \"2375\""),
        (
            "PX001",
            LXCS,
            "\"port\": \"2376\"",
            "\"port\": \"2370:2376\"",
        ),
        ("PX001", TEMPLATE, "10.0.0.111:2376", "10.0.0.111:2375"),
        ("PX002", TEMPLATE, "10.0.0.111:2376", "10.0.0.99:2376"),
        ("PX002", TEMPLATE, "10.0.0.111:2376", "10.0.0.111:2377"),
        (
            "PX003",
            TEMPLATE,
            "insecureSkipVerify: false",
            "insecureSkipVerify: true",
        ),
        ("PX003", TEMPLATE, "      key:", "      # key:"),
        (
            "PX003",
            TEMPLATE,
            "    tls:",
            "    # tls:\n    constraints:",
        ),
        ("PX004", MANIFEST, "\"10.0.0.111\"", "\"10.0.0.9\""),
        ("PX005", VMS, "\"port\": \"2376\"", "\"port\": \"2377\""),
        (
            "PX006",
            MANIFEST,
            "\"cert_type\": \"client\"",
            "\"cert_type\": \"server\"",
        ),
        (
            "PX007",
            TEMPLATE,
            "    network: traefik-public",
            "    network: traefik-public\n    apiVersion: \"1.52\"",
        ),
        ("PX008", TEMPLATE, "  swarm:", "  docker:"),
        (
            "PX011",
            MANIFEST,
            hook,
            "qm guest exec 1999 -- systemctl restart docker",
        ),
        (
            "PX012",
            LXCS,
            "\"dependencies\": [",
            "\"dependencies\": [\"7\",",
        ),
        (
            "PX012",
            VMS,
            "\"dependencies\": [",
            "\"dependencies\": [\"x\",",
        ),
        (
            "PX013",
            LXCS,
            "\"clone_from_ctid\": \"900\"",
            "\"clone_from_ctid\": \"9000\"",
        ),
        (
            "PX013",
            VMS,
            "\"clone_from_vmid\": 9000",
            "\"clone_from_vmid\": 900",
        ),
        (
            "PX014",
            VMS,
            "\"dependencies\": [",
            "\"dependencies\": [\"1001\",",
        ),
        ("PX015", MANIFEST, "\"vm:1001\"", "\"vm:1999\""),
        ("PX016", VMS, "\"vmid\": 1002", "\"vmid\": 101"),
        (
            "PX017",
            HOST,
            "\"domain_name\"",
            "\"domain_name\": \"old.example\", \"domain_name\"",
        ),
        (
            "PX018",
            HOST,
            "\"shared_volumes\": {",
            "\"shared_volumes\": {\"firewall\": {\"global_firewall_rules\": []}, ",
        ),
    ];
    for (code, file, from, to) in bad {
        assert_eq!(count(&good, code), 0, "{code} in the good example");
        let texts = with(&good, file, from, to);
        let findings = look(&texts);
        let found = findings
            .of(code)
            .next()
            .unwrap_or_else(|| panic!("{code} missed {to}"));
        assert!(
            found.places.first().is_some_and(|place| place.line > 0),
            "{code} has no place"
        );
    }
}

#[test]
fn a_copied_rule_is_a_warning() {
    let good = migrated(&sample_site());
    let end = "\"comment\": \"Traefik to the Docker API over TLS\"\n            }";
    let rule = "{\"type\": \"in\", \"action\": \"ACCEPT\", \"source\": \"10.0.0.12\", \"dest\": \"10.0.0.111\", \"proto\": \"tcp\", \"port\": \"2376\", \"comment\": \"Traefik to the Docker API over TLS\"}";
    let bad = with(&good, HOST, end, &format!("{end}, {rule}"));
    assert_eq!(count(&bad, "PX009"), count(&good, "PX009") + 1);
    let other = with(
        &bad,
        HOST,
        "\"10.0.0.12\", \"dest\"",
        "\"10.0.0.13\", \"dest\"",
    );
    assert_eq!(
        count(&other, "PX009"),
        count(&good, "PX009"),
        "another source is no copy"
    );
}

#[test]
fn permissions_that_would_open_the_key_say_what_it_gets() {
    let texts = migrated(&sample_site());
    let findings = look(&texts);
    let messages: Vec<&str> = findings
        .of("PX010")
        .map(|fault| fault.message.as_str())
        .collect();
    assert!(
        messages.iter().any(|message| message
            .contains("permissions 644 of traefik.internal.example")
            && message.ends_with("gets 600")),
        "{messages:?}"
    );
    let closed = with(
        &texts,
        MANIFEST,
        "\"permissions\": \"644\"",
        "\"permissions\": \"600\"",
    );
    assert!(
        !look(&closed)
            .of("PX010")
            .any(|fault| fault.message.contains(" 644 "))
    );
}

#[test]
fn the_plain_site_has_findings_in_every_file_of_the_link() {
    let findings = look(&plain_site(&sample_site()));
    assert!(findings.has_errors());
    let files: std::collections::BTreeSet<&Path> = findings
        .of("PX001")
        .flat_map(|fault| &fault.places)
        .map(|place| place.file.as_path())
        .collect();
    assert_eq!(files.len(), 4, "{files:?}");
}

#[test]
fn nothing_about_the_link_remains_after_the_migration_of_the_real_site() {
    let Some(site) = corpus("site") else {
        return;
    };
    let findings = look(&migrated(&site));
    for code in LINK {
        assert_eq!(
            findings.of(code).collect::<Vec<_>>(),
            Vec::<&crate::diagnostic::Fault>::new()
        );
    }
}
