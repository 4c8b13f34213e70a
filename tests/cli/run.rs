//! `apply` and `verify` on a copy of a site.

use super::*;

/// A site beneath a root whose users are known there and whose guests are directories with the files that runs look for.
pub(super) fn site() -> Scratch {
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

pub(super) const NAME: &str = "worker-agent.internal.example";

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

/// The user and group that the tests run as, by name.
fn myself() -> String {
    let name = |flag: &str| {
        let output = Command::new("id").arg(flag).output().unwrap();
        stdout(&output).trim().to_owned()
    };
    format!("{}:{}", name("-un"), name("-gn"))
}

/// A site of one certificate on the machine itself, all of it in the test's directory.
pub(super) fn real_site(hook: &str) -> Scratch {
    let scratch = Scratch::new();
    let dir = scratch.0.display();
    fs::create_dir_all(scratch.0.join("site/etc")).unwrap();
    fs::create_dir(scratch.0.join("pair")).unwrap();
    let manifest = format!(
        r#"[{{"common_name": "{NAME}", "cert_path": "{dir}/pair/a.crt", "key_path": "{dir}/pair/a.key",
            "owner": "{}", "permissions": "600", "post_renewal_command": {hook}}}]"#,
        myself()
    );
    fs::write(
        scratch.0.join("site/etc/certificate-manifest.json"),
        manifest,
    )
    .unwrap();
    let host = r#"{"domain_name": "internal.example"}"#;
    fs::write(
        scratch.0.join("site/etc/phoenix_hypervisor_config.json"),
        host,
    )
    .unwrap();
    scratch
}

pub(super) fn on_machine(scratch: &Scratch, words: &[&str]) -> Output {
    let (site, state) = (scratch.0.join("site"), scratch.0.join("state"));
    let places = [
        "--site",
        site.to_str().unwrap(),
        "--state",
        state.to_str().unwrap(),
    ];
    phoenix(&[&places[..], words].concat(), &scratch.0)
}

