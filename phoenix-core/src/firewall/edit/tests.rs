//! Edits of lists, as an operator states them.

use super::*;
use crate::document::{Document, Format};
use crate::firewall::{Firewall, FirewallConfig, Packet, TCP, Zone};

/// The host-wide rules of a small file, one a line.
fn file(rules: &[&str]) -> Document {
    let rules: Vec<String> = rules.iter().map(|rule| format!("        {rule}")).collect();
    let text = format!(
        "{{\n    \"firewall\": {{\n        \"global_firewall_rules\": [\n{}\n        ]\n    }}\n}}",
        rules.join(",\n")
    );
    Document::parse("h.json".as_ref(), text.into(), Format::Json).unwrap()
}

fn edited(document: &Document, edit: &RuleEdit) -> Result<(Document, Vec<String>), Faults> {
    let list = RuleList::global(document);
    let mut changes = Edit::new(document);
    let said = edit.apply(&list, &mut changes)?;
    let patch = changes.finish().map_err(Faults::from)?;
    Ok((patch.apply(document)?, said))
}

/// The rules after an edit, one a line; a second run must change nothing.
fn rules(document: &Document, edit: &RuleEdit) -> Vec<String> {
    let (after, _) = edited(document, edit).unwrap();
    let (again, said) = edited(&after, edit).unwrap();
    assert_eq!(again.text(), after.text(), "the second run: {said:?}");
    assert!(said.is_empty(), "{said:?}");
    lines(&after)
}

proptest::proptest! {
    /// What goes with `dedupe` decided nothing: every verdict stays.
    #[test]
    fn copies_that_go_never_change_a_verdict(
        chosen in proptest::collection::vec(0..RULES.len(), 0..12),
        ignore_comments: bool,
        ports in proptest::collection::vec((0..3_u8, 79..84_u16), 12),
    ) {
        let document = file(&chosen.iter().map(|at| RULES[*at]).collect::<Vec<_>>());
        let (after, _) = edited(&document, &dedupe(ignore_comments)).unwrap();
        let firewall = |document| {
            let list = RuleList::global(document);
            Firewall::new(&FirewallConfig::of_site(Some(document), &[], &[list]))
        };
        let (before, after) = (firewall(&document), firewall(&after));
        for (last, port) in ports {
            let source = std::net::IpAddr::from([10, 0, 0, last]);
            let host = std::net::IpAddr::from([10, 0, 0, 250]);
            let packet = Packet::new(Zone::Outside, Zone::Host, source, host, TCP, port);
            proptest::prop_assert_eq!(before.verdict(&packet).action, after.verdict(&packet).action);
        }
    }
}

proptest::proptest! {
    /// What is read after an edit is what was asked for, and every other rule is as it was.
    #[test]
    fn what_was_set_is_read_again(
        chosen in proptest::collection::vec(0..RULES.len(), 1..9),
        at in 0..9_usize,
        words in proptest::sample::subsequence(vec![
            "proto=tcp", "port=8006", "source=10.0.0.0/30", "dest=10.9.0.1-10.9.0.7", "comment=a (b): c # d",
            "enabled=false", "action=REJECT", "log=info", "iface=vmbr1", "sport=1024:65535",
        ], 1..6),
        gone in proptest::sample::subsequence(vec!["comment=", "source=", "enabled="], 0..3),
    ) {
        let document = file(&chosen.iter().map(|at| RULES[*at]).collect::<Vec<_>>());
        let at = at % chosen.len();
        let key = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
        let gone = gone.iter().filter(|word| !words.iter().any(|set| key(set) == key(word)));
        let words: Vec<&str> = words.iter().chain(gone).copied().collect();
        let before = RuleList::global(&document);
        let edit = set(&format!("index={at}"), &words);
        let Ok((after, _)) = edited(&document, &edit) else {
            // Only what Proxmox would ignore is refused.
            let mut wanted = before.rules[at].rule.clone();
            let applied = fields(&words).iter().try_for_each(|field| field.apply(&mut wanted));
            proptest::prop_assert!(applied.is_err() || !wanted.problems(before.scope()).is_empty());
            return Ok(());
        };
        let after = RuleList::global(&after);
        proptest::prop_assert_eq!(after.rules.len(), before.rules.len());
        for (index, (old, new)) in before.rules.iter().zip(&after.rules).enumerate() {
            let mut wanted = old.rule.clone();
            if index == at {
                for field in fields(&words) {
                    field.apply(&mut wanted).unwrap();
                }
            }
            proptest::prop_assert_eq!(&new.rule, &wanted);
        }
    }
}

