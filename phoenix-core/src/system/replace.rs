//! One file replaced as a whole: written beside it, then renamed over it.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::dir::Dir;
use super::error::FileError;
use super::facts::{FileFacts, FileKind};
use super::random::random_hex;
use super::root::{Links, Root};
use crate::names::FileMode;
use crate::secret::Secret;

/// Owner and mode of a file that is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits. Default: those of the file that is replaced, else `644` less the umask.
    pub mode: Option<FileMode>,
    /// User and group. Default: those of the file that is replaced, else the ones of this process.
    pub owner: Option<(u32, u32)>,
}

impl Attributes {
    /// This mode, whatever owner there is.
    pub fn mode(mode: FileMode) -> Self {
        Self {
            mode: Some(mode),
            owner: None,
        }
    }

    /// With what is not stated taken from the file that is replaced.
    pub(crate) fn or_of(self, existing: Option<&FileFacts>) -> Self {
        Self {
            mode: self.mode.or(existing.map(|facts| facts.mode)),
            owner: self.owner.or(existing.map(FileFacts::owner)),
        }
    }
}

impl Root {
    /// Replaces a file, or creates it: readers see the old or the new one, never a part.
    ///
    /// A link is followed and the file that it points to is replaced. Nothing is left behind on failure; what a
    /// killed run left beside the target is removed by a later one.
    pub fn replace(
        &self,
        path: &Path,
        bytes: &[u8],
        attributes: &Attributes,
    ) -> Result<(), FileError> {
        let (dir, name) = self.locate("replace", path, Links::Follow)?;
        let existing = dir.stat(&name)?;
        refuse_other_kinds(&dir, &name, existing.as_ref())?;
        let temporary = temporary_name(NEW);
        let temporary = OsStr::new(&temporary);
        let facts = dir.write_new(temporary, bytes, &attributes.or_of(existing.as_ref()))?;
        if let Err(error) = dir.rename(temporary, &dir, &name) {
            let _ = dir.remove(temporary);
            return Err(error);
        }
        dir.sync()?;
        sweep(&dir, &facts);
        Ok(())
    }
}

