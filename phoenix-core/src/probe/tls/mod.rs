//! One TLS connection, looked at closely: what was served, whether we were let in, and what stopped it.
//!
//! With TLS 1.3 the client's part of the handshake is over before the server has judged the client's certificate. A
//! refusal therefore arrives with the first read after it, and a probe that does not read has proved nothing.

mod connection;

use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};
use rustls_pki_types::CertificateDer;

use super::{Identity, Viewpoint};
use connection::LeafRecord;
pub(crate) use connection::{Timed, Tls, Trust};

/// A TLS server, and how to meet it.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// Where to connect: an address or a name.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The name that its certificate must hold; an address is compared as one.
    pub server_name: &'a str,
    /// The roots that its chain must lead to.
    pub roots: &'a [CertificateDer<'static>],
    /// The client certificate to offer, if any.
    pub identity: Option<Identity<'a>>,
}

/// What a server served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The served leaf.
    pub leaf: CertificateDer<'static>,
    /// The rest of the served chain.
    pub intermediates: Vec<CertificateDer<'static>>,
    /// `TLS 1.2` or `TLS 1.3`.
    pub protocol: &'static str,
    /// Whether the server showed that it accepted our side of the handshake: TLS 1.2's last message, a session
    /// ticket, or an orderly close. Without a client certificate nothing depends on it.
    pub accepted: bool,
}

/// Why there is no TLS connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The server refused us with a TLS alert, by its name in RFC 8446 (`certificate_required`).
    #[error("the server refused with the TLS alert `{0}`")]
    Alert(String),
    /// The server closed the connection without a word.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// The served leaf is not valid at this time.
    #[error("the served certificate is not valid now: {0}")]
    Expired(String),
    /// The client certificate that was to be offered cannot be used.
    #[error("could not use the client certificate: {0}")]
    Identity(String),
    /// The served leaf does not hold the expected name.
    #[error("the served certificate is not for `{expected}`")]
    NameMismatch {
        /// The name that was expected.
        expected: String,
    },
    /// What answers does not speak TLS.
    #[error("the server does not speak TLS")]
    NotTls,
    /// Anything else.
    #[error("{0}")]
    Other(String),
    /// Nothing listens there.
    #[error("the connection was refused: nothing listens there")]
    Refused,
    /// Nothing was heard in time. The number is the probe's time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The served chain does not lead to a given root.
    #[error("the served certificate does not chain to the expected root")]
    UnknownIssuer,
    /// There is no way there, or the name is not known.
    #[error("not reachable: {0}")]
    Unreachable(String),
}

