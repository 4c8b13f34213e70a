//! Single stages from a shell: a given pair deployed, a hook run, joined by pipes.

use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server, Setup};

use super::run::{NAME, on_machine, real_site};
use super::*;

const HOOK: &str = r#"["sh", "-c", "echo ran >> \"$(dirname \"$PHOENIX_CERT_PATH\")/hooks\""]"#;

fn does(scratch: &Scratch, words: &[&str], status: i32) -> String {
    let output = on_machine(scratch, words);
    let said = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(status), "{words:?}: {said}");
    said
}

fn issued(scratch: &Scratch, name: &str, file: &str) -> (String, String) {
    let path = |ending: &str| {
        scratch
            .0
            .join(format!("{file}.{ending}"))
            .display()
            .to_string()
    };
    let (cert, key) = (path("crt"), path("key"));
    does(
        scratch,
        &[
            "certs", "issue", name, "--cert", &cert, "--key", &key, "--force",
        ],
        0,
    );
    (cert, key)
}

fn read(scratch: &Scratch, name: &str) -> String {
    fs::read_to_string(scratch.0.join(name)).unwrap_or_default()
}

#[test]
fn a_given_pair_goes_to_its_places_and_its_hook_runs_when_it_is_told_to() {
    let scratch = real_site(HOOK);
    does(&scratch, &["ca", "init"], 0);
    let (cert, key) = issued(&scratch, NAME, "new");
    let deploy = ["certs", "deploy", NAME, "--cert", &cert, "--key", &key];
    let shown = does(&scratch, &[&deploy[..], &["--dry-run"]].concat(), 0);
    assert!(
        shown.contains("would run deploy") && !scratch.0.join("pair/a.crt").exists(),
        "{shown}"
    );
    let said = does(&scratch, &deploy, 0);
    assert!(
        said.contains("given: leaf") || said.contains("done     deploy"),
        "{said}"
    );
    assert_eq!(read(&scratch, "pair/a.crt"), read(&scratch, "new.crt"));
    assert_eq!(read(&scratch, "pair/hooks"), "");
    assert!(does(&scratch, &["pending", "list"], 0).contains("hook"));
    does(&scratch, &["hook", "run", NAME], 0);
    assert_eq!(read(&scratch, "pair/hooks"), "ran\n");
    assert!(!does(&scratch, &["pending", "list"], 0).contains("hook"));
    // Nothing is left for a run to do, and a hook can be run once more at any time.
    does(&scratch, &["plan", "certs", "--check"], 0);
    does(&scratch, &["hook", "run", NAME, "--dry-run"], 0);
    assert_eq!(read(&scratch, "pair/hooks"), "ran\n");
    does(&scratch, &["hook", "run", NAME], 0);
    assert_eq!(read(&scratch, "pair/hooks"), "ran\nran\n");
    let (cert, key) = issued(&scratch, NAME, "next");
    does(
        &scratch,
        &[
            "certs", "deploy", NAME, "--cert", &cert, "--key", &key, "--hooks",
        ],
        0,
    );
    assert_eq!(read(&scratch, "pair/hooks"), "ran\nran\nran\n");
    assert_eq!(read(&scratch, "pair/a.crt"), read(&scratch, "next.crt"));
}

#[test]
fn a_pair_that_is_not_what_the_manifest_asks_for_is_refused_and_nothing_changes() {
    let scratch = real_site(HOOK);
    does(&scratch, &["ca", "init"], 0);
    let (cert, key) = issued(&scratch, NAME, "right");
    let (other_cert, other_key) = issued(&scratch, "other.internal.example", "other");
    let deploy = |cert: &str, key: &str, more: &[&str], status| {
        does(
            &scratch,
            &[
                &["certs", "deploy", NAME, "--cert", cert, "--key", key],
                more,
            ]
            .concat(),
            status,
        )
    };
    assert!(deploy(&other_cert, &other_key, &[], 2).contains("names missing: worker-agent"));
    assert!(deploy(&cert, &other_key, &[], 2).contains("the key does not belong"));
    assert!(deploy(&key, &key, &[], 2).contains("certificate"));
    assert!(deploy(&cert, &cert, &[], 2).contains("could not use the key"));
    assert!(!scratch.0.join("pair/a.crt").exists());
    does(
        &scratch,
        &[
            "certs",
            "deploy",
            "unknown.internal",
            "--cert",
            &cert,
            "--key",
            &key,
        ],
        2,
    );
    deploy(&other_cert, &other_key, &["--force"], 0);
    assert_eq!(read(&scratch, "pair/a.crt"), read(&scratch, "other.crt"));
    // The next run puts right what was forced.
    assert!(does(&scratch, &["plan", "certs", "--check"], 1).contains("names missing"));
}

#[test]
fn a_hook_that_fails_stays_pending_and_one_that_is_not_there_is_said() {
    let scratch = real_site("\"false\"");
    let said = does(&scratch, &["hook", "run", NAME], 1);
    assert!(said.contains("ended with status 1"), "{said}");
    assert!(does(&scratch, &["pending", "list"], 0).contains("hook"));
    let manifest = scratch.0.join("site/etc/certificate-manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace(", \"post_renewal_command\": \"false\"", ""),
    )
    .unwrap();
    assert!(does(&scratch, &["hook", "run", NAME], 2).contains("has no hook"));
}

