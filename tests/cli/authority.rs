//! A whole site whose CA is a real step-ca: revocation, ACME, and what must never be seen.

use std::net::SocketAddr;

use phoenix_testkit::dns::Dns;
use phoenix_testkit::loopback::free_port;
use phoenix_testkit::stepca::{Looks, PASSWORD, PROVISIONER, Server, Setup};
use phoenix_testkit::{Need, need};

use super::run::{NAME, on_machine, real_site};
use super::*;

/// A site of one certificate with these settings of its CA.
fn site(server: &Server, settings: &str) -> Scratch {
    let scratch = real_site("\"true\"");
    let dir = scratch.0.display();
    fs::write(scratch.0.join("root.pem"), server.anchor.to_pem()).unwrap();
    fs::write(scratch.0.join("password"), PASSWORD).unwrap();
    let text = format!("[ca]\nroot = \"{dir}/root.pem\"\n{settings}");
    fs::write(scratch.0.join("site/etc/phoenix.toml"), text).unwrap();
    scratch
}

fn by_token(server: &Server, dir: &Path) -> String {
    format!(
        "url = \"{}\"\nprovisioner = \"{PROVISIONER}\"\nprovisioner_password_file = \"{}/password\"\n",
        server.url(),
        dir.display()
    )
}

fn does(scratch: &Scratch, words: &[&str]) -> String {
    let output = on_machine(scratch, words);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{words:?}: {}{}",
        stdout(&output),
        stderr(&output)
    );
    stdout(&output)
}

fn setup(change: impl FnOnce(&mut Setup)) -> Setup {
    let mut setup = Setup::default();
    change(&mut setup);
    setup
}

#[test]
fn a_revoked_certificate_is_known_without_asking_and_replaced_with_a_new_key() {
    let Some(mut server) = Server::start(&setup(|setup| setup.crl = true)) else {
        return;
    };
    let scratch = with_password(&server);
    does(&scratch, &["sync", "certs"]);
    let pair = |name: &str| scratch.0.join("pair").join(name).display().to_string();
    let key = fs::read(pair("a.key")).unwrap();
    assert!(does(&scratch, &["plan", "certs", "--check"]).contains("nothing to do"));

    does(
        &scratch,
        &[
            "certs",
            "revoke",
            &pair("a.crt"),
            "--key",
            &pair("a.key"),
            "--reason",
            "keyCompromise",
        ],
    );
    server.stop();
    // Nobody is asked: the list is on this disk until the next one is due.
    let plan = on_machine(&scratch, &["plan", "certs", "--check"]);
    assert_eq!(plan.status.code(), Some(1), "{}", stderr(&plan));
    let text = stdout(&plan);
    assert!(text.contains("revoked by the CA (keyCompromise)"), "{text}");
    let verify = on_machine(&scratch, &["verify"]);
    assert_eq!(verify.status.code(), Some(1));
    assert!(
        stdout(&verify).contains(&format!("`phoenix sync certs {NAME}` gets another")),
        "{}",
        stdout(&verify)
    );
    server.run();
    let synced = does(&scratch, &["sync", "certs"]);
    assert!(synced.contains(&format!("issue {NAME}")), "{synced}");
    assert_ne!(fs::read(pair("a.key")).unwrap(), key, "the key is new");
    assert!(does(&scratch, &["plan", "certs", "--check"]).contains("nothing to do"));
}

#[test]
fn what_a_ca_of_our_own_revoked_is_replaced_with_a_new_key() {
    let scratch = real_site("\"true\"");
    does(&scratch, &["sync", "certs"]);
    let pair = |name: &str| scratch.0.join("pair").join(name).display().to_string();
    let key = fs::read(pair("a.key")).unwrap();
    does(
        &scratch,
        &[
            "certs",
            "revoke",
            &pair("a.crt"),
            "--reason",
            "keyCompromise",
        ],
    );
    let plan = on_machine(&scratch, &["plan", "certs", "--check"]);
    assert_eq!(plan.status.code(), Some(1), "{}", stderr(&plan));
    let text = stdout(&plan);
    assert!(text.contains("revoked by the CA (keyCompromise)"), "{text}");
    does(&scratch, &["sync", "certs"]);
    assert_ne!(fs::read(pair("a.key")).unwrap(), key, "the key is new");
    assert!(does(&scratch, &["plan", "certs", "--check"]).contains("nothing to do"));
}

