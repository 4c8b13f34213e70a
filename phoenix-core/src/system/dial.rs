//! Where a name and a port lead: to a socket, from the place where the consumer stands.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Opens TCP connections for the CA client and for every probe.
///
/// The seam lets a probe stand in a guest's network namespace, and a demonstration put `10.0.0.111` on loopback.
pub trait Dial: Send + Sync {
    /// Connects. A time-out is [`io::ErrorKind::TimedOut`], a refusal [`io::ErrorKind::ConnectionRefused`]: the two are never mixed up.
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream>;

    /// Whether it connects anywhere at all.
    fn reaches_out(&self) -> bool {
        true
    }
}

/// Connects nowhere: on a copy of a host (`--root`) nothing is contacted.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDial;

impl Dial for NoDial {
    fn dial(&self, _host: &str, _port: u16, _timeout: Duration) -> io::Result<TcpStream> {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "on a copy of a host nothing is contacted",
        ))
    }

    fn reaches_out(&self) -> bool {
        false
    }
}

/// Connects from where this process stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostDial;

impl Dial for HostDial {
    /// Tries every address that the host has within the time; the first that answers is taken.
    ///
    /// When none does, a time-out is reported if any of them timed out, else the last refusal.
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        let deadline = Instant::now() + timeout.min(LONGEST);
        let addresses = resolve(host, port, timeout.min(LONGEST))?;
        let mut failure: Option<io::Error> = None;
        for (index, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(timed_out());
            }
            let shares = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            // An address that swallows packets must not use up the time of the others.
            let share = (left / shares).max(Duration::from_millis(1));
            match TcpStream::connect_timeout(address, share) {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    let keep = failure
                        .as_ref()
                        .is_some_and(|known| known.kind() == io::ErrorKind::TimedOut);
                    if !keep {
                        failure = Some(error);
                    }
                }
            }
        }
        Err(failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address")))
    }
}

/// Connects from within a network namespace, such as a container's.
#[derive(Debug, Clone)]
pub struct NamespaceDial {
    path: PathBuf,
}

impl NamespaceDial {
    /// The network namespace behind this path (`/run/netns/NAME`, `/proc/PID/ns/net`).
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The network namespace of a process.
    pub fn of_process(pid: u32) -> Self {
        Self::at(format!("/proc/{pid}/ns/net"))
    }
}

impl Dial for NamespaceDial {
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        let namespace = File::open(&self.path)?;
        // A thread of its own enters and dies there; a socket stays in the namespace in which it was made.
        std::thread::scope(|scope| {
            let inside = std::thread::Builder::new().spawn_scoped(scope, || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
                HostDial.dial(host, port, timeout)
            })?;
            inside
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the connecting thread panicked")))
        })
    }
}

/// The addresses of a host. The system's resolver knows no deadline, so a name is asked for on another thread.
fn resolve(host: &str, port: u16, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let name = bare.to_owned();
    std::thread::Builder::new().spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        // Nobody listens any more when the time was over.
        let _ = sender.send(found);
    })?;
    receiver.recv_timeout(timeout).map_err(|_| timed_out())?
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer within the time")
}

/// Longer waits make no sense and would overflow the clock.
const LONGEST: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn connections_refusals_and_unknown_names_differ() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let second = Duration::from_secs(1);
        HostDial.dial("127.0.0.1", port, second).unwrap();
        HostDial.dial("localhost", port, second).unwrap();
        drop(listener);
        let refused = HostDial.dial("127.0.0.1", port, second).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(HostDial.dial("name.invalid", port, second).is_err());
        let late = HostDial
            .dial("127.0.0.1", port, Duration::ZERO)
            .unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_listener_that_takes_nobody_is_a_time_out_and_no_refusal() {
        use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
        let full = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&full, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listen(&full, 0).unwrap();
        let port = TcpListener::from(full.try_clone().unwrap())
            .local_addr()
            .unwrap()
            .port();
        let wait = Duration::from_millis(200);
        let outcomes: Vec<_> = (0..4)
            .map(|_| HostDial.dial("127.0.0.1", port, wait))
            .collect();
        let last = outcomes.last().unwrap().as_ref().unwrap_err();
        assert_eq!(last.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_namespace_of_ones_own_reaches_the_same_listener() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let here = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        NamespaceDial::of_process(std::process::id())
            .dial("127.0.0.1", port, Duration::from_secs(1))
            .unwrap();
        assert_eq!(
            std::fs::read_link("/proc/thread-self/ns/net").unwrap(),
            here
        );
    }

    #[test]
    fn another_namespace_is_entered_and_this_thread_stays() {
        let holder = std::process::Command::new("unshare")
            .args(["--net", "sleep", "20"])
            .spawn();
        let Ok(mut holder) = holder else { return };
        let inside = PathBuf::from(format!("/proc/{}/ns/net", holder.id()));
        let here = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        let mut entered = false;
        for _ in 0..100 {
            match std::fs::read_link(&inside) {
                Ok(there) if there != here => entered = true,
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
            if entered {
                break;
            }
        }
        if entered {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            // Loopback is down in a fresh namespace.
            assert!(
                NamespaceDial::at(&inside)
                    .dial("127.0.0.1", port, Duration::from_secs(1))
                    .is_err()
            );
            HostDial
                .dial("127.0.0.1", port, Duration::from_secs(1))
                .unwrap();
        }
        let _ = holder.kill();
        let _ = holder.wait();
    }
}
