//! A `Dial` that leads every host to 127.0.0.1 and counts.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phoenix_core::system::Dial;

/// Connects to 127.0.0.1 whatever the host.
#[derive(Debug, Default)]
pub struct Loopback {
    dialled: AtomicUsize,
}

impl Loopback {
    /// How many connections were asked for.
    pub fn dialled(&self) -> usize {
        self.dialled.load(Ordering::SeqCst)
    }
}

impl Dial for Loopback {
    fn dial(&self, _host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        self.dialled.fetch_add(1, Ordering::SeqCst);
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), timeout)
    }
}

/// A port of 127.0.0.1 on which nothing listened a moment ago.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}
