//! One table of fields per record: decoding, help, edits and a JSON Schema are read from it.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// `true` or `false`.
    Bool,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A whole number, both ends included.
    Integer {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// A whole number up to `u32::MAX`, or a text of its digits.
    Number,
    /// A record.
    Object(&'static [FieldInfo]),
    /// A list of records.
    Objects(&'static [FieldInfo]),
    /// Text of this form.
    Text(&'static TextForm),
    /// Text of this form or a list of such texts.
    TextOrTexts(&'static TextForm),
    /// A list of texts of this form.
    Texts(&'static TextForm),
}

/// What a text must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tables of these are constants")]
pub struct TextForm {
    /// A noun phrase for people, such as `an absolute path`.
    pub what: &'static str,
    /// A regular expression of ECMA-262 that every text of the form matches; the type that reads it may ask for more.
    pub pattern: &'static str,
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
    /// What an absent field means, as it would be written or in words.
    pub default: Option<&'static str>,
    /// One sentence for people.
    pub doc: &'static str,
}

impl FieldKind {
    /// The fields of the record, or of each record of the list.
    pub fn fields(self) -> Option<&'static [FieldInfo]> {
        match self {
            Self::Object(fields) | Self::Objects(fields) => Some(fields),
            _ => None,
        }
    }

    /// A noun phrase for people.
    pub fn what(self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Choice(words) => words.join("|"),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number => "a whole number".to_owned(),
            Self::Object(_) => "an object".to_owned(),
            Self::Objects(_) => "an array of objects".to_owned(),
            Self::Text(form) => form.what.to_owned(),
            Self::TextOrTexts(form) => format!("{}, or an array", form.what),
            Self::Texts(form) => format!("an array: each {}", form.what),
        }
    }
}
