//! Sockets for ureq: opened by [`Dial`], wrapped in TLS, with a deadline that holds for slow drips too.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use crate::system::Dial;

/// Connects to one CA, whatever the URL's host says: that is the name which its certificate must have.
pub(super) struct TlsConnector {
    pub(super) dial: Arc<dyn Dial>,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) name: ServerName<'static>,
    pub(super) tls: Arc<ClientConfig>,
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsConnector({}:{})", self.host, self.port)
    }
}

impl Connector for TlsConnector {
    type Out = TlsTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<TlsTransport>, ureq::Error> {
        let until = deadline(details.timeout);
        let socket = self
            .dial
            .dial(&self.host, self.port, left(until)?)
            .map_err(|error| ureq::Error::Other(Box::new(NotConnected(error))))?;
        socket.set_nodelay(true)?;
        let connection = ClientConnection::new(self.tls.clone(), self.name.clone())?;
        let mut stream = StreamOwned::new(connection, Timed { socket, until });
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(Some(TlsTransport {
            stream,
            buffers: LazyBuffers::new(
                details.config.input_buffer_size(),
                details.config.output_buffer_size(),
            ),
        }))
    }
}

/// The socket could not be had, so nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotConnected(pub(super) io::Error);

/// A TLS connection over a socket with a deadline.
pub(super) struct TlsTransport {
    stream: StreamOwned<ClientConnection, Timed>,
    buffers: LazyBuffers,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.until = deadline(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        self.stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.until = deadline(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        let socket = &self.stream.sock.socket;
        // Bytes or an end that nobody asked for: the server is closing.
        socket.set_nonblocking(true).is_ok()
            && matches!(socket.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            && socket.set_nonblocking(false).is_ok()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Each read and write waits no longer than what is left, so that a server which drips cannot hold us.
struct Timed {
    socket: TcpStream,
    until: Option<Instant>,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.until)?))?;
        self.socket.read(buffer).map_err(timed_out)
    }
}

impl Write for Timed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(left(self.until)?))?;
        self.socket.write(buffer).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

fn deadline(timeout: NextTimeout) -> Option<Instant> {
    timeout
        .not_zero()
        .and_then(|after| Instant::now().checked_add(*after))
}

fn left(until: Option<Instant>) -> io::Result<Duration> {
    let left = until.map_or(FOREVER, |until| {
        until.saturating_duration_since(Instant::now())
    });
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// Linux reports a socket's timeout as `WouldBlock`.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        io::ErrorKind::TimedOut.into()
    } else {
        error
    }
}

/// ureq wants addresses before it asks the connector, which resolves by itself.
#[derive(Debug)]
pub(super) struct NoAddress;

impl Resolver for NoAddress {
    fn resolve(
        &self,
        _uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(addresses)
    }
}

/// Every request has a time limit; this stands in where ureq names none.
const FOREVER: Duration = Duration::from_secs(3_600);
