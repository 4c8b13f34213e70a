//! A name as one safe component of a path.

use std::fmt;

use aws_lc_rs::digest;

/// The readable part of a name plus 8 hex digits of its SHA-256, safe as a file name.
///
/// ```
/// use phoenix_core::names::Slug;
///
/// let slug = Slug::of("*.internal.example");
/// assert!(slug.as_str().starts_with("internal.example-"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    /// The slug of any text; different texts have different slugs.
    pub fn of(text: &str) -> Self {
        let readable: String = text
            .chars()
            .map(|c| match c {
                'a'..='z' | '0'..='9' | '.' => c,
                'A'..='Z' => c.to_ascii_lowercase(),
                _ => '-',
            })
            .take(48)
            .collect();
        let readable = readable.trim_matches(['.', '-']);
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        let hex: String = hash.as_ref()[..4]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        Self(if readable.is_empty() {
            hex
        } else {
            format!("{readable}-{hex}")
        })
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_one_plain_component() {
        for text in [
            "../../etc",
            "a/b",
            "..",
            "",
            "\0",
            "*.A.test",
            &"x".repeat(300),
        ] {
            let slug = Slug::of(text);
            assert!(!slug.as_str().contains(['/', '\0']) && !slug.as_str().starts_with('.'));
            assert!(slug.as_str().len() <= 57);
        }
        assert_ne!(Slug::of("a-b"), Slug::of("a_b"));
    }
}
