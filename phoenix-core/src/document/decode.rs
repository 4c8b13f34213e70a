//! From a cursor to plain types, with all faults at once.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use super::{Cursor, Entry, FieldInfo, Kind, NodeId, Value};
use crate::diagnostic::{Fault, Faults, nearest};

/// A type that can be read from a document.
pub trait Decode: Sized {
    /// Reads it; says in `faults` why not, every reason, and then gives `None`.
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self>;
}

/// A value with the node that it was read from, so that it can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a pair with names")]
pub struct Located<T> {
    /// What was read.
    pub value: T,
    /// Where.
    pub node: NodeId,
}

/// Reads a string by its type's own rules; what those say becomes a fault with `code`.
pub fn parsed<T>(cursor: Cursor<'_>, code: &'static str, faults: &mut Faults) -> Option<T>
where
    T: FromStr,
    T::Err: Display,
{
    let text = text(cursor, faults)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            faults.push(Fault::error(code, error.to_string()).at(cursor.place()));
            None
        }
    }
}

/// The fault of a value that is of another kind than `expected` (`a string`).
pub fn wrong_type(cursor: Cursor<'_>, expected: &str) -> Fault {
    let name = cursor
        .name()
        .map_or(String::new(), |name| format!(" for `{name}`"));
    Fault::error(
        "wrong-type",
        format!("found {}{name}, expected {expected}", cursor.kind().noun()),
    )
    .at(if matches!(cursor.kind(), Kind::Array | Kind::Object) {
        cursor.start_place()
    } else {
        cursor.place()
    })
}

/// The fault of an object without a field that it must have.
pub(crate) fn missing_field(object: Cursor<'_>, name: &str) -> Fault {
    Fault::error(
        "missing-field",
        format!("found no field `{name}`, expected one"),
    )
    .at(object.start_place())
}

/// The members of one object on their way into a record.
///
/// ```
/// use phoenix_core::diagnostic::Faults;
/// use phoenix_core::document::{Document, Fields, Format};
///
/// let text = r#"{"prot": "tcp", "port": "x"}"#;
/// let document = Document::parse("r.json".as_ref(), text.into(), Format::Json)?;
/// let mut faults = Faults::new();
/// let fields = Fields::open(document.root(), &mut faults).unwrap();
/// assert_eq!(fields.optional::<u16>("port", &mut faults), None);
/// assert_eq!(fields.required::<String>("proto", &mut faults), None);
/// fields.finish(&["port", "proto"], &mut faults);
/// assert_eq!(faults.len(), 3);
/// # Ok::<(), Faults>(())
/// ```
#[derive(Clone)]
pub struct Fields<'d> {
    cursor: Cursor<'d>,
    entries: Vec<Entry<'d>>,
}

impl<'d> Fields<'d> {
    /// Opens an object; anything else is a fault. A name that stands twice is a warning, its last value counts.
    pub fn open(cursor: Cursor<'d>, faults: &mut Faults) -> Option<Self> {
        if cursor.kind() != Kind::Object {
            faults.push(wrong_type(cursor, "an object"));
            return None;
        }
        let mut entries = Vec::with_capacity(USUAL);
        entries.extend(cursor.entries());
        for (entry, earlier) in Entry::repeated(&entries) {
            faults.push(
                Fault::warning(
                    "duplicate-key",
                    format!("found `{}` twice, the last one counts", entry.key),
                )
                .at(entry.key_place())
                .at(earlier.key_place().with_label("ignored")),
            );
        }
        Some(Self { cursor, entries })
    }

    /// The object itself.
    pub fn cursor(&self) -> Cursor<'d> {
        self.cursor
    }

    /// The field called `name`; `None` when absent or null.
    pub fn value(&self, name: &str) -> Option<Cursor<'d>> {
        self.entries
            .iter()
            .rfind(|entry| entry.key == name)
            .map(|entry| entry.value)
            .filter(|value| value.kind() != Kind::Null)
    }

    /// A field that must be there.
    pub fn required<T: Decode>(&self, name: &str, faults: &mut Faults) -> Option<T> {
        self.required_with(name, faults, T::decode)
    }

    /// A field that may be absent or null; `None` also when it is faulty.
    pub fn optional<T: Decode>(&self, name: &str, faults: &mut Faults) -> Option<T> {
        self.optional_with(name, faults, T::decode)
    }

    /// A field that must be there, read by `decode`.
    pub fn required_with<T>(
        &self,
        name: &str,
        faults: &mut Faults,
        decode: impl FnOnce(Cursor<'d>, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        if let Some(value) = self.value(name) {
            return decode(value, faults);
        }
        faults.push(missing_field(self.cursor, name));
        None
    }

    /// A field that may be absent or null, read by `decode`.
    pub fn optional_with<T>(
        &self,
        name: &str,
        faults: &mut Faults,
        decode: impl FnOnce(Cursor<'d>, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        decode(self.value(name)?, faults)
    }

    /// Ends the record: every name that is not `known` is a fault that says the nearest known one.
    pub fn finish(self, known: &[&str], faults: &mut Faults) {
        self.refuse(|name| known.contains(&name), || known.to_vec(), faults);
    }

    /// As [`Fields::finish`], with the names of a table.
    pub fn finish_table(self, table: &[FieldInfo], faults: &mut Faults) {
        self.refuse(
            |name| table.iter().any(|field| field.name == name),
            || table.iter().map(|field| field.name).collect(),
            faults,
        );
    }

    fn refuse<'k>(
        &self,
        is_known: impl Fn(&str) -> bool,
        known: impl Fn() -> Vec<&'k str>,
        faults: &mut Faults,
    ) {
        for entry in self.entries.iter().filter(|entry| !is_known(&entry.key)) {
            let known = known();
            let help = match nearest(&entry.key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known fields: {}", known.join(", ")),
            };
            faults.push(
                Fault::error(
                    "unknown-field",
                    format!("found unknown field `{}`", entry.key),
                )
                .at(entry.key_place())
                .help(help),
            );
        }
    }
}

