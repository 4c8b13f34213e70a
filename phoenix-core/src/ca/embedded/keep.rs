//! The embedded CA's directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{INTERMEDIATE, INTERMEDIATE_KEY, ROOT};
use crate::ca::EnrollError;
use crate::secret::Secret;
use crate::system::random_hex;

/// A file of a CA that is being made.
pub(super) struct NewFile {
    pub(super) name: &'static str,
    pub(super) bytes: Secret,
    pub(super) mode: u32,
}

/// What is needed to issue; the root's key stays unread.
pub(super) struct Kept {
    pub(super) root: Vec<u8>,
    pub(super) intermediate: Vec<u8>,
    pub(super) intermediate_key: Secret,
}

impl Kept {
    pub(super) fn read(dir: &Path) -> Result<Self, EnrollError> {
        let file = |name: &str| {
            let path = dir.join(name);
            bounded(&path).map_err(|source| fault("read", &path, source))
        };
        Ok(Self {
            root: file(ROOT)?.expose_secret().to_vec(),
            intermediate: file(INTERMEDIATE)?.expose_secret().to_vec(),
            intermediate_key: file(INTERMEDIATE_KEY)?,
        })
    }
}

/// Whether there is a CA in the directory; an empty directory holds none.
pub(super) fn exists(dir: &Path) -> Result<bool, EnrollError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(fault("read", dir, error)),
    }
}

/// Puts a new CA in place as a whole: files beside the directory, made durable, then one rename.
pub(super) fn create(dir: &Path, files: &[NewFile]) -> Result<(), EnrollError> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .map_err(|source| fault("create", parent, source))?;
    let staging = staging(dir);
    let done = fill(&staging, files)
        .and_then(|()| match fs::rename(&staging, dir) {
            // Another process was faster: its CA is the one.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                fs::remove_dir_all(&staging)
            }
            other => other,
        })
        .and_then(|()| File::open(parent)?.sync_all());
    done.map_err(|source| {
        // The keys in it were never used.
        let _ = fs::remove_dir_all(&staging);
        fault("create", dir, source)
    })
}

fn fill(staging: &Path, files: &[NewFile]) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(staging)?;
    for file in files {
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(file.mode)
            .open(staging.join(file.name))?;
        out.write_all(file.bytes.expose_secret())?;
        out.sync_all()?;
    }
    File::open(staging)?.sync_all()
}

fn staging(dir: &Path) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", random_hex()));
    dir.with_file_name(name)
}

fn bounded(path: &Path) -> io::Result<Secret> {
    const LIMIT: u64 = 64 << 10;
    let mut bytes = Vec::with_capacity(4 << 10);
    let read = File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes);
    let secret = Secret::new(bytes);
    if read? as u64 > LIMIT {
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    Ok(secret)
}

fn fault(action: &'static str, path: &Path, source: io::Error) -> EnrollError {
    EnrollError::Keep {
        action,
        path: path.display().to_string(),
        source,
    }
}
