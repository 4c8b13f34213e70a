//! Edits that move a site from one state to another: pure, from documents to documents.

mod docker_tls;
mod entries;
mod report;

use std::path::PathBuf;

use crate::change::FileEdit;

pub use docker_tls::{DockerTlsOptions, ProviderName, docker_tls};
pub use report::{DisarmedFile, MigrateReport};

/// What a migration changes; empty when the site is there already.
#[derive(Debug, Clone, Default)]
pub struct Migration {
    /// The files that change.
    pub files: Vec<FileEdit>,
    /// The files that are new.
    pub new_files: Vec<NewFile>,
}

/// A file that a migration makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
    /// Why it is made.
    pub reason: String,
}

#[cfg(test)]
mod tests;
