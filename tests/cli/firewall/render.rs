//! The rules as Proxmox's files.

use std::fs;

use super::{VMS, edit, text};
use crate::{Scratch, stderr, stdout};

#[test]
fn rules_are_rendered_once_and_what_is_not_ours_stays() {
    let site = Scratch::with_site();
    let pve = site.0.join("etc/pve");
    fs::create_dir_all(pve.join("nodes/pve1")).unwrap();
    fs::create_dir_all(pve.join("firewall")).unwrap();
    // As the old generator left it, with a rule that the site no longer has.
    let old = "[OPTIONS]\nenable: 1\n\n[RULES]\nIN ACCEPT -p tcp -dport 7 # gone\n";
    fs::write(pve.join("firewall/1001.fw"), old).unwrap();
    // And one that somebody wrote.
    let own = "# by hand\n[OPTIONS]\n\nenable: 1\ndhcp: 0\n\n[RULES]\n\nIN SSH(ACCEPT)   # mine\n";
    fs::write(pve.join("firewall/1002.fw"), own).unwrap();
    let read = |name: &str| fs::read_to_string(pve.join(name)).unwrap();
    let dry = site.phoenix(&["firewall", "render", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    assert!(!pve.join("firewall/cluster.fw").exists());
    let first = site.phoenix(&["firewall", "render"]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert!(stdout(&first).contains("taken over: IN ACCEPT -p tcp -dport 7 # gone"));
    let manager = read("firewall/1001.fw");
    assert!(!manager.contains("dport 7 "), "{manager}");
    assert!(
        manager.contains("IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376 # Traefik to the Docker API over TLS [phx:"),
        "{manager}"
    );
    assert!(
        read("firewall/1002.fw").starts_with(own),
        "{}",
        read("firewall/1002.fw")
    );
    assert!(
        read("firewall/cluster.fw").starts_with(
            "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\npolicy_out: ACCEPT\n\n[RULES]\n\nIN ACCEPT"
        ),
        "{}",
        read("firewall/cluster.fw")
    );
    assert_eq!(read("nodes/pve1/host.fw"), "[OPTIONS]\n\nenable: 1\n");
    let again = site.phoenix(&["firewall", "render"]);
    assert!(
        stdout(&again).contains("nothing to do"),
        "{}",
        stdout(&again)
    );
    let test = [
        "firewall",
        "test",
        "--from",
        "10.0.0.77",
        "--to",
        "vm:1002",
        "--port",
        "22",
    ];
    let judged = stdout(&site.phoenix(&[&test[..], &["--installed"]].concat()));
    assert!(
        judged.starts_with("ACCEPT") && judged.contains("/etc/pve/firewall/1002.fw:9:1"),
        "{judged}"
    );
    assert!(stdout(&site.phoenix(&test)).starts_with("DROP"));
    let matrix = stdout(&site.phoenix(&["firewall", "test", "--matrix"]));
    assert!(
        matrix.ends_with("Proxmox's files admit the same now\n"),
        "{matrix}"
    );
    let cut = ["remove", "vm:1001", "--port", "9001", "--allow-lockout"];
    assert_eq!(
        site.phoenix(&[&["firewall"], &cut[..]].concat())
            .status
            .code(),
        Some(0)
    );
    edit(
        &site,
        &[
            "add",
            "vm:1001",
            "--direction",
            "in",
            "--action",
            "ACCEPT",
            "--source",
            "10.0.0.102",
            "--proto",
            "tcp",
            "--port",
            "4321",
        ],
    );
    let matrix = stdout(&site.phoenix(&["firewall", "test", "--matrix"]));
    assert!(
        matrix.contains("vm:1002 -> vm:1001\n  now   tcp ") && matrix.contains("4321,"),
        "{matrix}"
    );
    edit(&site, &["remove", "vm:1001", "--port", "4321"]);
    // A way in that is there stays there.
    let cluster = read("firewall/cluster.fw");
    let mine = cluster.replacen(
        "[RULES]\n\n",
        "[RULES]\n\nIN ACCEPT -source 203.0.113.0/24 -p tcp -dport 8006 [phx:0]\n",
        1,
    );
    let mine = mine.replace(" [phx:0]", " # [phx:00]");
    fs::write(pve.join("firewall/cluster.fw"), &mine).unwrap();
    let refused = site.phoenix(&["firewall", "render"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stdout(&refused));
    assert!(
        stderr(&refused).contains("port 8006 of the host from 203.0.113.0"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(read("firewall/cluster.fw"), mine);
    let meant = site.phoenix(&["firewall", "render", "--allow-lockout"]);
    assert_eq!(meant.status.code(), Some(0), "{}", stderr(&meant));
    assert_eq!(read("firewall/cluster.fw"), cluster);
}

#[test]
fn what_proxmox_would_ignore_is_not_rendered() {
    let site = Scratch::with_site();
    let path = site.etc().join(VMS);
    let text = text(&site, VMS);
    for (from, to, expected) in [
        (
            "\"port\": \"2375\"",
            "\"dport\": \"2375\"",
            "did you mean `port`?",
        ),
        ("\"proto\": \"tcp\",", "", "`port` without `proto`"),
    ] {
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let output = site.phoenix(&["firewall", "render"]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(!site.0.join("etc/pve").exists());
    }
}
