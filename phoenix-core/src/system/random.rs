//! Randomness for what is no secret: names, nonces, waits.

use rustix::rand::{GetRandomFlags, getrandom};

/// Bytes from the kernel, since aws-lc gathers entropy for 50 ms before its first.
///
/// Zeros where there is no randomness: a name is then still refused when it is taken.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    bytes
}

/// Sixteen hexadecimal digits.
pub(crate) fn random_hex() -> String {
    format!("{:016x}", u64::from_ne_bytes(random()))
}
