//! Names: text that becomes a type at the edge and is never a `String` again.

mod guest;
mod owner;
mod san;
mod slug;
mod ssh;

pub use guest::{GuestId, GuestKind};
pub use owner::{FileMode, Owner};
pub use san::{CommonName, SubjectAltName};
pub use slug::Slug;
pub use ssh::SshDestination;

/// A piece of text that is not the name it was to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found:?}, expected {expected}")]
pub struct NameError {
    /// The text as it was given.
    pub found: String,
    /// What was expected there, as a noun phrase.
    pub expected: &'static str,
}

impl NameError {
    pub(crate) fn new(found: &str, expected: &'static str) -> Self {
        Self {
            found: found.to_owned(),
            expected,
        }
    }
}

/// Serializes through `Display`, deserializes through `FromStr`: the text form is the JSON form.
macro_rules! text_serde {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_serde;
