//! From `granit-parser`'s events to the tape.

use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::super::tape::{Form, Tape};
use super::super::{Failure, Kind};

/// Reads one YAML document.
pub(crate) fn scan(text: &str) -> Result<Tape, Failure> {
    let options = granit_parser::options! { emit_comments: false };
    let mut scanner = Scanner {
        text,
        tape: Tape::default(),
        open: Vec::new(),
        anchors: Vec::new(),
        documents: 0,
        grown: Vec::new(),
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => scanner.event(event, span)?,
            Err(error) => {
                let at = error
                    .marker()
                    .byte_offset()
                    .unwrap_or(text.len())
                    .min(text.len());
                return Err(scanner.failure("yaml-syntax", message(error.kind()), at..at));
            }
        }
    }
    if scanner.tape.len() == 0 {
        scanner.tape.push(Kind::Null, Form::Plain, 0..0);
    }
    Ok(scanner.tape.finish())
}

fn message(kind: &ErrorKind) -> String {
    let mut text = kind.to_string();
    if let Some(first) = text.get(..1).map(str::to_ascii_lowercase) {
        text.replace_range(..1, &first);
    }
    format!(
        "could not read this as YAML: {}",
        text.trim_end_matches('.')
    )
}

struct Scanner<'t> {
    text: &'t str,
    tape: Tape,
    open: Vec<Open>,
    /// Anchor and its node; the node of one that is still open has no end.
    anchors: Vec<(usize, u32)>,
    documents: usize,
    /// Each alias, and how many values it and those before it stand for beside what is written.
    grown: Vec<(u32, u64)>,
}

struct Open {
    node: u32,
    is_mapping: bool,
    /// Children so far, keys and values counted.
    count: usize,
    /// Where the last child ends: a block collection's own end event comes only behind blank lines and comments.
    end: usize,
}

