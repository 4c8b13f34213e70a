//! `apply` and `verify` on a copy of a site.

use super::*;

/// A site beneath a root whose users are known there and whose guests are directories with the files that runs look for.
fn site() -> Scratch {
    let scratch = Scratch::with_site();
    let passwd = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n";
    let group = "root:x:0:\nnogroup:x:65534:\nwww-data:x:33:\nnginx:x:101:\ntraefik:x:102:\n";
    fs::create_dir(scratch.0.join("etc")).unwrap();
    fs::create_dir_all(scratch.0.join("guests/vm-1002")).unwrap();
    fs::write(scratch.0.join("etc/passwd"), passwd).unwrap();
    fs::write(scratch.0.join("etc/group"), group).unwrap();
    scratch
}

/// The plan of one certificate, written to a file of the copy.
fn planned(scratch: &Scratch, name: &str) -> PathBuf {
    let output = scratch.phoenix(&["plan", "certs", name, "--output-format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let file = scratch.0.join("plan.json");
    fs::write(&file, output.stdout).unwrap();
    file
}

const NAME: &str = "worker-agent.internal.example";

#[test]
fn a_plan_is_applied_as_it_was_written_down_and_only_once() {
    let scratch = site();
    let file = planned(&scratch, NAME);
    let words = ["apply", "--plan", file.to_str().unwrap()];
    let output = scratch.phoenix(&words);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let text = stdout(&output);
    assert!(text.contains(&format!("done     issue {NAME}")), "{text}");
    assert!(!text.contains("nginx.internal.example"), "{text}");
    let again = scratch.phoenix(&words);
    assert_eq!(again.status.code(), Some(1), "{}", stdout(&again));
    let words = stderr(&again);
    assert!(words.contains("is no longer to be done"), "{words}");
}

#[test]
fn a_plan_of_a_site_that_changed_is_refused_before_anything_is_done() {
    let scratch = site();
    let file = planned(&scratch, NAME);
    let manifest = scratch.etc().join("certificate-manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace(NAME, "other.internal.example")).unwrap();
    let output = scratch.phoenix(&["apply", "--plan", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let words = stderr(&output);
    assert!(
        words.contains("certificate-manifest.json changed since"),
        "{words}"
    );
    assert!(!scratch.0.join("mnt").exists());
}

#[test]
fn what_is_no_plan_ends_with_2() {
    let scratch = site();
    let file = scratch.0.join("plan.json");
    fs::write(&file, "{").unwrap();
    let output = scratch.phoenix(&["apply", "--plan", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("line 1, column 1"),
        "{}",
        stderr(&output)
    );
    let gone = scratch.phoenix(&["apply", "--plan", "gone.json"]);
    assert_eq!(gone.status.code(), Some(2), "{}", stderr(&gone));
}

#[test]
fn a_site_that_was_not_moved_yet_is_not_verified() {
    let scratch = site();
    let output = scratch.phoenix(&["verify"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(
        text.contains("docker vm:1001  cannot be verified"),
        "{text}"
    );
    assert!(
        text.contains("traefik lxc:102  cannot be verified"),
        "{text}"
    );
}
