//! The scanner: one pass, a stack of its own, so that no depth can overflow the thread's.

use super::super::tape::{Form, Tape};
use super::super::{Failure, Kind};

/// Reads one JSON text.
pub(crate) fn scan(text: &str) -> Result<Tape, Failure> {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        // Pages that stay untouched cost nothing; growing would copy.
        tape: Tape::with_capacity(text.len() / 8 + 16),
        open: Vec::new(),
    };
    scanner.run()?;
    Ok(scanner.tape.finish())
}

/// Whether `literal` is a JSON number.
pub(crate) fn is_number(literal: &str) -> bool {
    !literal.is_empty() && number_end(literal.as_bytes(), 0) == Ok(literal.len())
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    tape: Tape,
    /// Containers that are not closed yet.
    open: Vec<u32>,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        'value: loop {
            self.blank();
            self.value_start()?;
            // A container was opened, or a value is complete.
            loop {
                self.blank();
                let Some(&container) = self.open.last() else {
                    return match self.peek() {
                        None => Ok(()),
                        Some(_) => Err(self.unexpected("the end of the file")),
                    };
                };
                let is_object = self.tape.kind(container) == Kind::Object;
                let is_first = self.tape.len() == container + 1;
                match self.peek() {
                    Some(b'}') if is_object => self.close(container),
                    Some(b']') if !is_object => self.close(container),
                    Some(b',') if !is_first => {
                        self.at += 1;
                        self.blank();
                        if is_object {
                            self.key("a name in double quotes")?;
                        }
                        continue 'value;
                    }
                    _ if is_first => {
                        if is_object {
                            self.key("a name in double quotes or `}`")?;
                        }
                        continue 'value;
                    }
                    _ => {
                        let expected = if is_object {
                            "`,` or `}`"
                        } else {
                            "`,` or `]`"
                        };
                        return Err(self.unclosed(container, expected));
                    }
                }
            }
        }
    }

    fn close(&mut self, container: u32) {
        self.at += 1;
        self.open.pop();
        self.tape.close(container, self.at);
    }

    fn key(&mut self, expected: &str) -> Result<(), Failure> {
        if self.peek() != Some(b'"') {
            return Err(match (self.peek(), self.open.last()) {
                (None, Some(&container)) => self.unclosed(container, expected),
                _ => self.unexpected(expected),
            });
        }
        self.string()?;
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:` behind the name"));
        }
        self.at += 1;
        Ok(())
    }

    /// Pushes a scalar, or the beginning of a container.
    fn value_start(&mut self) -> Result<(), Failure> {
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.open(Kind::Object),
            Some(b'[') => self.open(Kind::Array),
            Some(b'"') => self.string()?,
            Some(b't') => self.word("true", Kind::Bool)?,
            Some(b'f') => self.word("false", Kind::Bool)?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(b'-' | b'0'..=b'9') => {
                self.at = number_end(self.bytes, start).map_err(|at| {
                    self.at = at;
                    self.unexpected("a digit")
                })?;
                self.tape.push(Kind::Number, Form::Plain, start..self.at);
            }
            None => {
                return Err(match self.open.last() {
                    Some(&container) => self.unclosed(container, "a value"),
                    None => self.unexpected("a value"),
                });
            }
            Some(_) => return Err(self.unexpected("a value")),
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind) {
        let node = self.tape.push(kind, Form::Flow, self.at..self.at);
        self.open.push(node);
        self.at += 1;
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Failure> {
        let start = self.at;
        if !self.bytes[start..].starts_with(word.as_bytes()) {
            return Err(self.unexpected(&format!("`{word}`")));
        }
        self.at += word.len();
        self.tape.push(kind, Form::Plain, start..self.at);
        Ok(())
    }

    fn string(&mut self) -> Result<(), Failure> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
            let rest = &self.bytes[self.at..];
            self.at += rest
                .iter()
                .position(|byte| !plain(byte))
                .unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    let node = self.tape.push(Kind::String, Form::Double, start..self.at);
                    if escaped {
                        self.tape.mark_escaped(node);
                    }
                    return Ok(());
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(byte) => {
                    let mut failure = self.unexpected("its escape");
                    failure.message = if byte == b'\n' || byte == b'\r' {
                        "found the end of the line inside a string, expected `\"`".to_owned()
                    } else {
                        format!(
                            "found the control character U+{byte:04X} in a string, expected `\\u{byte:04x}`"
                        )
                    };
                    return Err(failure);
                }
                None => {
                    self.at = start;
                    let mut failure = self.unexpected("");
                    "found the end of the file inside a string, expected `\"`"
                        .clone_into(&mut failure.message);
                    return Err(failure);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<(), Failure> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                for _ in 0..4 {
                    self.at += 1;
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.unexpected("four hexadecimal digits behind `\\u`"));
                    }
                }
                self.at += 1;
                Ok(())
            }
            _ => Err(self.unexpected("one of `\"\\/bfnrtu` behind `\\`")),
        }
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn unexpected(&self, expected: &str) -> Failure {
        // The scanner stops only at ASCII bytes or at the first byte of a character.
        let found = self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next());
        let (found, width) = match found {
            None => ("the end of the file".to_owned(), 0),
            Some(c @ ('\'' | '`')) => (format!("{c}"), 1),
            Some(c) if c.is_control() || c.is_whitespace() || c == '\u{feff}' => (
                format!("the character U+{:04X}", u32::from(c)),
                c.len_utf8(),
            ),
            Some(c) => (format!("`{c}`"), c.len_utf8()),
        };
        let help = match self.bytes.get(self.at) {
            Some(b'/' | b'#') => Some("JSON has no comments"),
            Some(b'\'') => Some("JSON strings stand in double quotes"),
            Some(b'}' | b']') if self.text[..self.at].trim_end().ends_with(',') => {
                Some("remove the comma behind the last element")
            }
            _ => None,
        };
        Failure {
            code: "json-syntax",
            message: format!("found {found}, expected {expected}"),
            span: self.at..self.at + width,
            help,
        }
    }

    /// At the end of the file the place of the bracket that is not closed says more than the end.
    fn unclosed(&self, container: u32, expected: &str) -> Failure {
        let mut failure = self.unexpected(expected);
        if self.at >= self.bytes.len() {
            let start = self.tape.span(container).start;
            let bracket = char::from(self.bytes[start]);
            failure.message =
                format!("found the end of the file, expected {expected} for the `{bracket}` here");
            failure.span = start..start + 1;
        }
        failure
    }
}