#[test]
fn a_ca_without_a_list_is_asked_once_a_day_and_a_silent_one_is_named() {
    let Some(mut server) = Server::start(&Setup::default()) else {
        return;
    };
    let scratch = with_password(&server);
    let output = on_machine(&scratch, &["sync", "certs"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    server.stop();
    let quiet = on_machine(&scratch, &["sync", "certs", "--unattended"]);
    assert_eq!(
        (quiet.status.code(), stdout(&quiet), stderr(&quiet)),
        (Some(0), String::new(), String::new())
    );
    let kept = find(&scratch.0.join("state"), "revocations.json");
    fs::remove_file(&kept).unwrap();
    let words = ["sync", "certs", "--unattended"];
    let first = on_machine(&scratch, &words);
    assert_eq!(first.status.code(), Some(0));
    assert!(
        stderr(&first).contains("which certificates are revoked is not known: could not reach"),
        "{}",
        stderr(&first)
    );
    assert_eq!(stderr(&on_machine(&scratch, &words)), "");
}

fn find(dir: &Path, name: &str) -> PathBuf {
    fn look(dir: &Path, name: &str) -> Option<PathBuf> {
        fs::read_dir(dir).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, name)
            } else {
                path.ends_with(name).then_some(path)
            }
        })
    }
    look(dir, name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn acme_serves_a_site_and_a_single_command() {
    let dns = Dns::start();
    let http = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let acme = Looks {
        http_port: http.port(),
        resolver: dns.address(),
    };
    let Some(server) = Server::start(&setup(|setup| setup.acme = Some(acme))) else {
        return;
    };
    let directory = server.acme_directory();
    let scratch = site(
        &server,
        &format!("kind = \"acme\"\ndirectory = \"{directory}\"\nhttp_listen = \"{http}\"\n"),
    );
    let said = format!("ACME at {directory} (etc/phoenix.toml), http-01 on {http}, root ");
    assert!(does(&scratch, &["plan", "certs"]).contains(&said));
    let synced = does(&scratch, &["sync", "certs"]);
    assert!(synced.contains(&said), "{synced}");
    assert!(does(&scratch, &["plan", "certs", "--check"]).contains("nothing to do"));
    // Renewal is a new order for the same key.
    let key = fs::read(scratch.0.join("pair/a.key")).unwrap();
    let renewed = does(&scratch, &["sync", "certs", "--force"]);
    assert!(renewed.contains("issue"), "{renewed}");
    assert_eq!(fs::read(scratch.0.join("pair/a.key")).unwrap(), key);
    let shown = does(&scratch, &["ca", "show"]);
    assert!(
        shown.contains(&format!("acme at {directory}")) && shown.contains("http-01 on"),
        "{shown}"
    );
    does(&scratch, &["ca", "health"]);
    let (url, fingerprint) = (
        server.url().to_string(),
        server.anchor.fingerprint.to_string(),
    );
    let other = [
        "ca",
        "bootstrap",
        "--url",
        &url,
        "--fingerprint",
        &fingerprint,
    ];
    let other = on_machine(&scratch, &other);
    assert_eq!(other.status.code(), Some(2));
    assert!(stderr(&other).contains("speaks ACME"), "{}", stderr(&other));

    let log = scratch.0.join("hook-log");
    let hook = format!("'{}'", dns.hook(&log).display());
    let (cert, key) = (scratch.0.join("b.crt"), scratch.0.join("b.key"));
    let root = scratch.0.join("root.pem");
    let issued = does(
        &scratch,
        &[
            "certs",
            "issue",
            "b.test",
            "--san",
            "*.b.test",
            "--cert",
            cert.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
            "--acme-directory",
            &directory,
            "--acme-dns-hook",
            &hook,
            "--ca-root",
            root.to_str().unwrap(),
        ],
    );
    assert!(
        issued.contains(&format!("ACME at {directory} (as named), dns-01 by `")),
        "{issued}"
    );
    let calls = fs::read_to_string(&log).unwrap();
    assert_eq!(calls.lines().count(), 4, "{calls}");
}

/// Settings of a site whose CA is asked with a password.
fn with_password(server: &Server) -> Scratch {
    let scratch = site(server, "");
    let toml = scratch.0.join("site/etc/phoenix.toml");
    let text = fs::read_to_string(&toml).unwrap() + &by_token(server, &scratch.0);
    fs::write(&toml, text).unwrap();
    scratch
}

#[test]
fn the_cas_maximum_is_read_where_its_configuration_lies_and_said_by_the_plan() {
    let claims = serde_json::json!({"maxTLSCertDuration": "48h"});
    let Some(server) = Server::start(&setup(|setup| setup.claims = claims)) else {
        return;
    };
    let scratch = with_password(&server);
    let manifest = scratch.0.join("site/etc/certificate-manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let text = text.replace("\"owner\"", "\"validity\": \"720h\", \"owner\"");
    fs::write(&manifest, text).unwrap();
    assert!(!does(&scratch, &["plan", "certs"]).contains("step ca provisioner"));
    let toml = scratch.0.join("site/etc/phoenix.toml");
    let text = fs::read_to_string(&toml).unwrap();
    let config = format!("config = \"{}\"\n", server.config().display());
    fs::write(&toml, text + &config).unwrap();
    let said = format!("step ca provisioner update {PROVISIONER} --x509-max-dur 720h0m0s");
    let plan = does(&scratch, &["plan", "certs"]);
    assert!(
        plan.contains("live 48h0m0s, and 720h0m0s is asked for") && plan.contains(&said),
        "{plan}"
    );
    let synced = does(&scratch, &["sync", "certs"]);
    assert!(synced.contains(&said), "{synced}");
    assert_eq!(server.log().matches("more than the authorized").count(), 0);
}

#[test]
fn no_secret_is_seen_in_a_whole_run() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let Some(strace) = need(Need::Strace) else {
        return;
    };
    let scratch = with_password(&server);
    let trace = scratch.0.join("trace");
    let path = |name: &str| scratch.0.join(name).display().to_string();
    // Every process with its arguments and variables, every byte that is written anywhere.
    let output = Command::new(strace)
        .args(["-f", "-qq", "-v", "-s", "1000000", "-e"])
        .args([
            "trace=execve,write,writev,pwrite64,sendto,sendmsg",
            "-y",
            "-o",
        ])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_phoenix"))
        .args(["--site", &path("site"), "--state", &path("state")])
        .args(["sync", "certs", "-v"])
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let key = fs::read_to_string(scratch.0.join("pair/a.key")).unwrap();
    let key: Vec<&str> = key
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let mut seen = vec![
        ("standard output", stdout(&output)),
        ("standard error", stderr(&output)),
        ("the CA's log", server.log()),
    ];
    let traced = fs::read_to_string(&trace).unwrap();
    let mut written_keys = 0;
    for line in traced.lines() {
        // A key is written to key files alone: a name that is new, `key.pem`, `a.key`.
        let private = line.contains("/.new-")
            || line.contains("/.phoenix-new-")
            || line.contains(".key>")
            || line.contains("key.pem>");
        if private && line.contains("write(") {
            written_keys += usize::from(line.contains(key[0]));
        } else {
            seen.push(("the trace", line.to_owned()));
        }
    }
    assert!(written_keys > 0, "the trace shows what is written");
    assert!(traced.contains("execve("), "and what is run");
    for name in ["audit.jsonl", "last-run.json"] {
        let file = find(&scratch.0.join("state"), name);
        seen.push(("the state", fs::read_to_string(file).unwrap()));
    }
    for (place, text) in &seen {
        // The CA's log holds the token, as is its own way; ours are looked at.
        let ours = *place != "the CA's log";
        assert!(!text.contains(PASSWORD), "the password in {place}: {text}");
        assert!(
            !ours || !text.contains("eyJhbGci"),
            "a token in {place}: {text}"
        );
        for line in &key {
            assert!(!text.contains(line), "the key in {place}: {text}");
        }
        assert!(
            !text.contains("PRIVATE KEY"),
            "a private key in {place}: {text}"
        );
    }
}
