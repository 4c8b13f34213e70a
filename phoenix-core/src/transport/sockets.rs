//! The kernel's list of TCP sockets (`/proc/net/tcp`, `/proc/net/tcp6`), read on our side.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One TCP socket of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// The address on the guest's side; IPv4 addresses in IPv6 form are given as IPv4.
    pub local: SocketAddr,
    /// The other side; port 0 for a listening socket.
    pub remote: SocketAddr,
    /// Its state.
    pub state: SocketState,
    /// The inode, as `/proc/PID/fd` names it.
    pub inode: u64,
}

impl Socket {
    /// Whether it waits for connections on this port.
    pub fn listens_on(&self, port: u16) -> bool {
        self.state == SocketState::Listen && self.local.port() == port
    }

    /// Whether it is a connection that this guest holds to that place.
    pub fn connected_to(&self, remote: SocketAddr) -> bool {
        self.state == SocketState::Established && self.remote == remote
    }
}

/// The state of a TCP socket, as far as anybody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketState {
    /// A connection both sides agreed on.
    Established,
    /// Waits for connections.
    Listen,
    /// On its way up or down; the kernel's number.
    Other(u8),
}

/// Reads one of the two files; lines that are no sockets (the heading, a last line that was cut) are passed over.
pub fn parse(text: &str) -> Vec<Socket> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace();
    let slot = words.next()?;
    slot.strip_suffix(':')?.parse::<u32>().ok()?;
    let local = address(words.next()?)?;
    let remote = address(words.next()?)?;
    let state = match u8::from_str_radix(words.next()?, 16).ok()? {
        1 => SocketState::Established,
        10 => SocketState::Listen,
        other => SocketState::Other(other),
    };
    // Queues, timer, retransmits, uid and timeout stand between.
    let inode = words.nth(5)?.parse().ok()?;
    Some(Socket {
        local,
        remote,
        state,
        inode,
    })
}

/// `0100007F:0947`: the address in the byte order of the machine, 32 bits at a time, the port in that of the network.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if !ip.is_ascii() {
        return None;
    }
    let words = (0..ip.len())
        .step_by(8)
        .map(|at| {
            Some(
                u32::from_str_radix(ip.get(at..at + 8)?, 16)
                    .ok()?
                    .to_ne_bytes(),
            )
        })
        .collect::<Option<Vec<[u8; 4]>>>()?;
    let ip = match *words.as_slice() {
        [v4] => IpAddr::V4(Ipv4Addr::from(v4)),
        [..] if words.len() == 4 => {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&words.concat());
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21361 1 0000000000000000 100 0 0 10 0
   1: 0C00000A:D2F0 6F00000A:0948 01 00000000:00000000 02:000003E8 00000000     0        0 22222 2 0000000000000000 20 4 30 10 -1
   2: 0C00000A:D2F0 6F00000A:09";
    const TCP6: &str = "
   0: 00000000000000000000000000000000:0948 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21360 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00006F00000A:0948 0000000000000000FFFF00000C00000A:D2F0 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 100 0 0 10 0";

    #[test]
    #[cfg(target_endian = "little")]
    fn sockets_are_read_with_their_addresses_and_states() {
        let sockets = parse(TCP);
        assert_eq!(sockets.len(), 2);
        assert!(sockets[0].listens_on(8080));
        assert_eq!(sockets[0].inode, 21361);
        assert!(sockets[1].connected_to("10.0.0.111:2376".parse().unwrap()));
        assert_eq!(sockets[1].local, "10.0.0.12:54000".parse().unwrap());
        let sockets = parse(TCP6);
        assert!(sockets[0].listens_on(2376));
        assert_eq!(sockets[1].remote, "10.0.0.12:54000".parse().unwrap());
        assert_eq!(sockets[1].state, SocketState::Other(6));
    }

    #[test]
    fn anything_else_is_no_socket() {
        for bad in [
            "",
            "x",
            "0: é000007F:1 1:1 0A",
            "0: 0:0 0:0 0A",
            "0: 0100007F:1 00000000:0 ZZ 0 0 0 0 0 1",
        ] {
            assert_eq!(parse(bad), Vec::new(), "{bad}");
        }
    }
}
