use super::*;
use crate::change::FileEdit;
use crate::document::Format;

const TEXT: &str = r#"[
    {
        "common_name": "a.test",
        "sans": [
            "10.0.0.1"
        ],
        "cert_path": "/p/a.crt",
        "key_path": "/p/a.key",
        "owner": "root:root",
        "permissions": "600",
        "post_renewal_command": "systemctl reload a"
    },
    {
        "common_name": "b.test",
        "cert_path": "/p/b.crt",
        "key_path": "/p/b.key",
        "permissions": "640",
        "owner": "root:adm"
    }
]"#;

fn document(text: &str) -> Document {
    let path = "etc/certificate-manifest.json".as_ref();
    Document::parse(path, text.into(), Format::Json).unwrap()
}

fn name(text: &str) -> CommonName {
    text.parse().unwrap()
}

fn fields(words: &[&str]) -> Vec<Assignment> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

fn after(edit: Result<FileEdit, ManifestEditError>) -> String {
    edit.unwrap().after.text().to_owned()
}

#[test]
fn a_new_entry_is_written_as_its_neighbours_are_and_a_second_time_nothing_happens() {
    let words = fields(&[
        "owner=root:adm",
        "permissions=600",
        "key_path=/p/c.key",
        "cert_path=/p/c.crt",
        "sans+=10.0.0.3",
    ]);
    let edited = after(add(&document(TEXT), &name("c.test"), &words));
    let entry = r#",
    {
        "common_name": "c.test",
        "sans": [
            "10.0.0.3"
        ],
        "cert_path": "/p/c.crt",
        "key_path": "/p/c.key",
        "owner": "root:adm",
        "permissions": "600"
    }
]"#;
    let expected = format!("{}{entry}", TEXT.strip_suffix("\n]").unwrap());
    assert_eq!(edited, expected);
    let again = add(&document(&edited), &name("C.test"), &words);
    assert_eq!(again.unwrap().reasons, Vec::<String>::new());
    let other = add(&document(&edited), &name("c.test"), &fields(&["keep=2"]));
    assert!(matches!(other, Err(ManifestEditError::Exists { .. })));
    let removed = after(remove(&document(&edited), &name("c.test")));
    assert_eq!(removed, TEXT);
}

#[test]
fn the_first_entry_of_an_empty_manifest_has_the_order_of_the_table() {
    let words = fields(&[
        "key_path=/p/c.key",
        "cert_path=/p/c.crt",
        "cert_type=client",
    ]);
    let edited = after(add(&document("[]"), &name("c.test"), &words));
    assert_eq!(
        edited,
        "[\n    {\n        \"common_name\": \"c.test\",\n        \"cert_type\": \"client\",\n        \"cert_path\": \"/p/c.crt\",\n        \"key_path\": \"/p/c.key\"\n    }\n]"
    );
}

