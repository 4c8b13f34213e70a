//! Real servers for the probes' tests: TLS by rustls with certificates minted here, on free ports of 127.0.0.1.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ::time::OffsetDateTime;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Identity, Viewpoint};
use crate::secret::Secret;
use crate::system::Dial;
use crate::time::SystemClock;

/// The name in every test server's certificate.
pub(crate) const NAME: &str = "docker.internal.example";

/// Dials as the machine does.
#[derive(Debug)]
pub(crate) struct Direct;

impl Dial for Direct {
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        let address = format!("{host}:{port}").parse().expect("an address");
        TcpStream::connect_timeout(&address, timeout)
    }
}

/// Dials into the void.
#[derive(Debug)]
pub(crate) struct Void;

impl Dial for Void {
    fn dial(&self, _: &str, _: u16, _: Duration) -> io::Result<TcpStream> {
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// A viewpoint of this machine with little patience.
pub(crate) fn view(dial: &dyn Dial) -> Viewpoint<'_> {
    Viewpoint {
        dial,
        clock: &SystemClock,
        timeout: Duration::from_millis(700),
    }
}

/// A port of 127.0.0.1 on which nothing listens: bound as long as this lives, so that no other test gets it.
pub(crate) struct ClosedPort(OwnedFd);

impl ClosedPort {
    pub(crate) fn new() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self(socket)
    }

    pub(crate) fn number(&self) -> u16 {
        let address = SocketAddr::try_from(getsockname(&self.0).unwrap()).unwrap();
        address.port()
    }
}

/// A pair of certificate and key.
pub(crate) struct Pair {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) key: Secret,
    key_der: Vec<u8>,
}

impl Pair {
    pub(crate) fn identity(&self) -> Identity<'_> {
        Identity {
            chain_pem: self.pem.as_bytes(),
            key_pem: &self.key,
        }
    }
}

/// A CA of the test's own.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn leaf(&self, name: &str) -> Pair {
        self.leaf_until(name, OffsetDateTime::now_utc() + ::time::Duration::days(1))
    }

    pub(crate) fn expired_leaf(&self, name: &str) -> Pair {
        self.leaf_until(name, OffsetDateTime::now_utc() - ::time::Duration::hours(1))
    }

    fn leaf_until(&self, name: &str, not_after: OffsetDateTime) -> Pair {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = OffsetDateTime::now_utc() - ::time::Duration::days(2);
        params.not_after = not_after;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        Pair {
            der: leaf.der().clone(),
            pem: leaf.pem(),
            key: Secret::from(key.serialize_pem()),
            key_der: key.serialize_der(),
        }
    }
}

/// A TLS server's settings: its pair, and the CA whose clients it admits (`None`: it asks for no certificate).
pub(crate) fn server_config(
    pair: &Pair,
    clients: Option<&Ca>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(ca.root()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.key_der.clone()));
    let config = builder.with_single_cert(vec![pair.der.clone()], key);
    Arc::new(config.unwrap())
}

/// Serves each connection on a thread of its own for as long as the test runs; gives the port.
pub(crate) fn serve(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle(socket));
        }
    });
    address.port()
}

/// Answers requests over TLS.
pub(crate) fn serve_tls(
    config: Arc<ServerConfig>,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> u16 {
    serve(move |mut socket| {
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::Stream::new(&mut tls, &mut socket);
        let _ = respond(&mut stream, &answer);
        tls.send_close_notify();
        while tls.wants_write() {
            if tls.write_tls(&mut socket).is_err() {
                return;
            }
        }
        // Read what the client still has in flight, so that closing does not reset what it has yet to read.
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let _ = socket.read_to_end(&mut Vec::new());
    })
}

/// Answers requests in plain HTTP.
pub(crate) fn serve_plain(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> u16 {
    serve(move |mut socket| {
        let _ = respond(&mut socket, &answer);
    })
}

/// Accepts connections and never says a word.
pub(crate) fn serve_silence() -> u16 {
    serve(|socket| {
        thread::sleep(Duration::from_secs(20));
        drop(socket);
    })
}

/// A complete answer.
pub(crate) fn reply(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn respond(
    stream: &mut (impl Read + Write),
    answer: &(impl Fn(&str) -> String + ?Sized),
) -> io::Result<()> {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            read => request.extend_from_slice(&chunk[..read]),
        }
    }
    stream.write_all(answer(&String::from_utf8_lossy(&request)).as_bytes())?;
    stream.flush()
}
