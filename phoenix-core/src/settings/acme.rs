//! `[ca]` of a CA that speaks ACME.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{complain, string, texts};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, Kind};
use crate::names::NameError;

/// A CA that speaks ACME (RFC 8555), and how it is shown that a name is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeSettings {
    /// The URL of its directory.
    pub directory: String,
    /// How a name is proved.
    pub challenge: AcmeChallenge,
}

/// How a CA is shown that a name is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcmeChallenge {
    /// By a record of the DNS, which a program of the operator's writes.
    Dns01 {
        /// Program and arguments; `present` or `cleanup`, the record's name and its value follow.
        hook: Vec<String>,
    },
    /// By an answer over HTTP from where the name leads.
    Http01 {
        /// Where Phoenix listens while it is asked.
        listen: SocketAddr,
    },
}

impl AcmeChallenge {
    /// Where the CA asks, when nothing else leads it elsewhere: port 80 of every address.
    pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), 80);
}

impl fmt::Display for AcmeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns01 { hook } => {
                write!(f, "dns-01 by `{}`", shell_words::join(hook))
            }
            Self::Http01 { listen } => write!(f, "http-01 on {listen}"),
        }
    }
}

/// A command as one text, split into words as a shell would, without a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookWords(pub Vec<String>);

impl FromStr for HookWords {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        shell_words::split(text)
            .ok()
            .filter(|words| !words.is_empty())
            .map(Self)
            .ok_or_else(|| {
                NameError::new(text, "a program and its arguments, with each quote closed")
            })
    }
}

/// The keys of `[ca]` that an ACME CA has, besides `kind`.
pub(super) const KEYS: [&str; 4] = ["challenge", "directory", "dns_hook", "http_listen"];

/// Reads them where `kind` says so.
pub(super) fn decode(ca: Cursor<'_>, faults: &mut Faults) -> Option<AcmeSettings> {
    let acme = match string(ca, "kind", faults).as_deref() {
        None | Some("step-ca") => false,
        Some("acme") => true,
        Some(_) => {
            complain(ca, "kind", "`step-ca` or `acme`", faults);
            return None;
        }
    };
    let foreign: &[&str] = if acme {
        &["url", "provisioner", "provisioner_password_file", "config"]
    } else {
        &KEYS
    };
    for name in foreign {
        if let Some(node) = ca.get(name) {
            let kind = if acme { "step-ca" } else { "acme" };
            faults.push(
                Fault::error(
                    "settings",
                    format!("found `{name}`, which only a CA of `kind = \"{kind}\"` has"),
                )
                .at(node.place()),
            );
        }
    }
    if !acme {
        return None;
    }
    let directory = string(ca, "directory", faults);
    match &directory {
        None if ca.get("directory").is_none() => faults.push(
            Fault::error(
                "settings",
                "found no `directory`, expected the URL of the CA's ACME directory",
            )
            .at(ca.place())
            .help("for step-ca: directory = \"https://HOST:PORT/acme/PROVISIONER/directory\""),
        ),
        Some(url) if !url.starts_with("https://") => {
            complain(ca, "directory", "a URL that begins with `https://`", faults);
        }
        _ => {}
    }
    Some(AcmeSettings {
        directory: directory?,
        challenge: challenge(ca, faults)?,
    })
}

