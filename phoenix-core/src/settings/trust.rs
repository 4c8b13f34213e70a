//! `[trust]`: where the root of the CA is trusted by everything on a machine.

use std::path::PathBuf;

use super::{complain, known, path, set, table};
use crate::diagnostic::Faults;
use crate::document::Cursor;

/// `[trust]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustSettings {
    /// Whether this host trusts the root, too; guests say so by their feature `trusted_ca`. Default no.
    pub host: bool,
    /// The root's file on the host. Default `/usr/local/share/ca-certificates/phoenix_internal_root_ca.crt`.
    pub host_file: PathBuf,
    /// The root's file in guests. Default `/usr/local/share/ca-certificates/phoenix_root_ca.crt`.
    pub guest_file: PathBuf,
    /// What `update-ca-certificates` makes of all of them. Default `/etc/ssl/certs/ca-certificates.crt`.
    pub bundle: PathBuf,
}

impl Default for TrustSettings {
    fn default() -> Self {
        let dir = PathBuf::from("/usr/local/share/ca-certificates");
        Self {
            host: false,
            host_file: dir.join("phoenix_internal_root_ca.crt"),
            guest_file: dir.join("phoenix_root_ca.crt"),
            bundle: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
        }
    }
}

pub(super) fn decode(root: Cursor<'_>, faults: &mut Faults) -> TrustSettings {
    let mut settings = TrustSettings::default();
    let Some(trust) = table(root, "trust", faults) else {
        return settings;
    };
    known(
        trust,
        &["host", "host_file", "guest_file", "bundle"],
        faults,
    );
    if let Some(node) = trust.get("host") {
        match node.as_bool() {
            Some(host) => settings.host = host,
            None => complain(trust, "host", "`true` or `false`", faults),
        }
    }
    for (name, field) in [
        ("host_file", &mut settings.host_file),
        ("guest_file", &mut settings.guest_file),
        ("bundle", &mut settings.bundle),
    ] {
        let file = path(trust, name, faults);
        // `update-ca-certificates` passes over every other name.
        let named = name == "bundle"
            || file
                .as_ref()
                .is_none_or(|file| file.extension().is_some_and(|end| end == "crt"));
        if named {
            set(field, file);
        } else {
            complain(trust, name, "a path that ends in `.crt`", faults);
        }
    }
    settings
}
