//! Rules on trial: confirmed by another process, or taken back whatever becomes of the one that made them.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{Scratch, phoenix, stderr, stdout};

fn prepared() -> Scratch {
    let site = Scratch::with_site();
    fs::create_dir_all(site.0.join("etc/pve/firewall")).unwrap();
    fs::write(file(&site), OLD).unwrap();
    site
}

fn file(site: &Scratch) -> std::path::PathBuf {
    site.0.join("etc/pve/firewall/1001.fw")
}

fn is_new(site: &Scratch) -> bool {
    fs::read_to_string(file(site)).unwrap().contains("[phx:")
}

/// The command in a process of its own, once it waits for the confirmation.
fn begun(site: &Scratch, within: &str) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_phoenix"))
        .args(["--root", site.0.to_str().unwrap()])
        .args(["firewall", "render", "--apply", "--confirm-within", within])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = child.stdout.as_mut().unwrap();
    let mut said = String::new();
    while !said.contains("taken back at") {
        let mut byte = [0];
        assert_eq!(out.read(&mut byte).unwrap(), 1, "{said}");
        said.push(byte[0].into());
    }
    assert!(is_new(site));
    child
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{what} never came"
        );
        sleep(Duration::from_millis(20));
    }
}

/// The process that watches this site, as `/proc` names it.
fn watcher(site: &Scratch) -> Option<i32> {
    let root = site.0.to_str().unwrap().to_owned();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&root) && line.trim_end().ends_with("firewall watch") {
            return entry.file_name().to_str()?.parse().ok();
        }
    }
    None
}

/// The time of what waits is over: its record says so.
fn time_passes(site: &Scratch) {
    let sites = site.0.join("var/lib/phoenix/sites");
    let state = fs::read_dir(sites).unwrap().next().unwrap().unwrap();
    let path = state.path().join("firewall-trial.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    record["until"] = record["made"].clone();
    let beside = path.with_extension("new");
    fs::write(&beside, record.to_string()).unwrap();
    fs::rename(&beside, &path).unwrap();
}

fn signal(pid: i32, name: &str) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap()
}

