//! What people read when a file of the site is faulty: one snapshot for each code, in `snapshots/`.
//!
//! `INSTA_UPDATE=always cargo test -p phoenix-core --test core diagnostics` writes them anew; look at the diff then.

use std::collections::BTreeSet;

use phoenix_core::diagnostic::{Fault, Faults, Style, render};
use phoenix_core::document::{
    Decode as _, Document, Edit, Format, Operations, Position, Value, operate,
};
use phoenix_core::guests::{HostConfig, decode_lxcs, decode_vms};
use phoenix_core::manifest::Manifest;
use phoenix_core::settings::Settings;

#[derive(Clone, Copy)]
enum Reader {
    Edit,
    Host,
    Json,
    Lxcs,
    Manifest,
    Operation,
    Settings,
    Toml,
    Value,
    Vms,
    Yaml,
}
use Reader as R;

/// Each code with a text that has its fault.
const CASES: &[(&str, Reader, &str)] = &[
    (
        "address",
        R::Manifest,
        r#""verify": {"address": "10.0.0.111"}"#,
    ),
    ("cert-type", R::Manifest, r#""cert_type": "both""#),
    ("common-name", R::Manifest, r#""common_name": " a ""#),
    ("ctid", R::Lxcs, "{\"lxc_configs\": {\n    \"web\": {}\n}}"),
    ("domain-name", R::Host, r#"{"domain_name": "a b"}"#),
    ("duplicate-key", R::Manifest, r#""keep": 1, "keep": "2""#),
    ("duration", R::Manifest, r#""validity": "30 days""#),
    ("edit", R::Edit, r#"{"a": 1}"#),
    (
        "guest",
        R::Manifest,
        r#""deploy": [{"guest": "ct:102", "cert": "/c", "key": "/k"}]"#,
    ),
    (
        "guest-address",
        R::Vms,
        r#"{"vms": [{"vmid": 1, "network_config": {"ip": "10.0.0.300/24"}}]}"#,
    ),
    (
        "guest-id",
        R::Manifest,
        r#""guest_id": -1, "guest_type": "vm""#,
    ),
    (
        "guest-settings",
        R::Lxcs,
        "{\"lxc_configs\": {\n    \"101\": []\n}}",
    ),
    (
        "guest-type",
        R::Manifest,
        r#""guest_id": 1, "guest_type": "qemu""#,
    ),
    (
        "hook-nul",
        R::Manifest,
        r#""post_renewal_command": ["a", "\u0000"]"#,
    ),
    (
        "hook-program",
        R::Manifest,
        r#""post_renewal_command": ["", "reload"]"#,
    ),
    (
        "hook-quotes",
        R::Manifest,
        r#""post_renewal_command": "echo 'a""#,
    ),
    ("host-config", R::Host, "[]"),
    ("json-syntax", R::Json, "{\n    \"port\": 2375,\n}"),
    ("keep", R::Manifest, r#""keep": 0"#),
    (
        "key-exists",
        R::Operation,
        r#"[{"op": "insert", "pointer": "/ports", "value": []}]"#,
    ),
    ("key-mode", R::Manifest, r#""key_permissions": "644""#),
    ("key-type", R::Manifest, r#""key_type": "rsa-1024""#),
    ("lone-surrogate", R::Manifest, r#""owner": "\ud800""#),
    ("lxcs-missing", R::Lxcs, "{\"lxc_configs\": [],\n \"a\": 1}"),
    (
        "manifest-after-circle",
        R::Manifest,
        r#""after": ["a.test"]"#,
    ),
    (
        "manifest-after-unknown",
        R::Manifest,
        r#""after": ["a.tst"]"#,
    ),
    (
        "manifest-client-unknown",
        R::Manifest,
        r#""verify": {"address": "a.test:443", "client": "b.tst"}"#,
    ),
    (
        "manifest-same-path",
        R::Manifest,
        r#""ca_path": "/p/a.crt""#,
    ),
    (
        "manifest-twice",
        R::Manifest,
        "\"keep\": 1},\n    {\"common_name\": \"b.test\", \"cert_path\": \"/p/b.crt\", \"key_path\": \"/p/a.crt\"",
    ),
    ("missing-field", R::Manifest, r#""hook": {"timeout": "5s"}"#),
    ("mode", R::Manifest, r#""permissions": "rw-r--r--""#),
    ("old-delivery", R::Manifest, r#""guest_id": 102"#),
    ("owner", R::Manifest, r#""owner": "root""#),
    ("path", R::Manifest, r#""ca_path": "/p/../ca.crt""#),
    (
        "pointer-syntax",
        R::Operation,
        r#"[{"op": "remove", "pointer": "ports.0"}]"#,
    ),
    (
        "pointer-target",
        R::Operation,
        r#"[{"op": "remove", "pointer": "/prts"}]"#,
    ),
    (
        "port",
        R::Vms,
        r#"{"vms": [{"vmid": 1, "traefik_service": {"name": "a", "port": 70000}}]}"#,
    ),
    ("rekey", R::Manifest, r#""rekey": "sometimes""#),
    (
        "scheme",
        R::Vms,
        r#"{"vms": [{"vmid": 1, "traefik_service": {"name": "a", "port": 80, "scheme": "htps"}}]}"#,
    ),
    (
        "service-tls",
        R::Vms,
        r#"{"vms": [{"vmid": 1, "traefik_service": {"name": "a", "port": 80, "tls": "yes"}}]}"#,
    ),
    (
        "rules",
        R::Lxcs,
        r#"{"lxc_configs": {"101": {"firewall": {"rules": {"type": "in"}}}}}"#,
    ),
    ("san", R::Manifest, r#""sans": ["*.a.test", "a.test:443"]"#),
    (
        "server-name",
        R::Manifest,
        r#""verify": {"address": "a.test:443", "server_name": "*.a.test"}"#,
    ),
    ("settings", R::Settings, "[ca]\nurl = \"http://ca.test\"\n"),
    (
        "settings-unknown",
        R::Settings,
        "[ca]\nprovisoner = \"admin\"\n",
    ),
    ("toml-syntax", R::Toml, "[ca]\nurl = https://ca.test\n"),
    (
        "two-hooks",
        R::Manifest,
        r#""hook": {"command": "a"}, "post_renewal_command": "b""#,
    ),
    (
        "unknown-operation",
        R::Operation,
        r#"[{"op": "replace", "pointer": "/ports/0"}]"#,
    ),
    ("unknown-field", R::Manifest, r#""permisions": "600""#),
    ("vmid", R::Vms, "{\"vms\": [\n    {\"vmid\": \"a\"}\n]}"),
    ("vms-missing", R::Vms, "{\n    \"vm\": []\n}"),
    ("wrong-type", R::Manifest, r#""include_ca": "yes""#),
    ("yaml-alias", R::Yaml, "a: &x\n  - *x\n"),
    (
        "yaml-bomb",
        R::Yaml,
        "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
    ),
    ("yaml-documents", R::Yaml, "a: 1\n---\nb: 2\n"),
    ("yaml-key", R::Yaml, "? [a, b]\n: c\n"),
    ("yaml-syntax", R::Yaml, "a:\n  - b\n c: [\n"),
];

/// Codes that no text can provoke: more than 4 GiB, an edit that we got wrong, a patch for another text.
const UNPROVOKED: [&str; 3] = ["edit-mismatch", "file-too-large", "patch-stale"];

fn document(path: &str, text: &[u8], format: Format) -> Result<Document, Faults> {
    Document::parse(path.as_ref(), text.to_vec(), format)
}

fn json(path: &str, text: &str) -> Document {
    document(path, text.as_bytes(), Format::Json).unwrap()
}

fn faults(reader: Reader, text: &str) -> Faults {
    let mut faults = Faults::new();
    match reader {
        R::Edit => {
            let document = json("a.json", text);
            let mut edit = Edit::new(&document);
            edit.insert(
                document.root().node(),
                Position::Last,
                Some("a"),
                2u32.into(),
            );
            faults.extend(edit.finish().unwrap_err().into());
        }
        R::Host => {
            HostConfig::decode(
                &json("etc/phoenix_hypervisor_config.json", text),
                &mut faults,
            );
        }
        R::Lxcs => {
            decode_lxcs(&json("etc/phoenix_lxc_configs.json", text), &mut faults);
        }
        R::Vms => {
            decode_vms(&json("etc/phoenix_vm_configs.json", text), &mut faults);
        }
        R::Manifest => {
            let mut first = r#""common_name": "a.test", "#;
            if text.contains("common_name\": \" ") {
                first = "";
            }
            let text = format!(
                "[\n    {{{first}\"cert_path\": \"/p/a.crt\", \"key_path\": \"/p/a.key\",\n     {text}}}\n]"
            );
            let document = json("etc/certificate-manifest.json", &text);
            faults.extend(Manifest::decode(&document).unwrap_err());
        }
        R::Operation => {
            let document = json("etc/a.json", "{\n    \"ports\": [2375]\n}");
            let read = Operations::parse("edits.json".as_ref(), text.into());
            let done = read.and_then(|read| operate(&document, &read.0).map(drop));
            faults.extend(done.unwrap_err());
        }
        R::Settings => {
            let document = document("etc/phoenix.toml", text.as_bytes(), Format::Toml).unwrap();
            faults.extend(Settings::decode(&document).unwrap_err());
        }
        R::Value => {
            Value::decode(json("a.json", text).root(), &mut faults);
        }
        R::Json | R::Toml | R::Yaml => {
            let (path, format) = match reader {
                R::Json => ("etc/a.json", Format::Json),
                R::Toml => ("etc/phoenix.toml", Format::Toml),
                _ => ("etc/traefik/traefik.yml.template", Format::Yaml),
            };
            faults.extend(document(path, text.as_bytes(), format).unwrap_err());
        }
    }
    faults
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        omit_expression => true,
        snapshot_path => "snapshots",
    }, {
        insta::assert_snapshot!(format!("err_{name}"), text);
    });
}

fn only<'f>(faults: &'f Faults, code: &str) -> &'f Fault {
    faults
        .iter()
        .find(|fault| fault.code == code)
        .unwrap_or_else(|| panic!("no {code} among {faults}"))
}

#[test]
fn every_fault_is_told_with_its_place() {
    for (name, reader, text) in CASES {
        let faults = faults(*reader, text);
        let code = if *name == "guest-settings" {
            "guest"
        } else {
            name
        };
        let fault = only(&faults, code);
        // A pointer comes from a command line, which has no lines.
        let placed = fault.places[0].line > 0 || code == "pointer-syntax";
        assert!(placed, "{code} has no place");
        snapshot(name, &render(fault, Style::Plain));
    }
    let bad = document("etc/a.json", b"{\n  \"a\": \"\xff\"}", Format::Json).unwrap_err();
    snapshot("not-utf8", &render(only(&bad, "not-utf8"), Style::Plain));
    let mut bad = Faults::new();
    u16::decode(
        json("etc/a.json", "[70000]").root().at("/0").unwrap(),
        &mut bad,
    );
    snapshot(
        "number-range",
        &render(only(&bad, "number-range"), Style::Plain),
    );
    let deep = "[".repeat(300) + &"]".repeat(300);
    let bad = faults(R::Value, &deep);
    snapshot(
        "value-limit",
        &render(only(&bad, "value-limit"), Style::Plain),
    );
}

#[test]
fn a_fault_as_data_has_file_line_column_span_pointer_and_code() {
    let faults = faults(R::Manifest, r#""permisions": "600""#);
    let data = serde_json::to_string_pretty(&faults).unwrap();
    snapshot("as-data", &data);
    let twice = CASES.iter().find(|(name, _, _)| *name == "manifest-twice");
    let (_, reader, text) = twice.unwrap();
    let data = serde_json::to_string_pretty(&self::faults(*reader, text)).unwrap();
    snapshot("as-data-two-places", &data);
}

#[test]
fn colour_is_there_only_when_it_is_asked_for() {
    let faults = faults(R::Manifest, r#""keep": 0"#);
    let fault = only(&faults, "keep");
    assert!(render(fault, Style::Colour).contains("\u{1b}["));
    assert!(!render(fault, Style::Plain).contains('\u{1b}'));
}

/// The codes that a source file gives to faults.
fn codes(text: &str) -> BTreeSet<String> {
    let markers = [
        "Fault::error(",
        "Fault::warning(",
        "code: ",
        ".failure(",
        "parsed(cursor, ",
        "parsed(item, ",
        "parsed(c, ",
    ];
    let mut found = BTreeSet::new();
    for marker in markers {
        for rest in text.split(marker).skip(1) {
            if let Some(literal) = rest.trim_start().strip_prefix('"') {
                found.extend(literal.split('"').next().map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn every_code_has_a_snapshot() {
    let mut all = BTreeSet::new();
    for module in ["document", "guests", "manifest", "settings"] {
        let mut files = Vec::new();
        super::rust_files(&super::source().join(module), &mut files);
        for file in files {
            if !file.to_string_lossy().contains("test") {
                let text = std::fs::read_to_string(file).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                all.extend(codes(code));
            }
        }
    }
    assert!(all.len() > 45, "the sources were not found: {all:?}");
    let mut known: BTreeSet<&str> = CASES.iter().map(|(name, _, _)| *name).collect();
    known.extend(UNPROVOKED);
    known.extend(["not-utf8", "number-range", "value-limit"]);
    let missing: Vec<_> = all
        .iter()
        .filter(|code| !known.contains(code.as_str()))
        .collect();
    assert!(missing.is_empty(), "without a snapshot: {missing:?}");
}
