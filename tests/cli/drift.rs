//! What somebody else changes about an installed pair is put right, without a new certificate.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

use super::mounts::{phoenix_with_tools, with_tools};
use super::run::{NAME, real_site};
use super::*;

fn said(output: &Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

/// One pair on the machine and in a container, whose files are the machine's, too.
fn site() -> Scratch {
    let scratch = real_site("\"true\"");
    with_tools(&scratch);
    let dir = scratch.0.display().to_string();
    let manifest = format!(
        r#"[{{"common_name": "{NAME}", "cert_path": "{dir}/pair/a.crt", "key_path": "{dir}/pair/a.key", "permissions": "600",
            "deploy": [{{"guest": "lxc:7", "cert": "{dir}/inside/a.crt", "key": "{dir}/inside/a.key", "permissions": "600"}}]}}]"#
    );
    fs::write(
        scratch.0.join("site/etc/certificate-manifest.json"),
        manifest,
    )
    .unwrap();
    let lxcs = r#"{"lxc_configs": {"7": {"name": "a"}}}"#;
    fs::write(scratch.0.join("site/etc/phoenix_lxc_configs.json"), lxcs).unwrap();
    let first = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    scratch
}

struct Drift {
    what: &'static str,
    act: fn(&Path),
    /// What the plan says about it on the host, and in the guest.
    said: [&'static str; 2],
}

const DRIFTS: &[Drift] = &[
    Drift {
        what: "mode",
        act: |key| fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap(),
        said: [
            "has mode 644, expected 600",
            "the key has mode 644, wanted 600",
        ],
    },
    Drift {
        what: "owner",
        act: |key| chown(fs::canonicalize(key).unwrap(), Some(7), Some(7)).unwrap(),
        said: ["belongs to 7:7, expected 0:0", "the key belongs to"],
    },
    Drift {
        what: "link target",
        act: |key| {
            let copy = key.with_extension("copy");
            fs::copy(key, &copy).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
            fs::remove_file(key).unwrap();
            symlink(copy, key).unwrap();
        },
        said: ["a link to", "the key is a link to"],
    },
    Drift {
        what: "gone",
        act: |key| fs::remove_file(key).unwrap(),
        said: ["not installed", "not installed"],
    },
];

#[test]
fn mode_owner_and_link_are_put_right_on_the_host_and_in_a_guest_without_a_new_certificate() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for (index, place) in ["pair", "inside"].into_iter().enumerate() {
        for drift in DRIFTS {
            // Without its key the host's pair is no pair: that is a missing certificate.
            if drift.what == "gone" && place == "pair" {
                continue;
            }
            let scratch = site();
            let key = scratch.0.join(place).join("a.key");
            let before = fs::read(&key).unwrap();
            (drift.act)(&key);
            let plan = stdout(&phoenix_with_tools(&scratch, &["plan", "certs"]));
            assert!(
                plan.contains(drift.said[index]),
                "{place} {}: {plan}",
                drift.what
            );
            let calls = || {
                fs::read_to_string(scratch.0.join("calls"))
                    .unwrap()
                    .lines()
                    .count()
            };
            let so_far = calls();
            let output = phoenix_with_tools(&scratch, &["sync", "certs"]);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{place} {}: {}",
                drift.what,
                said(&output)
            );
            assert!(
                !stdout(&output).contains("issue"),
                "{place} {}: {}",
                drift.what,
                said(&output)
            );
            assert_eq!(
                calls() - so_far,
                1 + index,
                "one call to look, one to deliver"
            );
            assert_eq!(fs::read(&key).unwrap(), before);
            let facts = fs::metadata(&key).unwrap();
            assert_eq!(
                (facts.mode() & 0o777, facts.uid(), facts.gid()),
                (0o600, 0, 0)
            );
            let link = fs::read_link(&key).unwrap();
            assert!(
                link.starts_with(".phoenix"),
                "{place} {}: {}",
                drift.what,
                link.display()
            );
            let again = phoenix_with_tools(&scratch, &["sync", "certs", "--unattended", "-q"]);
            assert_eq!(said(&again), "", "{place} {}", drift.what);
        }
    }
}

#[test]
fn another_pair_in_a_guest_is_replaced_by_the_hosts() {
    let scratch = site();
    for (name, text) in [("a.crt", "another"), ("a.key", "of somebody else")] {
        let path = fs::canonicalize(scratch.0.join("inside").join(name)).unwrap();
        fs::write(path, text).unwrap();
    }
    let plan = stdout(&phoenix_with_tools(&scratch, &["plan", "certs"]));
    assert!(plan.contains("is another than on the host"), "{plan}");
    let output = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!stdout(&output).contains("issue"), "{}", said(&output));
    for name in ["a.crt", "a.key"] {
        let read = |place: &str| fs::read(scratch.0.join(place).join(name)).unwrap();
        assert_eq!(read("inside"), read("pair"));
    }
}

#[test]
fn a_script_that_writes_through_our_links_is_found_and_its_pair_kept_only_when_it_is_one() {
    let scratch = site();
    let key = scratch.0.join("pair/a.key");
    let before = fs::read(&key).unwrap();
    // The certificate of before written over by its own bytes and a comment: a pair still, and not what was deployed.
    let cert = scratch.0.join("pair/a.crt");
    let mut text = fs::read(&cert).unwrap();
    text.extend_from_slice(b"# renewed by the old script\n");
    fs::write(&cert, &text).unwrap();
    let plan = stdout(&phoenix_with_tools(&scratch, &["plan", "certs"]));
    assert!(
        plan.contains("was written over since it was deployed"),
        "{plan}"
    );
    let output = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let again = phoenix_with_tools(&scratch, &["sync", "certs", "--unattended", "-q"]);
    assert_eq!(said(&again), "");
    assert_eq!(fs::read(&key).unwrap(), before);
    // A key of another pair is a mismatch, and the pair is got anew.
    fs::write(&key, "-----BEGIN EC PRIVATE KEY-----\n").unwrap();
    let output = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(
        stdout(&output).contains("done     issue"),
        "{}",
        said(&output)
    );
    assert_ne!(fs::read(&key).unwrap(), before);
}
