//! The certificates that the operator wants: `etc/certificate-manifest.json`, every historic form of it.

mod assignment;
mod cross;
mod edit;
mod fields;
mod hook;
mod rekey;
mod resolved;
mod schema;
mod table;
mod verification;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::diagnostic::Faults;
use crate::document::{Document, Located};
use crate::names::{CommonName, FileMode, GuestId, Owner, Slug, SubjectAltName};
use crate::time::{GoDuration, RenewBefore};
use crate::x509::{KeyType, Usage};

pub use assignment::{Assignment, AssignmentError};
pub use edit::{EntriesEdit, ManifestEditError, add, remove, set};
pub use hook::{Hook, HookCommand};
pub use rekey::Rekey;
pub use resolved::ResolvedManifest;
pub use schema::schema;
pub use table::ENTRY_FIELDS;
pub use verification::{Address, Verification};

/// The manifest: its entries in the file's order.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The entries.
    pub entries: Vec<Located<Entry>>,
}

/// What a certificate is used for; the issued leaf must carry the matching extended key usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CertType {
    /// TLS clients.
    Client,
    /// TLS servers. The default.
    #[default]
    Server,
}

impl CertType {
    /// The usage that the leaf must allow.
    pub fn usage(self) -> Usage {
        match self {
            Self::Client => Usage::Client,
            Self::Server => Usage::Server,
        }
    }
}

/// One certificate that is wanted.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its identity; unique in the manifest.
    pub common_name: CommonName,
    /// All names: those of `sans`, and the common name where it is a DNS name.
    pub names: BTreeSet<SubjectAltName>,
    /// The chain, leaf first; an absolute path of the host.
    pub cert_path: PathBuf,
    /// The private key; an absolute path of the host.
    pub key_path: PathBuf,
    /// Where the root is written as well.
    pub ca_path: Option<PathBuf>,
    /// Owner of the files. Default `root:root`.
    pub owner: Owner,
    /// Mode of the certificate. Default `644`.
    pub cert_mode: FileMode,
    /// Mode of the key; derived from `permissions` unless `key_permissions` states it. Default `600`.
    pub key_mode: FileMode,
    /// What the leaf is used for.
    pub cert_type: CertType,
    /// How long it shall live; the CA's default when absent.
    pub validity: Option<GoDuration>,
    /// When it becomes due; the site's policy when absent.
    pub renew_before: Option<RenewBefore>,
    /// Type of the key. Default `ec-p256`.
    pub key_type: KeyType,
    /// Further places of the pair, inside guests.
    pub deploy: Vec<Target>,
    /// What is run after a deployment.
    pub hook: Option<Hook>,
    /// Old delivery: the files appear in this guest's `/tmp` while the hook runs.
    pub old_delivery: Option<OldDelivery>,
    /// Certificates that must have been deployed before.
    pub after: Vec<CommonName>,
    /// Previous versions that are kept; the site's setting when absent.
    pub keep: Option<usize>,
    /// When the key is replaced. Default never.
    pub rekey: Rekey,
    /// Where the served leaf can be seen.
    pub verify: Option<Verification>,
}

/// A place of the pair inside a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The guest.
    pub guest: GuestId,
    /// The chain's path there.
    pub cert: PathBuf,
    /// The key's path there.
    pub key: PathBuf,
    /// The root's path there.
    pub ca: Option<PathBuf>,
    /// Owner, by the guest's names. Default `root:root`.
    pub owner: Owner,
    /// Mode of certificate and root. Default `644`.
    pub cert_mode: FileMode,
    /// Mode of the key. Default `600`.
    pub key_mode: FileMode,
}

/// Delivery by `guest_id`, `guest_type` and `include_ca`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldDelivery {
    /// The guest.
    pub guest: GuestId,
    /// Whether the root is delivered too.
    pub include_ca: bool,
}

impl Manifest {
    /// Reads a manifest; all its faults at once.
    pub fn decode(document: &Document) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let manifest = Self::as_far(document, &mut faults);
        faults.into_result(manifest)
    }

    /// Reads as much of a manifest as can be read: entries with a fault are left out.
    pub(crate) fn as_far(document: &Document, faults: &mut Faults) -> Self {
        let entries = fields::entries(document.root(), faults);
        cross::check(document.root(), faults);
        Self { entries }
    }

    /// The entry of this name.
    pub fn entry(&self, name: &CommonName) -> Option<&Entry> {
        self.entries
            .iter()
            .map(|located| &located.value)
            .find(|entry| entry.common_name == *name)
    }
}

/// The files of one slug stay beside each other for all entries of a directory.
impl Entry {
    /// The entry's slug, the name of its version directory.
    pub fn slug(&self) -> Slug {
        Slug::of(self.common_name.as_str())
    }
}

/// The key's mode where nothing states it: the certificate's, unless that opens it to group or others.
///
/// Then `640` where a group other than root was named for it, else `600`.
pub fn derived_key_mode(permissions: FileMode, owner: &Owner) -> FileMode {
    if !permissions.open_to_group() && !permissions.open_to_others() {
        permissions
    } else if owner.group == "root" || owner.group == "0" {
        FileMode::PRIVATE
    } else {
        FileMode::new(0o640)
    }
}

#[cfg(test)]
mod edit_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
