//! Where an ACME CA says what it can do.

use std::fmt;
use std::str::FromStr;

use crate::ca::CaUrl;
use crate::names::{NameError, text_serde};

/// The URL of an ACME directory, such as `https://ca.internal:9000/acme/acme/directory`.
///
/// ```
/// use phoenix_core::ca::AcmeDirectory;
///
/// let directory: AcmeDirectory = "https://ca.internal:9000/acme/acme/directory".parse().unwrap();
/// assert_eq!(directory.server().to_string(), "https://ca.internal:9000");
/// assert!("https://ca.internal".parse::<AcmeDirectory>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AcmeDirectory {
    server: CaUrl,
    path: String,
}

impl AcmeDirectory {
    /// The server.
    pub fn server(&self) -> &CaUrl {
        &self.server
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The provisioner, where the path is one of step-ca's.
    pub(super) fn step_provisioner(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("/acme/")?;
        let name = rest.strip_suffix("/directory")?;
        (!name.contains('/')).then_some(name)
    }
}

impl fmt::Display for AcmeDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server, self.path)
    }
}

impl FromStr for AcmeDirectory {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || {
            NameError::new(
                text,
                "the URL of an ACME directory such as `https://ca.internal:9000/acme/acme/directory`",
            )
        };
        let rest = text.strip_prefix("https://").ok_or_else(error)?;
        let slash = rest.find('/').ok_or_else(error)?;
        let (server, path) = rest.split_at(slash);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%@+:".contains(&byte);
        if path.len() < 2 || !path.bytes().all(plain) {
            return Err(error());
        }
        Ok(Self {
            server: server.parse().map_err(|_| error())?,
            path: path.to_owned(),
        })
    }
}

text_serde!(AcmeDirectory);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_a_url_with_a_path() {
        let directory: AcmeDirectory = "https://[::1]:9000/acme/my-acme/directory".parse().unwrap();
        assert_eq!(directory.path(), "/acme/my-acme/directory");
        assert_eq!(directory.step_provisioner(), Some("my-acme"));
        assert_eq!(
            directory.to_string(),
            "https://[::1]:9000/acme/my-acme/directory"
        );
        let other: AcmeDirectory = "https://ca.test/directory".parse().unwrap();
        assert_eq!(other.step_provisioner(), None);
        for bad in [
            "",
            "ca.test/directory",
            "http://ca.test/directory",
            "https://ca.test",
            "https://ca.test/",
            "https://ca.test/a b",
            "https://ca.test/a?x=1",
            "https://ca.test/a#b",
            "https:///directory",
        ] {
            assert!(bad.parse::<AcmeDirectory>().is_err(), "{bad}");
        }
    }
}
