//! A certificate looked at, in a file or at the place where it is served; nothing is changed and nobody believed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

use super::Site;
use crate::answers::{InspectedCertificate, InspectedRequest, Inspection, State, Verdict};
use crate::error::Error;
use crate::names::NameError;
use crate::probe::Viewpoint;
use crate::probe::tls::{Server, served_chain};
use crate::x509::{
    Anchor, Chain, Csr, CsrFault, Details, Leaf, PemFault, Usage, key_in_words, verify_chain,
};
use rustls_pki_types::CertificateDer;

/// Where the certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InspectSource {
    /// In a PEM file; a request (CSR) is taken too.
    File(PathBuf),
    /// Where TLS is served: host and port.
    Served(String, u16),
}

impl FromStr for InspectSource {
    type Err = NameError;

    /// `HOST:PORT` or `https://HOST[:PORT]`, else a file; a file whose name looks like an address is written `./NAME`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (address, port) = match text.strip_prefix("https://") {
            Some(rest) => (rest.trim_end_matches('/'), Some(443)),
            None => (text, None),
        };
        if text.is_empty() {
            return Err(NameError {
                found: text.to_owned(),
                expected: "a file or HOST:PORT",
            });
        }
        let host_like = |host: &str| !host.is_empty() && !host.contains('/');
        if let Some((host, number)) = address.rsplit_once(':')
            && let Ok(number) = number.parse::<u16>()
            && host_like(host)
        {
            let bare = host
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or(host);
            return Ok(Self::Served(bare.to_owned(), number));
        }
        match port {
            Some(port) if host_like(address) => Ok(Self::Served(address.to_owned(), port)),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl Site {
    /// Looks at a certificate. `root` is the file of a root that it should lead to (else the pinned root of the site is
    /// tried, where there is one), `key` that of the key that should belong to it.
    pub fn inspect(
        &self,
        source: &InspectSource,
        root: Option<&Path>,
        key: Option<&Path>,
    ) -> Result<Inspection, Error> {
        let now = self.seams.clock.now();
        let (source, chain) = match source {
            InspectSource::File(path) => {
                let bytes = self.root.read_limited(path, 1 << 20)?;
                let shown = path.display().to_string();
                match Chain::from_pem(&bytes) {
                    Ok(chain) => (shown, chain),
                    Err(PemFault::NoCertificate) => {
                        return self.inspect_request(path, &bytes, key);
                    }
                    Err(fault) => return Err(bad(path, fault.to_string())),
                }
            }
            InspectSource::Served(host, port) => self.served(host, *port)?,
        };
        let public_key = &chain.leaf().public_key;
        let key_fits = key
            .map(|path| {
                self.read_key(path)
                    .map(|key| key.public_key() == *public_key)
            })
            .transpose()?;
        let certificates = std::iter::once(chain.leaf())
            .chain(chain.issuers())
            .zip(chain.certificates())
            .map(|(leaf, der)| {
                Details::from_der(der)
                    .map(|details| certificate(leaf, details, now))
                    .map_err(|detail| bad(Path::new(&source), detail))
            })
            .collect::<Result<_, Error>>()?;
        let trust = self.trusted_root(root)?.map(|(anchor, from)| Verdict {
            root: anchor.subject.clone(),
            fingerprint: anchor.fingerprint,
            from,
            fault: verdict(&chain, &anchor, now),
        });
        Ok(Inspection {
            source,
            certificates,
            request: None,
            trust,
            key_fits,
            order: order(&chain),
        })
    }

    fn served(&self, host: &str, port: u16) -> Result<(String, Chain), Error> {
        let view = Viewpoint {
            dial: self.seams.dial.as_ref(),
            clock: self.seams.clock.as_ref(),
            timeout: Viewpoint::TIMEOUT,
        };
        let server = Server {
            host,
            port,
            server_name: host,
            roots: &[],
            identity: None,
        };
        let shown = match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => format!("[{host}]:{port}"),
            _ => format!("{host}:{port}"),
        };
        let failed = |detail: String| Error::Unseen {
            address: shown.clone(),
            detail,
        };
        let chain = served_chain(&view, &server).map_err(|failure| failed(failure.to_string()))?;
        let ders = chain.iter().map(|der: &CertificateDer<'_>| der.to_vec());
        let chain = Chain::from_ders(ders.collect()).map_err(|fault| failed(fault.to_string()))?;
        Ok((shown, chain))
    }

    fn inspect_request(
        &self,
        path: &Path,
        bytes: &[u8],
        key: Option<&Path>,
    ) -> Result<Inspection, Error> {
        let csr = Csr::from_pem(bytes).map_err(|fault| match fault {
            CsrFault::NotOne(0) => bad(
                path,
                "found neither a `-----BEGIN CERTIFICATE-----` nor a `-----BEGIN CERTIFICATE REQUEST-----` section"
                    .to_owned(),
            ),
            fault => bad(path, fault.to_string()),
        })?;
        let content = csr
            .content()
            .map_err(|fault| bad(path, fault.to_string()))?;
        let key_fits = key
            .map(|path| {
                self.read_key(path)
                    .map(|key| key.public_key() == content.public_key)
            })
            .transpose()?;
        let names = content.sans.iter().map(ToString::to_string);
        Ok(Inspection {
            source: path.display().to_string(),
            certificates: Vec::new(),
            request: Some(InspectedRequest {
                common_name: content.common_name,
                names: names.chain(content.other_names).collect(),
                key: key_in_words(&content.public_key),
            }),
            trust: None,
            key_fits,
            order: None,
        })
    }

    /// The root that was named, else the pinned one. A state that cannot be read is none: nobody asked for it.
    fn trusted_root(&self, named: Option<&Path>) -> Result<Option<(Anchor, String)>, Error> {
        if let Some(path) = named {
            let bytes = self.root.read_limited(path, 1 << 20)?;
            let anchor = Anchor::from_pem(&bytes).map_err(|fault| Error::RootUnreadable {
                path: path.to_owned(),
                what: fault.to_string(),
            })?;
            return Ok(Some((anchor, path.display().to_string())));
        }
        let pinned = self.store().pinned().ok().flatten();
        Ok(pinned.map(|anchor| (anchor, "pinned for this site".to_owned())))
    }
}

fn certificate(leaf: &Leaf, details: Details, now: SystemTime) -> InspectedCertificate {
    let names = leaf.sans.iter().map(ToString::to_string);
    let serial = leaf.serial_number();
    InspectedCertificate {
        subject: leaf.subject.clone(),
        issuer: leaf.issuer.clone(),
        names: names.chain(leaf.other_names.iter().cloned()).collect(),
        is_ca: leaf.is_ca,
        details,
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        state: if now < leaf.not_before {
            State::NotYetValid
        } else if leaf.not_after < now {
            State::Expired
        } else {
            State::Valid
        },
        serial_hex: serial.to_hex(),
        serial,
        fingerprint: leaf.fingerprint,
    }
}

/// Whether the chain leads to the root, for whatever its leaf may be used.
fn verdict(chain: &Chain, anchor: &Anchor, now: SystemTime) -> Option<String> {
    let leaf = chain.leaf();
    if leaf.fingerprint == anchor.fingerprint {
        return None;
    }
    // A verifier takes no CA certificate as somebody's own.
    if leaf.is_ca {
        let signed = Anchor::from_der(chain.certificates()[0].to_vec())
            .is_ok_and(|certificate| certificate.is_signed_by(anchor));
        return (!signed).then(|| format!("`{}` did not sign it", anchor.subject));
    }
    let usage = if leaf.client_auth && !leaf.server_auth {
        Usage::Client
    } else {
        Usage::Server
    };
    verify_chain(chain, std::slice::from_ref(anchor), now, usage)
        .err()
        .map(|fault| fault.to_string())
}

/// Servers and clients take the leaf first and each issuer behind what it signed.
fn order(chain: &Chain) -> Option<String> {
    let mut issuer = chain.leaf();
    for next in chain.issuers() {
        if next.subject_der != issuer.issuer_der {
            return Some(format!(
                "`{}` stands behind `{}`, whose issuer is `{}`",
                next.subject, issuer.subject, issuer.issuer
            ));
        }
        issuer = next;
    }
    None
}

fn bad(path: &Path, detail: String) -> Error {
    Error::BadFile {
        what: "certificate",
        path: path.to_owned(),
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_files_are_told_apart() {
        let served = |host: &str, port| InspectSource::Served(host.to_owned(), port);
        for (text, source) in [
            ("10.0.0.111:2376", served("10.0.0.111", 2376)),
            ("[::1]:443", served("::1", 443)),
            ("https://ca.test", served("ca.test", 443)),
            ("https://ca.test:9000/", served("ca.test", 9000)),
            ("cert.pem", InspectSource::File("cert.pem".into())),
            ("./a:443", InspectSource::File("./a:443".into())),
            (
                "/etc/a:1/cert.pem",
                InspectSource::File("/etc/a:1/cert.pem".into()),
            ),
        ] {
            assert_eq!(text.parse::<InspectSource>().unwrap(), source, "{text}");
        }
        assert!("".parse::<InspectSource>().is_err());
    }
}