impl Scanner<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Failure> {
        let range = span.byte_range().unwrap_or(0..0);
        let range = range.start.min(self.text.len())..range.end.min(self.text.len());
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let what = "found a second document, expected one in a file";
                    return Err(self.failure("yaml-documents", what.to_owned(), range));
                }
            }
            Event::Scalar(value, style, anchor, tag) => {
                let form = match style {
                    ScalarStyle::Plain => Form::Plain,
                    ScalarStyle::SingleQuoted => Form::Single,
                    ScalarStyle::DoubleQuoted => Form::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Form::Block,
                };
                let range = self.scalar_range(range, form);
                let is_key = self.begins_key();
                let kind = match &tag {
                    _ if is_key => Kind::String,
                    Some(tag) if tag.is_custom() => plain_kind(&value, form),
                    Some(tag) => tagged_kind(tag, &value, form),
                    None => plain_kind(&value, form),
                };
                let node = self.tape.push(kind, form, range.clone());
                let literal = &self.text[range.clone()];
                let shown = match form {
                    Form::Single | Form::Double => literal.get(1..literal.len().saturating_sub(1)),
                    _ => Some(literal),
                };
                if kind == Kind::String && shown != Some(value.as_ref()) {
                    self.tape.set_text(node, &value);
                }
                self.place(node, anchor, tag.is_some());
                self.grow(range.end);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let is_block = matches!(style, StructureStyle::Block);
                let start = if is_block {
                    self.list_start(range.start)
                } else {
                    range.start
                };
                self.collection(Kind::Array, style, start, anchor, tag.is_some())?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.collection(Kind::Object, style, range.start, anchor, tag.is_some())?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let is_flow = self.tape.form(open.node) == Form::Flow;
                    let end = if is_flow { range.end } else { open.end };
                    self.tape.close(open.node, end);
                    self.grow(end);
                }
            }
            Event::Alias(id) => {
                if self.begins_key() {
                    let what = "found an alias as a key, expected text".to_owned();
                    return Err(self.failure("yaml-key", what, range));
                }
                let target = self
                    .anchors
                    .iter()
                    .rfind(|(anchor, _)| *anchor == id)
                    .map(|(_, node)| *node);
                let open = |node| self.open.iter().any(|open| open.node == node);
                let Some(target) = target.filter(|node| !open(*node)) else {
                    let what = "found an alias inside the value that it stands for".to_owned();
                    return Err(self.failure("yaml-alias", what, range));
                };
                let node = self.tape.push(Kind::Null, Form::Plain, range.clone());
                if self.grown_by(node, target) > MOST_VALUES {
                    let what = format!(
                        "found aliases that together stand for more than {MOST_VALUES} values, expected fewer"
                    );
                    return Err(self.failure("yaml-bomb", what, range));
                }
                self.tape.set_alias(node, target);
                self.place(node, 0, false);
                self.grow(range.end);
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds an alias; how many values all aliases so far stand for. Whoever follows them visits each of those.
    fn grown_by(&mut self, alias: u32, target: u32) -> u64 {
        let end = self.tape.next(target);
        let before = |node: u32| {
            let at = self.grown.partition_point(|(alias, _)| *alias < node);
            at.checked_sub(1).map_or(0, |at| self.grown[at].1)
        };
        let written = u64::from(end - target);
        let own = written.saturating_add(before(end) - before(target));
        let all = self.grown.last().map_or(0, |(_, all)| *all);
        let all = all.saturating_add(own);
        self.grown.push((alias, all));
        all
    }

    fn collection(
        &mut self,
        kind: Kind,
        style: StructureStyle,
        start: usize,
        anchor: usize,
        is_tagged: bool,
    ) -> Result<(), Failure> {
        if self.begins_key() {
            let what = format!("found {} as a key, expected text", kind.noun());
            return Err(self.failure("yaml-key", what, start..start + 1));
        }
        let form = match style {
            StructureStyle::Flow => Form::Flow,
            StructureStyle::Block => Form::Plain,
        };
        let node = self.tape.push(kind, form, start..start);
        self.place(node, anchor, is_tagged);
        self.open.push(Open {
            node,
            is_mapping: kind == Kind::Object,
            count: 0,
            end: start,
        });
        Ok(())
    }

    /// Whether the next node is the key of a mapping.
    fn begins_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| open.is_mapping && open.count.is_multiple_of(2))
    }

    fn place(&mut self, node: u32, anchor: usize, is_tagged: bool) {
        if let Some(open) = self.open.last_mut() {
            open.count += 1;
        }
        if anchor > 0 {
            self.anchors.push((anchor, node));
        }
        if is_tagged {
            self.tape.bind(node);
        }
    }

    fn grow(&mut self, end: usize) {
        if let Some(open) = self.open.last_mut() {
            open.end = open.end.max(end);
        }
    }

    /// A block scalar begins with its indicator and ends with its last line of text; an empty value stands right
    /// behind the colon or the dash.
    fn scalar_range(&self, range: Range<usize>, form: Form) -> Range<usize> {
        let (limit, is_value) = match self.open.last() {
            Some(open) => (
                open.end.min(range.start),
                open.is_mapping && !self.begins_key(),
            ),
            None => (0, false),
        };
        let between = &self.text[limit..range.start];
        if form == Form::Block {
            // The indicator stands on the last line before the text that is not empty, before any comment there.
            let header = between.trim_end();
            let line = header.rfind('\n').map_or(0, |newline| newline + 1);
            let start = header[line..]
                .find(['|', '>'])
                .map_or(range.start, |at| limit + line + at);
            let literal = &self.text[start..range.end];
            return start..start + literal.trim_end_matches([' ', '\t', '\n', '\r']).len();
        }
        if range.is_empty() && is_value && between.is_empty() {
            let rest = &self.text[limit..];
            let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            if rest[blank..].starts_with(':') {
                return self.behind_properties(limit + blank + 1);
            }
        }
        if range.is_empty()
            && let Some(dash) = self.dash(limit, range.start)
        {
            return self.behind_properties(dash + 1);
        }
        range
    }

    /// The dash of an item between these places, if a block list is open.
    fn dash(&self, from: usize, to: usize) -> Option<usize> {
        let open = self.open.last()?;
        if open.is_mapping || self.tape.form(open.node) == Form::Flow {
            return None;
        }
        let mut at = from;
        loop {
            let rest = &self.text[at..to];
            let dash = at + rest.len() - rest.trim_start_matches(' ').len();
            let mut code = self.text[dash..].chars();
            if code.next() == Some('-') && code.next().is_none_or(char::is_whitespace) {
                return Some(dash);
            }
            at += rest.find('\n')? + 1;
        }
    }

    /// Behind the anchor and the tag that stand there, if any.
    fn behind_properties(&self, mut at: usize) -> Range<usize> {
        loop {
            let rest = &self.text[at..];
            let word = rest.trim_start_matches([' ', '\t']);
            if !word.starts_with(['&', '!']) {
                return at..at;
            }
            let end = word.find(char::is_whitespace).unwrap_or(word.len());
            at += rest.len() - word.len() + end;
        }
    }

    /// Where the first dash stands: a list as far left as the name above it is reported to begin behind that.
    fn list_start(&self, start: usize) -> usize {
        let Some(open) = self.open.last().filter(|open| open.is_mapping) else {
            return start;
        };
        let mut line = open.end.min(start);
        while let Some(newline) = self.text[line..start].find('\n') {
            line += newline + 1;
            let rest = &self.text[line..];
            let blank = rest.len() - rest.trim_start_matches(' ').len();
            let mut code = rest[blank..].chars();
            if code.next() == Some('-') && code.next().is_none_or(|c| c.is_ascii_whitespace()) {
                return (line + blank).min(start);
            }
        }
        start
    }

    fn failure(&self, code: &'static str, message: String, span: Range<usize>) -> Failure {
        let line_start = self.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or("");
        let is_template = line.contains("{{") || line.contains("{%");
        Failure {
            code,
            message,
            span,
            help: is_template
                .then_some("a template reads as YAML only where `{{ }}` stands inside quotes"),
        }
    }
}

