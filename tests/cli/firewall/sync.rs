//! `sync firewall`: drift shown, repaired, and held back where the link cannot be proved.

use std::fs;

use super::{VMS, text};
use crate::{Scratch, stderr, stdout};

/// A site whose rules Proxmox's files have.
fn rendered() -> Scratch {
    let site = Scratch::with_site();
    let pve = site.0.join("etc/pve");
    fs::create_dir_all(pve.join("nodes/pve1")).unwrap();
    fs::create_dir_all(pve.join("lxc")).unwrap();
    let done = site.phoenix(&["firewall", "render"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    site
}

fn guest_file(site: &Scratch) -> std::path::PathBuf {
    site.0.join("etc/pve/firewall/1002.fw")
}

#[test]
fn drift_is_shown_and_repaired() {
    let site = rendered();
    let right = fs::read_to_string(guest_file(&site)).unwrap();
    // Somebody removed a rule of ours and added one of his own.
    let gone = right.lines().find(|line| line.starts_with("IN")).unwrap();
    let drifted = right.replacen(gone, "IN ACCEPT -p tcp -dport 8123 # mine", 1);
    fs::write(guest_file(&site), &drifted).unwrap();
    let plan = site.phoenix(&["plan", "firewall", "--check"]);
    assert_eq!(plan.status.code(), Some(1), "{}", stderr(&plan));
    let words = stdout(&plan);
    assert!(
        words.contains("do       render firewall  /etc/pve/firewall/1002.fw\n")
            && words.contains(&format!("1002.fw: new: {gone}")),
        "{words}"
    );
    let sync = site.phoenix(&["sync", "firewall"]);
    assert_eq!(
        sync.status.code(),
        Some(0),
        "{}{}",
        stdout(&sync),
        stderr(&sync)
    );
    assert!(
        stdout(&sync).contains("done     verify firewall  Proxmox's files say what the site says"),
        "{}",
        stdout(&sync)
    );
    let repaired = fs::read_to_string(guest_file(&site)).unwrap();
    assert!(
        repaired.contains(gone) && repaired.contains("8123 # mine"),
        "{repaired}"
    );
    let before = site.snapshot();
    let again = site.phoenix(&["plan", "firewall", "--check"]);
    assert_eq!(again.status.code(), Some(0), "{}", stdout(&again));
    assert!(site.snapshot() == before);
}

#[test]
fn a_plan_that_was_written_down_is_refused_when_a_file_changed_since() {
    let site = rendered();
    let right = fs::read_to_string(guest_file(&site)).unwrap();
    let without: String = right
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("IN"))
        .collect();
    fs::write(guest_file(&site), &without).unwrap();
    let plan = site.phoenix(&["plan", "firewall", "--output-format", "json"]);
    let file = site.0.join("plan.json");
    fs::write(&file, &plan.stdout).unwrap();
    fs::write(guest_file(&site), without.clone() + "# mine\n").unwrap();
    let words = ["apply", "--plan", file.to_str().unwrap()];
    let refused = site.phoenix(&words);
    assert!(
        stderr(&refused).contains("`render firewall` would be done differently"),
        "{}",
        stderr(&refused)
    );
    fs::write(guest_file(&site), &without).unwrap();
    let done = site.phoenix(&words);
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}{}",
        stdout(&done),
        stderr(&done)
    );
    assert_eq!(
        fs::read_to_string(guest_file(&site))
            .unwrap()
            .lines()
            .count(),
        right.lines().count()
    );
}

#[test]
fn the_links_rules_stay_until_its_ends_can_be_verified() {
    let site = rendered();
    for guest in ["vm-1001", "lxc-102"] {
        fs::create_dir_all(site.0.join("guests").join(guest)).unwrap();
    }
    let done = site.phoenix(&["migrate", "docker-tls"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let before = fs::read_to_string(site.0.join("etc/pve/firewall/1001.fw")).unwrap();
    let sync = site.phoenix(&["sync", "firewall"]);
    assert_eq!(sync.status.code(), Some(1), "{}", stdout(&sync));
    for words in [stdout(&sync), stdout(&site.phoenix(&["plan", "all"]))] {
        assert!(
            words.contains("blocked  firewall  ") && !words.contains("render firewall"),
            "{words}"
        );
    }
    let after = fs::read_to_string(site.0.join("etc/pve/firewall/1001.fw")).unwrap();
    assert_eq!(after, before);
}

#[test]
fn a_link_that_the_rules_do_not_admit_is_not_begun() {
    let site = rendered();
    let done = site.phoenix(&["migrate", "docker-tls"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let path = site.etc().join(VMS);
    fs::write(&path, text(&site, VMS).replace("\"2376\"", "\"2399\"")).unwrap();
    // What is admitted now would be cut.
    let words = stdout(&site.phoenix(&["plan"]));
    assert!(
        words.contains("blocked  firewall  /etc/pve/firewall/1001.fw: this would cut Traefik to Docker (10.0.0.12 -> 10.0.0.111 port 2376)"),
        "{words}"
    );
    // What is not admitted would not be by the site's rules either.
    let path = site.0.join("etc/pve/firewall/1001.fw");
    let now = fs::read_to_string(&path).unwrap();
    let without = now
        .split_inclusive('\n')
        .filter(|line| !line.contains("2376"));
    fs::write(&path, without.collect::<String>()).unwrap();
    let words = stdout(&site.phoenix(&["plan"]));
    assert!(
        words.contains("blocked  vm:1001  the site's rules do not admit Traefik to Docker (10.0.0.12 -> 10.0.0.111 port 2376): missing is IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376"),
        "{words}"
    );
}

#[test]
fn hosts_without_proxmox_and_files_that_cannot_be_read_are_said() {
    let site = Scratch::with_site();
    let words = stdout(&site.phoenix(&["plan", "firewall"]));
    assert!(
        words.contains("note     firewall: this host has no /etc/pve"),
        "{words}"
    );
    let site = rendered();
    fs::write(guest_file(&site), b"[RULES]\n\xff\n").unwrap();
    let sync = site.phoenix(&["sync", "firewall"]);
    assert_eq!(sync.status.code(), Some(1));
    assert!(
        stdout(&sync).contains("blocked  firewall  its rules cannot be rendered: /etc/pve/firewall/1002.fw:2:1: found byte 0xff"),
        "{}",
        stdout(&sync)
    );
}

#[test]
fn an_interface_that_the_firewall_does_not_have_is_said_and_simulated() {
    let site = rendered();
    let conf = site.0.join("etc/pve/lxc/102.conf");
    let line = "net0: name=eth0,bridge=vmbr0,ip=10.0.0.12/24,type=veth";
    let test = [
        "firewall",
        "test",
        "--from",
        "10.0.0.99",
        "--to",
        "lxc:102",
        "--port",
        "4444",
    ];
    fs::write(&conf, format!("{line},firewall=1\n")).unwrap();
    assert!(stdout(&site.phoenix(&test)).starts_with("DROP"));
    assert!(!stdout(&site.phoenix(&["plan", "firewall"])).contains("note"));
    fs::write(&conf, format!("{line}\n")).unwrap();
    assert!(stdout(&site.phoenix(&test)).starts_with("ACCEPT"));
    let words = stdout(&site.phoenix(&["plan", "firewall"]));
    assert!(
        words.contains(
            "note     lxc:102: net0 has no `firewall=1`, so its rules have no effect there"
        ),
        "{words}"
    );
}
