//! What would happen to a connection, and what the guard makes of edits.

use std::fs;

use super::{VMS, edit, refused};
use crate::{Scratch, stderr, stdout};

#[test]
fn a_connection_is_judged_and_the_deciding_rule_named() {
    let site = Scratch::with_site();
    let test = |words: &[&str]| {
        let output = site.phoenix(&[&["firewall", "test"], words].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let words = test(&[
        "--from",
        "10.0.0.12",
        "--to",
        "vm:1001",
        "--proto",
        "tcp",
        "--port",
        "2376",
    ]);
    assert!(
        words.starts_with("ACCEPT  10.0.0.12 (lxc:102) -> 10.0.0.111 (vm:1001) tcp port 2376\n")
            && words.contains("vm:1001 rule 19: IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376")
            && words.contains(&format!("{VMS}:")),
        "{words}"
    );
    let words = test(&["--from", "10.0.0.99", "--to", "vm:1001", "--port", "2376"]);
    assert!(
        words.starts_with("DROP") && words.contains("policy_in: DROP"),
        "{words}"
    );
    let words = test(&["--from", "10.0.0.99", "--to", "host", "--port", "8006"]);
    assert!(
        words.starts_with("ACCEPT") && words.contains("the local network"),
        "{words}"
    );
    let words = test(&["--matrix"]);
    assert!(words.contains("lxc:102 -> vm:1001"), "{words}");
    let output = site.phoenix(&["firewall", "test", "--matrix", "--output-format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        value["matrix"]
            .as_array()
            .is_some_and(|cells| cells.len() > 10)
    );
}

#[test]
fn nobody_is_locked_out_unless_that_is_meant() {
    let site = Scratch::with_site();
    let ssh = [
        "add",
        "global",
        "--direction",
        "in",
        "--action",
        "DROP",
        "--source",
        "10.0.0.0/24",
        "--before",
        "0",
    ];
    let words = refused(&site, &ssh);
    assert!(
        words.contains("port 22 of the host") && words.contains("port 8006 of the host"),
        "{words}"
    );
    let link = ["remove", "vm:1001", "--port", "2376"];
    let words = refused(&site, &link);
    assert!(
        words.contains("would cut Traefik to Docker (10.0.0.12 -> 10.0.0.111 port 2376)")
            && words.contains("missing would be: IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376"),
        "{words}"
    );
    edit(&site, &[&link[..], &["--allow-lockout"]].concat());
}

/// What must stay open between the cluster's nodes, and what a migration does to links.
#[test]
fn links_of_the_cluster_and_edits_of_a_migration_are_guarded() {
    let site = Scratch::with_site();
    let pve = site.0.join("etc/pve");
    fs::create_dir_all(pve.join("nodes/pve1")).unwrap();
    let node = |name: &str, last| {
        format!("  node {{\n    name: {name}\n    ring0_addr: 10.0.0.{last}\n  }}\n")
    };
    let nodes = node("pve1", 13) + &node("pve2", 14);
    fs::write(
        pve.join("corosync.conf"),
        format!("nodelist {{\n{nodes}}}\n"),
    )
    .unwrap();
    let drop = [
        "add",
        "global",
        "--direction",
        "in",
        "--action",
        "DROP",
        "--source",
        "10.0.0.14",
        "--before",
        "0",
    ];
    let words = refused(&site, &drop);
    assert!(
        words.contains("would cut the cluster's corosync (10.0.0.14 -> 10.0.0.13 port 5405)")
            && words.contains("IN ACCEPT -source 10.0.0.14 -p udp -dport 5405"),
        "{words}"
    );
    // A rule that refuses the plain port moves with it, before the one that admits the encrypted port.
    let path = site.etc().join(VMS);
    edit(
        &site,
        &[
            "add",
            "vm:1001",
            "--direction",
            "in",
            "--action",
            "DROP",
            "--source",
            "10.0.0.12",
            "--dest",
            "10.0.0.111",
            "--proto",
            "tcp",
            "--port",
            "2375",
            "--before",
            "0",
        ],
    );
    let before = fs::read_to_string(&path).unwrap();
    let output = site.phoenix(&["migrate", "docker-tls"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let words = stderr(&output);
    assert!(
        words.contains("would cut Traefik to Docker (10.0.0.12 -> 10.0.0.111 port 2376)")
            && words.contains("--allow-lockout"),
        "{words}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    let meant = site.phoenix(&["migrate", "docker-tls", "--allow-lockout"]);
    assert_eq!(meant.status.code(), Some(0), "{}", stderr(&meant));
}
