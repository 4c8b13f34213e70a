//! Proxmox's own files and daemons on this host, as far as the firewall is concerned.
//!
//! `/etc/pve` is a file system of Proxmox's own: files there are replaced by one rename and keep the owner and mode that
//! it gives them.

mod read;
mod reload;
mod write;

pub use read::{is_there, read};
pub use reload::{ReloadError, Reloaded, Status, reload, status};
pub use write::{changes, make_dirs, write};
