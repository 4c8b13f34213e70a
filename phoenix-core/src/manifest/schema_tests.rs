//! The schema says what the decoder says, judged by a validator that is not ours.

use super::*;
use crate::document::{FieldInfo, FieldKind, Format};

/// Faults of the decoder that no schema can express.
const INEXPRESSIBLE: [&str; 14] = [
    "address",
    "duration",
    "guest",
    "guest-id",
    "hook-program",
    "hook-quotes",
    "manifest-after-circle",
    "manifest-after-unknown",
    "manifest-client-unknown",
    "manifest-same-path",
    "manifest-twice",
    "rekey",
    "san",
    "server-name",
];
/// Those, too, but as fields of one entry that exclude or need each other.
const PAIRS: [&str; 2] = ["old-delivery", "two-hooks"];

const PUBLISHED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/schema/certificate-manifest.schema.json"
);

fn validator() -> jsonschema::Validator {
    let schema = serde_json::to_value(schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
}

fn faults(text: &str) -> Faults {
    let document = Document::parse("m.json".as_ref(), text.into(), Format::Json).unwrap();
    Manifest::decode(&document).err().unwrap_or_default()
}

/// Both verdicts on a manifest; the schema may be the milder one, and only about what it cannot say.
fn compare(validator: &jsonschema::Validator, text: &str) -> (bool, bool) {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    let faults = faults(text);
    let said = format!("{text}\nschema: {errors:?}\ndecoder: {faults}");
    if !errors.is_empty() {
        assert!(!faults.is_empty(), "only the schema refuses {said}");
    } else if !faults.is_empty() {
        let all = INEXPRESSIBLE.iter().chain(&PAIRS).collect::<Vec<_>>();
        assert!(
            faults.iter().all(|fault| all.contains(&&fault.code)),
            "only the decoder refuses {said}"
        );
    }
    (errors.is_empty(), faults.is_empty())
}

#[test]
fn the_published_schema_is_the_one_that_the_tables_make() {
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(PUBLISHED, &text).unwrap();
    }
    let published = std::fs::read_to_string(PUBLISHED).unwrap_or_default();
    assert_eq!(
        published, text,
        "UPDATE_SCHEMA=1 cargo test -p phoenix-core published_schema   writes it anew"
    );
}

