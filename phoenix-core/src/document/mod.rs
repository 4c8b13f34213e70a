//! Files as an operator wrote them: read without loss, edited without touching what need not change.
//!
//! A [`Document`] is immutable: the text and a tape of nodes over it. JSON, YAML and TOML fill the same tape, so a
//! [`Cursor`] reads them alike; duplicate keys and literals stay as they stand. [`Decode`] turns a cursor into plain
//! types and gathers all faults of a file. An [`Edit`] names nodes and becomes a [`Patch`], disjoint splices of the
//! text; applying it reads the result again and compares it with what was meant. An [`Operation`] is an edit in an
//! operator's words, by pointer.

mod check;
mod cursor;
mod decode;
#[cfg(test)]
mod derived;
mod diff;
mod edit;
mod gaps;
mod json;
mod lines;
mod operation;
mod patch;
mod places;
#[cfg(test)]
mod properties;
mod schema;
mod tape;
mod toml;
mod value;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use cursor::{Cursor, Entries, Entry, Items};
pub use decode::{Decode, Fields, Located, parsed, wrong_type};
pub(crate) use decode::{missing_field, text};
pub use diff::unified_diff;
pub use edit::{Edit, EditError, Position};
pub use operation::{Beside, Operation, Operations, json_value, operate, text_or_json};
pub use patch::{Patch, Splice};
pub use places::Part;
pub use schema::{FieldInfo, FieldKind, TextForm};
pub use value::Value;

use crate::diagnostic::{Fault, Faults, Place};
use tape::Tape;

/// The notation of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// RFC 8259, strictly; a byte order mark in front is kept.
    Json,
    /// TOML 1.
    Toml,
    /// YAML 1.2, one document.
    Yaml,
}

impl Format {
    /// By the file's ending, where `.template`, `.j2`, `.jinja` or `.tmpl` behind it does not count; `None` for endings of
    /// other notations.
    ///
    /// ```
    /// use phoenix_core::document::Format;
    ///
    /// assert_eq!(Format::of("etc/traefik/traefik.yml.template".as_ref()), Some(Format::Yaml));
    /// ```
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let name = [".template", ".j2", ".jinja", ".tmpl"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(name);
        match Path::new(name).extension()?.to_str()? {
            "json" => Some(Self::Json),
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "JSON has these six and no more")]
pub enum Kind {
    /// `null`; in YAML also an empty value.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number, of any size.
    Number,
    /// Text; a TOML date too.
    String,
    /// A list.
    Array,
    /// Named members in the order of the file, duplicates kept.
    Object,
}

impl Kind {
    /// With its article, for messages: `a number`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// Names a node of one [`Document`]; means nothing in another.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug, Ord, PartialOrd)]
pub struct NodeId(pub(crate) u32);

/// A file's text with a tape of nodes over it; cloning is cheap.
///
/// ```
/// use phoenix_core::document::{Document, Edit, Format};
///
/// let text = "{\n    \"port\": \"2375\",\n    \"share\": 0.50\n}";
/// let document = Document::parse("a.json".as_ref(), text.into(), Format::Json)?;
/// let port = document.root().get("port").unwrap();
/// let patch = Edit::new(&document).set(port.node(), "2376".into()).finish()?;
/// assert_eq!(patch.apply(&document)?.text(), text.replace("2375", "2376"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Document(Arc<Inner>);

struct Inner {
    path: PathBuf,
    format: Format,
    text: String,
    tape: Tape,
}

impl Document {
    /// Reads `bytes`; `path` is only for messages.
    ///
    /// # Errors
    /// What the notation forbids, with line and column: bytes that are not UTF-8, syntax, more than 4 GiB; in YAML
    /// also what has no single meaning as a tree (several documents, keys that are collections, an alias inside its
    /// own anchor).
    pub fn parse(path: &Path, bytes: Vec<u8>, format: Format) -> Result<Self, Faults> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let error_at = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&error.as_bytes()[..error_at]).into_owned();
            Fault::error(
                "not-utf8",
                format!(
                    "found byte 0x{:02x}, expected UTF-8 text",
                    error.as_bytes()[error_at]
                ),
            )
            .at(Place::new(path, &valid, error_at..error_at))
        })?;
        if u32::try_from(text.len()).is_err() {
            return Err(Fault::error(
                "file-too-large",
                "found more than 4 GiB of text, expected less",
            )
            .at(Place::file(path))
            .into());
        }
        let tape = match format {
            Format::Json => json::scan(&text),
            Format::Toml => toml::scan(&text),
            Format::Yaml => yaml::scan(&text),
        }
        .map_err(|failure| {
            let mut fault = Fault::error(failure.code, failure.message).at(Place::new(
                path,
                &text,
                failure.span,
            ));
            fault.help = failure.help.map(str::to_owned);
            fault
        })?;
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            format,
            text,
            tape,
        })))
    }

    /// A JSON document that holds nothing: in the place of one that cannot be read.
    pub(crate) fn empty(path: &Path, kind: Kind) -> Self {
        let text = if kind == Kind::Array { "[]" } else { "{}" };
        let mut tape = Tape::with_capacity(1);
        tape.push(kind, tape::Form::Flow, 0..text.len());
        Self(Arc::new(Inner {
            path: path.to_owned(),
            format: Format::Json,
            text: text.to_owned(),
            tape: tape.finish(),
        }))
    }

    /// The file's name, as it was given to [`Document::parse`].
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The notation.
    pub fn format(&self) -> Format {
        self.0.format
    }

    /// The outermost value.
    pub fn root(&self) -> Cursor<'_> {
        self.cursor(NodeId(0))
    }

    /// The value that `node` names; the root for a node of another document that this one does not have.
    pub fn cursor(&self, node: NodeId) -> Cursor<'_> {
        Cursor::new(self, node)
    }

    /// Where `node` stands, with its JSON pointer.
    pub fn place(&self, node: NodeId) -> Place {
        self.cursor(node).place()
    }

    fn tape(&self) -> &Tape {
        &self.0.tape
    }

    /// Whether both are the same document, not only equal ones.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the text: a configuration may hold passwords.
        f.debug_struct("Document")
            .field("path", &self.0.path)
            .field("format", &self.0.format)
            .field("bytes", &self.0.text.len())
            .finish()
    }
}

/// Why a scanner stopped.
#[derive(Debug)]
struct Failure {
    code: &'static str,
    message: String,
    span: std::ops::Range<usize>,
    help: Option<&'static str>,
}
