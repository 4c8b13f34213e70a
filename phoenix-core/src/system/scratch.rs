//! A directory of its own for each test, removed with it.

use std::path::{Path, PathBuf};

pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// In memory where the machine has such a place: for thousands of files.
    pub(crate) fn in_memory() -> Self {
        let shared = Path::new("/dev/shm");
        if shared.is_dir() {
            Self::below(shared)
        } else {
            Self::new()
        }
    }

    fn below(dir: &Path) -> Self {
        let name = format!("phoenix-test-{}", super::random::random_hex());
        let path = dir.join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
