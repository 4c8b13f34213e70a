//! Rules listed and edited.

use std::fs;
use std::process::{Command, Stdio};

use super::{HOST, LXCS, VMS, edit, refused, text};
use crate::{Scratch, stderr, stdout};

#[test]
fn rules_are_listed_with_their_places() {
    let site = Scratch::with_site();
    let output = site.phoenix(&["firewall", "list", "vm:1001", "--port", "2375"]);
    let words = stdout(&output);
    assert!(
        words.contains("-dport 2375") && words.ends_with("1 rule\n"),
        "{words}"
    );
    let output = site.phoenix(&["firewall", "list", "--output-format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let lists = value.as_array().unwrap();
    let rule = lists
        .iter()
        .find(|list| list["target"] == "vm:1001")
        .map(|list| &list["rules"][0])
        .unwrap();
    assert_eq!(rule["place"]["pointer"], "/vms/1/firewall/rules/0");
    assert!(rule["place"]["line"].as_u64() > Some(1));
}

#[test]
fn the_plain_port_moves_in_three_files_as_one_change() {
    let site = Scratch::with_site();
    let words = edit(
        &site,
        &[
            "set-port", "vm:1001", "lxc:102", "global", "--port", "2375", "2376", "--dedupe",
        ],
    );
    assert!(
        words.ends_with("3 files changed, as one change\n"),
        "{words}"
    );
    for name in [VMS, LXCS, HOST] {
        assert!(!text(&site, name).contains("\"2375\""), "{name}");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let site = Scratch::with_site();
    let before = site.snapshot();
    let output = site.phoenix(&[
        "firewall",
        "remove",
        "vm:1001",
        "--port",
        "2375",
        "--dry-run",
    ]);
    assert!(stdout(&output).contains("-                        \"port\": \"2375\""));
    assert_eq!(site.snapshot(), before);
}

#[test]
fn another_number_than_expected_is_shown_and_nothing_changes() {
    let site = Scratch::with_site();
    let words = refused(&site, &["remove", "vm:1001", "--direction", "in"]);
    assert!(
        words.contains("rules of vm:1001 matching `--direction in`, expected 1")
            && words.contains(&format!("{VMS}:")),
        "{words}"
    );
    let words = refused(&site, &["set-port", "vm:1001", "--port", "1", "2"]);
    assert!(words.contains("found no rule of vm:1001"), "{words}");
    // One target that does not fit spoils the change of the other.
    refused(
        &site,
        &["set-port", "vm:1001", "lxc:101", "--port", "2375", "2376"],
    );
}

#[test]
fn bad_input_ends_with_2_and_says_what_was_expected() {
    let site = Scratch::with_site();
    for (words, expected) in [
        (
            &["set", "vm:1001", "--index", "0", "port=70000"][..],
            "70000",
        ),
        (
            &["set", "vm:1001", "--index", "0", "prt=80"],
            "did you mean `port`?",
        ),
        (
            &["set", "vm:1001", "--index", "99", "port=80"],
            "no rule 99: vm:1001 has",
        ),
        (
            &["set", "vm:1001", "--index", "0"],
            "expected guests such as `vm:1001` first",
        ),
        (&["list", "vm:1009"], "did you mean `vm:1001`?"),
        (
            &["list", "vm1001"],
            "a guest such as `vm:1001` or `lxc:102`, or `global`",
        ),
        (
            &["list", "vm:1001", "--source", "10.0.0.5/24"],
            "10.0.0.0/24",
        ),
        (
            &["set", "vm:1001", "--index", "0", "source=10.0.0.5/24"],
            "10.0.0.5/24 with bits below its mask, expected 10.0.0.0/24",
        ),
        // One of the manager's rules, asked for at a guest that has fewer.
        (
            &["remove", "lxc:101", "--index", "19"],
            "found no rule 19: lxc:101 has",
        ),
        (
            &[
                "add",
                "vm:1001",
                "--direction",
                "in",
                "--action",
                "ACCEPT",
                "--proto",
                "icmp",
                "--port",
                "22",
            ],
            "`port` with protocol `icmp`",
        ),
        (
            &[
                "add",
                "vm:1001",
                "--direction",
                "in",
                "--action",
                "ACCEPT",
                "--port",
                "22",
            ],
            "`port` without `proto`",
        ),
        (
            &[
                "add",
                "vm:1001",
                "--direction",
                "in",
                "--action",
                "ACCEPT",
                "--macro",
                "SSHH",
            ],
            "did you mean `SSH`?",
        ),
        (
            &["move", "vm:1001", "--index", "0"],
            "`--before INDEX` or `--after INDEX`",
        ),
        (
            &["set-port", "vm:1001", "--port", "2375", "0"],
            "expected 1 to 65535",
        ),
    ] {
        let said = refused(&site, words);
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}

#[test]
fn rules_of_a_file_with_faults_are_all_named() {
    let site = Scratch::with_site();
    let path = site.etc().join(VMS);
    let bad = text(&site, VMS)
        .replacen("\"2375\"", "\"70000\"", 1)
        .replacen("\"proto\": \"tcp\"", "\"prto\": \"tcp\"", 1);
    fs::write(&path, bad).unwrap();
    let said = refused(&site, &["remove", "vm:1001", "--port", "9443"]);
    assert!(
        said.contains("70000") && said.contains("did you mean `proto`?"),
        "{said}"
    );
    let output = site.phoenix(&["firewall", "list", "vm:1001"]);
    assert!(stdout(&output).contains("70000"), "{}", stdout(&output));
}

#[test]
fn a_link_is_opened_closed_and_turned() {
    let site = Scratch::with_site();
    let before = text(&site, LXCS);
    edit(
        &site,
        &[
            "add",
            "lxc:102",
            "--direction",
            "out",
            "--action",
            "ACCEPT",
            "--dest",
            "10.0.0.77",
            "--proto",
            "tcp",
            "--port",
            "4443",
            "--comment",
            "new (one): yes",
        ],
    );
    assert_ne!(text(&site, LXCS), before);
    edit(
        &site,
        &[
            "set",
            "lxc:102",
            "--port",
            "4443",
            "direction=in",
            "source=10.0.0.77",
            "dest=",
        ],
    );
    assert!(text(&site, LXCS).contains("\"source\": \"10.0.0.77\""));
    edit(&site, &["disable", "lxc:102", "--port", "4443"]);
    edit(&site, &["enable", "lxc:102", "--port", "4443"]);
    edit(&site, &["set", "lxc:102", "--port", "4443", "enabled="]);
    edit(
        &site,
        &["move", "lxc:102", "--port", "4443", "--before", "0"],
    );
    edit(&site, &["remove", "lxc:102", "--port", "4443"]);
    assert_eq!(text(&site, LXCS), before);
}

#[test]
fn copies_go() {
    let site = Scratch::with_site();
    let add = [
        "add",
        "vm:1001",
        "--direction",
        "in",
        "--action",
        "ACCEPT",
        "--proto",
        "tcp",
        "--port",
        "4443",
    ];
    edit(&site, &add);
    let path = site.etc().join(VMS);
    let once = text(&site, VMS);
    let start = once
        .find("\"4443\"")
        .map(|at| once[..at].rfind('{').unwrap())
        .unwrap();
    let end = start + once[start..].find('}').unwrap() + 1;
    let rule = &once[start..end];
    fs::write(
        &path,
        once.replacen(rule, &format!("{rule},\n                    {rule}"), 1),
    )
    .unwrap();
    let words = edit(&site, &["dedupe", "vm:1001", "--port", "4443"]);
    assert!(words.contains("says the same"), "{words}");
    assert_eq!(text(&site, VMS), once);
}

/// The lock is taken before a file is read: nobody's edit is lost.
#[test]
fn processes_that_edit_at_once_wait_for_each_other() {
    let site = Scratch::with_site();
    let root = site.0.to_str().unwrap();
    let children: Vec<_> = (4440..4448)
        .map(|port| {
            let target = if port % 2 == 0 { "vm:1001" } else { "vm:1002" };
            Command::new(env!("CARGO_BIN_EXE_phoenix"))
                .args([
                    "--root",
                    root,
                    "firewall",
                    "add",
                    target,
                    "--direction",
                    "in",
                ])
                .args([
                    "--action",
                    "ACCEPT",
                    "--proto",
                    "tcp",
                    "--port",
                    &port.to_string(),
                ])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let text = text(&site, VMS);
    for port in 4440..4448 {
        assert_eq!(text.matches(&format!("\"{port}\"")).count(), 1, "{port}");
    }
    // Whoever does not wait is told who holds the lock.
    let lock = fs::File::options()
        .write(true)
        .open(site.0.join("usr/local/phoenix_hypervisor/.phoenix/lock"))
        .unwrap();
    lock.lock().unwrap();
    let output = site.phoenix(&["firewall", "disable", "vm:1001", "--lock-timeout", "0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("for the lock"),
        "{}",
        stderr(&output)
    );
}
