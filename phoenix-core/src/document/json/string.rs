//! Strings between their literal and their text.

use std::fmt::Write as _;

/// The text of a valid literal's inside; `None` for half a surrogate pair, or U+FFFD in its place with `lossy`.
pub(crate) fn unescape(inner: &str, lossy: bool) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = hex4(rest)?;
                rest = &rest[4..];
                let mut code = high;
                if (0xd800..0xdc00).contains(&high) {
                    let low = rest
                        .strip_prefix("\\u")
                        .and_then(hex4)
                        .filter(|low| (0xdc00..0xe000).contains(low));
                    if let Some(low) = low {
                        rest = &rest[6..];
                        code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    }
                }
                match char::from_u32(code) {
                    Some(c) => c,
                    None if lossy => char::REPLACEMENT_CHARACTER,
                    None => return None,
                }
            }
            other => char::from(*other),
        });
    }
    text.push_str(rest);
    Some(text)
}

/// `text` as a literal, with the escapes that JSON demands and no others.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn hex4(text: &str) -> Option<u32> {
    u32::from_str_radix(text.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_read_back() {
        let text = "a\"b\\c\u{0}\u{1f}\n\r\t\u{8}\u{c}/ü😀\u{7f}\u{2028}";
        let mut literal = String::new();
        quote(text, &mut literal);
        assert_eq!(
            unescape(&literal[1..literal.len() - 1], false).as_deref(),
            Some(text)
        );
        assert!(serde_json::from_str::<String>(&literal).is_ok_and(|read| read == text));
    }

    #[test]
    fn half_a_pair_is_lost_only_when_that_is_allowed() {
        for inner in [r"\ud800", r"\udc00x", r"\ud800\u0041", r"\ud800\ud800"] {
            assert_eq!(unescape(inner, false), None, "{inner}");
        }
        assert_eq!(
            unescape(r"\ud800\u0041", true).as_deref(),
            Some("\u{fffd}A")
        );
    }
}
