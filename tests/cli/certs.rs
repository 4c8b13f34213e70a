//! Single certificates, by hand: against the embedded CA, and against a real step-ca.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server, Setup};

use super::*;

/// A directory without any site, and where the real CA is.
struct Bench {
    scratch: Scratch,
    flags: Vec<String>,
}

impl Bench {
    fn new(server: Option<&Server>) -> Self {
        let scratch = Scratch::new();
        let path = |name: &str| scratch.0.join(name).display().to_string();
        let mut flags = vec![
            "--site".to_owned(),
            path("site"),
            "--state".to_owned(),
            path("state"),
        ];
        if let Some(server) = server {
            fs::write(scratch.0.join("root.pem"), server.anchor.to_pem()).unwrap();
            flags.extend(["--ca-url".to_owned(), server.url().to_string()]);
            flags.extend(["--ca-root".to_owned(), path("root.pem")]);
        }
        Self { scratch, flags }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phoenix"));
        command
            .args(words)
            .args(&self.flags)
            .current_dir(&self.scratch.0)
            .env_clear()
            .env("PATH", "/nonexistent")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn does(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}",
            stderr(&output)
        );
        stdout(&output)
    }

    /// With the provisioner's password on standard input.
    fn with_password(&self, words: &[&str]) -> Output {
        let mut child = self
            .command(&[words, &["--provisioner-password-file", "fd:0"]].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(format!("{PASSWORD}\n").as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.scratch.0.join(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        let path = self.scratch.0.join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn serial(&self, name: &str) -> String {
        let json = self.inspect(name);
        json["certificates"][0]["serial"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn inspect(&self, name: &str) -> serde_json::Value {
        let output = Command::new(env!("CARGO_BIN_EXE_phoenix"))
            .args(["certs", "inspect", name, "--output-format", "json"])
            .args(&self.flags[..4])
            .current_dir(&self.scratch.0)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn a_request_is_made_and_looked_at_without_site_and_ca() {
    let bench = Bench::new(None);
    let words = [
        "certs", "csr", "a.test", "--key", "a.key", "--san", "10.0.0.1",
    ];
    let request = bench.does(&words);
    assert!(
        request.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"),
        "{request}"
    );
    assert_eq!(bench.mode("a.key"), 0o600);
    let key = bench.read("a.key");
    bench.does(&[&words[..], &["--out", "a.csr"]].concat());
    assert_eq!(bench.read("a.key"), key, "a key that is there is used");
    let seen = bench.does(&["certs", "inspect", "a.csr", "--key", "a.key"]);
    assert_eq!(
        seen.lines().skip(1).collect::<Vec<_>>(),
        [
            "request  a.test",
            "names    a.test, 10.0.0.1",
            "key      EC P-256",
            "",
            "ok       the key belongs to it",
        ]
    );
    let again = bench.run(&[&words[..], &["--out", "a.csr"]].concat());
    assert_eq!(again.status.code(), Some(2));
    assert!(
        stderr(&again).contains("--force replaces it"),
        "{}",
        stderr(&again)
    );
    bench.does(&[
        "certs",
        "csr",
        "b.test",
        "--key",
        "b.key",
        "--key-type",
        "ed25519",
    ]);
    let other = bench.run(&["certs", "inspect", "a.csr", "--key", "b.key"]);
    assert_eq!(other.status.code(), Some(1), "{}", stdout(&other));
}

#[test]
fn the_embedded_ca_serves_by_hand_once_it_was_made() {
    let bench = Bench::new(None);
    let issue = [
        "certs", "issue", "a.test", "--cert", "a.crt", "--key", "a.key",
    ];
    let early = bench.run(&issue);
    assert_eq!(early.status.code(), Some(2));
    assert!(
        stderr(&early).contains("found no site"),
        "{}",
        stderr(&early)
    );
    let dry = bench.does(&["ca", "init", "--dry-run"]);
    assert!(dry.contains("would be made"), "{dry}");
    assert!(!bench.scratch.0.join("state").exists());
    fs::create_dir(bench.scratch.0.join("site")).unwrap();
    bench.does(&["ca", "init"]);
    assert!(bench.does(&["ca", "init"]).contains("is there already"));
    bench.does(&issue);
    assert_eq!((bench.mode("a.crt"), bench.mode("a.key")), (0o644, 0o600));
    let (chain, key) = (bench.read("a.crt"), bench.read("a.key"));
    for words in [&["certs", "rekey", "a.crt", "a.key"][..], &issue[..]] {
        let refused = bench.run(words);
        assert_eq!(refused.status.code(), Some(2), "{words:?}");
    }
    assert_eq!(
        (bench.read("a.crt"), bench.read("a.key")),
        (chain, key.clone())
    );
    let lifetime = |bench: &Bench| {
        let json = bench.inspect("a.crt");
        let of = |what: &str| {
            let text = json["certificates"][0][what].as_str().unwrap();
            phoenix_core::time::parse_rfc3339(text).unwrap()
        };
        of("not_after").duration_since(of("not_before")).unwrap()
    };
    let before = lifetime(&bench);
    bench.does(&["certs", "rekey", "a.crt", "a.key", "--force"]);
    assert_ne!(bench.read("a.key"), key);
    assert_eq!(lifetime(&bench), before);
    let (serial, key) = (bench.serial("a.crt"), bench.read("a.key"));
    let kept = bench.does(&["certs", "renew", "a.crt", "a.key", "--within", "1/3"]);
    assert!(
        kept.contains("renewal window opens in 19d 23h") || kept.contains("opens in 20d"),
        "{kept}"
    );
    assert_eq!(bench.serial("a.crt"), serial);
    bench.does(&["certs", "renew", "a.crt", "a.key"]);
    assert_ne!(bench.serial("a.crt"), serial);
    assert_eq!((bench.read("a.key"), lifetime(&bench)), (key, before));
    let seen = bench.does(&["certs", "inspect", "a.crt", "--key", "a.key"]);
    assert!(
        seen.contains("usage    serverAuth, digitalSignature"),
        "{seen}"
    );
    bench.does(&["certs", "revoke", "a.crt"]);
    let refused = bench.run(&["certs", "renew", "a.crt", "a.key"]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn a_pair_lives_its_whole_life_by_hand_at_a_real_ca() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let bench = Bench::new(Some(&server));
    let words = [
        "certs",
        "issue",
        "a.test",
        "--cert",
        "a.crt",
        "--key",
        "a.key",
        "--san",
        "10.0.0.1",
        "--validity",
        "2h",
        "--key-type",
        "rsa-2048",
    ];
    let dry = bench.does(&[&words[..], &["--dry-run"]].concat());
    assert!(dry.contains("nothing was written"), "{dry}");
    assert!(!bench.scratch.0.join("a.key").exists());
    let issued = bench.with_password(&words);
    assert_eq!(issued.status.code(), Some(0), "{}", stderr(&issued));
    assert_eq!((bench.mode("a.crt"), bench.mode("a.key")), (0o644, 0o600));
    let seen = bench.inspect("a.crt");
    assert_eq!(seen["certificates"].as_array().unwrap().len(), 2);
    assert_eq!(
        seen["certificates"][0]["names"],
        serde_json::json!(["a.test", "10.0.0.1"])
    );
    assert_eq!(seen["certificates"][0]["key"], "RSA 2048 bits");
    assert_eq!(seen["certificates"][0]["provisioner"], PROVISIONER);

    // Neither renewal nor a new key nor this revocation needs the password.
    let first = bench.serial("a.crt");
    bench.does(&[
        "certs", "renew", "a.crt", "a.key", "--by", "token", "--out", "b.crt",
    ]);
    bench.does(&["certs", "renew", "a.crt", "a.key"]);
    let second = bench.serial("a.crt");
    assert!(first != second && bench.serial("b.crt") != second);
    bench.does(&[
        "certs",
        "rekey",
        "a.crt",
        "a.key",
        "--out-cert",
        "c.crt",
        "--out-key",
        "c.key",
        "--key-type",
        "ed25519",
    ]);
    assert_eq!(bench.mode("c.key"), 0o600);
    assert_eq!(bench.inspect("c.crt")["certificates"][0]["key"], "Ed25519");
    let revoked = bench.does(&[
        "certs",
        "revoke",
        "c.crt",
        "--key",
        "c.key",
        "--reason",
        "superseded",
    ]);
    assert!(revoked.contains("(superseded)"), "{revoked}");
    let refused = bench.run(&["certs", "renew", "c.crt", "c.key"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("was revoked"),
        "{}",
        stderr(&refused)
    );
    let serial = format!("0x{}", "00ff");
    let by_number = bench.with_password(&["certs", "revoke", &serial]);
    assert!(
        stdout(&by_number).contains("serial 255"),
        "{}",
        stderr(&by_number)
    );
    let without = bench.run(&["certs", "revoke", "a.crt"]);
    assert_eq!(without.status.code(), Some(2), "{}", stderr(&without));
}

#[test]
fn a_token_takes_the_place_of_the_password() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let bench = Bench::new(Some(&server));
    let token = bench.with_password(&["certs", "token", "a.test", "--out", "token"]);
    assert_eq!(token.status.code(), Some(0), "{}", stderr(&token));
    assert!(token.stdout.is_empty() && bench.mode("token") == 0o600);
    let issue = |name: &str, key: &str| {
        let words = [
            "certs", "issue", name, "--cert", "a.crt", "--key", key, "--token", "token",
        ];
        bench.run(&words)
    };
    let other = issue("b.test", "a.key");
    assert_eq!(other.status.code(), Some(2));
    assert!(
        stderr(&other).contains("the token is for `a.test`, not for `b.test`"),
        "{}",
        stderr(&other)
    );
    let issued = issue("a.test", "a.key");
    assert_eq!(issued.status.code(), Some(0), "{}", stderr(&issued));
    fs::remove_file(bench.scratch.0.join("a.crt")).unwrap();
    let again = issue("a.test", "b.key");
    assert_eq!(again.status.code(), Some(1));
    assert!(
        stderr(&again).contains("was used before"),
        "{}",
        stderr(&again)
    );
    assert!(!bench.scratch.0.join("b.key").exists());
}

#[test]
fn no_secret_is_seen_from_outside() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let bench = Bench::new(Some(&server));
    let words = [
        "certs",
        "issue",
        "a.test",
        "--cert",
        "a.crt",
        "--key",
        "a.key",
        "-v",
        "--provisioner-password-file",
        "fd:0",
    ];
    let mut child = bench
        .command(&words)
        .env("RUST_LOG", "trace")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(PASSWORD.as_bytes()).unwrap();
    // It waits for the end of the password.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut outside = Vec::new();
    for file in ["cmdline", "environ"] {
        outside.extend(fs::read(format!("/proc/{}/{file}", child.id())).unwrap());
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    outside.extend(&output.stdout);
    outside.extend(&output.stderr);
    let outside = String::from_utf8_lossy(&outside).into_owned();
    assert!(outside.contains("a.test"));
    assert!(!outside.contains(PASSWORD));
    let key = String::from_utf8(bench.read("a.key")).unwrap();
    for line in key.lines().filter(|line| !line.starts_with("-----")) {
        assert!(!outside.contains(line));
    }
    // A token begins with the base64url of `{"alg":`.
    assert!(!outside.contains("eyJhbGci"));
}
