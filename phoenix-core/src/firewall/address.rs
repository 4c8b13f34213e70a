//! Addresses as rules state them.

use std::net::IpAddr;

/// Whether an address that a rule states means this one: it is absent, or equal, or a network around it.
pub fn covers(stated: Option<&str>, ip: IpAddr) -> bool {
    let Some(stated) = stated else {
        return true;
    };
    stated.split(',').any(|part| {
        let part = part.trim();
        match part.split_once('/') {
            None => part.parse() == Ok(ip),
            Some((network, bits)) => match (network.parse::<IpAddr>(), bits.parse::<u32>(), ip) {
                (Ok(IpAddr::V4(network)), Ok(bits @ 0..=32), IpAddr::V4(ip)) => {
                    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                    network.to_bits() & mask == ip.to_bits() & mask
                }
                (Ok(IpAddr::V6(network)), Ok(bits @ 0..=128), IpAddr::V6(ip)) => {
                    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                    network.to_bits() & mask == ip.to_bits() & mask
                }
                _ => false,
            },
        }
    })
}
