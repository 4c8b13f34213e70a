//! What would happen to a connection, and what the guard makes of edits.

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
