//! Any YAML: an edit is made as it was meant, or refused beforehand.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_core::document::{Beside, Cursor, Document, Format, Kind, Operation, operate};

fuzz_target!(|input: (u8, u8, &str)| {
    let (verb, place, text) = input;
    let Ok(document) = Document::parse("f".as_ref(), text.into(), Format::Yaml) else {
        return;
    };
    assert_eq!(document.text(), text);
    let mut all: Vec<Cursor<'_>> = vec![document.root()];
    let mut at = 0;
    // An alias leads to nodes that are listed already.
    while at < all.len() && all.len() < 1000 {
        if !all[at].literal().starts_with('*') {
            let cursor = all[at];
            all.extend(cursor.items());
            all.extend(cursor.entries().map(|entry| entry.value));
        }
        at += 1;
    }
    let cursor = all[usize::from(place) % all.len()];
    let pointer = cursor.pointer();
    let value = phoenix_core::document::text_or_json(
        ["x", "7", "\"a: b #c\"", "{\"k\": [1, \"y\"]}"][usize::from(verb) / 4 % 4],
    );
    let value = value.unwrap();
    let operation = match verb % 4 {
        0 => Operation::Set { pointer, value },
        1 => Operation::Remove { pointer },
        2 => {
            let last = if cursor.kind() == Kind::Array {
                "-"
            } else {
                "new"
            };
            Operation::Insert {
                pointer: format!("{pointer}/{last}"),
                value,
                beside: None,
            }
        }
        _ => Operation::Move {
            pointer,
            beside: Beside::Before("0".to_owned()),
        },
    };
    // `operate` compares what came out with what was meant; here nothing may panic.
    if let Ok((made, _)) = operate(&document, &[operation]) {
        let again = Document::parse("f".as_ref(), made.text().into(), Format::Yaml);
        assert!(again.is_ok(), "{text:?}\n{:?}", made.text());
    }
});
