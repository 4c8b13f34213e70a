//! Where the leaf that a consumer serves can be seen.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::names::{CommonName, NameError, SubjectAltName, text_serde};

/// Where the served leaf of a certificate can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Where it is served.
    pub address: Address,
    /// The name that is asked for; the address's host when absent.
    pub server_name: Option<SubjectAltName>,
    /// The entry whose pair is shown, where the server asks for a client certificate.
    pub client: Option<CommonName>,
}

impl Verification {
    /// The name that is asked for.
    pub fn name(&self) -> String {
        match &self.server_name {
            Some(name) => name.to_string(),
            None => self.address.host.to_string(),
        }
    }
}

/// A host, by its name or its address, and a port.
///
/// ```
/// use phoenix_core::manifest::Address;
///
/// let address: Address = "[2001:db8::1]:443".parse().unwrap();
/// assert_eq!(address.port, 443);
/// assert!("10.0.0.1".parse::<Address>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A DNS name without `*`, or an address.
    pub host: SubjectAltName,
    /// The port.
    pub port: u16,
}

impl FromStr for Address {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::new(text, "a host and a port such as `10.0.0.111:443`");
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let in_brackets = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = match in_brackets {
            Some(inner) => SubjectAltName::Ip(IpAddr::V6(inner.parse().map_err(|_| error())?)),
            None => match host.parse() {
                Ok(SubjectAltName::Ip(IpAddr::V4(address))) => {
                    SubjectAltName::Ip(IpAddr::V4(address))
                }
                Ok(SubjectAltName::Dns(name)) if !name.starts_with('*') => {
                    SubjectAltName::Dns(name)
                }
                _ => return Err(error()),
            },
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        match port.parse() {
            Ok(port) if port > 0 => Ok(Self { host, port }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            SubjectAltName::Ip(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

text_serde!(Address);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_read_and_nothing_else() {
        for text in ["a.test:443", "10.0.0.1:1", "[2001:db8::1]:65535"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            ":443",
            "a.test",
            "a.test:",
            "a.test:0",
            "a.test:65536",
            "a.test:+1",
            "*.a.test:443",
            "2001:db8::1:443",
            "[10.0.0.1]:443",
            "https://a.test:443",
            "me@a.test:443",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
