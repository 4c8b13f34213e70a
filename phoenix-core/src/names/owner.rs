//! Who owns a file and who may read it.

use std::fmt;
use std::str::FromStr;

use super::{NameError, text_serde};

/// `user:group`, each a name or a number, as the side that holds the file knows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// User name or number.
    pub user: String,
    /// Group name or number.
    pub group: String,
}

impl Owner {
    /// `root:root`.
    pub fn root() -> Self {
        Self {
            user: "root".to_owned(),
            group: "root".to_owned(),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

impl FromStr for Owner {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let valid = |name: &str| {
            !name.is_empty()
                && !name.starts_with('-')
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-.$".contains(&b))
        };
        match text.split_once(':') {
            Some((user, group)) if valid(user) && valid(group) => Ok(Self {
                user: user.to_owned(),
                group: group.to_owned(),
            }),
            _ => Err(NameError::new(text, "an owner such as `root:www-data`")),
        }
    }
}

text_serde!(Owner);

/// Permission bits of a file, `0` to `7777` octal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileMode(u32);

impl FileMode {
    /// Readable and writable by the owner alone.
    pub const PRIVATE: Self = Self(0o600);
    /// Readable by everybody, writable by the owner.
    pub const PUBLIC: Self = Self(0o644);

    /// Permission bits; everything above `7777` octal is dropped.
    pub const fn new(bits: u32) -> Self {
        Self(bits & 0o7777)
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether anybody but the owner and the group can do anything with the file.
    pub const fn open_to_others(self) -> bool {
        self.0 & 0o007 != 0
    }

    /// Whether the group can do anything with the file.
    pub const fn open_to_group(self) -> bool {
        self.0 & 0o070 != 0
    }
}

impl fmt::Debug for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileMode({self})")
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03o}", self.0)
    }
}

impl FromStr for FileMode {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = digits.bytes().all(|b| b.is_ascii_digit());
        match u32::from_str_radix(digits, 8) {
            Ok(bits) if octal && bits <= 0o7777 && (3..=5).contains(&digits.len()) => {
                Ok(Self(bits))
            }
            _ => Err(NameError::new(text, "an octal file mode such as `640`")),
        }
    }
}

text_serde!(FileMode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_as_octal_and_print_with_three_digits() {
        for (text, bits) in [
            ("600", 0o600),
            ("0644", 0o644),
            ("007", 7),
            ("1755", 0o1755),
        ] {
            assert_eq!(text.parse::<FileMode>().unwrap().bits(), bits);
        }
        assert_eq!(FileMode::new(7).to_string(), "007");
        for bad in ["", "8", "689", "6", "rw-", "17777", "+600", "-600"] {
            assert!(bad.parse::<FileMode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_owner_needs_both_halves() {
        assert!("root:www-data".parse::<Owner>().is_ok());
        assert!("0:33".parse::<Owner>().is_ok());
        for bad in ["root", "root:", ":root", "a b:c", "-x:y", "a:b:c"] {
            assert!(bad.parse::<Owner>().is_err(), "{bad}");
        }
    }
}
