//! Faults of input: what is wrong, where it stands, what was found and what was expected.
//!
//! A [`Fault`] is about text that an operator wrote. Readers return [`Faults`], all of a file at once; the findings of
//! `check` are the same type. What goes wrong in an *act* is a stage's own error.

mod nearest;
mod position;
mod render;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use nearest::nearest;
pub use position::{Position, position};
pub use render::{Style, render, render_all};

/// A span of a file, with what a person and a program need to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as it was named to the reader.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Bytes of the file that are meant.
    pub span: Range<usize>,
    /// JSON pointer (RFC 6901) of the value that is meant, where the file has such values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The line's text without its end, cut to [`Place::LINE_LIMIT`] bytes; for rendering. Holds no secret: readers of secret files leave it empty.
    #[serde(skip)]
    pub line_text: String,
    /// What is said beside the mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Place {
    /// Longer lines are not shown.
    pub const LINE_LIMIT: usize = 400;

    /// The place of `span` in a file's `text`.
    pub fn new(file: &Path, text: &str, span: Range<usize>) -> Self {
        let Position { line, column } = position(text, span.start);
        let start = span.start.min(text.len());
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_text = text[line_start..].split(['\n', '\r']).next().unwrap_or("");
        Self {
            file: file.to_owned(),
            line,
            column,
            line_text: if line_text.len() > Self::LINE_LIMIT {
                String::new()
            } else {
                line_text.to_owned()
            },
            span,
            pointer: None,
            label: None,
        }
    }

    /// The same place with a JSON pointer.
    #[must_use]
    pub fn with_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// The same place with words beside its mark.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// A whole file, where there is no text to point into (it is missing, or no text at all).
    pub fn file(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            span: 0..0,
            pointer: None,
            line_text: String::new(),
            label: None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing; nothing fails because of it.
    Note,
    /// Probably not what was meant.
    Warning,
    /// Wrong.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong with input.
///
/// ```
/// use phoenix_core::diagnostic::{Fault, Place};
///
/// let text = "{\"port\": 70000}";
/// let fault = Fault::error("port-range", "found port 70000, expected 1 to 65535")
///     .at(Place::new("rules.json".as_ref(), text, 9..14).with_pointer("/port"))
///     .help("ports are 16-bit numbers");
/// assert_eq!(fault.to_string(), "rules.json:1:10: found port 70000, expected 1 to 65535");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Stable name of the kind of fault, in kebab case (findings of `check`: `PX001`).
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found and what was expected: lower case, no full stop.
    pub message: String,
    /// Where; the first place is the fault's own, others are notes.
    pub places: Vec<Place>,
    /// What else belongs to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Fault {
    /// An error without a place yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning without a place yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A fault of any severity without a place yet.
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            places: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// Adds a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.places.first() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// All faults found in one go, in the order of their places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// No fault yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Adds those of another reader.
    pub fn extend(&mut self, faults: Self) {
        self.0.extend(faults.0);
    }

    /// The faults.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if nothing is an error, else the faults.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.iter().any(|f| f.severity == Severity::Error) {
            Err(self)
        } else {
            Ok(value)
        }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
