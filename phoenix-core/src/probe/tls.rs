//! One TLS connection, looked at closely: what was served, whether we were let in, and what stopped it.
//!
//! With TLS 1.3 the client's part of the handshake is over before the server has judged the client's certificate. A
//! refusal therefore arrives with the first read after it, and a probe that does not read has proved nothing.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::time_provider::TimeProvider;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct,
    ProtocolVersion, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::{Identity, Viewpoint};
use crate::time::{Clock, Deadline};

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

/// Whether a served certificate that is not trusted ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Goes on: the question is another one, and nothing secret is sent.
    Ignored,
    /// Ends it.
    Required,
}

/// Where the verifier leaves the served leaf: a handshake that fails later would lose it.
type LeafRecord = Arc<Mutex<Option<CertificateDer<'static>>>>;

/// An open TLS connection with a deadline on every read and write.
pub(crate) struct Tls<'v> {
    connection: ClientConnection,
    socket: Timed<'v>,
}

impl<'v> Tls<'v> {
    /// Connects and completes the handshake, as far as the client can know it.
    pub(crate) fn connect(
        view: &Viewpoint<'v>,
        server: &Server<'_>,
        trust: Trust,
    ) -> Result<Self, TlsFailure> {
        Self::connect_recording(view, server, trust, &LeafRecord::default())
    }

    fn connect_recording(
        view: &Viewpoint<'v>,
        server: &Server<'_>,
        trust: Trust,
        record: &LeafRecord,
    ) -> Result<Self, TlsFailure> {
        let failed = |e: &io::Error| TlsFailure::from_io(e, view, server.server_name);
        let name = server_name(server.server_name)?;
        let config = client_config(view.clock.now(), server, trust, record)?;
        let connection = ClientConnection::new(Arc::new(config), name)
            .map_err(|e| TlsFailure::from_rustls(&e, server.server_name))?;
        let socket = Timed::dial(view, server.host, server.port).map_err(|e| failed(&e))?;
        let mut stream = Self { connection, socket };
        while stream.connection.is_handshaking() {
            stream
                .connection
                .complete_io(&mut stream.socket)
                .map_err(|e| failed(&e))?;
        }
        Ok(stream)
    }

    /// What was served.
    pub(crate) fn seen(&self, accepted: bool) -> Option<Seen> {
        let (leaf, intermediates) = self.connection.peer_certificates()?.split_first()?;
        let owned = |c: &CertificateDer<'_>| c.clone().into_owned();
        Some(Seen {
            leaf: owned(leaf),
            intermediates: intermediates.iter().map(owned).collect(),
            protocol: match self.connection.protocol_version()? {
                ProtocolVersion::TLSv1_2 => "TLS 1.2",
                ProtocolVersion::TLSv1_3 => "TLS 1.3",
                _ => "unknown",
            },
            accepted,
        })
    }

    /// Says goodbye and waits for what the server thinks of us; `Ok(false)` if it hung up without a word.
    fn judgement(&mut self) -> io::Result<bool> {
        if self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_2) {
            return Ok(true);
        }
        self.socket.hurry(JUDGEMENT);
        self.connection.send_close_notify();
        // The peer may have refused and closed already; what it said is then still to be read.
        let _ = self.connection.write_tls(&mut self.socket);
        loop {
            if self.connection.tls13_tickets_received() > 0 {
                return Ok(true);
            }
            match self.connection.read_tls(&mut self.socket) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                // The server kept silent after our goodbye: it has not refused, and shows nothing more.
                Err(e) if is_timeout(&e) => return Ok(false),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
            let state = self
                .connection
                .process_new_packets()
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            // A server that talks on (a banner) has accepted us.
            if state.peer_has_closed() || state.plaintext_bytes_to_read() > 0 {
                return Ok(true);
            }
        }
    }
}

impl Read for Tls<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.connection, &mut self.socket).read(buffer)
    }
}

impl Write for Tls<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.connection, &mut self.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        rustls::Stream::new(&mut self.connection, &mut self.socket).flush()
    }
}

/// A socket whose every operation ends with the probe's deadline, however slowly the bytes drip.
pub(crate) struct Timed<'v> {
    socket: TcpStream,
    clock: &'v dyn Clock,
    deadline: Deadline,
}

impl<'v> Timed<'v> {
    /// Connects; the deadline counts from here.
    pub(crate) fn dial(view: &Viewpoint<'v>, host: &str, port: u16) -> io::Result<Self> {
        let deadline = view.deadline();
        let socket = view.dial.dial(host, port, view.timeout)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            clock: view.clock,
            deadline,
        })
    }

    /// Leaves no more than this from now on.
    fn hurry(&mut self, time: Duration) {
        self.deadline = self.deadline.min(Deadline::after(self.clock, time));
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.remaining(self.clock);
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(left)
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        self.socket.read(buffer).map_err(timed_out)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// A socket's own time-out shows as `WouldBlock`.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        io::ErrorKind::TimedOut.into()
    } else {
        error
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

fn server_name(text: &str) -> Result<ServerName<'static>, TlsFailure> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(ServerName::IpAddress(address.into()));
    }
    ServerName::try_from(text.to_owned())
        .map_err(|_| TlsFailure::Other(format!("`{text}` is not a name that TLS can ask for")))
}

fn client_config(
    now: SystemTime,
    server: &Server<'_>,
    trust: Trust,
    record: &LeafRecord,
) -> Result<ClientConfig, TlsFailure> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let other = |e: &dyn std::fmt::Display| TlsFailure::Other(e.to_string());
    let verifier = Verifier {
        trusted: trusted(server.roots, &provider)?,
        provider: Arc::clone(&provider),
        trust,
        record: Arc::clone(record),
    };
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Moment(now)))
        .with_safe_default_protocol_versions()
        .map_err(|e| other(&e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match server.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let unusable = |e: &dyn std::fmt::Display| TlsFailure::Identity(e.to_string());
            let chain = CertificateDer::pem_slice_iter(identity.chain_pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| unusable(&"its chain is not PEM"))?;
            if chain.is_empty() {
                return Err(unusable(&"its chain holds no certificate"));
            }
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem.expose_secret())
                .map_err(|_| unusable(&"its key is not a PEM private key"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| unusable(&e))?
        }
    };
    // A resumed session would show neither certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// No roots mean that nothing can be trusted, which is an answer of its own where trust is required.
fn trusted(
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>, TlsFailure> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store
            .add(root.clone())
            .map_err(|e| TlsFailure::Other(format!("could not use a root certificate: {e}")))?;
    }
    if store.is_empty() {
        return Ok(None);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map(Some)
        .map_err(|e| TlsFailure::Other(e.to_string()))
}

/// Verifies as rustls does, except that it can let a chain pass that it cannot trust. The proof that the peer holds
/// the leaf's key is always demanded.
#[derive(Debug)]
struct Verifier {
    trusted: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    trust: Trust,
    record: LeafRecord,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(leaf.clone().into_owned());
        let verified = match &self.trusted {
            Some(verifier) => {
                verifier.verify_server_cert(leaf, intermediates, server_name, ocsp_response, now)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        match self.trust {
            Trust::Ignored => Ok(ServerCertVerified::assertion()),
            Trust::Required => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            leaf,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            leaf,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The clock's time at the probe's start.
#[derive(Debug)]
struct Moment(SystemTime);

impl TimeProvider for Moment {
    fn current_time(&self) -> Option<UnixTime> {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(since))
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

/// How long a server may take to say what it thinks of us, once the handshake is over: a refusal comes at once.
const JUDGEMENT: Duration = Duration::from_secs(2);
