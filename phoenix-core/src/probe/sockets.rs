//! A guest's own socket list, as its kernel shows it in `/proc/net/tcp` and `/proc/net/tcp6`.
//!
//! The files are there in every guest, also where neither `ss` nor `netstat` is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The TCP sockets of one network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sockets {
    listening: Vec<SocketAddr>,
    established: Vec<(SocketAddr, SocketAddr)>,
}

impl Sockets {
    /// Reads the kernel's table; both files may follow one another. Lines that are no sockets are passed over.
    pub fn parse(text: &str) -> Self {
        let mut sockets = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace().skip(1);
            let (Some(local), Some(remote), Some(state)) = (
                words.next().and_then(socket_address),
                words.next().and_then(socket_address),
                words.next(),
            ) else {
                continue;
            };
            match state {
                "0A" => sockets.listening.push(local),
                "01" => sockets.established.push((local, remote)),
                _ => {}
            }
        }
        sockets
    }

    /// Whether anything listens on this port, at whatever address.
    pub fn listens_on(&self, port: u16) -> bool {
        self.listening.iter().any(|local| local.port() == port)
    }

    /// Whether there is an established connection to this address and port.
    pub fn connected_to(&self, address: IpAddr, port: u16) -> bool {
        self.established
            .iter()
            .any(|(_, remote)| remote.ip() == address && remote.port() == port)
    }
}

/// `6F00000A:0947`: each group of four bytes in the machine's own order, which is little-endian on all that Proxmox
/// runs on.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let hex = address.get(at..at + 8)?;
        Some(u32::from_str_radix(hex, 16).ok()?.swap_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bits = 0_u128;
            for at in [0, 8, 16, 24] {
                bits = bits << 32 | u128::from(word(at)?);
            }
            Ipv6Addr::from(bits).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0948 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1 0000000000000000 100 0 0 10 0
   1: 0C00000A:B5AE 6F00000A:0948 01 00000000:00000000 00:00000000 00000000     0        0 9 1 0000000000000000 20 4 30 10 -1
   2: 0C00000A:B5AF 6F00000A:0947 06 00000000:00000000 00:00000000 00000000     0        0 9 1 0000000000000000 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1 0
   1: 0000000000000000FFFF00000C00000A:0051 0000000000000000FFFF00006F00000A:1F90 01 00000000:00000000 00:00000000 00000000     0        0 9 1 0
garbage: é:é
";

    #[test]
    fn listeners_and_connections_are_told_apart() {
        let sockets = Sockets::parse(TABLE);
        assert!(sockets.listens_on(2376) && sockets.listens_on(80));
        assert!(!sockets.listens_on(2375));
        let manager = "10.0.0.111".parse().unwrap();
        assert!(sockets.connected_to(manager, 2376));
        // A mapped address is the IPv4 one; a connection in TIME_WAIT is none.
        assert!(sockets.connected_to(manager, 8080));
        assert!(!sockets.connected_to(manager, 2375));
    }
}
