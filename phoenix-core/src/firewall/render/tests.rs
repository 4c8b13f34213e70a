use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::firewall::{Action, Firewall, FirewallConfig, FwKind, Packet, TCP, Zone};

fn parse(text: &str) -> FwFile {
    FwFile::parse("x.fw".as_ref(), text.into(), FwKind::Guest).unwrap()
}

fn rules(lines: &[&str]) -> Vec<Rule> {
    let file = parse(&format!("[RULES]\n{}\n", lines.join("\n")));
    assert!(file.faults().is_empty(), "{}", file.faults());
    file.config()
        .rules
        .into_iter()
        .map(|rule| rule.rule)
        .collect()
}

fn wanted(lines: &[&str]) -> Wanted {
    Wanted {
        options: vec![("enable".to_owned(), "1".to_owned())],
        rules: rules(lines),
    }
}

fn rendered(existing: Option<&str>, wanted: &Wanted) -> String {
    let file = existing.map(parse);
    let text = render(file.as_ref(), wanted).text;
    let again = render(Some(&parse(&text)), wanted);
    assert_eq!(again.text, text);
    assert_eq!(again.reasons, [""; 0]);
    text
}

/// The ids left out, which are digests.
fn untagged(text: &str) -> String {
    text.lines()
        .map(
            |line| match line.split_once(" [phx:").or(line.split_once("[phx:")) {
                Some((rule, _)) => format!("{} *\n", rule.trim_end()),
                None => format!("{line}\n"),
            },
        )
        .collect()
}

const SSH: &str = "IN ACCEPT -p tcp -dport 22 # ssh (all): yes";
const WEB: &str = "IN ACCEPT -source 10.0.0.12 -p tcp -dport 80,443";
const OUT: &str = "OUT DROP -p udp";

#[test]
fn a_new_file_is_written_as_proxmox_writes_it() {
    let text = rendered(None, &wanted(&[SSH, WEB]));
    assert_eq!(
        untagged(&text),
        format!("[OPTIONS]\n\nenable: 1\n\n[RULES]\n\n{SSH} *\n{WEB} # *\n")
    );
    assert!(
        parse(&text)
            .config()
            .rules
            .iter()
            .all(|rule| is_ours(&rule.rule))
    );
}

#[test]
fn what_is_not_ours_keeps_every_byte() {
    let by_hand = "# mine\n[OPTIONS]\n\nenable: 0\ndhcp: 1\n\n[IPSET x1]\n\n10.0.0.1 # a\n\n[RULES]\n\n# first\nIN  ACCEPT -p tcp -dport 99\njunk\n\n";
    let text = rendered(Some(by_hand), &wanted(&[SSH]));
    assert_eq!(
        untagged(&text),
        by_hand
            .replace("enable: 0", "enable: 1")
            .replace("junk\n", &format!("junk\n{SSH} *\n"))
    );
    // A second site's wish changes only ours, wherever the web interface put them.
    let moved = rendered(Some(&text), &wanted(&[WEB, SSH, OUT]));
    assert_eq!(
        untagged(&moved),
        untagged(&text).replace(
            &format!("{SSH} *\n"),
            &format!("{WEB} # *\n{SSH} *\n{OUT} # *\n")
        )
    );
    let gone = rendered(Some(&moved), &wanted(&[]));
    assert_eq!(gone, by_hand.replace("enable: 0", "enable: 1"));
}

#[test]
fn a_file_of_the_old_generator_is_taken_over_whole() {
    let old = "[OPTIONS]\nenable: 1\n\n[RULES]\nIN ACCEPT -p tcp -dport 2375 # Docker\nIN ACCEPT -p tcp -dport 22 # ssh\n";
    let text = rendered(Some(old), &wanted(&[SSH]));
    assert_eq!(
        untagged(&text),
        format!("[OPTIONS]\nenable: 1\n\n[RULES]\n{SSH} *\n")
    );
    // In a file that somebody wrote, only what we would write anyway is ours.
    let by_hand = old.replace("[RULES]", "# by hand\n[RULES]");
    let text = rendered(Some(&by_hand), &wanted(&[SSH]));
    assert!(
        text.contains("dport 2375") && text.matches("dport 22 ").count() == 1,
        "{text}"
    );
    let reasons = render(Some(&parse(old)), &wanted(&[SSH])).reasons;
    assert_eq!(
        reasons
            .iter()
            .filter(|r| r.starts_with("taken over: "))
            .count(),
        2
    );
}

#[test]
fn rules_edited_by_hand_come_back_as_they_shall_be() {
    let text = rendered(None, &wanted(&[SSH, WEB]));
    let edited = text.replace("-dport 22", "-dport 2222");
    assert_eq!(rendered(Some(&edited), &wanted(&[SSH, WEB])), text);
}

#[test]
fn missing_sections_are_made_where_they_belong() {
    let file = FwFile::parse(
        "cluster.fw".as_ref(),
        b"[group web]\n\nIN ACCEPT -p tcp -dport 80\n".to_vec(),
        FwKind::Cluster,
    )
    .unwrap();
    let text = render(Some(&file), &wanted(&[SSH])).text;
    assert_eq!(
        untagged(&text),
        format!(
            "[OPTIONS]\n\nenable: 1\n\n[RULES]\n\n{SSH} *\n\n[group web]\n\nIN ACCEPT -p tcp -dport 80\n"
        )
    );
    let as_it_was = "[OPTIONS]\nenable: 1";
    assert_eq!(rendered(Some(as_it_was), &wanted(&[])), as_it_was);
    let text = rendered(Some(as_it_was), &wanted(&[SSH]));
    assert_eq!(
        untagged(&text),
        format!("[OPTIONS]\nenable: 1\n\n[RULES]\n\n{SSH} *\n")
    );
}

