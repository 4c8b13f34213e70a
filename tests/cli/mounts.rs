//! Directories of the host that guests see, too: through a container's mount, and through NFS.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::time::{Duration, Instant};

use super::run::{NAME, real_site};
use super::*;

fn said(output: &Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

/// Puts stand-ins of Proxmox's tools before all others: guests whose state is in `state`, and which are the machine itself.
pub(super) fn with_tools(scratch: &Scratch) {
    let dir = scratch.0.display();
    fs::create_dir_all(scratch.0.join("bin")).unwrap();
    fs::write(scratch.0.join("state-of-guests"), "running").unwrap();
    let pct = format!(
        "case $1 in status) echo \"status: $(cat {dir}/state-of-guests)\" ;; exec) echo call >>{dir}/calls; shift 3; exec \"$@\" ;; esac"
    );
    let qm = format!(
        "case $1 in status) echo 'status: running' ;;\nguest) while [ \"$1\" != -- ]; do shift; done; shift\n\
         \"$@\" >{dir}/out 2>{dir}/err; code=$?\n\
         json() {{ awk '{{gsub(/\\\\/,\"\\\\\\\\\"); gsub(/\"/,\"\\\\\\\"\"); printf \"%s\\\\n\",$0}}' \"$1\"; }}\n\
         printf '{{\"exited\": 1, \"exitcode\": %s, \"out-data\": \"%s\", \"err-data\": \"%s\"}}' $code \"$(json {dir}/out)\" \"$(json {dir}/err)\" ;; esac"
    );
    tool(scratch, "pct", &pct);
    tool(scratch, "qm", &qm);
}

/// Puts a program of the test's own before all others.
pub(super) fn tool(scratch: &Scratch, name: &str, script: &str) {
    let path = scratch.0.join("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(super) fn phoenix_with_tools(scratch: &Scratch, words: &[&str]) -> Output {
    let dir = &scratch.0;
    Command::new(env!("CARGO_BIN_EXE_phoenix"))
        .arg("--site")
        .arg(dir.join("site"))
        .arg("--state")
        .arg(dir.join("state"))
        .args(words)
        .env(
            "PATH",
            format!(
                "{}:/usr/sbin:/usr/bin:/sbin:/bin",
                dir.join("bin").display()
            ),
        )
        .env("TMPDIR", dir)
        .output()
        .unwrap()
}

#[test]
fn a_machine_behind_nfs_is_told_only_when_it_has_read_the_new_pair_itself() {
    let scratch = real_site(
        r#"["qm", "guest", "exec", "5", "--", "sh", "-c", "cat \"$0\" > \"$0.seen\"", "SEEN"]"#,
    );
    with_tools(&scratch);
    let dir = scratch.0.display().to_string();
    let manifest = scratch.0.join("site/etc/certificate-manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("SEEN", &format!("{dir}/behind/a.crt")),
    )
    .unwrap();
    let vms = format!(
        r#"{{"vms": [{{"vmid": 5, "name": "a", "volumes": [{{"type": "nfs", "path": "{dir}/pair", "mount_point": "{dir}/behind"}}]}}]}}"#
    );
    fs::write(scratch.0.join("site/etc/phoenix_vm_configs.json"), vms).unwrap();
    fs::create_dir(scratch.0.join("behind")).unwrap();
    // The machine's cache: it sees the new files three seconds after they are there.
    let (from, to) = (scratch.0.join("pair"), scratch.0.join("behind"));
    let late = std::thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(60);
        while fs::read(from.join("a.key")).is_err() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_secs(3));
        for name in ["a.crt", "a.key"] {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    });
    let output = phoenix_with_tools(&scratch, &["sync", "certs"]);
    late.join().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let seen = fs::read(scratch.0.join("behind/a.crt.seen")).unwrap();
    assert_eq!(seen, fs::read(scratch.0.join("pair/a.crt")).unwrap());
}

/// A site whose one pair lies under a directory that container 7, whose ids are shifted, mounts.
fn mounted() -> Option<Scratch> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let scratch = real_site("\"true\"");
    with_tools(&scratch);
    let dir = scratch.0.display().to_string();
    let lxcs = format!(
        r#"{{"lxc_configs": {{"7": {{"name": "a", "unprivileged": true,
            "mount_points": [{{"host_path": "{dir}/pair", "container_path": "{dir}/pair"}}]}}}}}}"#
    );
    fs::write(scratch.0.join("site/etc/phoenix_lxc_configs.json"), lxcs).unwrap();
    Some(scratch)
}

