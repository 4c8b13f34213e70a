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

#[test]
fn the_embedded_ca_issues_revokes_and_lists_within_its_names() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.0.join("site/etc")).unwrap();
    let ok = |words: &[&str]| {
        let output = run(&scratch, words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?} {}",
            stderr(&output)
        );
        stdout(&output)
    };
    let json = |words: &[&str]| -> serde_json::Value {
        serde_json::from_str(&ok(&[words, &["--output-format", "json"]].concat())).unwrap()
    };
    let dry = run(&scratch, &["ca", "init", "--dry-run"]);
    assert!(stdout(&dry).contains("would be made"), "{}", stderr(&dry));
    assert!(!scratch.0.join("state").exists());
    let made = json(&["ca", "init"]);
    assert_eq!(
        (&made["made"], &made["kind"]),
        (&true.into(), &"site".into())
    );
    let root = made["root"]["fingerprint"].clone();
    let dir = PathBuf::from(made["dir"].as_str().unwrap());
    assert_eq!(json(&["ca", "init"])["made"], false);

    ok(&[
        "certs", "issue", "a.test", "--cert", "a.crt", "--key", "a.key",
    ]);
    ok(&[
        "certs", "issue", "b.test", "--cert", "b.crt", "--key", "b.key",
    ]);
    let empty = json(&["ca", "crl"]);
    assert_eq!(
        (&empty["number"], &empty["revoked"]),
        (&"1".into(), &serde_json::json!({}))
    );
    // The key of another certificate proves nothing.
    let wrong = run(&scratch, &["certs", "revoke", "a.crt", "--key", "b.key"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", stdout(&wrong));
    let neither = run(&scratch, &["certs", "revoke", "c.test"]);
    assert_eq!(neither.status.code(), Some(2));
    assert!(stderr(&neither).contains("found neither a serial number nor a file in"));
    let revoke = [
        "certs",
        "revoke",
        "a.crt",
        "--key",
        "a.key",
        "--reason",
        "keyCompromise",
    ];
    let before = scratch.snapshot();
    ok(&[&revoke[..], &["--dry-run"]].concat());
    assert_eq!(scratch.snapshot(), before);
    let done = json(&revoke);
    assert_eq!(done["reason"], "keyCompromise");
    assert!(
        ok(&revoke).contains("was revoked before"),
        "a second time nothing changes"
    );
    let crl = ok(&["ca", "crl", "--out", "crl.pem"]);
    let serial = done["serial"].as_str().unwrap();
    assert!(
        crl.contains(&format!("serial {serial} ")) && crl.contains("keyCompromise"),
        "{crl}"
    );
    assert_eq!(
        fs::read(scratch.0.join("crl.pem")).unwrap(),
        fs::read(dir.join("crl.pem")).unwrap()
    );
    let renew = run(&scratch, &["certs", "renew", "a.crt", "a.key"]);
    assert_eq!(renew.status.code(), Some(1));
    assert!(
        stderr(&renew).contains("was revoked (keyCompromise)"),
        "{}",
        stderr(&renew)
    );
    ok(&["certs", "renew", "b.crt", "b.key"]);
    let audit = fs::read_dir(scratch.0.join("state/sites"))
        .unwrap()
        .map(|site| fs::read_to_string(site.unwrap().path().join("audit.jsonl")).unwrap())
        .collect::<String>();
    assert!(audit.contains("keyCompromise"), "{audit}");

    let shown = json(&["ca", "show", "--online"]);
    assert_eq!(shown["online"]["revoked"], 1);
    assert_eq!(
        shown["online"]["intermediates"].as_array().unwrap().len(),
        1
    );
    let other = json(&["ca", "init", "--replace"]);
    assert_eq!(other["made"], true);
    assert_ne!(other["root"]["fingerprint"], root);
    let aside = PathBuf::from(other["replaced"].as_str().unwrap());
    assert!(aside.join("root.key").is_file() && dir.join("root.key").is_file());
    // It is not of this CA any more.
    let foreign = run(&scratch, &["certs", "revoke", "b.crt"]);
    assert_eq!(foreign.status.code(), Some(2), "{}", stderr(&foreign));
    assert!(
        stderr(&foreign).contains("was not issued by"),
        "{}",
        stderr(&foreign)
    );
}
