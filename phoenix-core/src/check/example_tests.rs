//! Each rule's example, run: the good piece stands in a site without findings, the bad one in its place is found.

use super::*;
use crate::inventory::{DockerFacts, TraefikFacts};
use crate::model::{SiteFiles, SourceFile};
use crate::names::GuestId;

/// The files of the example site, by the names that examples use.
const FILES: &[(&str, &str)] = &[
    (
        "etc/certificate-manifest.json",
        include_str!("example/certificate-manifest.json"),
    ),
    (
        "etc/phoenix_vm_configs.json",
        include_str!("example/phoenix_vm_configs.json"),
    ),
    (
        "etc/phoenix_lxc_configs.json",
        include_str!("example/phoenix_lxc_configs.json"),
    ),
    (
        "etc/phoenix_hypervisor_config.json",
        include_str!("example/phoenix_hypervisor_config.json"),
    ),
    (
        "etc/traefik/traefik.yml.template",
        include_str!("example/traefik.yml.template"),
    ),
    (
        "etc/traefik/dynamic_conf.yml",
        include_str!("example/dynamic_conf.yml"),
    ),
    (
        "/etc/docker/daemon.json of the manager",
        include_str!("example/daemon.json"),
    ),
    (
        "docker.service of the manager",
        include_str!("example/docker.service"),
    ),
    ("/etc/cron.d/certificates", include_str!("example/cron")),
    ("versions", "Version: 3.7.9"),
    (
        "modes of files",
        "600 /usr/local/phoenix_hypervisor/etc/docker_token.conf",
    ),
    ("what the CA says", "maximum 720h"),
    ("the site's directory", "etc/certificate-manifest.json"),
];

pub(super) type Texts = Vec<(&'static str, String)>;

pub(super) fn example_site() -> Texts {
    FILES
        .iter()
        .map(|(name, text)| (*name, (*text).to_owned()))
        .collect()
}

fn text<'t>(texts: &'t Texts, name: &str) -> &'t str {
    &texts.iter().find(|(known, _)| *known == name).unwrap().1
}

fn source(texts: &Texts, name: &str) -> SourceFile {
    SourceFile {
        path: Path::new("/site").join(name),
        bytes: text(texts, name).as_bytes().to_vec(),
    }
}

pub(super) fn look(texts: &Texts) -> (Model, Facts) {
    let listed = text(texts, "the site's directory");
    let mut manifest = source(texts, "etc/certificate-manifest.json");
    let mut facts = Facts::default();
    if listed.is_empty() {
        manifest.bytes = b"[]".to_vec();
        facts.missing.push(Missing {
            path: manifest.path.clone(),
            what: "the certificates",
            needed: true,
        });
    }
    let files = SiteFiles {
        manifest,
        vms: Some(source(texts, "etc/phoenix_vm_configs.json")),
        lxcs: Some(source(texts, "etc/phoenix_lxc_configs.json")),
        host: source(texts, "etc/phoenix_hypervisor_config.json"),
        settings: None,
        template: Some(source(texts, "etc/traefik/traefik.yml.template")),
        beside_template: Vec::new(),
    };
    let mut faults = crate::diagnostic::Faults::new();
    let model = Model::as_far(files, true, &mut faults);
    assert!(faults.is_empty(), "{faults}");
    facts
        .dynamic
        .push(source(texts, "etc/traefik/dynamic_conf.yml"));
    facts.cron.push(source(texts, "/etc/cron.d/certificates"));
    let (mode, path) = text(texts, "modes of files").split_once(' ').unwrap();
    facts.modes.insert(path.into(), mode.parse().unwrap());
    let maximum = text(texts, "what the CA says")
        .strip_prefix("maximum ")
        .unwrap();
    facts.ca_maximum = Some(maximum.parse::<crate::time::GoDuration>().unwrap().0);
    let docker = DockerFacts {
        daemon_json: Some(
            text(texts, "/etc/docker/daemon.json of the manager")
                .as_bytes()
                .to_vec(),
        ),
        active_state: "active".to_owned(),
        unit: text(texts, "docker.service of the manager").to_owned(),
        version: Some("Docker version 29.0.1, build 0000000".to_owned()),
        server_version: None,
        swarm_active: true,
        started_before_root: false,
        sockets: Vec::new(),
    };
    let traefik = TraefikFacts {
        static_file: None,
        dynamic_file: None,
        active_state: "active".to_owned(),
        version: Some(text(texts, "versions").to_owned()),
        started_before_file: false,
    };
    facts.guests.insert(
        GuestId::vm(1001),
        Told {
            docker: Some(docker),
            traefik: None,
        },
    );
    facts.guests.insert(
        GuestId::lxc(102),
        Told {
            docker: None,
            traefik: Some(traefik),
        },
    );
    (model, facts)
}

