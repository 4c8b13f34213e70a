use super::*;
use crate::document::Format;

fn decode(text: &str) -> Result<Manifest, Faults> {
    let document = Document::parse(
        "etc/certificate-manifest.json".as_ref(),
        text.into(),
        Format::Json,
    )?;
    Manifest::decode(&document)
}

fn entry(fields: &str) -> Result<Entry, Faults> {
    let text = format!(
        r#"[{{"common_name": "a.test", "cert_path": "/p/a.crt", "key_path": "/p/a.key"{fields}}}]"#
    );
    decode(&text).map(|manifest| manifest.entries[0].value.clone())
}

fn messages(fields: &str) -> String {
    entry(fields).unwrap_err().to_string()
}

#[test]
fn the_smallest_entry_gets_the_documented_defaults() {
    let entry = entry("").unwrap();
    assert_eq!(entry.names, ["a.test".parse().unwrap()].into());
    assert_eq!(entry.owner, Owner::root());
    assert_eq!(
        (entry.cert_mode, entry.key_mode),
        (FileMode::PUBLIC, FileMode::PRIVATE)
    );
    assert_eq!(entry.key_type, KeyType::EcP256);
    assert_eq!((entry.cert_type, entry.keep), (CertType::Server, None));
    assert!(entry.hook.is_none() && entry.deploy.is_empty() && entry.old_delivery.is_none());
}

