//! `phoenix manifest`, as an operator says it.

use std::fs;

use super::{Scratch, stderr, stdout};

fn manifest(site: &Scratch) -> String {
    fs::read_to_string(site.etc().join("certificate-manifest.json")).unwrap()
}

const ADD: [&str; 16] = [
    "manifest",
    "add",
    "db.internal.example",
    "--cert",
    "/etc/db/tls.crt",
    "--key",
    "/etc/db/tls.key",
    "--san",
    "10.0.0.7",
    "--owner",
    "root:root",
    "--hook",
    "pct exec 101 -- systemctl reload db",
    "--set",
    "validity=720h",
    "--permissions=600",
];

#[test]
fn an_entry_comes_changes_and_goes_and_the_file_is_as_it_was() {
    let site = Scratch::with_site();
    let before = manifest(&site);
    let dry = site.phoenix(&[&ADD[..], &["--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    assert!(stdout(&dry).contains("1 file would change; nothing was written"));
    assert_eq!(manifest(&site), before);

    let added = site.phoenix(&ADD);
    assert_eq!(added.status.code(), Some(0), "{}", stderr(&added));
    assert!(stdout(&added).contains("+        \"common_name\": \"db.internal.example\","));
    let entry = r#",
    {
        "common_name": "db.internal.example",
        "cert_path": "/etc/db/tls.crt",
        "key_path": "/etc/db/tls.key",
        "owner": "root:root",
        "permissions": "600",
        "post_renewal_command": "pct exec 101 -- systemctl reload db","#;
    let after = manifest(&site);
    let rest = before.strip_suffix("\n]").unwrap();
    assert!(after.starts_with(rest), "{after}");
    for line in entry
        .lines()
        .chain(["        \"validity\": \"720h\"", "            \"10.0.0.7\""])
    {
        assert!(after[rest.len()..].contains(line), "{line}\n{after}");
    }
    let again = site.phoenix(&ADD);
    assert_eq!(again.status.code(), Some(0));
    assert!(
        stdout(&again).starts_with("nothing to do"),
        "{}",
        stdout(&again)
    );

    let name = "db.internal.example";
    let set = [
        "manifest",
        "set",
        name,
        "sans+=10.0.0.8",
        "owner=root:adm",
        "hook=",
    ];
    let changed = site.phoenix(&set);
    assert_eq!(changed.status.code(), Some(0), "{}", stderr(&changed));
    assert_eq!(
        stdout(&changed).matches("\n+").count(),
        3 + 1,
        "{}",
        stdout(&changed)
    );
    assert!(stdout(&site.phoenix(&set)).starts_with("nothing to do"));

    let removed = site.phoenix(&["manifest", "remove", name]);
    assert_eq!(removed.status.code(), Some(0), "{}", stderr(&removed));
    assert_eq!(manifest(&site), before);
    let gone = site.phoenix(&["manifest", "remove", name]);
    assert_eq!(gone.status.code(), Some(2));
}

#[test]
fn a_faulty_edit_is_refused_with_every_fault_and_nothing_is_written() {
    let site = Scratch::with_site();
    let before = site.snapshot();
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &[
                "set",
                "nginx.internal.example",
                "owner=root",
                "cert_path=nginx.crt",
                "after+=x",
            ],
            &[
                "expected an owner",
                "\"nginx.crt\"",
                "found `x` in `after`",
                "--> ",
            ],
        ),
        (
            &["set", "nginx.internal.exmple", "keep=2"],
            &["did you mean `nginx.internal.example`?"],
        ),
        (
            &["set", "nginx.internal.example", "kep=2"],
            &["did you mean `keep`?"],
        ),
        (
            &[
                "add",
                "nginx.internal.example",
                "--cert",
                "/a",
                "--key",
                "/b",
            ],
            &[
                "has another entry",
                "phoenix manifest set nginx.internal.example",
            ],
        ),
        (
            &[
                "add",
                "a.test",
                "--cert",
                "/a",
                "--key",
                "/etc/docker/certs.d/server-cert.pem",
            ],
            &[
                "as the key of a.test, expected a path of its own: it is the certificate of docker-daemon.internal.example",
            ],
        ),
        (&["remove", "nginx"], &["the manifest has no entry `nginx`"]),
    ];
    for (words, expected) in cases {
        let output = site.phoenix(&[&["manifest"], words].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty());
        for part in expected {
            assert!(
                stderr(&output).contains(part),
                "{part}: {}",
                stderr(&output)
            );
        }
    }
    let after = site.snapshot();
    let files = |all: &std::collections::BTreeMap<_, _>| -> Vec<std::path::PathBuf> {
        all.keys()
            .filter(|path: &&std::path::PathBuf| path.is_file())
            .cloned()
            .collect()
    };
    for path in files(&before) {
        assert_eq!(before[&path], after[&path], "{}", path.display());
    }
}

#[test]
fn colours_are_for_terminals_and_whoever_asks() {
    let site = Scratch::with_site();
    let words = ["manifest", "set", "nginx.internal.example", "owner=root"];
    let piped = stderr(&site.phoenix(&words));
    assert!(
        piped.contains("  |                  ^^^^^^") && !piped.contains('\u{1b}'),
        "{piped}"
    );
    let asked = stderr(&site.phoenix(&[&words[..], &["--color", "always"]].concat()));
    assert!(asked.contains('\u{1b}'), "{asked}");
    let data = site.phoenix(&[&words[..], &["--output-format", "json"]].concat());
    let value: serde_json::Value = serde_json::from_slice(&data.stdout).unwrap();
    let fault = &value["error"]["faults"][0];
    assert_eq!(fault["code"], "owner");
    assert_eq!(fault["places"][0]["pointer"], "/0/owner");
    assert_eq!(fault["places"][0]["line"], 9);
    assert!(fault["places"][0]["span"]["start"].is_u64() && fault["places"][0]["column"].is_u64());
}

#[test]
fn what_is_shown_has_every_default_and_is_a_manifest_again() {
    let site = Scratch::with_site();
    let table = stdout(&site.phoenix(&["manifest", "show"]));
    assert!(
        table.starts_with("NAME ") && table.ends_with("6 certificates\n"),
        "{table}"
    );
    let one = stdout(&site.phoenix(&["manifest", "show", "traefik.internal.example"]));
    assert!(
        one.lines()
            .any(|line| line.starts_with("key_permissions ") && line.ends_with(" 600"))
    );
    let json = site.phoenix(&["manifest", "show", "--output-format", "json"]);
    let path = site.etc().join("certificate-manifest.json");
    fs::write(&path, &json.stdout).unwrap();
    let again = site.phoenix(&["manifest", "show", "--output-format", "json"]);
    assert_eq!(stdout(&again), stdout(&json), "{}", stderr(&again));
}

#[test]
fn the_schema_is_the_published_one() {
    let site = Scratch::new();
    let printed = site.phoenix(&["manifest", "schema"]);
    let published =
        super::repository().join("phoenix-core/schema/certificate-manifest.schema.json");
    assert_eq!(stdout(&printed), fs::read_to_string(published).unwrap());
}

/// Each pair with the command lines that make the one of the other.
const PAIRS: [(&str, &[&[&str]]); 3] = [
    (
        "manifest-add-agent",
        &[&[
            "add",
            "drphoenix-agent.DOMAIN",
            "--cert",
            "STORE/vm-persistent-data/1002/docker/certs/cert.pem",
            "--key",
            "STORE/vm-persistent-data/1002/docker/certs/key.pem",
            "--owner",
            "root:root",
            "--permissions",
            "600",
            "--hook",
            "qm guest exec 1002 -- systemctl restart docker",
        ]],
    ),
    (
        "manifest-sans-to-wildcard",
        &[&["set", "nginx.DOMAIN", r#"sans=["*.DOMAIN"]"#]],
    ),
    (
        "manifest-the-plan",
        &[
            &[
                "set",
                "docker-daemon.DOMAIN",
                r#"sans=["10.0.0.111"]"#,
                "cert_path=STORE/vm-persistent-data/1001/docker/certs/server-cert.pem",
                "key_path=STORE/vm-persistent-data/1001/docker/certs/server-key.pem",
            ],
            &[
                "set",
                "traefik-client.DOMAIN",
                "cert_path=STORE/lxc-persistent-data/102/certs/client-cert.pem",
                "key_path=STORE/lxc-persistent-data/102/certs/client-key.pem",
                "permissions=644",
                "post_renewal_command=echo \"Certificate renewed, Traefik will be restarted by the sync script.\"",
            ],
        ],
    ),
];

#[test]
fn the_operators_own_edits_are_made_byte_for_byte() {
    let Some(pairs) = super::real_pairs() else {
        return;
    };
    for (pair, commands) in PAIRS {
        let read = |name: &str| fs::read_to_string(pairs.join(pair).join(name)).unwrap();
        let (before, after) = (read("before.json"), read("after.json"));
        let value: serde_json::Value = serde_json::from_str(&before).unwrap();
        let (_, domain) = value[0]["common_name"]
            .as_str()
            .unwrap()
            .split_once('.')
            .unwrap();
        let path = value[0]["cert_path"].as_str().unwrap();
        let store = path.split("/lxc-persistent-data").next().unwrap();
        let site = Scratch::with_site();
        let file = site.etc().join("certificate-manifest.json");
        fs::write(&file, before).unwrap();
        for words in commands {
            let words: Vec<String> = ["manifest"]
                .iter()
                .chain(*words)
                .map(|word| word.replace("DOMAIN", domain).replace("STORE", store))
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = site.phoenix(&words);
            assert_eq!(output.status.code(), Some(0), "{pair}: {}", stderr(&output));
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), after, "{pair}");
    }
}
