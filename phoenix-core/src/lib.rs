//! Internal TLS of a Proxmox host: certificates, their delivery, the services that use them, and the proof.
#![forbid(unsafe_code)]

pub mod answers;
pub mod ca;
pub mod change;
pub mod check;
pub mod deploy;
pub mod diagnostic;
pub mod docker;
pub mod document;
mod error;
pub mod execute;
pub mod firewall;
pub mod guests;
pub mod inventory;
pub mod links;
pub mod manifest;
pub mod migrate;
pub mod model;
pub mod names;
pub mod observe;
pub mod plan;
pub mod present;
pub mod probe;
pub mod pve;
pub mod report;
pub mod scripts;
pub mod secret;
pub mod settings;
pub mod site;
pub mod store;
pub mod system;
pub mod systemd;
pub mod template;
#[cfg(test)]
mod test_sites;
pub mod time;
pub mod traefik;
pub mod transport;
pub mod x509;

pub use error::Error;