/// The text of a string; anything else is a fault.
pub(crate) fn text<'d>(cursor: Cursor<'d>, faults: &mut Faults) -> Option<Cow<'d, str>> {
    if cursor.kind() != Kind::String {
        faults.push(wrong_type(cursor, "a string"));
        return None;
    }
    let text = cursor.as_str();
    if text.is_none() {
        faults.push(
            Fault::error(
                "lone-surrogate",
                "found half a surrogate pair in a string, expected Unicode text",
            )
            .at(cursor.place()),
        );
    }
    text
}

impl Decode for String {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        text(cursor, faults).map(Cow::into_owned)
    }
}

impl Decode for bool {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        let value = cursor.as_bool();
        if value.is_none() {
            faults.push(wrong_type(cursor, "true or false"));
        }
        value
    }
}

macro_rules! decode_integer {
    ($($integer:ty)*) => {$(
        impl Decode for $integer {
            fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
                if cursor.kind() != Kind::Number {
                    faults.push(wrong_type(cursor, "a number"));
                    return None;
                }
                let value = cursor.as_u64().and_then(|value| Self::try_from(value).ok());
                if value.is_none() {
                    let message = format!(
                        "found the number {}, expected a whole one from 0 to {}",
                        shortened(cursor.literal()),
                        Self::MAX
                    );
                    faults.push(Fault::error("number-range", message).at(cursor.place()));
                }
                value
            }
        }
    )*};
}
decode_integer!(u8 u16 u32 u64);

impl<T: Decode> Decode for Vec<T> {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        if cursor.kind() != Kind::Array {
            faults.push(wrong_type(cursor, "an array"));
            return None;
        }
        // Not `collect`: it would stop at the first fault.
        let mut values = Self::new();
        let mut complete = true;
        for item in cursor.items() {
            match T::decode(item, faults) {
                Some(value) => values.push(value),
                None => complete = false,
            }
        }
        complete.then_some(values)
    }
}

/// Null is `None`.
impl<T: Decode> Decode for Option<T> {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        if cursor.kind() == Kind::Null {
            return Some(None);
        }
        T::decode(cursor, faults).map(Some)
    }
}

impl<T: Decode> Decode for Located<T> {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        let value = T::decode(cursor, faults)?;
        Some(Self {
            value,
            node: cursor.node(),
        })
    }
}

impl Decode for Value {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        let value = cursor.to_value();
        if value.is_none() {
            let message = format!(
                "found a value that is nested deeper than {} levels or holds half a surrogate pair",
                Self::DEPTH_LIMIT
            );
            faults.push(Fault::error("value-limit", message).at(cursor.start_place()));
        }
        value
    }
}

/// Members that most objects do not have more of.
const USUAL: usize = 8;

fn shortened(literal: &str) -> &str {
    literal.get(..40).unwrap_or(literal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Format};

    #[test]
    fn all_faults_of_a_record_come_at_once_with_their_places() {
        let text = "{\n  \"nam\": \"x\",\n  \"ports\": [1, \"2\", 70000, -1],\n  \"on\": 1,\n  \"on\": null\n}";
        let document = Document::parse("t".as_ref(), text.into(), Format::Json).unwrap();
        let mut faults = Faults::new();
        let fields = Fields::open(document.root(), &mut faults).unwrap();
        assert_eq!(fields.required::<String>("name", &mut faults), None);
        assert_eq!(fields.required::<Vec<u16>>("ports", &mut faults), None);
        assert_eq!(fields.optional::<bool>("on", &mut faults), None);
        fields.finish(&["name", "ports", "on"], &mut faults);
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "t:5:3: found `on` twice, the last one counts",
                "t:1:1: found no field `name`, expected one",
                "t:3:16: found a string, expected a number",
                "t:3:21: found the number 70000, expected a whole one from 0 to 65535",
                "t:3:28: found the number -1, expected a whole one from 0 to 65535",
                "t:2:3: found unknown field `nam`",
            ]
        );
        let unknown = faults.iter().last().unwrap();
        assert_eq!(unknown.help.as_deref(), Some("did you mean `name`?"));
        assert_eq!(unknown.places[0].pointer.as_deref(), Some("/nam"));
    }

    #[test]
    fn a_type_says_itself_what_is_wrong_with_its_text() {
        let document = Document::parse(
            "t".as_ref(),
            br#"{"ip": "10.0.0.300"}"#.to_vec(),
            Format::Json,
        )
        .unwrap();
        let mut faults = Faults::new();
        let ip = document.root().get("ip").unwrap();
        assert_eq!(
            parsed::<std::net::IpAddr>(ip, "ip-syntax", &mut faults),
            None
        );
        assert_eq!(faults.to_string(), "t:1:8: invalid IP address syntax");
        let located = Located::<String>::decode(ip, &mut faults).unwrap();
        assert_eq!(
            (located.value.as_str(), located.node),
            ("10.0.0.300", ip.node())
        );
        assert_eq!(
            wrong_type(ip, "a number").message,
            "found a string for `ip`, expected a number"
        );
    }
}
