//! Where a name and a port lead: to a socket, from the place where the consumer stands.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

/// Opens TCP connections for the CA client and for every probe.
///
/// The seam lets a probe stand in a guest's network namespace, and a demonstration put `10.0.0.111` on loopback.
pub trait Dial: Send + Sync {
    /// Connects. A time-out is [`io::ErrorKind::TimedOut`], a refusal [`io::ErrorKind::ConnectionRefused`]: the two are never mixed up.
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream>;
}
