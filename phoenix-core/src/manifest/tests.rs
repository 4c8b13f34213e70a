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
    assert_eq!((entry.cert_type, entry.keep), (CertType::Server, 1));
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
