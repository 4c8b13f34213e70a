//! The answer to `http-01`: a web server that knows nothing but the tokens of the moment, and ends with the last of them.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use crate::ca::EnrollError;

/// Answers while there is something to answer.
pub(super) struct Responder {
    listen: SocketAddr,
    server: Mutex<Option<Server>>,
    answers: Answers,
}

type Answers = Arc<Mutex<BTreeMap<String, String>>>;

struct Server {
    stop: Arc<OwnedFd>,
    thread: JoinHandle<()>,
}

impl Responder {
    pub(super) fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            server: Mutex::new(None),
            answers: Answers::default(),
        }
    }

    /// Answers for this token from now on.
    pub(super) fn show(&self, token: &str, answer: &str) -> Result<(), EnrollError> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if server.is_none() {
            *server = Some(self.start().map_err(|source| EnrollError::Listen {
                at: self.listen,
                source,
            })?);
        }
        lock(&self.answers).insert(token.to_owned(), answer.to_owned());
        Ok(())
    }

    /// Answers for it no more.
    pub(super) fn clear(&self, token: &str) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers = lock(&self.answers);
        answers.remove(token);
        if answers.is_empty() {
            drop(answers);
            stop(server.take());
        }
    }

    fn start(&self) -> io::Result<Server> {
        let listener = match TcpListener::bind(self.listen) {
            // A machine without IPv6 still has all its addresses.
            Err(error) if self.listen.ip().is_unspecified() && is_familyless(&error) => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.listen.port()))?
            }
            other => other?,
        };
        listener.set_nonblocking(true)?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let (stopped, answers) = (stop.clone(), self.answers.clone());
        let thread = std::thread::Builder::new()
            .name("http-01".to_owned())
            .spawn(move || serve(&listener, &stopped, &answers))?;
        Ok(Server { stop, thread })
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        stop(
            self.server
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

fn stop(server: Option<Server>) {
    if let Some(server) = server {
        // An eventfd takes one more always, and the thread then ends by itself.
        if rustix::io::write(&*server.stop, &1_u64.to_ne_bytes()).is_ok() {
            let _ = server.thread.join();
        }
    }
}

fn serve(listener: &TcpListener, stop: &OwnedFd, answers: &Answers) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let mut ready = [
            PollFd::new(stop, PollFlags::IN),
            PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        if !ready[0].revents().is_empty() {
            return;
        }
        let Ok((socket, _)) = listener.accept() else {
            continue;
        };
        if open.load(Ordering::Relaxed) >= CONNECTIONS {
            // Closed at once: whoever asks too often asks again.
            continue;
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (ended, answers) = (open.clone(), answers.clone());
        let spawned = std::thread::Builder::new().spawn(move || {
            // Whoever breaks off is not told anything.
            let _ = answer(&socket, &answers);
            ended.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn answer(mut socket: &TcpStream, answers: &Answers) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let until = Instant::now() + PATIENCE;
    let mut head = Vec::with_capacity(1 << 10);
    while !head.windows(4).any(|four| four == b"\r\n\r\n") && head.len() < HEAD {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; 1 << 10];
        match socket.read(&mut buffer)? {
            0 => return Ok(()),
            amount => head.extend_from_slice(&buffer[..amount]),
        }
    }
    let found = token(&head).and_then(|token| lock(answers).get(token).cloned());
    let (status, body) = match &found {
        Some(body) => ("200 OK", body.as_str()),
        None => ("404 Not Found", "not found"),
    };
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(reply.as_bytes())
}

/// The token of a request for one.
fn token(head: &[u8]) -> Option<&str> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (path, version) = line.strip_prefix("GET ")?.split_once(' ')?;
    if !version.starts_with("HTTP/1.") {
        return None;
    }
    path.strip_prefix("/.well-known/acme-challenge/")
}

fn is_familyless(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
        || code == Some(rustix::io::Errno::ADDRNOTAVAIL.raw_os_error())
}

fn lock(answers: &Answers) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests at once.
const CONNECTIONS: usize = 16;
/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long its head may be.
const HEAD: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn free() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
    }

    fn ask(at: SocketAddr, head: &str) -> String {
        let mut socket = TcpStream::connect(at).unwrap();
        socket.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn it_answers_for_its_tokens_and_is_gone_with_the_last() {
        let at = free();
        let responder = Responder::new(at);
        responder.show("one", "one.x").unwrap();
        responder.show("two", "two.x").unwrap();
        let of = |path: &str| ask(at, &format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let found = of("/.well-known/acme-challenge/two");
        assert!(
            found.starts_with("HTTP/1.1 200 OK\r\n") && found.ends_with("\r\n\r\ntwo.x"),
            "{found}"
        );
        for other in ["/", "/.well-known/acme-challenge/three", "/x"] {
            assert!(of(other).starts_with("HTTP/1.1 404 "), "{other}");
        }
        assert!(ask(at, "POST /.well-known/acme-challenge/one HTTP/1.1\r\n\r\n").contains("404"));
        responder.clear("one");
        assert!(of("/.well-known/acme-challenge/one").contains("404"));
        responder.clear("two");
        assert!(TcpStream::connect(at).is_err());
        // And again.
        responder.show("three", "three.x").unwrap();
        assert!(of("/.well-known/acme-challenge/three").contains("three.x"));
        drop(responder);
        assert!(TcpStream::connect(at).is_err());
    }

    #[test]
    fn a_port_that_is_taken_is_said() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = Responder::new(taken.local_addr().unwrap())
            .show("one", "one.x")
            .unwrap_err();
        assert!(matches!(error, EnrollError::Listen { .. }), "{error}");
    }
}