#[test]
fn setting_changes_the_bytes_of_the_value_alone() {
    let edit = |words: &[&str]| set(&document(TEXT), &name("a.test"), &fields(words)).unwrap();
    let changed = edit(&[
        "permissions=640",
        "post_renewal_command=[\"echo\", \"a b\"]",
    ]);
    assert_eq!(
        changed.reasons,
        [
            r#"a.test: `permissions` is now "640""#,
            r#"a.test: `post_renewal_command` is now ["echo", "a b"]"#
        ]
    );
    assert!(
        changed
            .after
            .text()
            .starts_with(&TEXT[..TEXT.find("600").unwrap()])
    );
    let same = edit(&["permissions=600", "sans+=10.0.0.1"]);
    assert_eq!((same.changes(), same.reasons.len()), (false, 0));
    let sans = edit(&["sans+=x.test", "sans+=y.test"]);
    assert_eq!(
        sans.after.text(),
        TEXT.replace(
            "\"10.0.0.1\"",
            "\"10.0.0.1\",\n            \"x.test\",\n            \"y.test\""
        )
    );
    let other = edit(&[r#"sans=["*.a.test"]"#]);
    assert_eq!(other.after.text(), TEXT.replace("10.0.0.1", "*.a.test"));
    let gone = edit(&["post_renewal_command=", "sans="]);
    assert_eq!(gone.reasons.len(), 2);
    assert!(!gone.after.text().contains("sans") && !gone.after.text().contains("reload"));
    let renamed = edit(&["common_name=c.test"]);
    assert_eq!(renamed.after.text(), TEXT.replace("a.test", "c.test"));
}

#[test]
fn a_new_field_stands_where_the_neighbours_have_it() {
    let edited = after(set(
        &document(TEXT),
        &name("b.test"),
        &fields(&[
            "sans=10.0.0.2",
            "key_type=ed25519",
            "post_renewal_command=a",
        ]),
    ));
    let order: Vec<String> = document(&edited)
        .root()
        .at("/1")
        .unwrap()
        .entries()
        .map(|entry| entry.key.into_owned())
        .collect();
    assert_eq!(
        order.join(" "),
        "common_name sans cert_path key_path permissions post_renewal_command key_type owner"
    );
}

#[test]
fn records_and_lists_of_records_are_reached_by_their_keys() {
    let target = r#"deploy+={"guest": "lxc:102", "cert": "/c", "key": "/k"}"#;
    let first = after(set(
        &document(TEXT),
        &name("b.test"),
        &fields(&["hook.command=true", "hook.timeout=5s", target]),
    ));
    let entry = |text: &str| {
        Manifest::decode(&document(text)).unwrap().entries[1]
            .value
            .clone()
    };
    assert_eq!(entry(&first).hook.unwrap().timeout.as_secs(), 5);
    let words = [
        "deploy.0.owner=root:adm",
        "hook.timeout=",
        "deploy.1.key=/k2",
    ];
    let more = ["deploy.1.cert=/c2", "deploy.1.guest=vm:1"];
    let words = fields(&[&words[..], &more].concat());
    let second = set(&document(&first), &name("b.test"), &words).unwrap();
    let deploy = entry(second.after.text()).deploy;
    assert_eq!(
        (deploy[0].owner.to_string(), deploy.len()),
        ("root:adm".to_owned(), 2)
    );
    let words = fields(&["deploy.0.owner=root:root", "deploy.1="]);
    let third = set(&second.after, &name("b.test"), &words).unwrap();
    let words = fields(&["deploy.0.owner=", "hook="]);
    let fourth = set(&third.after, &name("b.test"), &words).unwrap();
    assert_eq!(
        fourth.reasons,
        ["b.test: `hook` is gone", "b.test: `deploy.0.owner` is gone"]
    );
    let fifth = set(&fourth.after, &name("b.test"), &fields(&["deploy="])).unwrap();
    assert_eq!(fifth.after.text(), TEXT);
}

#[test]
fn an_edit_that_makes_the_manifest_faulty_is_refused_with_its_faults() {
    let refused =
        |words: &[&str]| match set(&document(TEXT), &name("b.test"), &fields(words)).unwrap_err() {
            ManifestEditError::Faulty(faults) => faults.to_string(),
            other => panic!("{other:?}"),
        };
    let faults = refused(&["cert_path=/p/a.key", "owner=root", "common_name=A.TEST"]);
    assert_eq!(faults.lines().count(), 3, "{faults}");
    assert!(refused(&["cert_path="]).contains("found no field `cert_path`"));
    let waits = TEXT.replace(r#""owner": "root:adm""#, r#""after": ["a.test"]"#);
    assert!(matches!(
        remove(&document(&waits), &name("a.test")),
        Err(ManifestEditError::Faulty(_))
    ));
}

#[test]
fn a_fault_that_was_there_before_is_no_reason_to_refuse() {
    let faulty = TEXT.replace("root:root", "root").replace("root:adm", "adm");
    let edit = set(
        &document(&faulty),
        &name("a.test"),
        &fields(&["owner=root:root"]),
    );
    assert_eq!(after(edit), faulty.replace("\"root\"", "\"root:root\""));
}

#[test]
fn unknown_names_say_the_nearest() {
    let error = set(&document(TEXT), &name("b.tst"), &[]).unwrap_err();
    assert!(
        matches!(error, ManifestEditError::Unknown { near: Some(near), .. } if near == "b.test")
    );
}

#[test]
fn what_is_no_assignment_says_why() {
    for (text, expected) in [
        ("keep", "found `keep`, expected KEY=VALUE"),
        ("=x", "found `=x`, expected KEY=VALUE"),
        ("kep=1", "found no field `kep`, did you mean `keep`?"),
        (
            "keep=0",
            "found \"0\" for `keep`, expected a whole number from 1 to 100",
        ),
        (
            "include_ca=yes",
            "found \"yes\" for `include_ca`, expected true or false",
        ),
        (
            "cert_type=both",
            "found \"both\" for `cert_type`, expected server|client",
        ),
        (
            "deploy=x",
            "found \"x\" for `deploy`, expected an array of objects, as JSON",
        ),
        (
            "owner+=x",
            "found `owner+=`, expected a list there: an owner such as `root:www-data`",
        ),
        (
            "owner.x=y",
            "found no field `owner.x`, expected nothing behind it: `x`",
        ),
        (
            "deploy.x.key=/k",
            "found no field `deploy.x.key`, expected an index in place of `x`",
        ),
    ] {
        let error = text.parse::<Assignment>().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let far = set(
        &document(TEXT),
        &name("a.test"),
        &fields(&["deploy.3.key=/k"]),
    );
    assert!(matches!(far, Err(ManifestEditError::Assignment { .. })));
}

#[test]
fn what_is_shown_can_be_read_again_and_is_the_same() {
    let text = r#"[
    {"common_name": "a.test", "cert_path": "/p/a.crt", "key_path": "/p/a.key", "permissions": "644",
     "post_renewal_command": "echo $HOME", "guest_id": "7", "guest_type": "vm", "validity": "30d",
     "deploy": [{"guest": "lxc:1", "cert": "/c", "key": "/k", "ca": "/r"}], "ca_path": "/p/ca.crt"},
    {"common_name": "b.test", "cert_path": "/p/b.crt", "key_path": "/p/b.key", "after": ["a.test"],
     "hook": {"command": ["a", "b c"], "timeout": "1m30s", "only_if_running": true}, "sans": "::1"}
]"#;
    let shown = |document: &Document| {
        let manifest = Manifest::decode(document).unwrap();
        let entries = manifest.entries.iter();
        crate::document::Value::Array(
            entries
                .map(|entry| entry.value.resolved("1/4".parse().unwrap(), 1))
                .collect(),
        )
    };
    let first = shown(&document(text));
    let second = shown(&document(&first.to_json()));
    assert_eq!(first, second);
    let all = first.to_json();
    for part in [
        r#""key_permissions": "600""#,
        r#""renew_before": "0.25""#,
        r#""keep": 1"#,
    ] {
        assert!(all.contains(part), "{all}");
    }
}