/// Replaces files of one directory, each as a whole; all are durable afterwards. A failure leaves the rest as they were.
pub(crate) fn replace_all(
    dir: &Dir,
    files: &[(String, Secret)],
    attributes: &Attributes,
) -> Result<(), FileError> {
    let mut written = Vec::new();
    let replaced = write_all(dir, files, attributes, &mut written).and_then(|facts| {
        for (temporary, name) in &written {
            dir.rename(OsStr::new(temporary), dir, OsStr::new(name))?;
        }
        dir.sync()?;
        Ok(facts)
    });
    match replaced {
        Ok(Some(facts)) => sweep(dir, &facts),
        Ok(None) => {}
        Err(error) => {
            for (temporary, _) in &written {
                let _ = dir.remove(OsStr::new(temporary));
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Writes files beside their targets, durably; the facts of one of them.
fn write_all<'f>(
    dir: &Dir,
    files: &'f [(String, Secret)],
    attributes: &Attributes,
    written: &mut Vec<(String, &'f str)>,
) -> Result<Option<FileFacts>, FileError> {
    let mut handles = Vec::new();
    for (name, bytes) in files {
        let temporary = temporary_name(NEW);
        handles.push(dir.write_unsynced(
            OsStr::new(&temporary),
            bytes.expose_secret(),
            attributes,
        )?);
        written.push((temporary, name));
    }
    // Of many files, their file system's sync takes less than their own.
    if handles.len() < SYNCED_TOGETHER || dir.sync_file_system().is_err() {
        for (file, (temporary, _)) in handles.iter().zip(written.iter()) {
            let path = || dir.path().join(temporary);
            file.sync_all()
                .map_err(|error| FileError::of("write", &path(), error))?;
        }
    }
    match written.last() {
        Some((temporary, _)) => dir.stat(OsStr::new(temporary)),
        None => Ok(None),
    }
}

/// From so many files on, one sync of their file system takes less than those of each.
pub(crate) const SYNCED_TOGETHER: usize = 4;

/// What begins the name of a file that is to become the target.
pub(crate) const NEW: &str = ".phoenix-new-";
/// What begins the name of a file that was the target.
pub(crate) const OLD: &str = ".phoenix-old-";

/// A name that nothing else has.
pub(crate) fn temporary_name(prefix: &str) -> String {
    format!("{prefix}{}", random_hex())
}

/// Only files and links are replaced.
pub(crate) fn refuse_other_kinds(
    dir: &Dir,
    name: &OsStr,
    existing: Option<&FileFacts>,
) -> Result<(), FileError> {
    match existing.map(|facts| facts.kind) {
        None | Some(FileKind::File | FileKind::Link) => Ok(()),
        Some(found) => Err(FileError::NotAFile {
            act: "replace",
            path: dir.path().join(name),
            found,
        }),
    }
}

/// Removes what runs that were killed an hour and longer ago left in a directory.
///
/// `fresh` was written just now: the file system's own clock tells the age, and `changed` cannot be set by programs.
pub(crate) fn sweep(dir: &Dir, fresh: &FileFacts) {
    let Some(horizon) = fresh.changed.checked_sub(Duration::from_secs(3_600)) else {
        return;
    };
    // Tidying up is no part of the act: a failure leaves the name for the next run.
    for name in dir.names().unwrap_or_default() {
        if is_temporary(&name)
            && let Ok(Some(facts)) = dir.stat(&name)
            && facts.kind != FileKind::Directory
            && facts.changed < horizon
        {
            let _ = dir.remove(&name);
        }
    }
}

/// Whether a name is one of ours for something unfinished.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        [NEW, OLD].iter().any(|prefix| {
            name.strip_prefix(prefix).is_some_and(|rest| {
                rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::super::scratch::Scratch;
    use super::*;

    #[test]
    fn mode_is_kept_unless_stated_and_nothing_is_left_beside() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        let file = scratch.path().join("f");
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let before = std::fs::metadata(&file).unwrap();
        root.replace(Path::new("/f"), b"new", &Attributes::default())
            .unwrap();
        let after = std::fs::metadata(&file).unwrap();
        assert_eq!(after.mode() & 0o7777, 0o640);
        assert_ne!(before.ino(), after.ino(), "replaced, not rewritten");
        root.replace(
            Path::new("/f"),
            b"newer",
            &Attributes::mode(FileMode::PRIVATE),
        )
        .unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(root.list(Path::new("/")).unwrap(), ["f"]);
    }

    #[test]
    fn a_link_stays_and_the_file_behind_it_is_replaced() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        std::fs::create_dir(scratch.path().join("d")).unwrap();
        symlink("d/real", scratch.path().join("link")).unwrap();
        symlink("loop", scratch.path().join("loop")).unwrap();
        root.replace(Path::new("/link"), b"x", &Attributes::default())
            .unwrap();
        assert_eq!(std::fs::read(scratch.path().join("d/real")).unwrap(), b"x");
        assert!(scratch.path().join("link").is_symlink());
        assert!(matches!(
            root.replace(Path::new("/loop"), b"x", &Attributes::default()),
            Err(FileError::Link { .. })
        ));
        assert!(matches!(
            root.replace(Path::new("/d"), b"x", &Attributes::default()),
            Err(FileError::NotAFile { .. })
        ));
    }

    #[test]
    fn an_owner_that_cannot_be_set_is_a_failure_and_leaves_nothing() {
        if rustix::process::geteuid().is_root() {
            return;
        }
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        let attributes = Attributes {
            mode: None,
            owner: Some((0, 0)),
        };
        assert!(matches!(
            root.replace(Path::new("/f"), b"x", &attributes),
            Err(FileError::Denied { .. })
        ));
        assert!(root.list(Path::new("/")).unwrap().is_empty());
    }

    #[test]
    fn many_files_are_replaced_each_as_a_whole() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        let dir = root.open_dir(Path::new("/"), Links::Follow).unwrap();
        let mode = Attributes::mode(FileMode::PRIVATE);
        for count in [0, 1, SYNCED_TOGETHER + 1] {
            let files: Vec<(String, Secret)> = (0..count)
                .map(|number| (format!("f{number}"), Secret::from(format!("{count}"))))
                .collect();
            replace_all(&dir, &files, &mode).unwrap();
            for (name, _) in &files {
                let (bytes, facts) = dir.read(OsStr::new(name), 10).unwrap();
                assert_eq!(bytes, count.to_string().as_bytes());
                assert_eq!(facts.mode, FileMode::PRIVATE);
            }
            assert_eq!(dir.names().unwrap().len(), count, "nothing is left beside");
        }
        std::fs::remove_file(scratch.path().join("f1")).unwrap();
        std::fs::create_dir(scratch.path().join("f1")).unwrap();
        let files = ["f0", "f1"].map(|name| (name.to_owned(), Secret::from("new".to_owned())));
        assert!(replace_all(&dir, &files, &mode).is_err());
        assert_eq!(
            dir.names().unwrap().len(),
            SYNCED_TOGETHER + 1,
            "nothing is left beside after a failure either"
        );
    }

    #[test]
    fn only_our_own_left_overs_are_recognised() {
        assert!(is_temporary(OsStr::new(&temporary_name(NEW))));
        assert!(is_temporary(OsStr::new(&temporary_name(OLD))));
        for name in [
            ".phoenix-new-",
            ".phoenix",
            ".phoenix-new-0123456789abcdeg",
            "x",
        ] {
            assert!(!is_temporary(OsStr::new(name)), "{name}");
        }
    }
}
