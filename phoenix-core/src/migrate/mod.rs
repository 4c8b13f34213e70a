//! Edits that move a site from one state to another: pure, from documents to documents.

mod docker_tls;
mod entries;
mod report;

use crate::document::Document;

pub use docker_tls::{DockerTlsOptions, ProviderName, docker_tls};
pub use report::{DisarmedFile, FileChange, MigrateReport};

/// What a migration changes; empty when the site is there already.
#[derive(Debug, Clone, Default)]
pub struct Migration {
    /// The files that change.
    pub files: Vec<FileEdit>,
}

/// One file's change.
#[derive(Debug, Clone)]
pub struct FileEdit {
    /// The file as it was read.
    pub before: Document,
    /// The file as it shall be.
    pub after: Document,
    /// Each change and why it is made, in the order of the file.
    pub reasons: Vec<String>,
}
