//! Values of our own, apart from any text.

use std::collections::HashMap;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::json;

/// An ordered value; a number keeps its literal.
///
/// Equality is by meaning: `0.50` equals `0.5`, the order of members does not count, of duplicate names the last does.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "JSON has these six and no more")]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number by its JSON literal.
    Number(String),
    /// Text.
    String(String),
    /// A list.
    Array(Vec<Self>),
    /// Named members in order.
    Object(Vec<(String, Self)>),
}

impl Value {
    /// Nested deeper than this, a value is neither made from a document nor written into one.
    pub const DEPTH_LIMIT: usize = 256;

    /// An object.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(
            members
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    }

    /// As JSON on one line.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json::write_inline(self, ", ", ": ", &mut out);
        out
    }

    /// The member called `key`; of duplicates the last.
    pub fn member(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .rfind(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Whether it can be written: not nested deeper than `depth`, every number a JSON number.
    pub(super) fn is_writable(&self, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        match self {
            Self::Number(literal) => json::is_number(literal),
            Self::Array(items) => items.iter().all(|item| item.is_writable(depth)),
            Self::Object(members) => members.iter().all(|(_, value)| value.is_writable(depth)),
            _ => true,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b || decimal(a) == decimal(b),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => {
                let a: HashMap<&str, &Self> =
                    a.iter().map(|(key, value)| (key.as_str(), value)).collect();
                let b: HashMap<&str, &Self> =
                    b.iter().map(|(key, value)| (key.as_str(), value)).collect();
                a == b
            }
            _ => false,
        }
    }
}

impl Eq for Value {}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

macro_rules! from_integer {
    ($($integer:ty)*) => {$(
        impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self::Number(value.to_string())
            }
        }
    )*};
}
from_integer!(u8 u16 u32 u64 usize i32 i64);

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(literal) => {
                if let Ok(value) = literal.parse::<u64>() {
                    serializer.serialize_u64(value)
                } else if let Ok(value) = literal.parse::<i64>() {
                    serializer.serialize_i64(value)
                } else {
                    serializer.serialize_f64(literal.parse().unwrap_or(f64::NAN))
                }
            }
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => {
                let mut out = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    out.serialize_element(item)?;
                }
                out.end()
            }
            Self::Object(members) => {
                let mut out = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    out.serialize_entry(key, value)?;
                }
                out.end()
            }
        }
    }
}

/// Sign, digits without zeros at the ends, and the exponent of the last digit; `None` for an absurd exponent, which
/// then equals only its own literal.
fn decimal(literal: &str) -> Result<(bool, String, i64), &str> {
    let (negative, rest) = match literal.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, literal),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| literal)?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let exponent = exponent
        .checked_sub_unsigned(fraction.len() as u64)
        .ok_or(literal)?;
    let trimmed = digits.trim_end_matches('0');
    let exponent = exponent
        .checked_add_unsigned((digits.len() - trimmed.len()) as u64)
        .ok_or(literal)?;
    let digits = trimmed.trim_start_matches('0');
    if digits.is_empty() {
        return Ok((false, String::new(), 0));
    }
    Ok((negative, digits.to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_meaning() {
        let number = |literal: &str| Value::Number(literal.to_owned());
        for (a, b) in [
            ("0.50", "0.5"),
            ("1e3", "1000"),
            ("-0", "0.0"),
            ("100", "1.00E2"),
        ] {
            assert_eq!(number(a), number(b));
        }
        for (a, b) in [
            ("1", "-1"),
            ("10", "1"),
            ("0.5", "5"),
            ("18446744073709551616", "18446744073709551617"),
        ] {
            assert_ne!(number(a), number(b));
        }
    }

    #[test]
    fn members_are_equal_in_any_order() {
        let a = Value::object([("x", Value::from(1u64)), ("y", Value::Null)]);
        let b = Value::object([("y", Value::Null), ("x", Value::from(1u64))]);
        assert_eq!(a, b);
        assert_ne!(a, Value::object([("x", Value::from(1u64))]));
        assert_eq!(a.to_json(), r#"{"x": 1, "y": null}"#);
        assert_eq!(serde_json::to_string(&a).unwrap(), r#"{"x":1,"y":null}"#);
    }
}
