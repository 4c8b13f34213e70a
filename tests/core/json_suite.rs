//! The public JSON parsing test suite: what must be accepted is, byte for byte; what must be refused is, with its place.

use phoenix_core::document::{Document, Format};

const CASES: &str = include_str!("../fixtures/json-test-suite/cases.tsv");

/// Where RFC 8259 leaves the choice: these are kept as they stand, all others are refused, for they are not UTF-8.
const KEPT: &[&str] = &[
    "i_number_double_huge_neg_exp",
    "i_number_huge_exp",
    "i_number_neg_int_huge_exp",
    "i_number_pos_double_huge_exp",
    "i_number_real_neg_overflow",
    "i_number_real_pos_overflow",
    "i_number_real_underflow",
    "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",
    "i_number_very_big_negative_int",
    "i_object_key_lone_2nd_surrogate",
    "i_string_1st_surrogate_but_2nd_missing",
    "i_string_1st_valid_surrogate_2nd_invalid",
    "i_string_incomplete_surrogate_and_escape_valid",
    "i_string_incomplete_surrogate_pair",
    "i_string_incomplete_surrogates_escape_valid",
    "i_string_invalid_lonely_surrogate",
    "i_string_invalid_surrogate",
    "i_string_inverted_surrogates_U+1D11E",
    "i_string_lone_second_surrogate",
    "i_structure_500_nested_arrays",
    "i_structure_UTF-8_BOM_empty_object",
];

fn cases() -> Vec<(String, Vec<u8>)> {
    let mut cases: Vec<_> = CASES
        .lines()
        .map(|line| {
            let (name, bytes) = line.split_once('\t').unwrap();
            (name.to_owned(), unescaped(bytes))
        })
        .collect();
    for (name, repeated, times) in [
        ("n_structure_100000_opening_arrays", "[", 100_000),
        ("n_structure_open_array_object", "[{\"\":", 50_000),
    ] {
        cases.push((name.to_owned(), repeated.repeat(times).into_bytes()));
    }
    cases
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = match (first, behind) {
            (b'\\', [b'\\', behind @ ..]) => {
                bytes.push(b'\\');
                behind
            }
            (b'\\', [b'x', high, low, behind @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                behind
            }
            (byte, behind) => {
                bytes.push(*byte);
                behind
            }
        };
    }
    bytes
}

#[test]
fn the_suite_is_judged_as_it_demands() {
    let cases = cases();
    assert_eq!(cases.len(), 318);
    let mut wrong = Vec::new();
    for (name, bytes) in cases {
        let is_accepted = name.starts_with("y_") || KEPT.contains(&name.as_str());
        match Document::parse(name.as_ref(), bytes.clone(), Format::Json) {
            Ok(document) if is_accepted => assert_eq!(document.text().as_bytes(), bytes, "{name}"),
            Ok(_) => wrong.push(format!("{name}: accepted")),
            Err(faults) if is_accepted => wrong.push(format!("{name}: {faults}")),
            Err(faults) => {
                let fault = faults.iter().next().unwrap();
                let place = &fault.places[0];
                if place.line == 0 || place.column == 0 || !fault.message.contains("found") {
                    wrong.push(format!("{name}: no place: {fault}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_accepted_means_what_others_read() {
    for (name, bytes) in cases()
        .into_iter()
        .filter(|(name, _)| name.starts_with("y_"))
    {
        let document = Document::parse(name.as_ref(), bytes.clone(), Format::Json).unwrap();
        let Ok(theirs) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
            continue;
        };
        let ours = document.root().to_value().unwrap();
        let ours: serde_json::Value = serde_json::from_str(&ours.to_json()).unwrap();
        assert_eq!(ours, theirs, "{name}");
    }
}