fn challenge(ca: Cursor<'_>, faults: &mut Faults) -> Option<AcmeChallenge> {
    let hook = ca.get("dns_hook").map(|node| {
        let words = texts(node);
        if words.as_ref().is_none_or(Vec::is_empty) || node.kind() == Kind::Object {
            complain(
                ca,
                "dns_hook",
                "a program, or an array of a program and its arguments",
                faults,
            );
        }
        words.unwrap_or_default()
    });
    let dns = match string(ca, "challenge", faults).as_deref() {
        None => hook.is_some(),
        Some("dns-01") => true,
        Some("http-01") => false,
        Some(_) => {
            complain(ca, "challenge", "`http-01` or `dns-01`", faults);
            return None;
        }
    };
    let other = if dns { "http_listen" } else { "dns_hook" };
    if ca.get(other).is_some() {
        let words = if dns { "http-01" } else { "dns-01" };
        complain(
            ca,
            other,
            &format!("none, since only `{words}` has it"),
            faults,
        );
    }
    if dns {
        if hook.is_none() {
            faults.push(
                Fault::error(
                    "settings",
                    "found no `dns_hook`, expected the program that writes the record of a `dns-01` challenge",
                )
                .at(ca.place())
                .help("it is run as `PROGRAM present _acme-challenge.NAME. VALUE`, and with `cleanup` afterwards"),
            );
        }
        return Some(AcmeChallenge::Dns01 {
            hook: hook.filter(|hook| !hook.is_empty())?,
        });
    }
    let listen = match string(ca, "http_listen", faults) {
        None => AcmeChallenge::LISTEN,
        Some(text) => {
            if let Ok(address) = text.parse() {
                address
            } else {
                complain(
                    ca,
                    "http_listen",
                    "an address with a port, such as `0.0.0.0:80`",
                    faults,
                );
                return None;
            }
        }
    };
    Some(AcmeChallenge::Http01 { listen })
}

#[cfg(test)]
mod tests {
    use crate::document::{Document, Format};
    use crate::settings::{CaSettings, Settings};

    fn read(text: &str) -> Result<CaSettings, String> {
        let document = Document::parse("phoenix.toml".as_ref(), text.into(), Format::Toml).unwrap();
        Settings::decode(&document)
            .map(|settings| settings.ca)
            .map_err(|faults| {
                let all: Vec<String> = faults.iter().map(|fault| fault.message.clone()).collect();
                all.join("; ")
            })
    }

    #[test]
    fn both_challenges_are_read() {
        let base = "[ca]\nkind = \"acme\"\ndirectory = \"https://ca.test/acme/a/directory\"\n";
        let acme = |more: &str| read(&format!("{base}{more}")).unwrap().acme.unwrap();
        assert_eq!(acme("").challenge.to_string(), "http-01 on [::]:80");
        assert_eq!(
            acme("http_listen = \"127.0.0.1:8080\"")
                .challenge
                .to_string(),
            "http-01 on 127.0.0.1:8080"
        );
        assert_eq!(
            acme("dns_hook = [\"/opt/dns\", \"my zone\"]")
                .challenge
                .to_string(),
            "dns-01 by `/opt/dns 'my zone'`"
        );
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        for (text, words) in [
            ("kind = \"acme\"", "found no `directory`"),
            (
                "kind = \"acme\"\ndirectory = \"http://ca.test\"",
                "begins with `https://`",
            ),
            ("kind = \"other\"", "expected `step-ca` or `acme`"),
            (
                "directory = \"https://ca.test/d\"",
                "found `directory`, which only a CA of `kind = \"acme\"` has",
            ),
            (
                "kind = \"acme\"\ndirectory = \"https://ca.test/d\"\nprovisioner = \"x\"",
                "found `provisioner`, which only a CA of `kind = \"step-ca\"` has",
            ),
            (
                "kind = \"acme\"\ndirectory = \"https://ca.test/d\"\nchallenge = \"dns-01\"",
                "found no `dns_hook`",
            ),
            (
                "kind = \"acme\"\ndirectory = \"https://ca.test/d\"\nchallenge = \"http-01\"\ndns_hook = \"x\"",
                "expected none, since only `dns-01` has it",
            ),
            (
                "kind = \"acme\"\ndirectory = \"https://ca.test/d\"\nhttp_listen = \"80\"",
                "expected an address with a port",
            ),
            (
                "kind = \"acme\"\ndirectory = \"https://ca.test/d\"\ndns_hook = [1]",
                "expected a program, or an array",
            ),
        ] {
            let found = read(&format!("[ca]\n{text}\n")).unwrap_err();
            assert!(found.contains(words), "{text}: {found}");
        }
    }
}
