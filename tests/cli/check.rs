//! `phoenix check`: what it finds, what it repairs, and what it stops.

use std::fs;

use crate::{Scratch, phoenix, stderr, stdout};

fn codes(output: &std::process::Output) -> Vec<String> {
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = |finding: &serde_json::Value| finding["code"].as_str().unwrap().to_owned();
    found.as_array().unwrap().iter().map(code).collect()
}

const JSON: [&str; 2] = ["--output-format", "json"];

fn check(site: &Scratch, words: &[&str]) -> std::process::Output {
    site.phoenix(&[&["check"], words, &JSON].concat())
}

#[test]
fn a_missing_file_is_a_finding_and_the_other_rules_still_run() {
    let site = Scratch::with_site();
    fs::remove_file(site.etc().join("certificate-manifest.json")).unwrap();
    let vms = site.etc().join("phoenix_vm_configs.json");
    fs::write(&vms, "{").unwrap();
    let output = check(&site, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let codes = codes(&output);
    for code in ["PX019", "PX009", "PX043"] {
        assert!(codes.iter().any(|found| found == code), "{code}: {codes:?}");
    }
    assert!(
        codes.iter().any(|code| !code.starts_with("PX")),
        "{codes:?}"
    );
    let nowhere = site.phoenix(&["--site", "/nowhere", "check"]);
    assert_eq!(nowhere.status.code(), Some(2), "{}", stderr(&nowhere));
}

#[test]
fn rules_are_chosen_by_code_beginning_and_name() {
    let site = Scratch::with_site();
    let some = codes(&check(
        &site,
        &[
            "--select",
            "PX00,hook-waits-without-end",
            "--ignore",
            "PX001",
        ],
    ));
    assert!(
        some.contains(&"PX033".to_owned()) && some.contains(&"PX007".to_owned()),
        "{some:?}"
    );
    assert!(
        some.iter()
            .all(|code| code == "PX033" || code.starts_with("PX00") && code != "PX001")
    );
    // Severity alone decides the exit status.
    assert_eq!(check(&site, &["--select", "PX033"]).status.code(), Some(0));
    assert_eq!(check(&site, &["--select", "PX007"]).status.code(), Some(1));
    let unknown = site.phoenix(&["check", "--ignore", "rule-twise"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        stderr(&unknown).contains("did you mean `rule-twice`?"),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn a_rule_is_explained_and_all_are_listed() {
    let site = Scratch::new();
    let shown = phoenix(&["check", "--explain", "px012"], &site.0);
    assert_eq!(shown.status.code(), Some(0));
    let text = stdout(&shown);
    assert!(text.starts_with("PX012 dependency-unknown: "), "{text}");
    assert!(text.contains("Found, in etc/phoenix_lxc_configs.json:") && text.contains("Right, in"));
    let unknown = phoenix(&["check", "--explain", "PX912"], &site.0);
    assert_eq!(unknown.status.code(), Some(2));
    let list = stdout(&phoenix(&["check", "--list"], &site.0));
    assert!(
        list.lines().count() > 50 && list.contains("\nPX057  "),
        "{list}"
    );
}

#[test]
fn safe_repairs_are_one_change_and_end() {
    let site = Scratch::with_site();
    let before = site.snapshot();
    let dry = site.phoenix(&["check", "--fix", "--dry-run"]);
    assert_eq!(site.snapshot(), before, "a dry run writes nothing");
    assert!(
        stdout(&dry).contains("would change; nothing was written"),
        "{}",
        stdout(&dry)
    );
    let fixed = site.phoenix(&["check", "--fix"]);
    let text = stdout(&fixed);
    for part in [
        "-    apiVersion: \"1.52\"",
        "+        \"cert_type\": \"client\"",
        "as one change",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let left = codes(&check(&site, &[]));
    for code in ["PX006", "PX007", "PX009", "PX010", "PX044"] {
        assert!(!left.contains(&code.to_owned()), "{code} is left");
    }
    let again = site.phoenix(&["check", "--fix"]);
    assert!(
        stdout(&again).starts_with("nothing to do"),
        "{}",
        stdout(&again)
    );
}

#[test]
fn what_a_baseline_knows_is_left_out_until_more_is_found() {
    let site = Scratch::with_site();
    let known = "/known.json";
    let written = site.phoenix(&["check", "--write-baseline", known]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let output = check(&site, &["--baseline", known]);
    assert_eq!(
        (output.status.code(), codes(&output)),
        (Some(0), Vec::new())
    );
    let host = site.etc().join("phoenix_hypervisor_config.json");
    let text = fs::read_to_string(&host).unwrap();
    // Every line moves, and one thing is new.
    let text = text.replacen('{', "{\n\n\n    \"version\": \"0\",", 1);
    fs::write(&host, text).unwrap();
    let output = check(&site, &["--baseline", known]);
    assert_eq!(codes(&output), ["PX017"], "{}", stderr(&output));
    fs::write(site.0.join("known.json"), "{}").unwrap();
    let damaged = check(&site, &["--baseline", known]);
    assert_eq!(damaged.status.code(), Some(2), "{}", stdout(&damaged));
}

#[test]
fn annotations_are_for_check_alone() {
    let site = Scratch::with_site();
    let output = site.phoenix(&["check", "--output-format", "github"]);
    let text = stdout(&output);
    assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
    assert!(
        text.contains("title=PX007 provider-api-version::"),
        "{text}"
    );
    let other = site.phoenix(&["plan", "--output-format", "github"]);
    assert_eq!(other.status.code(), Some(2));
}

#[test]
fn guests_are_asked_only_when_it_is_said_and_what_they_told_a_run_is_kept() {
    let site = Scratch::with_site();
    let docker = site.0.join("guests/vm-1001/etc/docker");
    fs::create_dir_all(&docker).unwrap();
    fs::write(docker.join("daemon.json"), "{\"live-restore\": true}").unwrap();
    let knows = |words: &[&str]| codes(&check(&site, words)).contains(&"PX047".to_owned());
    assert!(!knows(&[]), "nobody was asked");
    assert!(knows(&["--online"]));
    assert!(!knows(&[]), "a look keeps nothing");
    site.phoenix(&["sync", "docker"]);
    assert!(knows(&[]));
}