#[test]
fn schema_and_decoder_agree_on_whole_manifests() {
    let validator = validator();
    let pair = r#""cert_path": "/p/a.crt", "key_path": "/p/a.key""#;
    for good in [
        "[]".to_owned(),
        format!(r#"[{{"common_name": "a.test", {pair}}}]"#),
        format!(r#"[{{"common_name": "My CA", {pair}, "sans": "", "post_renewal_command": ""}}]"#),
        format!(
            r#"[{{"common_name": "a.test", {pair}, "sans": null, "hook": null, "keep": null}}]"#
        ),
        format!(
            r#"[{{"common_name": "a.test", {pair}, "guest_id": "102", "guest_type": "lxc", "include_ca": true}}]"#
        ),
        format!(
            r#"[{{"common_name": "a.test", {pair}, "hook": {{"command": ["a", ""], "timeout": "1m"}}, "deploy": [{{"guest": "vm:1", "cert": "/c", "key": "/k", "permissions": "0600"}}], "keep": 100}}]"#
        ),
        format!(
            r#"[{{"common_name": "a.test", {pair}, "rekey": "90d", "verify": {{"address": "[::1]:443", "server_name": "a.test", "client": "a.test"}}}}]"#
        ),
        include_str!("../../../tests/sample-site/etc/certificate-manifest.json").to_owned(),
    ] {
        assert_eq!(compare(&validator, &good), (true, true), "{good}");
    }
    for bad in [
        "{}".to_owned(),
        "null".to_owned(),
        "[[]]".to_owned(),
        "[{}]".to_owned(),
        format!("[{{{pair}}}]"),
        format!(r#"[{{"common_name": null, {pair}}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "sand": []}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "deploy": [{{"guest": "vm:1"}}]}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "hook": {{}}}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "keep": 101}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "rekey": "sometimes"}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "verify": {{"address": "a.test"}}}}]"#),
        include_str!("../../../tests/fixtures/twenty-faults.json").to_owned(),
    ] {
        assert_eq!(compare(&validator, &bad), (false, false), "{bad}");
    }
    // What a schema cannot say.
    for only_ours in [
        format!(r#"[{{"common_name": "a.test", {pair}, "after": ["b.test"]}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "after": ["a.test"]}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "ca_path": "/p/a.key"}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}}}, {{"common_name": "A.test", {pair}}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "guest_id": 1}}]"#),
        format!(
            r#"[{{"common_name": "a.test", {pair}, "hook": {{"command": "a"}}, "post_renewal_command": "a"}}]"#
        ),
        format!(r#"[{{"common_name": "a.test", {pair}, "post_renewal_command": "'"}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "sans": ["10.0.0.300"]}}]"#),
        format!(r#"[{{"common_name": "a.test", {pair}, "renew_before": "3/2"}}]"#),
    ] {
        assert_eq!(
            compare(&validator, &only_ours),
            (true, false),
            "{only_ours}"
        );
    }
}

#[test]
fn schema_and_decoder_agree_on_every_field_and_every_kind_of_value() {
    let validator = validator();
    for field in ENTRY_FIELDS {
        for value in values() {
            agree(&validator, field.name, &value, |value| {
                entry_with(field, value)
            });
        }
        let list = matches!(field.kind, FieldKind::Objects(_));
        for inner in field.kind.fields().unwrap_or_default() {
            for value in values() {
                let name = format!("{}.{}", field.name, inner.name);
                agree(&validator, &name, &value, |value| {
                    let object = record(field.kind.fields().unwrap(), inner, value);
                    let object = if list { format!("[{object}]") } else { object };
                    entry_with(field, &object)
                });
            }
        }
    }
}

fn agree(
    validator: &jsonschema::Validator,
    name: &str,
    value: &str,
    make: impl Fn(&str) -> String,
) {
    let text = make(value);
    let (_, decoder) = compare(validator, &text);
    // The value is what is judged, and not something else that `make` got wrong.
    if !decoder {
        let last = name.rsplit('.').next().unwrap();
        assert!(
            faults(&text).iter().any(|fault| {
                let pointer = fault.places[0].pointer.as_deref().unwrap_or_default();
                pointer.contains(last)
                    || fault.code == "missing-field"
                    || PAIRS.contains(&fault.code)
            }),
            "{name}: {}",
            faults(&text)
        );
    }
}

fn entry_with(field: &FieldInfo, value: &str) -> String {
    format!("[{}]", record(ENTRY_FIELDS, field, value))
}

/// A record with its required fields and this one.
fn record(fields: &[FieldInfo], field: &FieldInfo, value: &str) -> String {
    let mut members: Vec<String> = fields
        .iter()
        .filter(|other| other.required && other.name != field.name)
        .map(|other| {
            let value = match other.name {
                "common_name" => "a.test",
                "guest" => "lxc:102",
                "command" => "true",
                "address" => "a.test:443",
                path => return format!(r#""{path}": "/p/{path}""#),
            };
            format!(r#""{}": "{value}""#, other.name)
        })
        .collect();
    members.push(format!(r#""{}": {value}"#, field.name));
    if field.name == "guest_id" {
        members.push(r#""guest_type": "vm""#.to_owned());
    }
    if field.name == "guest_type" {
        members.push(r#""guest_id": 7"#.to_owned());
    }
    format!("{{{}}}", members.join(", "))
}

/// Values of every kind, good and bad ones of every form.
fn values() -> Vec<String> {
    let texts = [
        "",
        " ",
        "a",
        "a.test",
        "*.a.test",
        "*",
        "a.*.test",
        "-a.test",
        "a-.test",
        "a..b",
        "_x.a",
        "müller.test",
        "a b",
        " a",
        "a\\u0000b",
        "a\\tb",
        "10.0.0.111",
        "10.0.0.300",
        "1.2.3",
        "::1",
        "2001:DB8::1",
        "fe80::1%eth0",
        "a:1",
        "a.test:443",
        "x@a.test",
        "@a.test",
        "x@",
        "x@*.a",
        "https://a.test/x",
        "://x",
        "1a://x",
        "a+b://x",
        "/p",
        "/",
        "/p/",
        "p",
        "./p",
        "/../p",
        "/p/..",
        "/p/../q",
        "/p/..q",
        "/p/q..",
        "//p",
        "/p/./q",
        "/p\\u0000",
        "root",
        "root:root",
        "0:33",
        "-x:y",
        "a:b:c",
        "a b:c",
        "$x:y",
        "600",
        "0600",
        "644",
        "640",
        "999",
        "6",
        "60",
        "17777",
        "07777",
        "0o600",
        "-600",
        "rw-",
        "1755",
        "604",
        "607",
        "1h",
        "720h",
        "30d",
        "1h30m",
        "1.5h",
        ".5h",
        "1.h",
        ".h",
        "0s",
        "0",
        "1",
        "1/3",
        "3/2",
        "1/0",
        "33%",
        "100%",
        "0.33",
        ".5",
        "1e-1",
        "inf",
        "nan",
        "30 days",
        "9999999999999999h",
        "lxc:102",
        "vm:1001",
        "vm:+1",
        "vm:-1",
        "vm:99999999999",
        "ct:102",
        "lxc:",
        "102",
        "lxc",
        "vm",
        "server",
        "client",
        "both",
        "ec-p256",
        "ed25519",
        "rsa-1024",
        "rsa-4096",
        "true",
        "echo 'a b'",
        "echo 'open",
        "a && b",
    ];
    let long = format!("\"{}\"", "a".repeat(64));
    let longer = format!("\"{}\"", "a".repeat(65));
    let mut values: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    values.extend([long, longer]);
    let lists: Vec<String> = values.iter().map(|text| format!("[{text}]")).collect();
    values.extend(lists);
    let others = [
        "null",
        "true",
        "false",
        "0",
        "1",
        "100",
        "101",
        "-1",
        "1.5",
        "4294967295",
        "4294967296",
        "{}",
        "[]",
        "[[]]",
        "[{}]",
        "[null]",
        "[1]",
        r#"["a", "b"]"#,
        r#"["", "b"]"#,
        r#"{"a": 1}"#,
    ];
    values.extend(others.iter().map(|text| (*text).to_owned()));
    values
}
