//! A CA's address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::names::{NameError, SubjectAltName, text_serde};

/// Where a CA listens: `host`, `host:port` or `https://host[:port]`; the port is 443 where none is given.
///
/// ```
/// use phoenix_core::ca::CaUrl;
///
/// let url: CaUrl = "https://10.0.0.10:9000".parse().unwrap();
/// assert_eq!((url.host(), url.port()), ("10.0.0.10", 9000));
/// assert!("http://10.0.0.10:9000".parse::<CaUrl>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaUrl {
    host: String,
    port: u16,
}

impl CaUrl {
    /// Host name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same port under another name, as the token's audience and the TLS name see it.
    #[cfg(any(feature = "acme", feature = "stepca"))]
    pub(crate) fn under(&self, name: &str) -> Self {
        Self {
            host: name.to_owned(),
            port: self.port,
        }
    }
}

impl fmt::Display for CaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "https://[{}]", self.host)?;
        } else {
            write!(f, "https://{}", self.host)?;
        }
        if self.port != 443 {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl FromStr for CaUrl {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || {
            NameError::new(
                text,
                "the address of a CA such as `https://ca.internal:9000` (no path)",
            )
        };
        let rest = text.strip_prefix("https://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
            let (host, after) = inner.split_once(']').ok_or_else(error)?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(error()),
            }
        } else if rest.parse::<IpAddr>().is_ok() {
            (rest, None)
        } else {
            match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            }
        };
        let host = match host.parse() {
            Ok(SubjectAltName::Dns(name)) if !name.starts_with('*') => name,
            Ok(SubjectAltName::Ip(address)) => address.to_string(),
            _ => return Err(error()),
        };
        let port = match port {
            None => 443,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(error)?,
        };
        Ok(Self { host, port })
    }
}

text_serde!(CaUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_every_form_that_step_takes() {
        for (text, printed) in [
            ("ca.test", "https://ca.test"),
            ("ca.test:9000", "https://ca.test:9000"),
            ("https://CA.test/", "https://ca.test"),
            ("https://10.0.0.10:9000", "https://10.0.0.10:9000"),
            ("::1", "https://[::1]"),
            ("https://[2001:DB8::1]:9000", "https://[2001:db8::1]:9000"),
        ] {
            assert_eq!(text.parse::<CaUrl>().unwrap().to_string(), printed);
        }
        for bad in [
            "",
            "http://ca.test",
            "https://ca.test/acme",
            "https://user@ca.test",
            "ca.test:0",
            "ca.test:99999",
            "[::1",
            "[::1]x",
            "*.ca.test",
            "ca test",
        ] {
            assert!(bad.parse::<CaUrl>().is_err(), "{bad:?}");
        }
    }
}
