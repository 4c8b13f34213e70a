//! A way out through an HTTP proxy, for the CA alone: `CONNECT`, RFC 9110, section 9.3.6.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dial::Dial;
use crate::names::NameError;

/// Where a proxy listens.
///
/// ```
/// use phoenix_core::system::Proxy;
///
/// let proxy: Proxy = "http://proxy.example.org:3128".parse().unwrap();
/// assert_eq!(proxy.to_string(), "http://proxy.example.org:3128");
/// assert!("socks5://proxy.example.org:1080".parse::<Proxy>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
}

impl FromStr for Proxy {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parts = text
            .strip_prefix("http://")
            .map(|rest| rest.strip_suffix('/').unwrap_or(rest))
            .and_then(|rest| rest.rsplit_once(':'));
        let host_ok = |host: &str| {
            !host.is_empty()
                && !host
                    .contains(|c: char| c.is_whitespace() || c.is_control() || "@/?#".contains(c))
                && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')))
        };
        match parts.map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) if host_ok(host) && port > 0 => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(NameError::new(
                text,
                "a proxy without user and password, as in `http://proxy.example.org:3128`",
            )),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

/// Connects through a proxy; what is sent then, TLS with the CA's own certificate, the proxy only passes on.
pub struct ProxyDial {
    /// How the proxy itself is reached.
    pub to_proxy: Arc<dyn Dial>,
    /// The proxy.
    pub proxy: Proxy,
}

impl Dial for ProxyDial {
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        let until = Instant::now().checked_add(timeout);
        let mut stream = self
            .to_proxy
            .dial(&self.proxy.host, self.proxy.port, timeout)
            .map_err(|error| self.failed(error.kind(), &error.to_string()))?;
        let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        stream.set_write_timeout(Some(timeout.max(SHORTEST)))?;
        stream.write_all(request.as_bytes())?;
        let head = self.answer(&mut stream, until)?;
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(None)?;
        let line = head.lines().next().unwrap_or_default();
        let status = line
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..))
            .and_then(|rest| rest.get(..3));
        match status {
            Some(status) if status.starts_with('2') => Ok(stream),
            Some(_) => Err(self.failed(
                io::ErrorKind::ConnectionRefused,
                &format!("it answered `{line}` when it was asked for {host}:{port}"),
            )),
            None => Err(self.failed(
                io::ErrorKind::InvalidData,
                "it did not answer as an HTTP proxy does",
            )),
        }
    }

    fn reaches_out(&self) -> bool {
        self.to_proxy.reaches_out()
    }
}

impl ProxyDial {
    /// The head of the proxy's answer, byte by byte: what follows it is the other end's.
    fn answer(&self, stream: &mut TcpStream, until: Option<Instant>) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let left = until.map_or(LONGEST, |until| {
                until.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return Err(self.failed(io::ErrorKind::TimedOut, "no answer within the time"));
            }
            stream.set_read_timeout(Some(left))?;
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(0) => {
                    let why = "it closed the connection instead of an answer";
                    return Err(self.failed(io::ErrorKind::UnexpectedEof, why));
                }
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if head.len() > MOST {
                let why = "its answer has no end";
                return Err(self.failed(io::ErrorKind::InvalidData, why));
            }
        }
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    fn failed(&self, kind: io::ErrorKind, why: &str) -> io::Error {
        io::Error::new(kind, format!("through the proxy {}: {why}", self.proxy))
    }
}

/// Bytes of an answer's head.
const MOST: usize = 16 << 10;
const LONGEST: Duration = Duration::from_secs(3_600);
/// A socket takes no time-out of nothing.
const SHORTEST: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::super::dial::HostDial;
    use super::*;

    /// A proxy that reads a request and says this.
    fn proxy(says: &'static [u8]) -> (ProxyDial, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap() == 0 {
                    break;
                }
                asked.push(byte[0]);
            }
            stream.write_all(says).unwrap();
            String::from_utf8(asked).unwrap()
        });
        let dial = ProxyDial {
            to_proxy: Arc::new(HostDial),
            proxy: format!("http://127.0.0.1:{port}").parse().unwrap(),
        };
        (dial, served)
    }

    #[test]
    fn what_follows_the_answer_is_the_other_ends() {
        let (dial, served) = proxy(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\nhello");
        let second = Duration::from_secs(5);
        let mut stream = dial.dial("ca.test", 9000, second).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        assert!(
            served
                .join()
                .unwrap()
                .starts_with("CONNECT ca.test:9000 HTTP/1.1\r\nHost: ca.test:9000\r\n")
        );
    }

    #[test]
    fn each_refusal_names_the_proxy_and_why() {
        let second = Duration::from_secs(5);
        for (says, kind, words) in [
            (
                &b"HTTP/1.1 403 Forbidden\r\n\r\n"[..],
                io::ErrorKind::ConnectionRefused,
                "403 Forbidden",
            ),
            (b"", io::ErrorKind::UnexpectedEof, "closed the connection"),
            (
                b"SSH-2.0-x\r\n\r\n",
                io::ErrorKind::InvalidData,
                "as an HTTP proxy",
            ),
        ] {
            let (dial, served) = proxy(says);
            let error = dial.dial("ca.test", 9000, second).unwrap_err();
            served.join().unwrap();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.to_string().contains("http://127.0.0.1:"), "{error}");
        }
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let dial = ProxyDial {
            to_proxy: Arc::new(HostDial),
            proxy: format!("http://127.0.0.1:{port}").parse().unwrap(),
        };
        let error = dial
            .dial("ca.test", 9000, Duration::from_millis(50))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        drop(silent);
        let error = dial.dial("ca.test", 9000, second).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("through the proxy"), "{error}");
    }

    #[test]
    fn only_a_plain_address_is_a_proxy() {
        for good in ["http://p:1", "http://10.0.0.1:3128/", "http://[::1]:8080"] {
            assert!(good.parse::<Proxy>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "p:1",
            "http://p",
            "http://p:0",
            "http://p:99999",
            "https://p:1",
            "http://user:secret@p:1",
            "http://a b:1",
            "http://:1",
            "http://::1:80",
            "http://p:1/x",
        ] {
            assert!(bad.parse::<Proxy>().is_err(), "{bad}");
        }
    }
}
