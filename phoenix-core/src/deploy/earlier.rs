//! The versions of a pair that are kept beside the served one, for the way back.

use std::ffi::OsStr;
use std::time::SystemTime;

use super::layout::{CERT_FILE, CURRENT, KEY_FILE, PREVIOUS, is_version_name};
use super::pair::{DeployError, PairTarget};
use super::version::Versions;
use crate::secret::Secret;
use crate::system::{FileKind, Root};

/// A version that is kept.
#[derive(Debug)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// When it was written.
    pub written: SystemTime,
    /// Whether it is the served one.
    pub current: bool,
    /// The chain, leaf first.
    pub chain: Vec<u8>,
    /// The private key.
    pub key: Secret,
}

/// The versions at a target that have both files: the one served before first, then the newest first.
pub fn versions(root: &Root, target: &PairTarget) -> Result<Vec<Version>, DeployError> {
    let layout = target.layout(CURRENT)?;
    let Some(store) = Versions::open(root, target, &layout)? else {
        return Ok(Vec::new());
    };
    let current = store.link(CURRENT)?;
    let previous = store.link(PREVIOUS)?;
    let mut all = Vec::new();
    for name in store.names()? {
        let Some(text) = name.to_str().filter(|_| is_version_name(&name)) else {
            continue;
        };
        let Some((facts, dir)) = store
            .stat(&name)?
            .filter(|facts| facts.kind == FileKind::Directory)
            .zip(store.version(text)?)
        else {
            continue;
        };
        let file = |name: &str| match dir.read(OsStr::new(name), Root::READ_LIMIT) {
            Ok((bytes, _)) => Ok(Some(bytes)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        };
        if let Some((chain, key)) = file(CERT_FILE)?.zip(file(KEY_FILE)?.map(Secret::new)) {
            all.push(Version {
                current: current.as_deref() == Some(text),
                name: text.to_owned(),
                written: facts.modified,
                chain,
                key,
            });
        }
    }
    all.sort_by_key(|version| {
        (
            previous.as_deref() != Some(&version.name),
            std::cmp::Reverse(version.written),
        )
    });
    Ok(all)
}
