//! A guest that is a directory (`--root`, the demonstration): programs are interpreted here, commands are not run.

mod pair;
mod tree;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FileType, Stat};

use self::tree::{TEMPORARY, Tree};
use super::answer::{Entry, EntryKind, ExecEnded, Executed, Listing, Meta};
use super::program::{Exec, Expect, Inspect, Lend, Replace};
use super::{
    Answer, GuestPath, GuestState, GuestTransport, Program, Refusal, Sha256, Step, StepError,
    StepResult, TransportError, sockets,
};
use crate::names::{FileMode, GuestId};
use crate::secret::Secret;

/// What happens instead of a command in a guest that is a directory.
pub trait LocalExec: Send + Sync {
    /// Says how the command ended.
    fn exec(&self, guest: GuestId, exec: &Exec) -> Executed;
}

impl<F: Fn(GuestId, &Exec) -> Executed + Send + Sync> LocalExec for F {
    fn exec(&self, guest: GuestId, exec: &Exec) -> Executed {
        self(guest, exec)
    }
}

impl Executed {
    /// What stands for a command that is not run.
    pub fn would_run(exec: &Exec) -> Self {
        Self {
            ended: ExecEnded::WouldRun,
            stdout: Vec::new(),
            stderr: Vec::new(),
            truncated: false,
            required: exec.required,
        }
    }
}

/// A directory that stands for a guest. Nothing outside it is read or written.
///
/// Owners are looked up in its own `etc/passwd` and `etc/group`, and set only by root.
pub struct Local {
    guest: GuestId,
    directory: PathBuf,
    exec: Arc<dyn LocalExec>,
}

impl Local {
    /// This directory stands for the guest; its commands would be run.
    pub fn new(guest: GuestId, directory: impl Into<PathBuf>) -> Self {
        Self {
            guest,
            directory: directory.into(),
            exec: Arc::new(|_: GuestId, exec: &Exec| Executed::would_run(exec)),
        }
    }

    /// The guest's directory beneath a root: `lxc:102` is `ROOT/guests/lxc-102`.
    pub fn beneath(root: &Path, guest: GuestId) -> Self {
        let name = format!("{}-{}", guest.kind, guest.id);
        Self::new(guest, root.join("guests").join(name))
    }

    /// With something else happening instead of commands.
    #[must_use]
    pub fn exec(mut self, exec: Arc<dyn LocalExec>) -> Self {
        self.exec = exec;
        self
    }

    fn tree(&self) -> Result<Tree, TransportError> {
        let guest = self.guest;
        Tree::open(&self.directory).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => TransportError::NoSuchGuest { guest },
            _ => TransportError::Local { guest, source },
        })
    }

    fn step(&self, tree: &Tree, step: &Step) -> StepResult {
        let result = match step {
            Step::Deliver(delivery) => pair::deliver(tree, delivery),
            Step::Exec(exec) => Ok(StepResult::Exec(self.exec.exec(self.guest, exec))),
            Step::Inspect(inspect) => inspect_path(tree, inspect),
            Step::Lend(file) => lend(tree, file),
            Step::List { dir } => list(tree, dir),
            Step::Remove { path } => remove(tree, path),
            Step::Replace(file) => replace(tree, file),
            Step::Restore(restore) => pair::restore(tree, restore),
            Step::Sockets => Ok(StepResult::Sockets(
                ["/proc/net/tcp", "/proc/net/tcp6"]
                    .iter()
                    .flat_map(|path| sockets::parse(&tree.table(path)))
                    .collect(),
            )),
        };
        result.unwrap_or_else(StepResult::Refused)
    }
}

impl GuestTransport for Local {
    fn guest(&self) -> GuestId {
        self.guest
    }

    fn state(&self) -> Result<GuestState, TransportError> {
        self.tree().map(|_| GuestState::Running)
    }

    fn run(&self, program: &Program, _timeout: Duration) -> Result<Answer, TransportError> {
        let tree = self.tree()?;
        let mut answer = Answer {
            results: Vec::with_capacity(program.steps.len()),
        };
        for step in &program.steps {
            let stop = !program.keep_going && answer.failure().is_some();
            answer.results.push(if stop {
                StepResult::Skipped
            } else {
                self.step(&tree, step)
            });
        }
        for (step, result) in program.steps.iter().zip(&answer.results) {
            if let (Step::Lend(file), StepResult::Lent) = (step, result) {
                take_back(&tree, &file.path).map_err(|source| TransportError::Local {
                    guest: self.guest,
                    source,
                })?;
            }
        }
        Ok(answer)
    }

    fn init_pid(&self) -> Result<Option<u32>, TransportError> {
        Ok(None)
    }
}

fn inspect_path(tree: &Tree, inspect: &Inspect) -> Result<StepResult, StepError> {
    let path = &inspect.path;
    let name = match path.file_name() {
        "" => ".",
        name => name,
    };
    let absent = Ok(StepResult::Inspected(None));
    let Ok(dir) = tree.dir(&path.parent()) else {
        return absent;
    };
    let Some(stat) = dir.stat(name).map_err(at(Refusal::Missing, path))? else {
        return absent;
    };
    let mut entry = Entry {
        meta: meta(tree, &stat),
        target: None,
        behind: None,
        sha256: None,
        content: None,
    };
    if entry.meta.kind == EntryKind::Link {
        entry.target = dir.target(name).ok();
    }
    if let Ok(file) = tree.file(path)
        && let Ok(stat) = rustix::fs::fstat(&file)
    {
        let opened = meta(tree, &stat);
        if opened.kind == EntryKind::File && opened.size <= 64 << 20 {
            let mut bytes = Vec::with_capacity(usize::try_from(opened.size).unwrap_or(0));
            if file.take(64 << 20).read_to_end(&mut bytes).is_ok() {
                entry.sha256 = Some(Sha256::of(&bytes));
                entry.content = inspect.content.map(|limit| {
                    bytes.truncate(limit as usize);
                    Secret::new(bytes)
                });
            }
        }
        if entry.meta.kind == EntryKind::Link {
            entry.behind = Some(opened);
        }
    }
    Ok(StepResult::Inspected(Some(entry)))
}