#[test]
fn sans_may_be_one_text_or_several_and_are_a_set() {
    let one = entry(r#", "sans": "10.0.0.111""#).unwrap();
    let many = entry(r#", "sans": ["10.0.0.111", "A.test", "10.0.0.111", ""]"#).unwrap();
    assert_eq!(one.names, many.names);
    assert_eq!(one.names.len(), 2);
}

#[test]
fn the_key_is_never_opened_to_others_by_permissions() {
    let modes = |fields| {
        entry(fields)
            .map(|entry| entry.key_mode.to_string())
            .unwrap()
    };
    assert_eq!(modes(r#", "permissions": "600""#), "600");
    assert_eq!(modes(r#", "permissions": "644""#), "600");
    assert_eq!(
        modes(r#", "permissions": "640", "owner": "root:www-data""#),
        "640"
    );
    assert_eq!(
        modes(r#", "permissions": "644", "owner": "root:www-data""#),
        "640"
    );
    assert_eq!(
        modes(r#", "permissions": "640", "key_permissions": "400""#),
        "400"
    );
    assert!(messages(r#", "key_permissions": "644""#).contains("opens the key to everybody"));
}

#[test]
fn hooks_are_lines_arrays_or_objects() {
    let command = |fields| entry(fields).unwrap().hook.map(|hook| hook.command);
    let argv = HookCommand::Argv(vec!["echo".to_owned(), "a b".to_owned()]);
    assert_eq!(
        command(r#", "post_renewal_command": "echo 'a b'""#),
        Some(argv.clone())
    );
    assert_eq!(
        command(r#", "post_renewal_command": ["echo", "a b"]"#),
        Some(argv.clone())
    );
    assert_eq!(
        command(r#", "hook": {"command": ["echo", "a b"], "timeout": "5s"}"#),
        Some(argv)
    );
    assert_eq!(command(r#", "post_renewal_command": """#), None);
    assert!(
        messages(r#", "hook": {"command": "a"}, "post_renewal_command": "b""#)
            .contains("found both")
    );
}

#[test]
fn old_deliveries_need_both_halves() {
    let old = entry(r#", "guest_id": "102", "guest_type": "lxc", "include_ca": true"#).unwrap();
    assert_eq!(
        old.old_delivery,
        Some(OldDelivery {
            guest: GuestId::lxc(102),
            include_ca: true
        })
    );
    assert!(messages(r#", "guest_id": 102"#).contains("expected both or none"));
}

#[test]
fn twenty_faults_are_twenty_messages_with_their_places() {
    let text = include_str!("../../../tests/fixtures/twenty-faults.json");
    let faults = decode(text).unwrap_err();
    let shown = faults.to_string();
    assert_eq!(faults.len(), 20, "{shown}");
    for fault in &faults {
        assert!(
            fault.places[0].line > 0 && !fault.message.is_empty(),
            "{fault}"
        );
    }
}

#[test]
fn names_and_paths_used_twice_name_both_places() {
    let text = r#"[
    {"common_name": "a.test", "cert_path": "/p/a.crt", "key_path": "/p/a.key"},
    {"common_name": "A.test", "cert_path": "/p/b.crt", "key_path": "/p/a.crt"}
]"#;
    let faults = decode(text).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults}");
    for fault in &faults {
        assert_eq!((fault.places[0].line, fault.places[1].line), (3, 2));
    }
}

#[test]
fn after_must_name_an_entry() {
    assert!(messages(r#", "after": ["b.test"]"#).contains("expected the common_name of an entry"));
}

#[test]
fn a_faulty_entry_still_counts_for_the_others() {
    let text = r#"[
    {"common_name": "a.test", "cert_path": "/p/a.crt", "key_path": "/p/a.key", "owner": "root"},
    {"common_name": "b.test", "cert_path": "/p//b.crt", "key_path": "/p/./a.crt", "after": ["a.test"]}
]"#;
    let faults = decode(text).unwrap_err();
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "etc/certificate-manifest.json:2:89: found \"root\", expected an owner such as `root:www-data`",
            "etc/certificate-manifest.json:3:69: found `/p/./a.crt` as the key of b.test, expected a path of its own: it is the certificate of a.test",
        ]
    );
}

#[test]
fn paths_inside_a_guest_are_its_own_and_the_root_may_be_shared() {
    let deploy = |guest: &str, cert: &str, ca: &str| {
        format!(r#"{{"guest": "{guest}", "cert": "{cert}", "key": "{cert}.key", "ca": "{ca}"}}"#)
    };
    let list = |targets: &[String]| format!(r#", "deploy": [{}]"#, targets.join(", "));
    let good = [
        deploy("lxc:102", "/x/a", "/x/ca"),
        deploy("lxc:103", "/x/a", "/x/ca"),
        deploy("lxc:102", "/x/b", "/x/ca"),
    ];
    entry(&list(&good)).unwrap();
    let twice = list(&[good[0].clone(), good[0].clone()]);
    assert_eq!(entry(&twice).unwrap_err().len(), 2);
    let shadowed = list(&[deploy("lxc:102", "/x/a", "/x/a")]);
    assert!(messages(&shadowed).contains("found one path for certificate and root"));
    assert!(messages(r#", "ca_path": "/p/a.key""#).contains("one path for key and root"));
}

#[test]
fn entries_that_wait_for_each_other_are_named_in_a_circle() {
    let text = r#"[
    {"common_name": "a.test", "cert_path": "/p/a.crt", "key_path": "/p/a.key", "after": ["b.test"]},
    {"common_name": "b.test", "cert_path": "/p/b.crt", "key_path": "/p/b.key", "after": ["c.test"]},
    {"common_name": "c.test", "cert_path": "/p/c.crt", "key_path": "/p/c.key", "after": ["b.test"]}
]"#;
    let faults = decode(text).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "etc/certificate-manifest.json:4:90: found entries that wait for each other: b.test -> c.test -> b.test"
    );
    assert!(messages(r#", "after": ["a.test"]"#).contains("a.test -> a.test"));
    assert!(
        decode(&text.replace(
            r#", "after": ["b.test"]}
]"#,
            "}]"
        ))
        .is_ok()
    );
}

#[test]
fn values_are_typed() {
    for (fields, expected) in [
        (r#", "sans": ["10.0.0.300"]"#, "expected a DNS name"),
        (r#", "sans": [7]"#, "found a number, expected a string"),
        (
            r#", "sans": {"a": 1}"#,
            "found an object for `sans`, expected a string",
        ),
        (r#", "validity": "0h""#, "expected a longer time"),
        (r#", "renew_before": "0s""#, "expected a longer time"),
        (
            r#", "hook": {"command": "a", "timeout": "0s"}"#,
            "expected a longer time",
        ),
        (r#", "post_renewal_command": [""]"#, "found no program"),
        (
            r#", "post_renewal_command": "a\u0000""#,
            "found a NUL character",
        ),
        (r#", "hook": {"comand": "a"}"#, "unknown field `comand`"),
        (r#", "deploy": [{"gest": "lxc:1"}]"#, "unknown field `gest`"),
        (
            r#", "guest_id": -1, "guest_type": "vm""#,
            "found guest_id -1",
        ),
        (r#", "permisions": "600""#, "unknown field `permisions`"),
    ] {
        let found = messages(fields);
        assert!(found.contains(expected), "{fields}: {found}");
    }
    let names = entry(
        r#", "sans": ["*.a.test", "10.0.0.1", "::1", "x@a.test", "https://a.test/x", "A.TEST"]"#,
    );
    assert_eq!(names.unwrap().names.len(), 6);
    let old = entry(r#", "guest_id": 102, "guest_type": "lxc", "sans": null, "owner": null"#);
    assert!(old.is_ok());
}

#[test]
fn every_field_of_the_tables_is_read_and_says_where_it_is_faulty() {
    let wrong = |field: &crate::document::FieldInfo| match field.kind {
        crate::document::FieldKind::Object(_) => "7",
        _ => "{}",
    };
    for field in ENTRY_FIELDS {
        let text = format!(r#"[{{"{}": {}}}]"#, field.name, wrong(field));
        let faults = decode(&text).unwrap_err();
        let pointer = format!("/0/{}", field.name);
        assert!(
            faults.iter().any(|fault| fault.code != "unknown-field"
                && fault.places[0].pointer.as_deref() == Some(&*pointer)),
            "{pointer}: {faults}"
        );
        let list = matches!(field.kind, crate::document::FieldKind::Objects(_));
        for inner in field.kind.fields().unwrap_or_default() {
            let object = format!(r#"{{"{}": {}}}"#, inner.name, wrong(inner));
            let object = if list { format!("[{object}]") } else { object };
            let text = format!(r#"[{{"{}": {object}}}]"#, field.name);
            let faults = decode(&text).unwrap_err();
            let middle = if list { "/0" } else { "" };
            let pointer = format!("{pointer}{middle}/{}", inner.name);
            assert!(
                faults.iter().any(|fault| fault.code != "unknown-field"
                    && fault.places[0].pointer.as_deref() == Some(&*pointer)),
                "{pointer}: {faults}"
            );
        }
    }
}