const RULES: &[&str] = &[
    r#"{"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "80"}"#,
    r#"{"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "80", "comment": "a"}"#,
    r#"{"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "80", "comment": "b"}"#,
    r#"{"type": "in", "action": "DROP", "source": "10.0.0.1"}"#,
    r#"{"type": "in", "action": "DROP", "source": "10.0.0.1", "enabled": false}"#,
    r#"{"type": "in", "action": "REJECT", "proto": "tcp", "port": "80:82"}"#,
    r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.0/31", "proto": "tcp", "port": "81,83"}"#,
];

fn lines(document: &Document) -> Vec<String> {
    document
        .text()
        .lines()
        .filter(|line| line.contains("\"type\""))
        .map(|line| line.trim().trim_end_matches(',').to_owned())
        .collect()
}

fn select(words: &str) -> Selector {
    let mut selector = Selector::default();
    for word in words.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap();
        match key {
            "direction" => selector.direction = value.parse().ok(),
            "port" => selector.ports = value.parse().ok(),
            "source" => selector.source = value.parse().ok(),
            "index" => selector.index = value.parse().ok(),
            _ => selector.comment = Some(value.to_owned()),
        }
    }
    selector
}

fn fields(words: &[&str]) -> Vec<Assignment> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

fn add(words: &[&str], beside: Option<Beside>) -> RuleEdit {
    let fields = fields(words);
    RuleEdit::Add { fields, beside }
}

fn dedupe(ignore_comments: bool) -> RuleEdit {
    RuleEdit::Dedupe {
        selector: Selector::default(),
        ignore_comments,
    }
}

fn enable(selector: &str, enabled: bool) -> RuleEdit {
    RuleEdit::Enable {
        selector: select(selector),
        expect: 1,
        enabled,
    }
}

fn remove(selector: &str, expect: usize) -> RuleEdit {
    RuleEdit::Remove {
        selector: select(selector),
        expect,
    }
}

fn set(selector: &str, words: &[&str]) -> RuleEdit {
    RuleEdit::Set {
        selector: select(selector),
        expect: 1,
        fields: fields(words),
    }
}

fn set_port(selector: &str, port: u16, dedupe: bool) -> RuleEdit {
    RuleEdit::SetPort {
        selector: select(selector),
        expect: 1,
        port,
        dedupe,
    }
}

fn refusal(document: &Document, edit: &RuleEdit) -> String {
    edited(document, edit).unwrap_err().to_string()
}

const PLAIN: &str = r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.12", "proto": "tcp", "port": "2375", "comment": "plain"}"#;
const TLS: &str = r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.12", "proto": "tcp", "port": "2376", "comment": "tls"}"#;
const ALL: &str = r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.13"}"#;
const NFS: &str = r#"{"type": "in", "action": "ACCEPT", "proto": "tcp", "source": "10.0.0.13", "port": 2049, "comment": "nfs"}"#;
const OUT: &str = r#"{"type": "out", "action": "ACCEPT", "dest": "10.0.0.10", "proto": "tcp", "port": "80,2375"}"#;

#[test]
fn a_port_is_set_and_a_double_goes_where_that_is_asked_for() {
    let set = |dedupe| set_port("port=2375 direction=in", 2376, dedupe);
    let moved = PLAIN.replace("2375", "2376");
    assert_eq!(
        rules(&file(&[PLAIN, ALL, OUT]), &set(false)),
        [&moved, ALL, OUT]
    );
    assert_eq!(rules(&file(&[PLAIN, TLS]), &set(false)), [&moved, TLS]);
    assert_eq!(rules(&file(&[PLAIN, TLS]), &set(true)), [TLS]);
}

