//! A name server of the test's own: every name is 127.0.0.1, and TXT records are the lines of files.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Scratch;

/// Answers on a free UDP port of 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub struct Dns {
    scratch: Scratch,
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Dns {
    /// Starts one without records.
    ///
    /// # Panics
    /// When there is no port.
    pub fn start() -> Self {
        let scratch = Scratch::new("dns");
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .expect("a timeout");
        let address = socket.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let (stop, dir) = (ended.clone(), scratch.path().to_owned());
        let thread = std::thread::spawn(move || {
            let mut packet = [0; 1_500];
            while !stop.load(Ordering::SeqCst) {
                if let Ok((length, from)) = socket.recv_from(&mut packet)
                    && let Some(reply) = reply(&packet[..length], &dir)
                {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Self {
            scratch,
            address,
            ended,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file with a name's TXT records; `name` ends in a dot.
    pub fn records(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A hook that writes and removes records here, as an operator would write one; `log` gets a line per call.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn hook(&self, log: &Path) -> PathBuf {
        let (dir, log) = (self.scratch.path().display(), log.display());
        let script = format!(
            "#!/bin/sh\nset -eu\necho \"$1 $2\" >> '{log}'\ncase $1 in\n  present) echo \"$3\" >> '{dir}'/\"$2\" ;;\n  cleanup) rm -f '{dir}'/\"$2\" ;;\n  *) exit 64 ;;\nesac\n"
        );
        let path = self.scratch.file("hook", &script);
        let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("a mode");
        path
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The answer to a query (RFC 1035, 4): one question, no compression but a pointer to it.
fn reply(query: &[u8], dir: &Path) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut name = String::new();
    loop {
        let length = usize::from(*query.get(at)?);
        if length == 0 {
            break;
        }
        let label = query.get(at + 1..at + 1 + length)?;
        name.push_str(&String::from_utf8_lossy(label).to_lowercase());
        name.push('.');
        at += 1 + length;
    }
    let kind = u16::from_be_bytes([*query.get(at + 1)?, *query.get(at + 2)?]);
    let question = query.get(12..at + 5)?;
    let answers: Vec<Vec<u8>> = match kind {
        1 => vec![vec![127, 0, 0, 1]],
        16 => fs::read_to_string(dir.join(&name))
            .unwrap_or_default()
            .lines()
            .map(|line| {
                let length = u8::try_from(line.len()).unwrap_or_default();
                [&[length], line.as_bytes()].concat()
            })
            .collect(),
        _ => Vec::new(),
    };
    let count = u16::try_from(answers.len()).ok()?.to_be_bytes();
    let mut out = Vec::new();
    out.extend_from_slice(query.get(..2)?);
    // An answer, with recursion, without an error.
    out.extend_from_slice(&[0x81, 0x80, 0, 1, count[0], count[1], 0, 0, 0, 0]);
    out.extend_from_slice(question);
    for answer in answers {
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
        out.extend_from_slice(&u16::try_from(answer.len()).ok()?.to_be_bytes());
        out.extend_from_slice(&answer);
    }
    Some(out)
}
