//! The command `phoenix`.
fn main() {}