#[test]
fn one_port_of_a_list_is_set_and_a_number_stays_one() {
    let set = |selector, port| set_port(selector, port, false);
    let document = file(&[NFS, OUT]);
    assert_eq!(
        rules(&document, &set("port=2375", 2376)),
        [NFS, &OUT.replace("2375", "2376")]
    );
    assert_eq!(
        rules(&document, &set("port=2049", 2050)),
        [&NFS.replace("2049", "2050"), OUT]
    );
    let range = file(&[r#"{"type": "in", "action": "DROP", "proto": "tcp", "port": "2370:2380"}"#]);
    assert!(refusal(&range, &set("port=2375", 2376)).contains("inside the range 2370:2380"));
    assert!(
        refusal(
            &file(&[r#"{"type": "in", "action": "DROP", "proto": "icmp"}"#]),
            &set("index=0", 22)
        )
        .contains("`port` with protocol `icmp`")
    );
}

#[test]
fn another_number_of_matches_is_refused_and_shown() {
    let remove = |expect| remove("source=10.0.0.13", expect);
    let document = file(&[ALL, NFS, OUT]);
    let words = refusal(&document, &remove(1));
    assert!(words.contains("found 2 rules of global"), "{words}");
    assert_eq!(rules(&document, &remove(2)), [OUT]);
    let missing = set("index=9", &["port=80"]);
    assert!(refusal(&document, &missing).contains("3 rules, expected 0 to 2"));
}

#[test]
fn a_new_rule_stands_behind_its_like_with_the_key_order_of_its_neighbour() {
    const DNS: &[&str] = &[
        "type=in",
        "action=ACCEPT",
        "source=10.0.0.14",
        "proto=udp",
        "port=53",
        "comment=dns",
    ];
    let add = |beside| add(DNS, beside);
    let document = file(&[PLAIN, NFS, OUT]);
    let like_nfs = r#"{"type": "in", "action": "ACCEPT", "proto": "udp", "source": "10.0.0.14", "port": "53", "comment": "dns"}"#;
    assert_eq!(rules(&document, &add(None)), [PLAIN, NFS, like_nfs, OUT]);
    let first = rules(&document, &add(Some(Beside::Before(0))));
    assert!(
        first[0].contains("\"53\"") && first[1] == PLAIN,
        "{first:?}"
    );
    let last = rules(&document, &add(Some(Beside::After(2))));
    assert!(last[3].contains("\"53\""), "{last:?}");
    let beyond = refusal(&document, &add(Some(Beside::After(3))));
    assert!(beyond.contains("3 rules, expected 0 to 2"), "{beyond}");
}

#[test]
fn a_rule_that_is_there_is_not_added_again() {
    let words = [
        "type=in",
        "action=ACCEPT",
        "source=10.0.0.13",
        "comment=other",
    ];
    assert_eq!(rules(&file(&[ALL]), &add(&words, None)), [ALL]);
}

#[test]
fn lists_and_objects_that_are_missing_are_made() {
    let add = add(&["type=in", "action=DROP"], None);
    let parse = |text: &str| Document::parse("h".as_ref(), text.into(), Format::Json).unwrap();
    for (text, after) in [
        (
            "{\"a\": 1}",
            r#"{"a": 1, "firewall": {"global_firewall_rules": [{"type": "in", "action": "DROP"}]}}"#,
        ),
        (
            r#"{"firewall": {"enabled": true}}"#,
            r#"{"firewall": {"enabled": true, "global_firewall_rules": [{"type": "in", "action": "DROP"}]}}"#,
        ),
        (
            r#"{"shared_volumes": {"firewall": {}}}"#,
            r#"{"shared_volumes": {"firewall": {"global_firewall_rules": [{"type": "in", "action": "DROP"}]}}}"#,
        ),
    ] {
        let (document, _) = edited(&parse(text), &add).unwrap();
        assert_eq!(
            document.root().to_value(),
            parse(after).root().to_value(),
            "{}",
            document.text()
        );
    }
}

#[test]
fn fields_are_set_removed_and_renamed_in_place() {
    let document = file(&[PLAIN, ALL]);
    let turned = r#"{"type": "out", "action": "ACCEPT", "dest": "10.0.0.12", "proto": "tcp", "port": "2375", "comment": "plain"}"#;
    assert_eq!(
        rules(
            &document,
            &set("index=0", &["direction=out", "dest=10.0.0.12", "source="])
        ),
        [turned, ALL]
    );
    let with = r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.13", "proto": "tcp", "port": "22"}"#;
    assert_eq!(
        rules(
            &document,
            &set("source=10.0.0.13", &["port=22", "proto=tcp"])
        ),
        [PLAIN, with]
    );
    assert_eq!(
        rules(&document, &set("comment=plain", &["comment=", "port=443"])),
        [
            &PLAIN
                .replace("2375", "443")
                .replace(r#", "comment": "plain""#, ""),
            ALL
        ]
    );
    let words = refusal(&document, &set("index=0", &["proto=icmp"]));
    assert!(words.contains("`port` with protocol `icmp`"), "{words}");
    let words = refusal(&document, &set("index=0", &["type=group"]));
    assert!(words.contains("the name of a security group"), "{words}");
}

#[test]
fn copies_go_and_the_first_stays() {
    let document = file(&[
        PLAIN,
        ALL,
        PLAIN,
        TLS,
        PLAIN,
        &PLAIN.replace("plain", "other"),
    ]);
    assert_eq!(
        rules(&document, &dedupe(false)),
        [PLAIN, ALL, TLS, &PLAIN.replace("plain", "other")]
    );
    assert_eq!(rules(&document, &dedupe(true)), [PLAIN, ALL, TLS]);
}

#[test]
fn rules_move_and_stay_where_they_were_moved_to() {
    let document = file(&[PLAIN, ALL, NFS, TLS]);
    let moved = |selector: &str, expect, beside| {
        rules(
            &document,
            &RuleEdit::Move {
                selector: select(selector),
                expect,
                beside,
            },
        )
    };
    assert_eq!(
        moved("comment=tls", 1, Beside::Before(1)),
        [PLAIN, TLS, ALL, NFS]
    );
    assert_eq!(
        moved("comment=plain", 1, Beside::After(3)),
        [ALL, NFS, TLS, PLAIN]
    );
    assert_eq!(
        moved("comment=plain", 1, Beside::After(2)),
        [ALL, NFS, PLAIN, TLS]
    );
    assert_eq!(
        moved("source=10.0.0.13", 2, Beside::Before(0)),
        [ALL, NFS, PLAIN, TLS]
    );
    assert_eq!(
        moved("source=10.0.0.13", 2, Beside::After(3)),
        [PLAIN, TLS, ALL, NFS]
    );
}

#[test]
fn rules_and_whole_firewalls_are_switched() {
    let document = file(&[PLAIN, ALL]);
    let off = PLAIN.replace(", \"comment\"", ", \"enabled\": false, \"comment\"");
    assert_eq!(rules(&document, &enable("port=2375", false)), [&off, ALL]);
    assert_eq!(rules(&document, &enable("port=2375", true)), [PLAIN, ALL]);
    assert_eq!(
        rules(&file(&[&off]), &enable("port=2375", true)),
        [off.replace("false", "true")]
    );
    let (whole, said) = edited(&document, &enable("", false)).unwrap();
    assert_eq!(
        whole.root().at("/firewall/enabled").unwrap().as_bool(),
        Some(false)
    );
    assert_eq!(said, ["global: firewall switched off"]);
}

#[test]
fn a_list_with_errors_is_edited_only_by_the_place_of_what_is_wrong() {
    let bad = r#"{"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "70000"}"#;
    let document = file(&[PLAIN, bad]);
    assert!(refusal(&document, &remove("port=2375", 1)).contains("70000"));
    let (after, _) = edited(&document, &remove("index=1", 1)).unwrap();
    assert_eq!(lines(&after), [PLAIN]);
    assert_eq!(
        rules(&document, &set("index=1", &["port=7000"])),
        [PLAIN, &bad.replace("70000", "7000")]
    );
}
