//! Internal TLS of a Proxmox host: certificates, their delivery, the services that use them, and the proof.
#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod document;
pub mod names;
pub mod observe;
pub mod secret;
pub mod system;
pub mod time;