#[test]
fn a_stopped_container_is_no_failure_while_what_it_will_find_is_right() {
    let Some(scratch) = mounted() else { return };
    let first = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert!(stdout(&first).contains("to lxc:7:"), "{}", said(&first));
    // Its root is the host's user 100000; the stand-in that wrote the files has no shifted ids.
    let files =
        ["a.crt", "a.key"].map(|name| fs::canonicalize(scratch.0.join("pair").join(name)).unwrap());
    for file in &files {
        chown(file, Some(100_000), Some(100_000)).unwrap();
    }
    fs::write(scratch.0.join("state-of-guests"), "stopped").unwrap();
    let resting = phoenix_with_tools(&scratch, &["sync", "certs", "--unattended", "-q"]);
    assert_eq!(
        (resting.status.code(), said(&resting)),
        (Some(0), String::new())
    );
    // What it could not read is said, and so is a new pair that cannot reach it.
    chown(&files[1], Some(0), Some(0)).unwrap();
    let unreadable = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(unreadable.status.code(), Some(1), "{}", said(&unreadable));
    chown(&files[1], Some(100_000), Some(100_000)).unwrap();
    let queued = phoenix_with_tools(&scratch, &["sync", "certs", "--force"]);
    assert_eq!(queued.status.code(), Some(1), "{}", said(&queued));
    assert!(
        stdout(&queued).contains("the guest is stopped"),
        "{}",
        said(&queued)
    );
    fs::write(scratch.0.join("state-of-guests"), "running").unwrap();
    let delivered = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(delivered.status.code(), Some(0), "{}", said(&delivered));
}

#[test]
fn an_owner_that_the_container_does_not_have_stops_before_the_ca_is_asked() {
    let Some(scratch) = mounted() else { return };
    let manifest = scratch.0.join("site/etc/certificate-manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("\"owner\": \"root:root\"", "\"owner\": \"70000:0\""),
    )
    .unwrap();
    let output = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = stdout(&output);
    assert!(text.contains("so the CA was not asked"), "{text}");
    assert!(text.contains("whose id map does not hold it"), "{text}");
    assert!(text.contains(&format!("failed   issue {NAME}")), "{text}");
    assert!(!scratch.0.join("pair/a.crt").exists());
}

#[test]
fn a_watched_directory_gets_plain_files_and_the_versions_lie_beside_it() {
    let scratch = real_site("\"true\"");
    let dir = scratch.0.display().to_string();
    let settings = format!("[deploy]\nwatched = [\"{dir}/pair\"]\n");
    fs::write(scratch.0.join("site/etc/phoenix.toml"), settings).unwrap();
    with_tools(&scratch);
    for words in [&["sync", "certs"][..], &["sync", "certs", "--force"]] {
        let output = phoenix_with_tools(&scratch, words);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let mut names: Vec<_> = fs::read_dir(scratch.0.join("pair"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .inspect(|entry| assert!(entry.file_type().unwrap().is_file()))
            .map(|entry| entry.file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["a.crt", "a.key"]);
    }
    let before = fs::read(scratch.0.join("pair/a.crt")).unwrap();
    let output = phoenix_with_tools(&scratch, &["certs", "rollback", NAME]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_ne!(fs::read(scratch.0.join("pair/a.crt")).unwrap(), before);
    let again = phoenix_with_tools(&scratch, &["sync", "certs", "--unattended", "-q"]);
    assert_eq!(said(&again), "");
    assert!(scratch.0.join(".phoenix").is_dir());
}

#[test]
fn a_hundred_pairs_reach_a_guest_by_one_call_and_one_that_is_refused_stops_no_other() {
    let scratch = real_site("\"true\"");
    with_tools(&scratch);
    let dir = scratch.0.display().to_string();
    let entries: Vec<String> = (0..100)
        .map(|number| {
            format!(
                r#"{{"common_name": "n{number}.test", "cert_path": "{dir}/pair/{number}.crt", "key_path": "{dir}/pair/{number}.key",
                    "permissions": "600",
                    "deploy": [{{"guest": "lxc:7", "cert": "{dir}/inside/{number}.crt", "key": "{dir}/inside/{number}.key"}}]}}"#
            )
        })
        .collect();
    let manifest = scratch.0.join("site/etc/certificate-manifest.json");
    fs::write(manifest, format!("[{}]", entries.join(","))).unwrap();
    let lxcs = r#"{"lxc_configs": {"7": {"name": "a"}}}"#;
    fs::write(scratch.0.join("site/etc/phoenix_lxc_configs.json"), lxcs).unwrap();
    fs::create_dir_all(scratch.0.join("inside/17.crt/in the way")).unwrap();
    let output = phoenix_with_tools(&scratch, &["sync", "certs"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let calls = fs::read_to_string(scratch.0.join("calls"))
        .unwrap()
        .lines()
        .count();
    // One looks, one delivers.
    assert_eq!(calls, 2);
    let text = stdout(&output);
    assert_eq!(text.matches("done     deploy").count(), 199, "{text}");
    assert!(text.contains("failed   deploy n17.test to lxc:7"), "{text}");
    for number in (0..100).filter(|number| *number != 17) {
        let pair =
            |place: &str| fs::read(scratch.0.join(place).join(format!("{number}.key"))).unwrap();
        assert_eq!(pair("inside"), pair("pair"));
    }
}
