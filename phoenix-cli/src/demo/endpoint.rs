//! Real listeners on loopback: HTTP, plain or over TLS with the pair that was delivered.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// What a listener answers to one request.
pub(super) struct Reply {
    status: &'static str,
    body: String,
}

impl Reply {
    /// 200 with this body.
    pub(super) fn ok(body: impl Into<String>) -> Self {
        Self {
            status: "200 OK",
            body: body.into(),
        }
    }

    /// 404 in Go's words, as Docker and Traefik say it.
    pub(super) fn not_found() -> Self {
        Self {
            status: "404 Not Found",
            body: "404 page not found\n".to_owned(),
        }
    }
}

/// What a listener is asked.
pub(super) struct Request {
    head: bool,
    /// The path without its query.
    pub(super) path: String,
    /// The `Host` header.
    pub(super) host: String,
}

/// Answers requests, on a thread of each connection.
pub(super) type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// A listener on a free port of 127.0.0.1; closed when dropped.
pub(super) struct Endpoint {
    /// Where it listens.
    pub(super) address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Endpoint {
    /// Listens, over TLS where there is a configuration for it.
    pub(super) fn serve(tls: Option<Arc<ServerConfig>>, answer: Answer) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new().spawn(move || {
            for socket in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(socket), tls, answer) = (socket, tls.clone(), Arc::clone(&answer)) else {
                    continue;
                };
                // A client that breaks off is its own business.
                let _ =
                    std::thread::Builder::new().spawn(move || drop(converse(socket, tls, &answer)));
            }
        })?;
        Ok(Self { address, stop })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

/// A server's settings from the files that it was given; with a CA, only its clients get in.
pub(super) fn server_config(
    chain: &[u8],
    key: &[u8],
    clients: Option<&[u8]>,
) -> Result<Arc<ServerConfig>, String> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots(ca)?), provider())
                    .build()
                    .map_err(|error| error.to_string())?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(certificates(chain)?, private_key(key)?);
    config.map(Arc::new).map_err(|error| error.to_string())
}

/// The files of a client.
pub(super) struct ClientFiles {
    /// The root that the server's chain must lead to.
    pub(super) ca: Vec<u8>,
    /// The client's chain.
    pub(super) chain: Vec<u8>,
    /// Its key.
    pub(super) key: Vec<u8>,
}

/// Gets a path over the socket, over mutual TLS where files are given; the body of a 200.
pub(super) fn get(
    mut socket: TcpStream,
    files: Option<&ClientFiles>,
    host: &str,
    path: &str,
) -> Result<String, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    socket
        .set_read_timeout(Some(PATIENCE))
        .map_err(|error| text(&error))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let read = match files {
        None => {
            socket
                .write_all(request.as_bytes())
                .map_err(|error| text(&error))?;
            (&socket).take(LIMIT).read_to_end(&mut answer)
        }
        Some(files) => {
            let config = ClientConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .map_err(|error| text(&error))?
                .with_root_certificates(roots(&files.ca)?)
                .with_client_auth_cert(certificates(&files.chain)?, private_key(&files.key)?)
                .map_err(|error| text(&error))?;
            let name = ServerName::try_from(host.to_owned()).map_err(|error| text(&error))?;
            let mut tls =
                ClientConnection::new(Arc::new(config), name).map_err(|error| text(&error))?;
            let mut stream = rustls::Stream::new(&mut tls, &mut socket);
            stream
                .write_all(request.as_bytes())
                .map_err(|error| text(&error))?;
            stream.take(LIMIT).read_to_end(&mut answer)
        }
    };
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        Some((head, _)) => Err(head.lines().next().unwrap_or_default().to_owned()),
        None => Err(read
            .err()
            .map_or_else(|| "no answer".to_owned(), |error| error.to_string())),
    }
}

fn converse(
    mut socket: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    answer: &Answer,
) -> io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let Some(config) = tls else {
        return respond(&mut socket, answer);
    };
    let mut first = [0];
    if socket.peek(&mut first)? == 1 && first[0] != TLS_HANDSHAKE {
        read_head(&mut socket)?;
        // Go's words; dockerd is a Go program.
        return socket.write_all(
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        );
    }
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    // A refusal leaves as an alert, which the client has to read before the end of the connection.
    let _ = respond(&mut rustls::Stream::new(&mut tls, &mut socket), answer);
    tls.send_close_notify();
    while tls.wants_write() {
        tls.write_tls(&mut socket)?;
    }
    socket.shutdown(Shutdown::Write)?;
    socket.take(LIMIT).read_to_end(&mut Vec::new()).map(drop)
}

fn respond(stream: &mut (impl Read + Write), answer: &Answer) -> io::Result<()> {
    let head = read_head(stream)?;
    let mut first = head.lines().next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default();
    let path = first
        .next()
        .unwrap_or_default()
        .split('?')
        .next()
        .unwrap_or_default();
    let host = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host")
            .then(|| value.trim().to_owned())
    });
    let request = Request {
        head: method == "HEAD",
        path: path.to_owned(),
        host: host.unwrap_or_default(),
    };
    let Reply { status, body } = answer(&request);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if !request.head {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read if head.len() < 16 << 10 => head.extend_from_slice(&chunk[..read]),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| error.to_string())
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(roots)
}

/// The first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;
/// How long one side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than any answer here.
const LIMIT: u64 = 1 << 20;