#[test]
fn stages_are_joined_by_pipes_and_no_key_leaves_its_file() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let scratch = real_site(HOOK);
    let dir = scratch.0.display();
    fs::write(scratch.0.join("root.pem"), server.anchor.to_pem()).unwrap();
    fs::write(scratch.0.join("password"), PASSWORD).unwrap();
    let settings = format!(
        "[ca]\nroot = \"{dir}/root.pem\"\nurl = \"{}\"\nprovisioner = \"{PROVISIONER}\"\nprovisioner_password_file = \"{dir}/password\"\n",
        server.url()
    );
    fs::write(scratch.0.join("site/etc/phoenix.toml"), settings).unwrap();
    let phoenix = format!(
        "{} --site {}/site --state {}/state",
        env!("CARGO_BIN_EXE_phoenix"),
        scratch.0.display(),
        scratch.0.display()
    );
    let script = format!(
        "set -e; cd {}; umask 077\n\
         {phoenix} -q certs csr {NAME} --key k.pem > r.csr\n\
         {phoenix} -q certs token {NAME} --csr r.csr | {phoenix} -q certs issue --csr r.csr --cert c.pem --token fd:0 >/dev/null\n\
         cat c.pem | {phoenix} -q certs deploy {NAME} --cert - --key k.pem >/dev/null\n\
         {phoenix} -q hook run {NAME} >/dev/null\n\
         {phoenix} plan certs --output-format json | {phoenix} -q apply --plan - >/dev/null\n\
         {phoenix} -q plan certs --check >/dev/null\n",
        scratch.0.display()
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(read(&scratch, "pair/hooks"), "ran\n");
    assert_eq!(read(&scratch, "pair/a.crt"), read(&scratch, "c.pem"));
    // By descriptor, too; both from one is refused.
    let both = format!(
        "cat {0}/k.pem | {phoenix} certs deploy {NAME} --cert - --key fd:0",
        scratch.0.display()
    );
    let output = Command::new("bash").args(["-c", &both]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let by_descriptor = format!(
        "{phoenix} certs deploy {NAME} --cert {0}/c.pem --key fd:9 9<{0}/k.pem",
        scratch.0.display()
    );
    let output = Command::new("bash")
        .args(["-c", &by_descriptor])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn adopt_says_what_a_first_run_would_change_and_changes_nothing() {
    let scratch = run::site();
    let cron = scratch.0.join("etc/cron.d");
    fs::create_dir_all(&cron).unwrap();
    fs::write(cron.join("renewal"), "0 * * * * root /usr/local/phoenix_hypervisor/bin/managers/certificate-renewal-manager.sh\n").unwrap();
    let manager = scratch
        .0
        .join("usr/local/phoenix_hypervisor/bin/managers/certificate-renewal-manager.sh");
    fs::create_dir_all(manager.parent().unwrap()).unwrap();
    fs::write(&manager, "#!/bin/bash\n").unwrap();
    // One pair lies there as the old scripts leave it, its key open to everybody.
    let dir = "/mnt/pve/tank/vm-persistent-data/1002/docker/certs";
    fs::create_dir_all(scratch.0.join(&dir[1..])).unwrap();
    let (cert, key) = (format!("{dir}/cert.pem"), format!("{dir}/key.pem"));
    let made = scratch.phoenix(&["ca", "init"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let issued = scratch.phoenix(&["certs", "issue", NAME, "--cert", &cert, "--key", &key]);
    assert_eq!(issued.status.code(), Some(0), "{}", stderr(&issued));
    let open_to_all = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
    fs::set_permissions(scratch.0.join(&key[1..]), open_to_all).unwrap();
    let before = scratch.snapshot();
    let output = scratch.phoenix(&["adopt"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for words in [
        "worker-agent.internal.example  plain files, ends in",
        "everybody on the host can read its key (mode 644)",
        "do       issue nginx.internal.example  not installed",
        "/etc/cron.d/renewal runs certificate-renewal-manager (0 * * * *)",
        "docker vm:1001",
        "nothing was changed",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let data = scratch.phoenix(&["adopt", "--output-format", "json"]);
    let data: serde_json::Value = serde_json::from_slice(&data.stdout).unwrap();
    assert_eq!(data["certificates"][3]["found"], "plain");
    assert!(
        data["plan"]["steps"]
            .as_array()
            .is_some_and(|steps| steps.len() > 5)
    );
    assert!(scratch.snapshot() == before, "something was written");
    // Once Phoenix stands in the manager's place, cron is in nobody's way.
    let replaced = scratch.phoenix(&["scripts", "replace", "certificate-renewal-manager"]);
    assert_eq!(replaced.status.code(), Some(0), "{}", stderr(&replaced));
    assert!(!stdout(&scratch.phoenix(&["adopt"])).contains("/etc/cron.d/renewal runs"));
    let migrate = scratch.phoenix(&[
        "migrate",
        "docker-tls",
        "--dry-run",
        "--output-format",
        "json",
    ]);
    let data: serde_json::Value = serde_json::from_slice(&migrate.stdout).unwrap();
    assert_eq!(data["disarmed"], serde_json::json!([]), "{data:#}");
}