pub(super) fn found(texts: &Texts) -> Findings {
    let (model, facts) = look(texts);
    check(&model, &facts, &Selection::default())
}

fn shown(findings: &Findings) -> String {
    crate::diagnostic::render_all(findings.faults(), crate::diagnostic::Style::Plain)
}

pub(super) fn with(texts: &Texts, file: &str, from: &str, to: &str) -> Texts {
    let mut texts = texts.clone();
    let (_, text) = texts
        .iter_mut()
        .find(|(name, _)| *name == file)
        .unwrap_or_else(|| panic!("there is no {file}"));
    assert!(text.contains(from), "`{from}` is not in {file}");
    *text = text.replacen(from, to, 1);
    texts
}

#[test]
fn the_example_site_has_no_findings() {
    let findings = found(&example_site());
    assert!(findings.is_empty(), "{}", shown(&findings));
}

#[test]
fn each_rule_finds_its_bad_example_and_its_places() {
    let site = example_site();
    for rule in rules() {
        let Example { file, good, bad } = rule.example;
        let findings = found(&with(&site, file, good, bad));
        let own: Vec<&crate::diagnostic::Fault> = findings.of(rule.code).collect();
        assert!(
            !own.is_empty(),
            "{} missed its example:\n{}",
            rule.code,
            shown(&findings)
        );
        for fault in own {
            let place = fault.places.first();
            assert!(place.is_some(), "{} has no place", rule.code);
            let of_site = matches!(rule.needs, Needs::Site) && rule.code != "PX019";
            assert!(
                !of_site || place.unwrap().line > 0,
                "{} has no line",
                rule.code
            );
            assert!(!fault.message.ends_with('.') && !fault.message.is_empty());
        }
    }
}

#[test]
fn fixes_end_and_leave_nothing_of_what_they_repair() {
    let site = example_site();
    let mut fixed = std::collections::BTreeSet::new();
    for rule in rules().iter().filter(|rule| rule.fixable) {
        let Example { file, good, bad } = rule.example;
        let mut texts = with(&site, file, good, bad);
        for round in 0.. {
            assert!(round < 5, "{} does not end", rule.code);
            let (model, facts) = look(&texts);
            let findings = check(&model, &facts, &Selection::default());
            let edits = fix(&model, &findings).unwrap();
            if edits.is_empty() {
                assert_eq!(findings.of(rule.code).count(), 0, "{}", shown(&findings));
                break;
            }
            for edit in edits {
                let path = edit.before.path();
                let name = texts
                    .iter_mut()
                    .find(|(name, _)| path.ends_with(name))
                    .unwrap();
                edit.after.text().clone_into(&mut name.1);
                fixed.insert(rule.code);
            }
        }
    }
    let all: Vec<&str> = rules()
        .iter()
        .filter(|rule| rule.fixable)
        .map(|rule| rule.code)
        .collect();
    assert_eq!(fixed.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn what_is_known_is_taken_out_wherever_it_moves() {
    let rule = rules().iter().find(|rule| rule.code == "PX009").unwrap();
    let texts = with(
        &example_site(),
        rule.example.file,
        rule.example.good,
        rule.example.bad,
    );
    let known = Baseline::of(&found(&texts), Path::new("/site"));
    assert_eq!(known.len(), found(&texts).0.len());
    let known = Baseline::parse(&known.to_text()).unwrap();
    let moved = with(
        &texts,
        rule.example.file,
        "{\n    \"vms\"",
        "{\n\n\n    \"x\": 1,\n    \"vms\"",
    );
    let mut findings = found(&moved);
    let count = findings.0.len();
    assert_eq!(
        known.subtract(&mut findings, Path::new("/site")),
        (count, 0)
    );
    assert!(findings.is_empty());
    let mut none = Findings::default();
    assert_eq!(known.subtract(&mut none, Path::new("/site")), (0, count));
    let twice = with(
        &moved,
        rule.example.file,
        rule.example.bad,
        &format!("{0}{0}", rule.example.bad),
    );
    let mut findings = found(&twice);
    known.subtract(&mut findings, Path::new("/site"));
    assert_eq!(findings.of("PX009").count(), 1, "one more than is known");
    assert!(Baseline::parse("{\"version\": 9, \"findings\": []}").is_err());
    assert!(Baseline::parse("[]").is_err());
}

#[test]
fn secrets_are_not_shown() {
    let rule = rules().iter().find(|rule| rule.code == "PX050").unwrap();
    let texts = with(
        &example_site(),
        rule.example.file,
        rule.example.good,
        rule.example.bad,
    );
    let findings = found(&texts);
    assert_eq!(findings.of("PX050").count(), 1);
    let json = serde_json::to_string(&findings).unwrap();
    assert!(!shown(&findings).contains("horse") && !json.contains("horse"));
}
