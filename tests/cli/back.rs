//! The way back: by hand, and when a later step fails.

use std::os::unix::fs::PermissionsExt as _;

use super::run::{NAME, on_machine, real_site, site};
use super::*;

fn leaf(scratch: &Scratch) -> String {
    fs::read_to_string(scratch.0.join("pair/a.crt")).unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

#[test]
fn an_earlier_pair_is_brought_back_kept_and_replaced_by_force() {
    let scratch = real_site(
        r#"["sh", "-c", "echo \"$PHOENIX_FINGERPRINTS\" >> \"$(dirname \"$PHOENIX_CERT_PATH\")/seen\""]"#,
    );
    let sync = |words: &[&str]| {
        let output = on_machine(&scratch, &[&["sync", "certs"], words].concat());
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        stdout(&output)
    };
    let rollback =
        |words: &[&str]| on_machine(&scratch, &[&["certs", "rollback", NAME], words].concat());
    sync(&[]);
    let none = rollback(&[]);
    assert_eq!(none.status.code(), Some(1), "{}", said(&none));
    assert!(
        stderr(&none).contains("found no earlier pair"),
        "{}",
        said(&none)
    );
    let first = leaf(&scratch);
    sync(&["--force"]);
    let second = leaf(&scratch);
    assert_ne!(first, second);
    let shown = rollback(&["--dry-run"]);
    assert!(
        stdout(&shown).contains("brought back: leaf"),
        "{}",
        said(&shown)
    );
    assert_eq!(leaf(&scratch), second);
    let done = rollback(&[]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert_eq!(leaf(&scratch), first);
    let hooks = fs::read_to_string(scratch.0.join("pair/seen")).unwrap();
    let hooks: Vec<&str> = hooks.lines().collect();
    assert_eq!((hooks.len(), hooks[0]), (3, hooks[2]));
    // Nothing undoes it, and the plan says why.
    let plan = stdout(&on_machine(&scratch, &["plan", "certs", "--check"]));
    assert!(plan.contains("was brought back by hand"), "{plan}");
    sync(&[]);
    assert_eq!(leaf(&scratch), first);
    sync(&["--force"]);
    assert!(![first, second].contains(&leaf(&scratch)));
    let plan = stdout(&on_machine(&scratch, &["plan", "certs"]));
    assert!(!plan.contains("by hand"), "{plan}");
}

#[test]
fn a_pair_whose_window_is_open_stays_when_it_was_brought_back_until_the_manifest_wants_another() {
    let scratch = real_site("\"true\"");
    on_machine(&scratch, &["sync", "certs"]);
    let first = leaf(&scratch);
    on_machine(&scratch, &["sync", "certs", "--force"]);
    // With a window as long as the whole life each pair is due at once.
    let settings = scratch.0.join("site/etc/phoenix.toml");
    fs::write(
        &settings,
        "[renewal]\nbefore = \"99%\"\n\n[deploy]\nkeep = 3\n",
    )
    .unwrap();
    let done = on_machine(&scratch, &["certs", "rollback", NAME]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let plan = on_machine(&scratch, &["plan", "certs", "--check"]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    assert_eq!(leaf(&scratch), first);
    let manifest = scratch.0.join("site/etc/certificate-manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("\"owner\"", "\"sans\": \"10.0.0.9\", \"owner\""),
    )
    .unwrap();
    let plan = stdout(&on_machine(&scratch, &["plan", "certs"]));
    assert!(plan.contains("names missing: 10.0.0.9"), "{plan}");
}

/// The sample site with one certificate on the host and in two guests; `own` makes the host's copy ours.
fn in_two_guests() -> Scratch {
    let scratch = site();
    fs::create_dir_all(scratch.0.join("guests/lxc-102")).unwrap();
    let manifest = format!(
        r#"[{{"common_name": "{NAME}", "cert_path": "/tls/a.crt", "key_path": "/tls/a.key", "permissions": "600",
            "deploy": [{{"guest": "lxc:102", "cert": "/tls/a.crt", "key": "/tls/a.key"}},
                       {{"guest": "vm:1002", "cert": "/tls/a.crt", "key": "/tls/a.key"}}]}}]"#
    );
    fs::write(scratch.etc().join("certificate-manifest.json"), manifest).unwrap();
    scratch
}

/// What the three places serve.
fn served(scratch: &Scratch) -> [String; 3] {
    ["", "guests/lxc-102", "guests/vm-1002"].map(|place| {
        fs::read_to_string(scratch.0.join(place).join("tls/a.crt")).unwrap_or_default()
    })
}