impl TlsFailure {
    /// Whether nothing at all can be said about the server.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::Unreachable(_))
    }

    /// Whether the server itself turned us away, after it had been reached.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Alert(_) | Self::Closed)
    }

    /// What an error of a socket or of rustls means here.
    pub(crate) fn from_io(error: &io::Error, view: &Viewpoint<'_>, server_name: &str) -> Self {
        if let Some(error) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return Self::from_rustls(error, server_name);
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::TimedOut(view.timeout),
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::Closed,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::NotFound => Self::Unreachable(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }

    fn from_rustls(error: &rustls::Error, server_name: &str) -> Self {
        use CertificateError as C;
        match error {
            rustls::Error::AlertReceived(alert) => Self::Alert(alert_name(*alert)),
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::InvalidCertificate(error) => match error {
                C::UnknownIssuer | C::BadSignature => Self::UnknownIssuer,
                C::NotValidForName | C::NotValidForNameContext { .. } => Self::NameMismatch {
                    expected: server_name.to_owned(),
                },
                C::Expired
                | C::ExpiredContext { .. }
                | C::NotValidYet
                | C::NotValidYetContext { .. } => Self::Expired(error.to_string()),
                _ => Self::Other(format!("the served certificate is not usable: {error}")),
            },
            rustls::Error::InconsistentKeys(_) | rustls::Error::NoCertificatesPresented => {
                Self::Identity(error.to_string())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

/// Connects, checks what is served, offers the identity, waits for the server's judgement, and hangs up.
///
/// Speaks no protocol above TLS: it says goodbye and reads until the server has refused, taken leave, or shown a
/// session ticket. The deadline is the viewpoint's, counted from this call.
pub fn observe(view: &Viewpoint<'_>, server: &Server<'_>) -> Result<Seen, TlsFailure> {
    let mut stream = Tls::connect(view, server, Trust::Required)?;
    let judged = stream.judgement();
    let failed = |e: &io::Error| TlsFailure::from_io(e, view, server.server_name);
    let accepted = judged.map_err(|e| failed(&e))?;
    stream.seen(accepted).ok_or(TlsFailure::Closed)
}

/// The leaf that is served there, whatever becomes of the connection: also by a server that refuses us, and also one
/// that no root vouches for.
pub fn served_leaf(
    view: &Viewpoint<'_>,
    server: &Server<'_>,
) -> Result<CertificateDer<'static>, TlsFailure> {
    let record = LeafRecord::default();
    let outcome = Tls::connect_recording(view, server, Trust::Ignored, &record);
    let leaf = record.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (leaf, outcome) {
        (Some(leaf), _) => Ok(leaf),
        (None, Err(failure)) => Err(failure),
        (None, Ok(_)) => Err(TlsFailure::Closed),
    }
}

/// The whole chain that is served there, leaf first, whoever vouches for it; the leaf alone by a server that refuses us.
pub fn served_chain(
    view: &Viewpoint<'_>,
    server: &Server<'_>,
) -> Result<Vec<CertificateDer<'static>>, TlsFailure> {
    let record = LeafRecord::default();
    let outcome = Tls::connect_recording(view, server, Trust::Ignored, &record);
    let leaf = record.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (outcome.map(|tls| tls.seen(false)), leaf) {
        (Ok(Some(seen)), _) => {
            let mut chain = vec![seen.leaf];
            chain.extend(seen.intermediates);
            Ok(chain)
        }
        (_, Some(leaf)) => Ok(vec![leaf]),
        (Err(failure), None) => Err(failure),
        (Ok(None), None) => Err(TlsFailure::Closed),
    }
}

/// RFC 8446's name of an alert: `CertificateRequired` is `certificate_required`.
fn alert_name(alert: AlertDescription) -> String {
    if let AlertDescription::UnknownCA = alert {
        return "unknown_ca".to_owned();
    }
    let mut name = String::new();
    for c in format!("{alert:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use rustls::version::{TLS12, TLS13};

    use super::*;
    use crate::probe::testing::{
        Ca, ClosedPort, Direct, NAME, Void, serve, serve_plain, serve_silence, serve_tls,
        server_config, view,
    };
    use crate::secret::Secret;

    fn at<'a>(port: u16, roots: &'a [CertificateDer<'static>]) -> Server<'a> {
        Server {
            host: "127.0.0.1",
            port,
            server_name: NAME,
            roots,
            identity: None,
        }
    }

    #[test]
    fn a_server_that_demands_our_certificate_is_seen_with_it_and_refuses_without_in_both_protocols()
    {
        let (ca, strangers) = (Ca::new(), Ca::new());
        let (pair, ours, foreign) = (ca.leaf(NAME), ca.leaf("client"), strangers.leaf("client"));
        let roots = [ca.root()];
        for (version, protocol) in [(&TLS12, "TLS 1.2"), (&TLS13, "TLS 1.3")] {
            let config = server_config(&pair, Some(&ca), &[version]);
            let port = serve_tls(config, |_| String::new());
            let server = at(port, &roots);
            let with = |identity| Server {
                identity: Some(identity),
                ..server
            };
            let seen = observe(&view(&Direct), &with(ours.identity())).unwrap();
            assert_eq!((seen.protocol, seen.accepted), (protocol, true));
            assert_eq!(seen.leaf, pair.der);

            let refused = observe(&view(&Direct), &server).unwrap_err();
            assert!(refused.is_refusal(), "{protocol}: {refused}");
            let refused = observe(&view(&Direct), &with(foreign.identity())).unwrap_err();
            assert!(
                matches!(refused, TlsFailure::Alert(_)),
                "{protocol}: {refused}"
            );
            // The served leaf is seen all the same.
            assert_eq!(served_leaf(&view(&Direct), &server).unwrap(), pair.der);
        }
    }

    #[test]
    fn what_is_wrong_with_the_served_certificate_is_told_apart() {
        let (ca, strangers) = (Ca::new(), Ca::new());
        let observed = |pair: &crate::probe::testing::Pair, roots: &[CertificateDer<'static>]| {
            let port = serve_tls(server_config(pair, None, &[&TLS13]), |_| String::new());
            observe(&view(&Direct), &at(port, roots))
        };
        let roots = [ca.root()];
        assert!(observed(&ca.leaf(NAME), &roots).is_ok());
        for roots in [&[strangers.root()][..], &[]] {
            assert_eq!(
                observed(&ca.leaf(NAME), roots),
                Err(TlsFailure::UnknownIssuer)
            );
        }
        assert_eq!(
            observed(&ca.leaf("other.example"), &roots),
            Err(TlsFailure::NameMismatch {
                expected: NAME.to_owned()
            })
        );
        assert!(matches!(
            observed(&ca.expired_leaf(NAME), &roots),
            Err(TlsFailure::Expired(_))
        ));
    }

    #[test]
    fn silence_refusal_and_other_protocols_are_told_apart() {
        let ca = Ca::new();
        let roots = [ca.root()];
        let closed = ClosedPort::new();
        let failure = |port| observe(&view(&Direct), &at(port, &roots)).unwrap_err();
        let silent = failure(serve_silence());
        assert!(silent.is_unreachable() && !silent.is_refusal());
        assert_eq!(failure(closed.number()), TlsFailure::Refused);
        assert_eq!(failure(serve(drop)), TlsFailure::Closed);
        let plain = failure(serve(|mut socket| {
            let _ = socket.write_all(b"220 smtp.example ESMTP, no TLS here\r\n");
            let _ = socket.read(&mut [0; 512]);
        }));
        assert_eq!(plain, TlsFailure::NotTls);
        assert!(!failure(serve_plain(|_| "x".to_owned())).is_refusal());
        let void = observe(&view(&Void), &at(1, &roots)).unwrap_err();
        assert!(matches!(void, TlsFailure::TimedOut(_)));
    }

    #[test]
    fn dripping_bytes_do_not_outlive_the_deadline() {
        let port = serve(|mut socket| {
            while socket.write_all(&[0x16]).is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let begin = std::time::Instant::now();
        assert!(observe(&view(&Direct), &at(port, &[])).is_err());
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn an_unusable_client_pair_is_our_own_fault() {
        let ca = Ca::new();
        let (one, other) = (ca.leaf("a"), ca.leaf("b"));
        let port = serve_tls(server_config(&one, None, &[&TLS13]), |_| String::new());
        let garbage = Secret::from("no key".to_owned());
        for (chain_pem, key_pem) in [
            (one.pem.as_bytes(), &other.key),
            (one.pem.as_bytes(), &garbage),
            (&b""[..], &one.key),
        ] {
            let server = Server {
                identity: Some(Identity { chain_pem, key_pem }),
                ..at(port, &[])
            };
            assert!(matches!(
                observe(&view(&Direct), &server),
                Err(TlsFailure::Identity(_))
            ));
        }
    }
}
