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
    let Migration { files, .. } = docker_tls(&model(&texts), DockerTlsOptions::default()).unwrap();
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
fn a_shared_root_of_dockers_clients_is_named_until_they_have_their_own() {
    let shared = model(&migrated(&sample_site()));
    let findings = check(&shared, &Facts::default(), &Selection::default());
    let fault = findings
        .of("PX053")
        .next()
        .expect("the shared case is named");
    assert!(
        fault
            .message
            .ends_with("every leaf of this CA may command Docker"),
        "{fault}"
    );
    assert!(fault.places.first().is_some_and(|place| place.line > 0));
    assert_eq!(count(&plain_site(&sample_site()), "PX053"), 0, "no TLS yet");
    let mut dedicated = shared.clone();
    dedicated.settings.docker.client_ca = crate::settings::ClientCa::Dedicated;
    assert_eq!(
        check(&dedicated, &Facts::default(), &Selection::default())
            .of("PX053")
            .count(),
        0
    );
    // Our own CA gives leaves one usage: only other clients could get in.
    let mut ours = shared;
    for guest in &mut ours.guests.0 {
        guest.bootstrap_ca_url = None;
    }
    ours.host.step_ca.dns_name = None;
    assert_eq!(
        check(&ours, &Facts::default(), &Selection::default())
            .of("PX053")
            .count(),
        0
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

/// What is wrong with the real site as it stands, each with its reason; nothing else is found there.
const TRUE_FAULTS: &[(&str, &str, &str)] = &[
    (
        "PX029",
        "key of portainer",
        "the directory is exported to both machines, root of each is root there",
    ),
    ("PX029", "key of drphoenix-agent", "likewise"),
    (
        "PX010",
        "permissions 644 of traefik",
        "the key would be open to everybody",
    ),
    (
        "PX033",
        "hook of traefik",
        "a loop that waits for the very file that is there when hooks run",
    ),
    (
        "PX031",
        "vm-persistent-data",
        "the manifest has the mount, exports and machines have the pool",
    ),
    (
        "PX022",
        "lxc:801",
        "the CA's rules name five addresses, this one is not among them",
    ),
    (
        "PX022",
        "service `nginx`",
        "the gateway admits 443 from three others, not from Traefik",
    ),
    (
        "PX024",
        "10.0.0.13 -p tcp -dport 443",
        "two stories for one rule",
    ),
    ("PX024", "10.0.0.12 -p tcp -dport 9000", "likewise"),
    (
        "PX052",
        "lxc:103",
        "five containers mount the directory with the provisioner's password",
    ),
    (
        "PX050",
        "admin_password",
        "Portainer's password stands in the file",
    ),
    (
        "PX043",
        "api.insecure",
        "8080 shows everything without a password",
    ),
    (
        "PX044",
        "`directory` and `filename`",
        "Traefik ignores the file's name",
    ),
    ("PX009", "twice", "Traefik to Portainer stands twice"),
    (
        "PX023",
        "10 host-wide rules about vm:1002, vm:1001, lxc:101",
        "Proxmox's host-wide rules are the host's own, no guest's",
    ),
    (
        "PX023",
        "10.0.0.102 -p tcp -dport 2377",
        "the rule before it admits everybody",
    ),
    ("PX023", "10.0.0.102 -p tcp -dport 7946", "likewise"),
    ("PX023", "10.0.0.102 -p udp -dport 7946", "likewise"),
    ("PX023", "10.0.0.102 -p udp -dport 4789", "likewise"),
    (
        "PX023",
        "10.0.0.111 -p tcp -dport 2377",
        "likewise, on the worker",
    ),
    ("PX023", "10.0.0.111 -p tcp -dport 7946", "likewise"),
    ("PX023", "10.0.0.111 -p udp -dport 7946", "likewise"),
    ("PX023", "10.0.0.111 -p udp -dport 4789", "likewise"),
    (
        "PX023",
        "10.0.0.10 -p tcp -dport 80`",
        "80,443 is admitted before it",
    ),
];

/// What only the plain link has.
const PLAIN_LINK: &[(&str, &str, &str)] = &[
    ("PX001", "Traefik's way", "the endpoint is the plain port"),
    ("PX001", "open in vm:1001", "a rule admits it"),
    ("PX001", "open in lxc:102", "a rule lets it out"),
    ("PX001", "host-wide", "the written plan forgot it"),
    ("PX003", "no `tls`", "nothing is encrypted"),
    (
        "PX006",
        "client usage",
        "the entry would get a server certificate",
    ),
    ("PX007", "apiVersion", "Traefik 3.7 does not start with it"),
    ("PX008", "providers.docker", "the manager is one of a Swarm"),
    (
        "PX032",
        "hook of docker-daemon",
        "its files stay on the host",
    ),
    ("PX032", "hook of traefik-client", "likewise"),
];

/// What is still true of the link when it is encrypted.
const TLS_LINK: &[(&str, &str, &str)] = &[
    (
        "PX029",
        "key of docker-daemon",
        "the machine's directory is exported",
    ),
    (
        "PX053",
        "vm:1001",
        "Docker trusts the root that every leaf chains to",
    ),
];

/// Each expected finding is there, and what is found is expected. Mounts into guests that are gone are many, and counted.
fn are(texts: &Texts, facts: &Facts, expected: &[&[(&str, &str, &str)]], mounts: usize) {
    let findings = check(&model(texts), facts, &Selection::default());
    let mut left: Vec<_> = expected.iter().copied().flatten().collect();
    let mut seen_mounts = 0;
    for fault in findings.faults() {
        if fault.code == "PX057" {
            seen_mounts += 1;
        } else {
            let is_it = |(code, part, _): &&(&str, &str, &str)| {
                *code == fault.code && fault.message.contains(part)
            };
            let at = left
                .iter()
                .position(is_it)
                .unwrap_or_else(|| panic!("not expected: {} {fault}", fault.code));
            left.remove(at);
        }
    }
    assert_eq!(left, Vec::<&(&str, &str, &str)>::new(), "not found");
    assert_eq!(seen_mounts, mounts);
}

#[test]
fn of_the_real_site_the_true_faults_are_found_and_no_other() {
    if let Some(site) = corpus("site") {
        let facts = Facts::default();
        are(&plain_site(&site), &facts, &[TRUE_FAULTS, PLAIN_LINK], 8);
    }
}

#[test]
fn of_the_real_site_after_migration_and_run_only_what_is_still_true_is_found() {
    if let Some(site) = corpus("site") {
        let expected: &[&[_]] = &[TRUE_FAULTS, TLS_LINK];
        are(&migrated(&site), &Facts::default(), expected, 8);
        are(&migrated(&site), &told_after_a_run(), expected, 8);
    }
}

/// What guests tell when a run has configured them: a unit of Docker's own with our drop-in, Traefik of today.
fn told_after_a_run() -> Facts {
    let started = "/usr/bin/dockerd --containerd=/run/containerd/containerd.sock";
    let unit =
        format!("# /lib/systemd/system/docker.service\n[Service]\nExecStart={started} -H fd://\n");
    let drop_in = crate::docker::unit::plan(&unit).unwrap().drop_in.unwrap();
    let docker = crate::inventory::DockerFacts {
        daemon_json: Some(
            br#"{"tlsverify": true, "hosts": ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"]}"#
                .to_vec(),
        ),
        active_state: "active".to_owned(),
        unit: format!(
            "{unit}# /etc/systemd/system/docker.service.d/{}\n{}",
            drop_in.name, drop_in.text
        ),
        version: Some("Docker version 28.5.1, build e180ab8".to_owned()),
        server_version: None,
        swarm_active: true,
        started_before_root: false,
        sockets: Vec::new(),
    };
    let traefik = crate::inventory::TraefikFacts {
        static_file: None,
        dynamic_file: None,
        active_state: "active".to_owned(),
        version: Some("Version:      3.7.0".to_owned()),
        started_before_file: false,
    };
    let mut facts = Facts::default();
    let manager = Told {
        docker: Some(docker),
        traefik: None,
    };
    facts
        .guests
        .insert(crate::names::GuestId::vm(1001), manager);
    let proxy = Told {
        docker: None,
        traefik: Some(traefik),
    };
    facts.guests.insert(crate::names::GuestId::lxc(102), proxy);
    facts
}

#[test]
fn of_the_sample_site_the_faults_that_it_was_given_are_found() {
    let own: &[(&str, &str, &str)] = &[
        ("PX029", "key of portainer", "as on the real site"),
        ("PX029", "key of worker-agent", "likewise"),
        ("PX010", "permissions 644 of traefik", "likewise"),
        ("PX033", "hook of traefik", "likewise"),
        ("PX031", "vm-persistent-data", "likewise"),
        ("PX022", "service `nginx`", "likewise"),
        ("PX052", "lxc:103", "likewise"),
        ("PX050", "admin_password", "likewise"),
        ("PX043", "api.insecure", "likewise"),
        ("PX044", "`directory` and `filename`", "likewise"),
        ("PX009", "twice", "Traefik to Portainer"),
        ("PX009", "twice", "Traefik to the CA"),
        ("PX023", "9 host-wide rules about", "as on the real site"),
    ];
    let site = sample_site();
    let facts = Facts::default();
    are(&plain_site(&site), &facts, &[own, PLAIN_LINK], 0);
    are(&migrated(&site), &facts, &[own, TLS_LINK], 0);
    are(&migrated(&site), &told_after_a_run(), &[own, TLS_LINK], 0);
}

#[test]
fn of_a_site_that_cannot_be_read_in_part_the_rest_is_looked_at() {
    let mut texts = plain_site(&sample_site());
    for (path, text) in &mut texts {
        if path.ends_with(MANIFEST) {
            text.push_str(" x");
        }
        if path.ends_with(HOST) {
            *text = text.replace("\"domain_name\"", "\"no_domain\"");
        }
    }
    let mut facts = Facts::default();
    let file = |name: &str| {
        let (path, text) = texts.iter().find(|(path, _)| path.ends_with(name)).unwrap();
        SourceFile {
            path: path.clone(),
            bytes: text.as_bytes().to_vec(),
        }
    };
    let files = crate::model::SiteFiles {
        beside_template: Vec::new(),
        manifest: file(MANIFEST),
        vms: Some(file(VMS)),
        lxcs: Some(file(LXCS)),
        host: file(HOST),
        settings: None,
        template: Some(file(TEMPLATE)),
    };
    let model = Model::as_far(files, true, &mut facts.unread);
    let findings = check(&model, &facts, &Selection::default());
    for code in [
        "json-syntax",
        "domain-name",
        "PX001",
        "PX007",
        "PX009",
        "PX052",
    ] {
        assert!(
            findings.of(code).count() > 0,
            "{code}: {:?}",
            findings.faults().map(|f| f.code).collect::<Vec<_>>()
        );
    }
}