#[test]
fn a_hook_is_told_names_paths_and_fingerprints() {
    let scratch = real_site(r#"["sh", "-c", "env > \"$(dirname \"$PHOENIX_CERT_PATH\")/seen\""]"#);
    let output = on_machine(&scratch, &["sync", "certs"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    let seen = fs::read_to_string(scratch.0.join("pair/seen")).unwrap();
    let value = |name: &str| {
        let line = seen
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_else(|| panic!("no {name} in {seen}"))
            .to_owned()
    };
    assert_eq!(value("PHOENIX_CERTIFICATES"), NAME);
    assert_eq!(value("PHOENIX_OLD_FINGERPRINT"), "");
    assert_eq!(value("PHOENIX_FINGERPRINTS").len(), 64);
    let resolved = fs::canonicalize(scratch.0.join("pair/a.key")).unwrap();
    assert_eq!(
        Path::new(&value("PHOENIX_PAIR_DIR")),
        resolved.parent().unwrap()
    );
    assert!(!seen.contains("PRIVATE"), "a key in the environment");
}

#[test]
fn a_failed_hook_stays_pending_pauses_unattended_runs_and_can_be_dropped() {
    let scratch = real_site("\"false\"");
    let output = on_machine(&scratch, &["sync", "certs"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let unattended = on_machine(&scratch, &["sync", "certs", "--unattended"]);
    assert_eq!(unattended.status.code(), Some(1));
    let text = stdout(&unattended);
    assert!(
        text.contains("blocked  hook false  failed once, last: "),
        "{text}"
    );
    assert!(!text.contains("failed   hook"), "{text}");
    let retried = on_machine(&scratch, &["pending", "retry"]);
    assert_eq!(retried.status.code(), Some(1));
    assert!(
        stdout(&retried).contains("failed   hook false"),
        "{}",
        stdout(&retried)
    );
    let listed = stdout(&on_machine(&scratch, &["pending", "list"]));
    assert!(listed.contains("tried 2 times"), "{listed}");
    let id = listed
        .lines()
        .find_map(|line| line.trim().strip_prefix("id "))
        .unwrap();
    let dropped = on_machine(&scratch, &["pending", "drop", id]);
    assert_eq!(dropped.status.code(), Some(0), "{}", stderr(&dropped));
    let quiet = on_machine(&scratch, &["sync", "certs", "--unattended", "-q"]);
    assert_eq!(
        (quiet.status.code(), stdout(&quiet)),
        (Some(0), String::new())
    );
    let status = stdout(&on_machine(&scratch, &["status"]));
    assert!(
        status.contains("1 of 1 certificate good, nothing pending"),
        "{status}"
    );
    let unknown = on_machine(&scratch, &["pending", "drop", id]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn a_mistyped_site_is_an_error_and_is_not_made() {
    let scratch = Scratch::new();
    let gone = scratch.0.join("gone");
    let words = [
        "--site",
        gone.to_str().unwrap(),
        "edit",
        "etc/a.json",
        "set",
        "/a",
        "1",
    ];
    let output = phoenix(&words, &scratch.0);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(!gone.exists());
}

#[test]
fn certificates_are_listed_as_they_lie_on_the_host() {
    let scratch = site();
    let list = |words: &[&str]| {
        let all = [&["certs", "list", "--output-format", "json"], words].concat();
        let output = scratch.phoenix(&all);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), json)
    };
    let (status, empty) = list(&[]);
    assert_eq!((status, empty.as_array().unwrap().len()), (Some(0), 6));
    assert!(
        empty
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["state"] == "missing")
    );
    assert_eq!(list(&["--need", NAME]).0, Some(1));
    scratch.phoenix(&["sync", "certs", NAME]);
    let before = scratch.snapshot();
    let (status, one) = list(&[NAME]);
    assert_eq!((status, &one[0]["state"]), (Some(0), &"good".into()));
    let installed = &one[0]["installed"];
    assert_eq!(installed["names"], serde_json::json!([NAME]));
    assert_eq!(installed["key_type"], "ec-p256");
    assert_eq!(list(&["--need", NAME]), (Some(0), serde_json::json!([])));
    let text = stdout(&scratch.phoenix(&["certs", "list", NAME]));
    let short = &installed["fingerprint"].as_str().unwrap()[..16];
    assert!(
        text.contains(short) && text.ends_with("1 of 1 certificate good\n"),
        "{text}"
    );
    assert_eq!(scratch.snapshot(), before, "nothing is written");
    let key = one[0]["key_path"]
        .as_str()
        .unwrap()
        .trim_start_matches('/')
        .to_owned();
    fs::write(scratch.0.join(key), "no key").unwrap();
    let (status, damaged) = list(&["--need", NAME]);
    assert_eq!(
        (status, &damaged[0]["state"]),
        (Some(1), &"unreadable".into())
    );
    assert!(damaged[0]["trouble"].as_str().unwrap().contains("the key:"));
    let unknown = scratch.phoenix(&["certs", "list", "nobody.test"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", stderr(&unknown));
}

#[test]
fn each_change_is_a_line_of_the_audit_trail_with_why_and_which_leaf() {
    let scratch = site();
    let trail = || -> Vec<serde_json::Value> {
        let sites = fs::read_dir(scratch.0.join("var/lib/phoenix/sites")).unwrap();
        let dir = sites.map(|site| site.unwrap().path()).next().unwrap();
        let text = fs::read_to_string(dir.join("audit.jsonl")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    scratch.phoenix(&["sync", "certs", NAME]);
    let first = trail();
    let of = |lines: &[serde_json::Value], what: &str| {
        let what = format!("{what} {NAME}");
        let found = lines
            .iter()
            .find(|line| line["what"].as_str().unwrap().starts_with(&what));
        found
            .unwrap_or_else(|| panic!("{what} in {lines:?}"))
            .clone()
    };
    let issued = of(&first, "issue");
    assert_eq!(issued["why"], serde_json::json!(["not installed"]));
    assert_eq!(
        (&issued["status"], issued.get("old")),
        (&"done".into(), None)
    );
    let deployed = of(&first, "deploy");
    assert_eq!(deployed["new"], issued["new"]);
    assert!(phoenix_core::time::parse_rfc3339(issued["time"].as_str().unwrap()).is_some());

    scratch.phoenix(&["sync", "certs", NAME, "--force"]);
    let second = trail();
    let renewed = of(&second[first.len()..], "issue");
    assert_eq!(renewed["why"], serde_json::json!(["forced"]));
    assert_eq!(renewed["old"], issued["new"]);
    assert_ne!(renewed["new"], issued["new"]);
    scratch.phoenix(&["manifest", "set", NAME, "keep=3"]);
    let edit = trail().pop().unwrap();
    assert_eq!(edit["what"], format!("manifest set {NAME}"));
    assert!(!edit["why"].as_array().unwrap().is_empty(), "{edit}");
}

#[test]
fn a_key_is_replaced_when_it_is_as_old_as_the_entry_allows() {
    let scratch = site();
    scratch.phoenix(&["sync", "certs", NAME]);
    let listed = scratch.phoenix(&["certs", "list", NAME, "--output-format", "json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let key = scratch.0.join(
        listed[0]["key_path"]
            .as_str()
            .unwrap()
            .trim_start_matches('/'),
    );
    let first = fs::read(&key).unwrap();
    let set = |assignment: &str| {
        let output = scratch.phoenix(&["manifest", "set", NAME, assignment]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    };
    set("rekey=1h");
    let plan = |wanted: Option<i32>| {
        let output = scratch.phoenix(&["plan", "certs", NAME, "--check"]);
        assert_eq!(output.status.code(), wanted, "{}", stdout(&output));
        stdout(&output)
    };
    plan(Some(0));
    // The leaf begins a minute before it was issued, and its key is as old as that.
    set("rekey=30s");
    let shown = plan(Some(1));
    assert!(shown.contains("the key has been used for 1m"), "{shown}");
    assert!(shown.contains("`rekey` allows 30s"), "{shown}");
    scratch.phoenix(&["sync", "certs", NAME]);
    let second = fs::read(&key).unwrap();
    assert_ne!(first, second);
    plan(Some(0));
    set("rekey=always");
    plan(Some(0));
    scratch.phoenix(&["sync", "certs", NAME, "--force"]);
    assert_ne!(fs::read(&key).unwrap(), second);
    set("rekey=");
    let third = fs::read(&key).unwrap();
    scratch.phoenix(&["sync", "certs", NAME, "--force"]);
    assert_eq!(fs::read(&key).unwrap(), third);
}
