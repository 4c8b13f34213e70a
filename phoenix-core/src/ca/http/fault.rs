//! What failed on the wire, told apart: no connection, no trust, no answer.

#[cfg(any(feature = "acme", feature = "stepca"))]
use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

#[cfg(any(feature = "acme", feature = "stepca"))]
use super::{BODY_LIMIT, transport::NotConnected};
use crate::ca::{CaUrl, EnrollError, TlsFault, TransportError};

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum HttpFault {
    Tls(TlsFault),
    Transport(TransportError),
}

impl HttpFault {
    #[cfg(any(feature = "acme", feature = "stepca"))]
    pub(super) fn of(error: ureq::Error, host: &str) -> Self {
        use ureq::Error;
        match error {
            Error::Io(error) => Self::of_io(error, host),
            Error::Rustls(error) => Self::Tls(tls_fault(&error, host)),
            Error::Timeout(_) => Self::Transport(TransportError::TimedOut),
            Error::BodyExceedsLimit(_) => {
                Self::Transport(TransportError::Large { limit: BODY_LIMIT })
            }
            Error::Other(other) => match other.downcast::<NotConnected>() {
                Ok(not_connected) => {
                    Self::Transport(if not_connected.0.kind() == io::ErrorKind::TimedOut {
                        TransportError::TimedOut
                    } else {
                        TransportError::Connect(not_connected.0)
                    })
                }
                Err(other) => Self::Transport(TransportError::Protocol(other.to_string())),
            },
            other => Self::Transport(TransportError::Protocol(other.to_string())),
        }
    }

    #[cfg(any(feature = "acme", feature = "stepca"))]
    /// A request that cannot be one.
    pub(super) fn of_request(error: &ureq::http::Error) -> Self {
        Self::Transport(TransportError::Protocol(error.to_string()))
    }

    #[cfg(any(feature = "acme", feature = "stepca"))]
    fn of_io(error: io::Error, host: &str) -> Self {
        let inner: Option<&(dyn StdError + Send + Sync + 'static)> = error.get_ref();
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<TlsError>()) {
            return Self::Tls(tls_fault(tls, host));
        }
        if error.kind() == io::ErrorKind::TimedOut {
            return Self::Transport(TransportError::TimedOut);
        }
        match error.downcast::<ureq::Error>() {
            Ok(wrapped) => Self::of(wrapped, host),
            Err(error) => Self::Transport(TransportError::Broken(error)),
        }
    }

    /// Whether the same request may succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Transport(
                TransportError::Broken(_) | TransportError::Connect(_) | TransportError::TimedOut
            )
        )
    }

    /// Whether surely nothing was sent.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(
            self,
            Self::Tls(_) | Self::Transport(TransportError::Connect(_))
        )
    }

    pub(crate) fn at(self, url: &CaUrl) -> EnrollError {
        let url = url.clone();
        match self {
            Self::Tls(fault) => EnrollError::Tls { url, fault },
            Self::Transport(source) => EnrollError::Unreachable { url, source },
        }
    }
}

fn tls_fault(error: &TlsError, host: &str) -> TlsFault {
    match error {
        TlsError::InvalidCertificate(reason) => match reason {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TlsFault::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsFault::NotYetValid
            }
            CertificateError::NotValidForName => TlsFault::NameMismatch {
                wanted: host.to_owned(),
                presented: Vec::new(),
            },
            CertificateError::NotValidForNameContext { presented, .. } => TlsFault::NameMismatch {
                wanted: host.to_owned(),
                presented: presented.iter().map(|name| bare(name)).collect(),
            },
            // A root of the same subject with another key shows as a bad signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                TlsFault::UnknownRoot
            }
            other => TlsFault::Other(format!("its certificate is not acceptable: {other}")),
        },
        TlsError::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate),
        ) => TlsFault::ClientRefused(format!("{alert:?}")),
        other => TlsFault::Other(other.to_string()),
    }
}

/// `DnsName("ca.test")` and `IpAddress(10.0.0.1)` lose their wrapping.
fn bare(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(name);
    format!("`{}`", inner.trim_matches('"'))
}
