//! Which CA the site has, what it says about itself, and what became of taking one in.

use std::path::PathBuf;

use serde::Serialize;

use crate::ca::{Health, ProvisionerInfo};
use crate::change::FileChange;
use crate::x509::{Anchor, Fingerprint, Permitted};

/// Which CA the site has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaView {
    /// `step-ca`, `acme`, `embedded`, or `own` for one that the program brings.
    pub kind: &'static str,
    /// Its addresses, or its directory.
    pub at: Vec<String>,
    /// Where that is said.
    pub said_by: Option<String>,
    /// The name on its certificate, where it is stated.
    pub server_name: Option<String>,
    /// The proxy through which it is reached, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The provisioner, where it is stated.
    pub provisioner: Option<String>,
    /// How names are proved, where it speaks ACME.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// The files in which its password is looked for, and whether each is there.
    pub password_files: Vec<(PathBuf, bool)>,
    /// The files in which its root is looked for, and whether each is there.
    pub root_files: Vec<(PathBuf, bool)>,
    /// The root that is trusted; `None` before the first run.
    pub pinned: Option<CaRoot>,
    /// The CA that Docker's clients have to themselves, where there is one.
    pub docker_clients: Option<ClientCaView>,
    /// What it said itself, where it was asked.
    pub online: Option<CaOnline>,
}

/// The CA that Docker's clients have to themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientCaView {
    /// Its directory.
    pub dir: PathBuf,
    /// Whether the settings ask for it.
    pub used: bool,
    /// Its root; `None` before the first run.
    pub root: Option<CaRoot>,
}

/// Which CA of our own is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CaKind {
    /// The one that Docker's clients have to themselves.
    DockerClient,
    /// The site's, where it names no other.
    Site,
}

/// A CA certificate in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaRoot {
    /// Its subject.
    pub subject: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Until when it is valid.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub not_after: std::time::SystemTime,
}

impl CaRoot {
    pub(crate) fn of(anchor: &Anchor) -> Self {
        Self {
            subject: anchor.subject.clone(),
            fingerprint: anchor.fingerprint,
            not_after: anchor.not_after,
        }
    }
}

/// What a CA says about itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CaOnline {
    /// That it answers.
    pub health: Health,
    /// Its provisioners.
    pub provisioners: Vec<ProvisionerInfo>,
    /// Its roots.
    pub roots: Vec<CaRoot>,
    /// Its intermediates; empty where it does not show them.
    pub intermediates: Vec<CaRoot>,
    /// The names that it may issue for, where it is one of our own.
    pub permitted: Option<Permitted>,
    /// How many certificates its revocation list holds; `None` where it keeps none.
    pub revoked: Option<usize>,
    /// What could not be had, and why.
    pub notes: Vec<String>,
}

/// A CA of our own that was made, or was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaInit {
    /// Which one.
    pub kind: CaKind,
    /// Its directory.
    pub dir: PathBuf,
    /// Its root; `None` where a dry run would make one.
    pub root: Option<CaRoot>,
    /// The names that it may issue for.
    pub permitted: Option<Permitted>,
    /// Where the one lies now that was there before.
    pub replaced: Option<PathBuf>,
    /// Whether the site's settings ask for it.
    pub used: bool,
    /// Whether it was made now.
    pub made: bool,
}

/// What a bootstrap did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootstrapReport {
    /// The root that is trusted from now on.
    pub root: CaRoot,
    /// The root that was trusted before, where it is another.
    pub instead_of: Option<Fingerprint>,
    /// The provisioner.
    pub provisioner: Option<String>,
    /// The files that changed.
    pub files: Vec<FileChange>,
    /// What was found out, and what is still to be done.
    pub notes: Vec<String>,
    /// Whether anything was written.
    pub written: bool,
}
