//! Where SSH connects to.

use std::fmt;
use std::str::FromStr;

use super::{NameError, SubjectAltName};

/// Where `ssh` connects to, written `root@10.0.0.111` or `root@pve2:2222`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshDestination {
    user: String,
    host: String,
    port: Option<u16>,
}

impl SshDestination {
    /// The port, where it is not SSH's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// User and host, as `ssh` takes them.
    pub fn without_port(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }

    /// The host's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Root of a node.
    ///
    /// # Errors
    ///
    /// When the node's name is no host name.
    pub fn node(name: &str) -> Result<Self, NameError> {
        format!("root@{name}").parse()
    }
}

impl fmt::Display for SshDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, port } = self;
        let (open, close) = if host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        write!(f, "{user}@{open}{host}{close}")?;
        match port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for SshDestination {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::new(text, "a destination such as `root@10.0.0.111`");
        let (user, rest) = text.split_once('@').ok_or_else(error)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if user.is_empty() || user.starts_with('-') || !user.chars().all(plain) {
            return Err(error());
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(error)?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':').ok_or_else(error)?),
                };
                (host, port)
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let named = match host.parse::<SubjectAltName>() {
            Ok(SubjectAltName::Dns(name)) => !name.starts_with('*'),
            Ok(SubjectAltName::Ip(_)) => true,
            _ => false,
        };
        if !named || host.starts_with('-') {
            return Err(error());
        }
        let port = match port {
            None => None,
            Some(port) => {
                let number: u16 = port.parse().map_err(|_| error())?;
                Some(number).filter(|number| *number > 0)
            }
        };
        Ok(Self {
            user: user.to_owned(),
            host: host.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_name_user_and_host() {
        for good in [
            "root@10.0.0.111",
            "root@pve2",
            "root@[fd00::1]:2222",
            "admin@a.internal:22",
        ] {
            assert_eq!(good.parse::<SshDestination>().unwrap().to_string(), good);
        }
        for bad in [
            "10.0.0.111",
            "root@",
            "@host",
            "-oProxyCommand=x@host",
            "root@-oProxyCommand=x",
            "root@host:ssh",
            "root@host:0x1",
            "root@*.internal",
            "root@a b",
            "ro ot@host",
            "root@host;reboot",
        ] {
            assert!(bad.parse::<SshDestination>().is_err(), "{bad}");
        }
    }
}
