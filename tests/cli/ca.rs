//! A CA that is taken into a site.

use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server, Setup};

use super::*;

fn run(scratch: &Scratch, words: &[&str]) -> Output {
    let path = |name: &str| scratch.0.join(name).display().to_string();
    Command::new(env!("CARGO_BIN_EXE_phoenix"))
        .args(["--site", &path("site"), "--state", &path("state")])
        .args(words)
        .current_dir(&scratch.0)
        .output()
        .unwrap()
}

fn settings(scratch: &Scratch) -> String {
    fs::read_to_string(scratch.0.join("site/etc/phoenix.toml")).unwrap()
}

#[test]
fn a_bootstrap_writes_the_settings_once_and_keeps_what_others_wrote() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.0.join("site/etc")).unwrap();
    let ours = "# ours\n[docker] # the port stays\nport = 2376\n";
    fs::write(scratch.0.join("site/etc/phoenix.toml"), ours).unwrap();
    fs::write(scratch.0.join("password"), PASSWORD).unwrap();
    let (url, fingerprint) = (
        server.url().to_string(),
        server.anchor.fingerprint.to_string(),
    );
    let words = [
        "ca",
        "bootstrap",
        "--url",
        &url,
        "--fingerprint",
        &fingerprint,
        "--provisioner-password-file",
        "password",
    ];
    let before = scratch.snapshot();
    let dry = run(&scratch, &[&words[..], &["--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    assert!(stdout(&dry).contains("+[ca]"), "{}", stdout(&dry));
    assert_eq!(scratch.snapshot(), before);

    let done = run(&scratch, &words);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let text = settings(&scratch);
    assert!(text.starts_with(ours), "{text}");
    assert!(
        text.contains(&format!("provisioner = \"{PROVISIONER}\"\n")),
        "{text}"
    );
    let again = run(&scratch, &words);
    assert!(
        stdout(&again).contains("nothing to do"),
        "{}",
        stdout(&again)
    );
    assert_eq!(settings(&scratch), text);

    // That is all that single commands need.
    let health = run(&scratch, &["ca", "health"]);
    assert_eq!(health.status.code(), Some(0), "{}", stderr(&health));
    let issue = [
        "certs", "issue", "a.test", "--cert", "a.crt", "--key", "a.key",
    ];
    let issued = run(&scratch, &issue);
    assert_eq!(issued.status.code(), Some(0), "{}", stderr(&issued));
    let shown = run(
        &scratch,
        &["ca", "show", "--online", "--output-format", "json"],
    );
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["online"]["provisioners"][0]["name"], PROVISIONER);
    assert_eq!(shown["pinned"]["fingerprint"], fingerprint);
    let init = run(&scratch, &["ca", "init"]);
    assert_eq!(init.status.code(), Some(2));
    assert!(
        stderr(&init).contains("has a CA already"),
        "{}",
        stderr(&init)
    );
}

#[test]
fn what_does_not_fit_is_told_before_anything_is_written() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let scratch = Scratch::new();
    fs::write(scratch.0.join("wrong"), "not it").unwrap();
    let (url, fingerprint) = (
        server.url().to_string(),
        server.anchor.fingerprint.to_string(),
    );
    let other = "ab".repeat(32);
    let before = scratch.snapshot();
    for (words, said) in [
        (
            vec!["--url", &url, "--fingerprint", &other],
            "has no root with fingerprint",
        ),
        (
            vec![
                "--url",
                &url,
                "--fingerprint",
                &fingerprint,
                "--provisioner",
                "nobody",
            ],
            "no JWK provisioner named `nobody`",
        ),
        (
            vec![
                "--url",
                &url,
                "--fingerprint",
                &fingerprint,
                "--provisioner-password-file",
                "wrong",
            ],
            "does not open the key of provisioner",
        ),
    ] {
        let output = run(&scratch, &[&["ca", "bootstrap"], &words[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert_eq!(scratch.snapshot(), before);
    }
}