/// YAML 1.2, core schema.
pub(super) fn plain_kind(value: &str, form: Form) -> Kind {
    if form != Form::Plain {
        return Kind::String;
    }
    match value {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
        value if is_number(value) => Kind::Number,
        _ => Kind::String,
    }
}

fn tagged_kind(tag: &Tag, value: &str, form: Form) -> Kind {
    match tag.core_suffix() {
        Some("str" | "binary") => Kind::String,
        _ => plain_kind(value, form),
    }
}

fn is_number(value: &str) -> bool {
    let all = |text: &str, ok: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(ok);
    if let Some(octal) = value.strip_prefix("0o") {
        return all(octal, |b| (b'0'..=b'7').contains(b));
    }
    if let Some(hex) = value.strip_prefix("0x") {
        return all(hex, u8::is_ascii_hexdigit);
    }
    if let ".nan" | ".NaN" | ".NAN" = value {
        return true;
    }
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    if let ".inf" | ".Inf" | ".INF" = digits {
        return true;
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    if exponent.is_some_and(|e| !all(e.strip_prefix(['+', '-']).unwrap_or(e), u8::is_ascii_digit)) {
        return false;
    }
    match mantissa.split_once('.') {
        None => all(mantissa, u8::is_ascii_digit),
        Some(("", fraction)) => all(fraction, u8::is_ascii_digit),
        Some((whole, fraction)) => {
            all(whole, u8::is_ascii_digit)
                && (fraction.is_empty() || all(fraction, u8::is_ascii_digit))
        }
    }
}

/// More than any configuration says by repeating itself; a text of a kilobyte can stand for billions.
const MOST_VALUES: u64 = 1_000_000;
