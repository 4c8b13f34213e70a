//! Any JSON as a manifest: read, or refused with places in the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_core::diagnostic::{Style, render_all};
use phoenix_core::document::{Document, Format};
use phoenix_core::manifest::Manifest;

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse("m.json".as_ref(), text.into(), Format::Json) else {
        return;
    };
    if let Err(faults) = Manifest::decode(&document) {
        assert!(!faults.is_empty());
        for fault in &faults {
            for place in &fault.places {
                assert!(
                    place.span.start <= place.span.end && place.span.end <= text.len(),
                    "{fault}"
                );
            }
        }
        let shown: Vec<_> = faults.iter().cloned().collect();
        let _ = render_all(&shown, Style::Plain);
    }
});
