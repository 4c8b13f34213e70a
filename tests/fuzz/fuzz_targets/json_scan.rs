//! Any bytes: accepted exactly when serde_json accepts them, and then edited in every place.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_core::document::{Cursor, Document, Edit, Format};

fuzz_target!(|bytes: &[u8]| {
    let ours = Document::parse("f".as_ref(), bytes.to_vec(), Format::Json);
    let without_bom = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let theirs = serde_json::from_slice::<serde_json::Value>(without_bom);
    let document = match ours {
        Ok(document) => document,
        Err(faults) => {
            assert!(theirs.is_err(), "refused: {faults}");
            for fault in &faults {
                let place = &fault.places[0];
                assert!(place.line > 0 && place.column > 0 && place.span.end <= bytes.len());
            }
            return;
        }
    };
    assert_eq!(document.text().as_bytes(), bytes);
    if let Err(error) = &theirs {
        // Limits that RFC 8259 leaves to the reader.
        let said = error.to_string();
        let is_limit = ["number out of range", "surrogate", "recursion limit", "hex escape"];
        assert!(
            is_limit.iter().any(|limit| said.contains(limit)),
            "accepted: {said}"
        );
    }
    let value = document.root().to_value();
    if let (Ok(theirs), Some(value)) = (&theirs, &value) {
        let again: serde_json::Value = serde_json::from_str(&value.to_json()).unwrap();
        assert_eq!(again, *theirs);
    }
    let mut open = vec![document.root()];
    let mut edited = 0;
    while let Some(cursor) = open.pop() {
        open.extend(cursor.items());
        open.extend(cursor.entries().map(|entry| entry.value));
        edited += 1;
        if edited <= 20 {
            edit(&document, cursor);
        }
    }
});

fn edit(document: &Document, cursor: Cursor<'_>) {
    let pointer = cursor.pointer();
    let mut set = Edit::new(document);
    set.set_text(cursor.node(), "x\"y");
    set.finish()
        .unwrap()
        .apply(document)
        .unwrap_or_else(|faults| panic!("set {pointer}: {faults}"));
    if cursor.node() == document.root().node() {
        return;
    }
    let mut remove = Edit::new(document);
    remove.remove(cursor.node());
    remove
        .finish()
        .unwrap()
        .apply(document)
        .unwrap_or_else(|faults| panic!("remove {pointer}: {faults}"));
}