fn list(tree: &Tree, path: &GuestPath) -> Result<StepResult, StepError> {
    let dir = tree.dir(path).map_err(at(Refusal::Missing, path))?;
    let mut names = dir.names(LIST_LIMIT).map_err(at(Refusal::Missing, path))?;
    let truncated = names.len() > LIST_LIMIT;
    names.truncate(LIST_LIMIT);
    let entries = names.into_iter().map(|(name, file)| (name, kind(file)));
    Ok(StepResult::Listed(Listing {
        entries: entries.collect(),
        truncated,
    }))
}

fn remove(tree: &Tree, path: &GuestPath) -> Result<StepResult, StepError> {
    let Ok(dir) = tree.dir(&path.parent()) else {
        return Ok(StepResult::Removed(false));
    };
    let found = dir.kind(path.file_name());
    match found.map_err(at(Refusal::Remove, path))? {
        None => Ok(StepResult::Removed(false)),
        Some(FileType::Directory) => Err(directory(path)),
        Some(_) => dir
            .remove(path.file_name())
            .and_then(|_| dir.sync())
            .map(|()| StepResult::Removed(true))
            .map_err(at(Refusal::Remove, path)),
    }
}

fn replace(tree: &Tree, file: &Replace) -> Result<StepResult, StepError> {
    let path = &file.path;
    let owner = tree.ids(&file.owner)?;
    if tree.dir(path).is_ok() {
        return Err(directory(path));
    }
    let parent = path.parent();
    let dir = if file.parents {
        tree.make_dir(&parent)
    } else {
        tree.dir(&parent)
    };
    let dir = dir.map_err(at(Refusal::Create, &parent))?;
    let there = dir
        .kind(path.file_name())
        .map_err(at(Refusal::Create, path))?;
    let changed = |what: &str| Err(StepError::new(Refusal::Changed, format!("{path} {what}")));
    match &file.expect {
        Expect::Absent if there.is_some() => return changed("is there already"),
        Expect::Sha256(wanted) if tree.digest(path).ok().as_ref() != Some(wanted) => {
            return changed("is not the file that was read before");
        }
        _ => {}
    }
    dir.remove(TEMPORARY).map_err(at(Refusal::Create, path))?;
    let placed = dir
        .put(TEMPORARY, &file.bytes, file.mode, owner)
        .and_then(|()| {
            dir.rename(TEMPORARY, &dir, path.file_name())
                .and_then(|()| dir.sync())
                .map_err(at(Refusal::Rename, path))
        });
    if placed.is_err() {
        dir.remove(TEMPORARY).map_err(at(Refusal::Create, path))?;
    }
    placed?;
    let found = tree.digest(path).map_err(at(Refusal::Digest, path))?;
    if found != Sha256::of(file.bytes.expose_secret()) {
        let message = format!("{path} has another SHA-256 than the bytes sent");
        return Err(StepError::new(Refusal::Digest, message));
    }
    Ok(StepResult::Replaced)
}

fn lend(tree: &Tree, file: &Lend) -> Result<StepResult, StepError> {
    let owner = tree.ids(&file.owner)?;
    let dir = tree.dir(&file.path.parent());
    let dir = dir.map_err(at(Refusal::Create, &file.path))?;
    let put = dir.put(file.path.file_name(), &file.bytes, file.mode, owner);
    if put
        .as_ref()
        .is_err_and(|error| error.refusal != Refusal::Create)
    {
        take_back(tree, &file.path).map_err(at(Refusal::Remove, &file.path))?;
    }
    put.map(|()| StepResult::Lent)
}

fn take_back(tree: &Tree, path: &GuestPath) -> io::Result<()> {
    tree.dir(&path.parent())?.remove(path.file_name()).map(drop)
}

fn meta(tree: &Tree, stat: &Stat) -> Meta {
    Meta {
        kind: kind(FileType::from_raw_mode(stat.st_mode)),
        mode: FileMode::new(stat.st_mode),
        uid: stat.st_uid,
        gid: stat.st_gid,
        user: tree.name_of(stat.st_uid, "/etc/passwd"),
        group: tree.name_of(stat.st_gid, "/etc/group"),
        size: u64::try_from(stat.st_size).unwrap_or(0),
    }
}

fn kind(file: FileType) -> EntryKind {
    match file {
        FileType::Directory => EntryKind::Directory,
        FileType::RegularFile => EntryKind::File,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

fn directory(path: &GuestPath) -> StepError {
    StepError::new(Refusal::Directory, format!("{path} is a directory"))
}

fn at(refusal: Refusal, path: &GuestPath) -> impl Fn(io::Error) -> StepError {
    move |error| StepError::new(refusal, format!("{path}: {error}"))
}

const LIST_LIMIT: usize = 50_000;
