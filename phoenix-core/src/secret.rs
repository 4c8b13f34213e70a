//! Bytes that must not be seen: keys, passwords, one-time tokens.

use std::fmt;

use zeroize::Zeroizing;

/// Secret bytes: printed as `[redacted]`, not `Clone`, overwritten with zeros when dropped.
///
/// ```
/// use phoenix_core::secret::Secret;
///
/// let password = Secret::from("correct horse".to_owned());
/// assert_eq!(format!("{password:?}"), "[redacted]");
/// assert_eq!(password.expose_secret(), b"correct horse");
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of secret bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret itself. Every caller of this method is a place to review.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }

    /// The secret without trailing white space, as `step` reads password files.
    #[must_use]
    pub fn trimmed_end(&self) -> Self {
        Self::new(self.0.trim_ascii_end().to_vec())
    }

    /// Whether there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_files_lose_trailing_white_space_only() {
        let read = Secret::from(" pass word \r\n\n".to_owned());
        assert_eq!(read.trimmed_end().expose_secret(), b" pass word");
    }
}
