//! Internal TLS of a Proxmox host: certificates, their delivery, the services that use them, and the proof.
//!
//! A [`Site`](site::Site) is the one way in: the operator's files and Phoenix's state, and one method for each command. A plan
//! says what a run would do and why; a run does it, step by step, and reports each.
//!
//! ```no_run
//! use phoenix_core::observe::Silent;
//! use phoenix_core::site::{Seams, Site, SitePaths, SyncOptions};
//!
//! let seams = Seams::host("/usr/sbin:/usr/bin:/sbin:/bin".as_ref());
//! let site = Site::open(SitePaths::default(), seams)?;
//! for step in &site.plan(&SyncOptions::default())?.steps {
//!     println!("{}: {:?}", step.id, step.reasons);
//! }
//! let report = site.sync(&SyncOptions::default(), &Silent)?;
//! std::process::exit(report.exit_status().into());
//! # Ok::<(), phoenix_core::Error>(())
//! ```
//!
//! # The stages
//!
//! [`manifest`] and [`guests`] are read into a [`model`]; [`inventory`] is what is there; [`plan`] decides, purely; [`execute`]
//! does it by a CA ([`ca`]), pairs on disk ([`deploy`]) and ways into guests ([`transport`]); [`report`] says what became of it.
//! Beside them: [`check`] and [`migrate`] look at the files and edit them ([`document`]), [`firewall`] simulates, [`probe`] sees
//! what is served.
//!
//! # Of one's own
//!
//! [`Seams`](site::Seams) takes another CA ([`ca::Authority`]), other ways into guests ([`transport::Shell`] needs only
//! something that runs words there), another clock; [`observe::Observer`] hears a run and stops it between two steps. See
//! `examples/`.
//!
//! # Features
//!
//! | feature | brings | without it |
//! |---|---|---|
//! | `stepca` | the client of step-ca (`ureq`) | asking one says so |
//! | `acme` | a CA that speaks ACME (`instant-acme`, `ureq`) | `ca::Acme` is not there; a site that has one is told so |
//! | `embedded-ca` | a CA in a directory (nothing that keys do not need) | opening one says so |
//! | `templates` | Jinja templates (`minijinja`) | rendering says so |
//!
//! All are on by default, and none changes what another does.
#![doc = include_str!("../ARCHITECTURE.md")]
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