#[test]
fn what_stands_before_every_section_stays_ignored() {
    let text = rendered(Some("# mine\ndhcp: 0\n[RULES]\n"), &wanted(&[SSH]));
    assert_eq!(
        untagged(&text),
        format!("# mine\ndhcp: 0\n\n[OPTIONS]\n\nenable: 1\n\n[RULES]\n{SSH} *\n")
    );
    assert!(!parse(&text).config().options.contains_key("dhcp"));
}

#[test]
fn opening_adds_what_admits_and_leaves_what_goes_later() {
    let old = "IN ACCEPT -source 10.0.0.12 -p tcp -dport 2375";
    let new = "IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376";
    let refuse = "IN DROP -p tcp -dport 2375";
    let found = rendered(None, &wanted(&[SSH, old, WEB]));
    let end = wanted(&[SSH, new, refuse, WEB]);
    let opened = open(&parse(&found), &end).text;
    assert_eq!(
        untagged(&opened),
        untagged(&found).replace(&format!("{old} # *\n"), &format!("{new} # *\n{old} # *\n"))
    );
    assert_eq!(open(&parse(&opened), &end).text, opened);
    let last = rendered(Some(&opened), &end);
    assert_eq!(last, rendered(Some(&found), &end));
    // What only refuses is no obstacle any more, and nothing has to be opened where all is admitted already.
    let shut = rendered(None, &wanted(&[refuse]));
    assert!(
        !open(&parse(&shut), &wanted(&[WEB]))
            .text
            .contains("IN DROP")
    );
    assert_eq!(open(&parse(&last), &end).text, last);
    // What the old generator wrote is taken over on the way, or it would stay.
    let generated = format!("[OPTIONS]\nenable: 1\n\n[RULES]\n{SSH}\n{old}\n");
    let generated = parse(&generated);
    assert_eq!(open(&generated, &wanted(&[SSH])).text, generated.text());
    let opened = open(&generated, &wanted(&[SSH, new])).text;
    assert_eq!(
        untagged(&opened),
        format!("[OPTIONS]\nenable: 1\n\n[RULES]\n{SSH} *\n{new} # *\n{old} # *\n")
    );
    assert!(!rendered(Some(&opened), &wanted(&[SSH, new])).contains("2375"));
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = "\\|?IN (ACCEPT|DROP|REJECT)( -source 10\\.0\\.0\\.(0/30|[1-4]))?( -p tcp( -dport (80|81|80:82))?)?";
    prop::collection::vec(line, 0..7)
}

proptest! {
    /// In between nobody is shut out who is admitted before or will be afterwards.
    #[test]
    fn what_is_opened_admits_what_is_admitted_before_and_after(
        before in lines(),
        mine in lines(),
        after in lines(),
        policies in prop::collection::vec(prop::sample::select(vec!["ACCEPT", "DROP"]), 2),
    ) {
        let strs = |lines: &[String]| rules(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let wanted = |lines: &[String], policy: &str| Wanted {
            options: vec![("enable".to_owned(), "1".to_owned()), ("policy_in".to_owned(), policy.to_owned())],
            rules: strs(lines),
        };
        // Rules of ours around rules of somebody else.
        let ours = render(None, &wanted(&before, policies[0])).text;
        let at = ours.match_indices('\n').map(|(at, _)| at + 1).nth(6).unwrap_or(ours.len());
        let text = if ours.contains("[RULES]") {
            format!("{}{}{}", &ours[..at], mine.iter().map(|l| format!("{l}\n")).collect::<String>(), &ours[at..])
        } else {
            ours
        };
        let found = FwFile::parse("c".as_ref(), text.clone().into(), FwKind::Cluster).unwrap();
        let last = wanted(&after, policies[1]);
        let opened = open(&found, &last).text;
        let last = render(Some(&found), &last).text;
        let reopened = FwFile::parse("c".as_ref(), opened.clone().into(), FwKind::Cluster).unwrap();
        let then = render(Some(&reopened), &wanted(&after, policies[1])).text;
        let firewall = |text: &str| {
            let file = FwFile::parse("c".as_ref(), text.into(), FwKind::Cluster).unwrap();
            Firewall::new(&FirewallConfig { cluster: file.config(), ..FirewallConfig::default() })
        };
        let [before, between, after, then] = [&text, &opened, &last, &then].map(|text| firewall(text));
        for end in 0..6_u8 {
            for port in 79..84 {
                let packet = Packet::new(
                    Zone::Outside, Zone::Host, IpAddr::from([10, 0, 0, end]), IpAddr::from([10, 0, 1, 1]), TCP, port,
                );
                let admits = |firewall: &Firewall| *firewall.verdict(&packet).action == Action::Accept;
                prop_assert!(admits(&between) || !admits(&before) && !admits(&after), "{packet:?}\n{text}\n{opened}\n{last}");
                // Among rules of somebody else ours stand where they stood.
                prop_assert!(!mine.is_empty() || admits(&then) == admits(&after), "{packet:?}\n{text}\n{opened}\n{last}");
            }
        }
    }
}