#[test]
fn rules_that_are_confirmed_stay() {
    let site = prepared();
    let child = begun(&site, "60s");
    let second = site.phoenix(&["firewall", "render"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(
        stderr(&second).contains("waits for its confirmation until"),
        "{}",
        stderr(&second)
    );
    let plan = stdout(&site.phoenix(&["plan", "firewall"]));
    assert!(
        plan.contains("blocked  firewall  a change waits for `phoenix firewall confirm`"),
        "{plan}"
    );
    let recover = stdout(&site.phoenix(&["recover"]));
    assert!(
        recover.starts_with("a change of the firewall waits"),
        "{recover}"
    );
    let confirmed = site.phoenix(&["firewall", "confirm"]);
    assert_eq!(confirmed.status.code(), Some(0), "{}", stderr(&confirmed));
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        stdout(&ended).ends_with("confirmed: the rules stay\n"),
        "{}",
        stdout(&ended)
    );
    wait_for("the watcher's end", || watcher(&site).is_none());
    assert!(is_new(&site));
    let again = site.phoenix(&["firewall", "confirm"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        stderr(&again).contains("found no change of the firewall that waits")
            && stderr(&again).contains("was confirmed"),
        "{}",
        stderr(&again)
    );
}

#[test]
fn rules_that_nobody_confirms_go() {
    let site = prepared();
    let ended = site.phoenix(&["firewall", "render", "--apply", "--confirm-within", "1s"]);
    assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
    assert!(
        stdout(&ended).ends_with("not confirmed: the files were put back\n"),
        "{}",
        stdout(&ended)
    );
    assert_eq!(fs::read_to_string(file(&site)).unwrap(), OLD);
    assert!(!site.0.join("etc/pve/firewall/cluster.fw").exists());
    let json = site.phoenix(&[
        "firewall",
        "render",
        "--apply",
        "--confirm-within",
        "500ms",
        "--output-format",
        "json",
    ]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(value["end"], "reverted", "{value:#}");
}

#[test]
fn whoever_breaks_off_gets_the_old_rules_at_once() {
    let site = prepared();
    let mut child = begun(&site, "300s");
    assert!(watcher(&site).is_some());
    signal(pid(&child), "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(fs::read_to_string(file(&site)).unwrap(), OLD);
    wait_for("the watcher's end", || watcher(&site).is_none());
}

#[test]
fn a_session_that_dies_leaves_somebody_who_takes_the_rules_back() {
    for how in ["-KILL", "-HUP"] {
        let site = prepared();
        let mut child = begun(&site, "300s");
        signal(pid(&child), how);
        time_passes(&site);
        wait_for("the old file", || {
            fs::read_to_string(file(&site)).unwrap() == OLD
        });
        child.wait().unwrap();
        wait_for("the watcher's end", || watcher(&site).is_none());
        assert!(
            !site.0.join("etc/pve/firewall/cluster.fw").exists(),
            "{how}"
        );
    }
}

#[test]
fn after_the_machines_death_the_next_command_that_writes_takes_the_rules_back() {
    for words in [
        &["recover"][..],
        &["sync", "firewall", "--unattended"],
        &[
            "firewall",
            "enable",
            "vm:1001",
            "--port",
            "2376",
            "--source",
            "10.0.0.12",
        ],
    ] {
        let site = prepared();
        let mut child = begun(&site, "300s");
        let watching = watcher(&site).unwrap();
        signal(pid(&child), "-KILL");
        signal(watching, "-KILL");
        child.wait().unwrap();
        time_passes(&site);
        assert!(is_new(&site));
        let before = site.snapshot();
        site.phoenix(&["plan"]);
        site.phoenix(&["firewall", "render", "--dry-run"]);
        assert!(site.snapshot() == before, "something was written");
        let next = site.phoenix(words);
        let said = stdout(&next);
        if words[0] == "recover" {
            assert!(
                said.starts_with("taken back, since nobody confirmed it\n"),
                "{said}"
            );
        }
        if words[0] == "sync" {
            // Whoever tried them may have been shut out: they do not come again by themselves.
            for part in [
                "recovered a change of the firewall that nobody confirmed was taken back",
                "cluster.fw would say was taken back, since nobody confirmed it",
            ] {
                assert!(said.contains(part), "{said}");
            }
            assert_eq!(next.status.code(), Some(1));
        }
        assert_eq!(fs::read_to_string(file(&site)).unwrap(), OLD, "{words:?}");
    }
}

#[test]
fn what_somebody_else_wrote_meanwhile_stays() {
    let site = prepared();
    let mut child = begun(&site, "300s");
    let mine = "[OPTIONS]\n\nenable: 1\n";
    fs::write(file(&site), mine).unwrap();
    let confirm = site.phoenix(&["firewall", "confirm"]);
    assert_eq!(confirm.status.code(), Some(2));
    assert!(
        stderr(&confirm).contains("1001.fw does not say what the change made of it"),
        "{}",
        stderr(&confirm)
    );
    time_passes(&site);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(fs::read_to_string(file(&site)).unwrap(), mine);
    assert!(!site.0.join("etc/pve/firewall/cluster.fw").exists());
}

#[test]
fn nothing_waits_where_nothing_was_applied() {
    let site = prepared();
    let said = stderr(&site.phoenix(&["firewall", "confirm"]));
    assert!(
        said.contains("found no change of the firewall that waits for its confirmation"),
        "{said}"
    );
    let done = site.phoenix(&["firewall", "render"]);
    assert_eq!(done.status.code(), Some(0));
    let nothing = site.phoenix(&["firewall", "render", "--apply"]);
    assert!(
        stdout(&nothing).starts_with("nothing to do"),
        "{}",
        stdout(&nothing)
    );
    let usage = phoenix(
        &["firewall", "render", "--confirm-within", "5m"],
        Path::new("/tmp"),
    );
    assert_eq!(usage.status.code(), Some(2));
    assert!(stderr(&usage).contains("--apply"), "{}", stderr(&usage));
}

const OLD: &str = "# by hand\n[OPTIONS]\n\nenable: 0\n";
