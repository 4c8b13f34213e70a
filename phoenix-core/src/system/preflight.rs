//! Whether a directory can take what is to be written, asked before anything is.

use rustix::fs::{self, Access, AtFlags, StatVfsMountFlags};
use rustix::io::Errno;

use super::dir::Dir;
use super::error::FileError;

/// Fails unless this process may create entries in the directory and `bytes` more fit on its file system.
pub(crate) fn can_take(dir: &Dir, bytes: u64) -> Result<(), FileError> {
    let path = dir.path();
    let asked = Access::WRITE_OK | Access::EXEC_OK;
    match fs::accessat(dir.fd(), ".", asked, AtFlags::EACCESS) {
        Ok(()) | Err(Errno::NOSYS | Errno::INVAL) => {}
        Err(errno) => return Err(FileError::of("write to", path, errno)),
    }
    let space = fs::fstatvfs(dir.fd()).map_err(|errno| FileError::of("look at", path, errno))?;
    if space.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(FileError::of("write to", path, Errno::ROFS));
    }
    let blocks = if rustix::process::geteuid().is_root() {
        space.f_bfree
    } else {
        space.f_bavail
    };
    let free = blocks.saturating_mul(space.f_frsize.max(1));
    // File systems without a size of their own say 0 of 0, as for inodes.
    let full = space.f_blocks > 0 && free < bytes.saturating_add(SLACK);
    let no_inodes = space.f_files > 0 && space.f_ffree < 16;
    if full || no_inodes {
        return Err(FileError::of("write to", path, Errno::NOSPC));
    }
    Ok(())
}

/// Room for directory entries and the rounding up of small files.
const SLACK: u64 = 64 << 10;