/// Where the number that begins at `at` ends; else where a digit is missing.
fn number_end(bytes: &[u8], mut at: usize) -> Result<usize, usize> {
    let digits = |mut at: usize| {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == start { Err(at) } else { Ok(at) }
    };
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if bytes.get(at) == Some(&b'0') {
        at + 1
    } else {
        digits(at)?
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::document::{Document, Format, NodeId};

    fn fault(text: &[u8]) -> String {
        let error = Document::parse(Path::new("t"), text.to_vec(), Format::Json).unwrap_err();
        error.to_string()
    }

    #[test]
    fn what_the_standard_forbids_is_refused_with_its_place() {
        for (text, expected) in [
            ("", "t:1:1: found the end of the file, expected a value"),
            (
                "\u{feff}",
                "t:1:2: found the end of the file, expected a value",
            ),
            ("[1,\n 2,]", "t:2:4: found `]`, expected a value"),
            (
                "[1",
                "t:1:1: found the end of the file, expected `,` or `]` for the `[` here",
            ),
            (
                "{\"a\":1,}",
                "t:1:8: found `}`, expected a name in double quotes",
            ),
            (
                "{a:1}",
                "t:1:2: found `a`, expected a name in double quotes or `}`",
            ),
            (
                "{\"a\" 1}",
                "t:1:6: found `1`, expected `:` behind the name",
            ),
            ("[1 2]", "t:1:4: found `2`, expected `,` or `]`"),
            ("[1}", "t:1:3: found `}`, expected `,` or `]`"),
            ("1 2", "t:1:3: found `2`, expected the end of the file"),
            ("01", "t:1:2: found `1`, expected the end of the file"),
            ("-", "t:1:2: found the end of the file, expected a digit"),
            ("1.", "t:1:3: found the end of the file, expected a digit"),
            ("[1e+]", "t:1:5: found `]`, expected a digit"),
            ("[.5]", "t:1:2: found `.`, expected a value"),
            ("[tru]", "t:1:2: found `t`, expected `true`"),
            (
                "\"a\tb\"",
                "t:1:3: found the control character U+0009 in a string, expected `\\u0009`",
            ),
            (
                "\"a\nb\"",
                "t:1:3: found the end of the line inside a string, expected `\"`",
            ),
            (
                "\"\\x\"",
                "t:1:3: found `x`, expected one of `\"\\/bfnrtu` behind `\\`",
            ),
            (
                "\"\\u12g4\"",
                "t:1:6: found `g`, expected four hexadecimal digits behind `\\u`",
            ),
            (
                "[\u{a0}1]",
                "t:1:2: found the character U+00A0, expected a value",
            ),
            ("\0", "t:1:1: found the character U+0000, expected a value"),
            ("[,]", "t:1:2: found `,`, expected a value"),
            (
                "{,}",
                "t:1:2: found `,`, expected a name in double quotes or `}`",
            ),
        ] {
            assert_eq!(fault(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(
            fault(b"[\"ok\",\n\xff]"),
            "t:2:1: found byte 0xff, expected UTF-8 text"
        );
    }

    #[test]
    fn what_the_standard_allows_is_kept_as_it_stands() {
        for text in [
            "\u{feff}{}",
            " null ",
            "\"\u{7f}\u{2028}\"",
            r#""\uDEAD""#,
            "123456789012345678901234567890e-999999999",
            r#"{"a":1,"a":2}"#,
            "-0",
            "[[[]],{}]\r\n",
        ] {
            let document = Document::parse(Path::new("t"), text.into(), Format::Json).expect(text);
            assert_eq!(document.text(), text);
        }
    }

    #[test]
    fn a_hundred_thousand_levels_are_read_and_an_unclosed_one_is_refused() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let document = Document::parse(Path::new("t"), deep.into(), Format::Json).unwrap();
        assert_eq!(document.cursor(NodeId(99_999)).pointer().len(), 199_998);
        assert_eq!(document.root().to_value(), None);
        let open = "[{\"\":".repeat(100_000);
        assert!(Document::parse(Path::new("t"), open.into(), Format::Json).is_err());
    }
}
