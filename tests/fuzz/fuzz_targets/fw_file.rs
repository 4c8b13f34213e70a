//! Any text as one of Proxmox's firewall files: read without loss, and rendered once for all.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_core::firewall::{FwContent, FwFile, FwKind, Wanted, open, render};

fuzz_target!(|text: &str| {
    for kind in [FwKind::Cluster, FwKind::Guest, FwKind::Host] {
        let read = |text: &str| FwFile::parse("x.fw".as_ref(), text.into(), kind).unwrap();
        let file = read(text);
        assert_eq!(file.to_string(), text);
        for fault in file.faults() {
            for place in &fault.places {
                assert!(place.span.start <= place.span.end && place.span.end <= text.len());
            }
        }
        // What a line is said to be is what it is when it is written as we write it.
        let config = file.config();
        for rule in &config.rules {
            let written = format!("[RULES]\n{}\n", rule.rule);
            let again = read(&written).config().rules;
            assert_eq!(again.len(), 1, "{written}");
            assert_eq!(again[0].rule, rule.rule, "{written}");
        }
        // Rendering what the file says itself: a second time nothing changes, and nothing that is not ours goes.
        let wanted = Wanted {
            options: vec![("enable".to_owned(), "1".to_owned())],
            rules: config
                .rules
                .iter()
                .take(3)
                .map(|rule| rule.rule.clone())
                .collect(),
        };
        let first = render(Some(&file), &wanted).text;
        let second = render(Some(&read(&first)), &wanted);
        assert_eq!(second.text, first);
        assert!(second.reasons.is_empty(), "{:?}", second.reasons);
        // Every line that is no rule and no option of ours stands there still, in its order.
        for after in [first, open(&file, &wanted).text] {
            let mut lines = after.lines().map(str::trim_end);
            for line in file.lines() {
                let written = file.text()[line.span.clone()].trim_end();
                let may_go = match &line.content {
                    FwContent::Rule(_) | FwContent::Blank => true,
                    FwContent::Option { name, .. } => name == "enable",
                    _ => false,
                };
                assert!(
                    may_go || lines.any(|other| other == written),
                    "{written:?} is gone from {after:?}"
                );
            }
        }
    }
});