#[test]
fn a_place_that_refuses_the_new_pair_takes_it_back_from_all_and_it_waits_for_its_next_try() {
    let scratch = in_two_guests();
    let first = scratch.phoenix(&["sync", "certs"]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    let before = served(&scratch);
    assert!(before[0] == before[1] && before[1] == before[2] && !before[0].is_empty());
    let inside = scratch.0.join("guests/vm-1002/tls");
    fs::rename(&inside, scratch.0.join("aside")).unwrap();
    fs::write(&inside, "in the way").unwrap();
    let failed = scratch.phoenix(&["sync", "certs", "--force"]);
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    let text = stdout(&failed);
    assert_eq!(text.matches("undone   deploy").count(), 2, "{text}");
    assert_eq!(served(&scratch)[..2], before[..2]);
    let pending = stdout(&scratch.phoenix(&["pending", "list"]));
    assert!(
        pending.contains(&format!("pending  pair {NAME}")),
        "{pending}"
    );
    let unattended = scratch.phoenix(&["sync", "certs", "--unattended"]);
    assert_eq!(unattended.status.code(), Some(1));
    let text = stdout(&unattended);
    assert!(
        text.contains(&format!("blocked  pair {NAME}  failed once, last: ")),
        "{text}"
    );
    assert_eq!(served(&scratch)[..2], before[..2]);
    // The place is itself again: the pair that waited goes everywhere, and the CA is not asked for another.
    fs::remove_file(&inside).unwrap();
    fs::rename(scratch.0.join("aside"), &inside).unwrap();
    let again = scratch.phoenix(&["sync", "certs"]);
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    assert!(!stdout(&again).contains("issue"), "{}", said(&again));
    let after = served(&scratch);
    assert!(after[0] == after[1] && after[1] == after[2] && after[0] != before[0]);
    let pending = stdout(&scratch.phoenix(&["pending", "list"]));
    assert_eq!(pending, "nothing pending\n");
    let quiet = scratch.phoenix(&["sync", "certs", "--unattended", "-q"]);
    assert_eq!(said(&quiet), "");
}

#[test]
fn a_dropped_try_and_a_rollback_both_forget_the_pair_that_waits() {
    let scratch = in_two_guests();
    scratch.phoenix(&["sync", "certs"]);
    scratch.phoenix(&["sync", "certs", "--force"]);
    let inside = scratch.0.join("guests/vm-1002/tls");
    fs::rename(&inside, scratch.0.join("aside")).unwrap();
    fs::write(&inside, "in the way").unwrap();
    assert_eq!(
        scratch.phoenix(&["sync", "certs", "--force"]).status.code(),
        Some(1)
    );
    fs::remove_file(&inside).unwrap();
    fs::rename(scratch.0.join("aside"), &inside).unwrap();
    let before = served(&scratch);
    let done = scratch.phoenix(&["certs", "rollback", NAME]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let after = served(&scratch);
    assert!(after[0] == after[1] && after[1] == after[2] && after[0] != before[0]);
    let quiet = scratch.phoenix(&["sync", "certs", "--unattended", "-q"]);
    assert_eq!(said(&quiet), "");
    assert_eq!(served(&scratch), after);
    let mode = fs::metadata(scratch.0.join("tls/a.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_dropped_pair_is_forgotten_and_a_rollback_that_fails_is_not_tried_again_by_itself() {
    let scratch = in_two_guests();
    scratch.phoenix(&["sync", "certs"]);
    scratch.phoenix(&["sync", "certs", "--force"]);
    let before = served(&scratch);
    let inside = scratch.0.join("guests/vm-1002/tls");
    let break_it = || {
        fs::rename(&inside, scratch.0.join("aside")).unwrap();
        fs::write(&inside, "in the way").unwrap();
    };
    let mend_it = || {
        fs::remove_file(&inside).unwrap();
        fs::rename(scratch.0.join("aside"), &inside).unwrap();
    };
    break_it();
    let failed = scratch.phoenix(&["certs", "rollback", NAME]);
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    mend_it();
    assert_eq!(served(&scratch), before);
    let quiet = scratch.phoenix(&["sync", "certs", "--unattended", "-q"]);
    assert_eq!(
        (said(&quiet), served(&scratch)),
        (String::new(), before.clone())
    );
    let plan = stdout(&scratch.phoenix(&["plan", "certs"]));
    assert!(!plan.contains("by hand"), "{plan}");
    break_it();
    scratch.phoenix(&["sync", "certs", "--force"]);
    mend_it();
    let listed = stdout(&scratch.phoenix(&["pending", "list"]));
    let id = listed
        .lines()
        .find_map(|line| line.trim().strip_prefix("id "))
        .unwrap();
    scratch.phoenix(&["pending", "drop", id]);
    let quiet = scratch.phoenix(&["sync", "certs", "--unattended", "-q"]);
    assert_eq!((said(&quiet), served(&scratch)), (String::new(), before));
}
