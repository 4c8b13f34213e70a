//! The connection under a TLS probe: deadlines on the socket, and a verifier that remembers what was served.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion,
    RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::{Seen, Server, TlsFailure};
use crate::probe::Viewpoint;
use crate::time::{Clock, Deadline};

/// Whether a served certificate that is not trusted ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Goes on: the question is another one, and nothing secret is sent.
    Ignored,
    /// Ends it.
    Required,
}

/// Where the verifier leaves the served leaf: a handshake that fails later would lose it.
pub(super) type LeafRecord = Arc<Mutex<Option<CertificateDer<'static>>>>;

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

    pub(super) fn connect_recording(
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
    pub(super) fn judgement(&mut self) -> io::Result<bool> {
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

/// How long a server may take to say what it thinks of us, once the handshake is over: a refusal comes at once.
const JUDGEMENT: Duration = Duration::from_secs(2);
