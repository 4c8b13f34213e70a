//! One table of fields per record: decoding, help and a JSON Schema are read from it.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// Anything.
    Any,
    /// `true` or `false`.
    Bool,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A whole number, both ends included.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// Any number.
    Number,
    /// A record.
    Object(&'static [FieldInfo]),
    /// A list of records.
    Objects(&'static [FieldInfo]),
    /// Text.
    String,
    /// Text or a list of texts.
    StringOrStrings,
    /// A list of texts.
    Strings,
}

/// One field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its name in the file.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether a record without it is at fault.
    pub required: bool,
    /// What an absent field means, as it would be written.
    pub default: Option<&'static str>,
    /// One sentence for people.
    pub doc: &'static str,
}
