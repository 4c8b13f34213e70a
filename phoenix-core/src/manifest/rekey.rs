//! When a certificate gets a new key.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::names::NameError;
use crate::time::GoDuration;

/// When a certificate gets a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Rekey {
    /// When the key is this old.
    After(GoDuration),
    /// With each new certificate.
    Always,
    /// Only where the old one cannot be kept. A program that reads certificate and key one after the other may get them
    /// of two versions when the key changes, so this is the default.
    #[default]
    Never,
}

impl FromStr for Rekey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => match text.parse::<GoDuration>() {
                Ok(age) if age.0 > Duration::ZERO => Ok(Self::After(age)),
                _ => Err(NameError::new(
                    text,
                    "`never`, `always` or an age such as `90d`",
                )),
            },
        }
    }
}

impl fmt::Display for Rekey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(age) => write!(f, "{age}"),
            Self::Always => f.write_str("always"),
            Self::Never => f.write_str("never"),
        }
    }
}
