//! Users and groups as a root's own files name them.

use crate::names::Owner;

/// An owner that the root does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// No such group.
    #[error("no group named `{0}`")]
    UnknownGroup(String),
    /// No such user.
    #[error("no user named `{0}`")]
    UnknownUser(String),
}

/// The names and numbers of `etc/passwd` and `etc/group`.
///
/// ```
/// use phoenix_core::system::Users;
///
/// let users = Users::parse(b"root:x:0:0:root:/root:/bin/bash\n", b"www-data:x:33:\n");
/// assert_eq!(users.resolve(&"root:www-data".parse().unwrap()), Ok((0, 33)));
/// assert_eq!(users.resolve(&"100000:33".parse().unwrap()), Ok((100000, 33)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    users: Vec<(String, u32)>,
    groups: Vec<(String, u32)>,
}

impl Users {
    /// Reads the two files; lines that are no entries are passed over, as the C library does it.
    pub fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self {
            users: entries(passwd),
            groups: entries(group),
        }
    }

    /// The numbers of an owner. A number stands for itself, whether or not it has a name.
    pub fn resolve(&self, owner: &Owner) -> Result<(u32, u32), UserError> {
        let uid = number(&self.users, &owner.user)
            .ok_or_else(|| UserError::UnknownUser(owner.user.clone()))?;
        let gid = number(&self.groups, &owner.group)
            .ok_or_else(|| UserError::UnknownGroup(owner.group.clone()))?;
        Ok((uid, gid))
    }

    /// The owner with these numbers, by name where there is one.
    pub fn owner(&self, (uid, gid): (u32, u32)) -> Owner {
        Owner {
            user: name(&self.users, uid),
            group: name(&self.groups, gid),
        }
    }
}

fn entries(text: &[u8]) -> Vec<(String, u32)> {
    String::from_utf8_lossy(text)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            let number = fields.nth(1)?.parse().ok()?;
            Some((name.to_owned(), number))
        })
        .collect()
}

fn number(table: &[(String, u32)], name: &str) -> Option<u32> {
    let named = table.iter().find(|(known, _)| known == name);
    match named {
        Some((_, number)) => Some(*number),
        // u32::MAX means "leave it as it is" to chown.
        None => name.parse().ok().filter(|number| *number != u32::MAX),
    }
}

fn name(table: &[(String, u32)], number: u32) -> String {
    table
        .iter()
        .find(|(_, known)| *known == number)
        .map_or_else(|| number.to_string(), |(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        let users = Users::parse(
            b"root:x:0:0::/root:/bin/sh\nbroken\n+::::::\nweb:x:33:33::/:/bin/false\n\xff:x:7:7",
            b"root:x:0:\nwww-data:x:33:web\n",
        );
        let owner: Owner = "web:www-data".parse().unwrap();
        assert_eq!(users.resolve(&owner), Ok((33, 33)));
        assert_eq!(users.owner((33, 33)), owner);
        assert_eq!(users.owner((100_000, 0)).to_string(), "100000:root");
        assert_eq!(
            users.resolve(&"web:nobody".parse().unwrap()),
            Err(UserError::UnknownGroup("nobody".to_owned()))
        );
        assert_eq!(
            users.resolve(&"4294967295:0".parse().unwrap()),
            Err(UserError::UnknownUser("4294967295".to_owned()))
        );
    }
}
