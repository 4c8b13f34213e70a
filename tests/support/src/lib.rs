//! What the tests share.

pub mod dns;
pub mod fault_ca;
pub mod loopback;
pub mod need;
pub mod provisioner;
pub mod scratch;
pub mod stepca;

pub use need::{Need, need};
pub use scratch::Scratch;
