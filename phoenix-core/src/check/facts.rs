//! What is known beside the site's files; every part may be missing, and what needs it is then not looked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::diagnostic::Faults;
use crate::inventory::{DockerFacts, TraefikFacts};
use crate::model::SourceFile;
use crate::names::{FileMode, GuestId};

/// Facts for the rules.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct Facts {
    /// Files of the site that are not there, and what they are for.
    pub missing: Vec<(PathBuf, &'static str)>,
    /// What could not be read.
    pub unread: Faults,
    /// Traefik's dynamic files, as far as the site has them.
    pub dynamic: Vec<SourceFile>,
    /// The host's cron files.
    pub cron: Vec<SourceFile>,
    /// Old scripts that are still there.
    pub scripts: Vec<PathBuf>,
    /// Modes of files of the host that hold secrets.
    pub modes: BTreeMap<PathBuf, FileMode>,
    /// What guests told.
    pub guests: BTreeMap<GuestId, Told>,
    /// When they told it; absent when they were asked just now.
    pub told: Option<SystemTime>,
    /// The longest lifetime that the CA issues.
    pub ca_maximum: Option<Duration>,
}

/// What a guest told of its daemons.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct Told {
    /// dockerd.
    pub docker: Option<DockerFacts>,
    /// Traefik.
    pub traefik: Option<TraefikFacts>,
}
