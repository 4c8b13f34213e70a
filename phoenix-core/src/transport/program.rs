//! What is to be done in a guest, as plain data: one program is one call into the guest.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::names::{FileMode, NameError, Owner, Slug};
use crate::secret::Secret;

/// Steps for one guest, run one after another by one call, since each call costs about a second on a real host.
#[derive(Debug, Default)]
pub struct Program {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Whether the steps behind a failed one go on. Default: they are skipped.
    ///
    /// A step fails when it is refused, and an [`Exec`] that is `required` also when its command does not end with 0.
    pub keep_going: bool,
}

impl Program {
    /// A program that stops at its first failure.
    pub fn new(steps: Vec<Step>) -> Self {
        Self {
            steps,
            keep_going: false,
        }
    }

    /// With the steps behind a failed one run all the same.
    #[must_use]
    pub fn keep_going(mut self) -> Self {
        self.keep_going = true;
        self
    }

    /// An old-style delivery: the files exist while the hook runs and are gone afterwards, also when it fails.
    pub fn lent(files: Vec<Lend>, hook: Exec) -> Self {
        let lent = files.into_iter().map(Step::Lend);
        Self::new(lent.chain([Step::Exec(hook)]).collect())
    }

    /// How long the commands in it may take at the most; a caller adds the time for the call itself.
    pub fn exec_time(&self) -> Duration {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Exec(exec) => exec.timeout + Exec::GRACE,
                _ => Duration::ZERO,
            })
            .sum()
    }
}

/// One operation in a guest.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Replaces a certificate, its key and its CA as one unit.
    Deliver(Delivery),
    /// Runs a command.
    Exec(Exec),
    /// Reads what a path is.
    Inspect(Inspect),
    /// Creates a file that exists only until the program ends, however it ends.
    Lend(Lend),
    /// Reads the names in a directory.
    List {
        /// The directory.
        dir: GuestPath,
    },
    /// Removes a file or link; one that is not there is removed already.
    Remove {
        /// The path.
        path: GuestPath,
    },
    /// Replaces a file, or makes it.
    Replace(Replace),
    /// Puts a delivered pair back to an earlier version.
    Restore(Restore),
    /// Reads the guest's TCP sockets, listening ones and connections, of both address families.
    Sockets,
}

/// Reads what a path is: kind, mode, owner, size, link target, SHA-256 and perhaps the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspect {
    /// The path, not followed when it is a link; what lies behind the link is answered too.
    pub path: GuestPath,
    /// How many bytes of a regular file (or of one behind a link) to bring along; `None`: none. Keys are not read back.
    pub content: Option<u32>,
}

impl Inspect {
    /// Reads everything but the bytes.
    pub fn new(path: GuestPath) -> Self {
        Self {
            path,
            content: None,
        }
    }

    /// With the bytes, up to 1 MiB.
    pub fn with_content(path: GuestPath) -> Self {
        Self {
            path,
            content: Some(1 << 20),
        }
    }
}

/// What a file must be before it is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// Nothing is there.
    Absent,
    /// Whatever.
    Any,
    /// A file with these bytes.
    Sha256(Sha256),
}

/// Replaces a file by a rename; a link that is there is replaced itself.
#[derive(Debug)]
pub struct Replace {
    /// The path.
    pub path: GuestPath,
    /// Its new bytes, at most 8 MiB.
    pub bytes: Secret,
    /// Its mode, set before the bytes.
    pub mode: FileMode,
    /// Its owner as the guest knows it, set before the bytes.
    pub owner: Owner,
    /// What must be there, else the step is refused with [`Refusal::Changed`](super::Refusal::Changed).
    pub expect: Expect,
    /// Whether missing directories on the way are made (`0755`).
    pub parents: bool,
}

impl Replace {
    /// Whatever is there, with missing directories made.
    pub fn new(path: GuestPath, bytes: Secret, mode: FileMode, owner: Owner) -> Self {
        Self {
            path,
            bytes,
            mode,
            owner,
            expect: Expect::Any,
            parents: true,
        }
    }
}

/// A file made for the time of the program: created exclusively, never through something that is there already.
#[derive(Debug)]
pub struct Lend {
    /// The path.
    pub path: GuestPath,
    /// Its bytes.
    pub bytes: Secret,
    /// Its mode, set before the bytes.
    pub mode: FileMode,
    /// Its owner as the guest knows it.
    pub owner: Owner,
}

/// A command in the guest, with its true exit status, killed by the guest's own timer.
#[derive(Debug)]
pub struct Exec {
    /// Program and arguments; no secret ever.
    pub argv: Vec<String>,
    /// Bytes for its standard input.
    pub stdin: Option<Secret>,
    /// After this long (whole seconds) its process group gets SIGTERM, and SIGKILL 5 s later.
    pub timeout: Duration,
    /// Whether the program stops when it does not end with 0. Default: yes.
    pub required: bool,
    /// How many bytes of its output and of its errors are kept. Default: 64 KiB each.
    pub output_limit: u32,
}

impl Exec {
    /// The time between the end of `timeout` and the moment when the command is certainly gone.
    pub const GRACE: Duration = Duration::from_secs(8);

    /// A required command without input, with a timeout of 120 s.
    pub fn new<W: Into<String>>(argv: impl IntoIterator<Item = W>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            stdin: None,
            timeout: Duration::from_secs(120),
            required: true,
            output_limit: 64 << 10,
        }
    }

    /// With these bytes on standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: Secret) -> Self {
        self.stdin = Some(bytes);
        self
    }

    /// With this timeout.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// With the program going on whatever the command says.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }
}

/// A pair delivered as one unit: versions under `<dir>/.phoenix/<slug>/`, one rename of `current` swaps all files.
///
/// `<dir>` is the certificate's directory. Paths in it become relative links through `current`, paths elsewhere
/// absolute ones. Plain files that are there already are taken over without a moment of absence. Where a program watches
/// the paths' directory they are plain files, each replaced by one rename, and the versions lie elsewhere.
#[derive(Debug)]
pub struct Delivery {
    /// The entry that the pair belongs to.
    pub slug: Slug,
    /// The new version's name.
    pub version: Version,
    /// The chain, leaf first.
    pub cert: PairFile,
    /// The private key.
    pub key: PairFile,
    /// The root, where the consumer wants it as a file.
    pub ca: Option<PairFile>,
    /// The owner of all files, as the guest knows it.
    pub owner: Owner,
    /// How many versions before the current one stay; the one before it always does.
    pub keep: u32,
    /// Where the versions lie when the paths are plain files: a directory of the same file system that nobody watches.
    pub beside: Option<GuestPath>,
}

impl Delivery {
    /// The names of the files in a version's directory: chain, key and root.
    pub const NAMES: [&'static str; 3] = ["fullchain.pem", "key.pem", "ca.pem"];

    /// The directory that holds `.phoenix`.
    pub fn dir(&self) -> GuestPath {
        self.beside
            .clone()
            .unwrap_or_else(|| self.cert.path.parent())
    }

    /// How its predecessor, this version, comes back.
    pub fn restore(&self, version: Version) -> Restore {
        let plain = self.beside.is_some();
        Restore {
            dir: self.dir(),
            slug: self.slug.clone(),
            version: Some(version),
            plain: self
                .files()
                .filter(|_| plain)
                .map(|(name, file)| (name, file.path.clone()))
                .collect(),
        }
    }

    /// The files with their names in the version's directory.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &PairFile)> {
        let files = [Some(&self.cert), Some(&self.key), self.ca.as_ref()];
        Self::NAMES
            .into_iter()
            .zip(files)
            .filter_map(|(name, file)| Some((name, file?)))
    }

    /// What the link at a file's path points to.
    pub(crate) fn target(&self, name: &str, file: &PairFile) -> LinkTarget {
        if self.beside.is_some() {
            return LinkTarget::None;
        }
        let through = format!(".phoenix/{}/current/{name}", self.slug);
        if file.path.parent() == self.dir() {
            LinkTarget::Relative(through)
        } else {
            LinkTarget::Absolute(self.dir().join(&through))
        }
    }
}

/// Where a link of ours leads: absolute ones get the transport's own prefix.
pub(crate) enum LinkTarget {
    /// The path is a plain file.
    None,
    Relative(String),
    Absolute(GuestPath),
}

/// One file of a [`Delivery`].
#[derive(Debug)]
pub struct PairFile {
    /// Where the consumer opens it.
    pub path: GuestPath,
    /// Its bytes.
    pub bytes: Secret,
    /// Its mode.
    pub mode: FileMode,
}

/// Puts `current` of a delivered pair back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The directory that holds `.phoenix`.
    pub dir: GuestPath,
    /// The entry that the pair belongs to.
    pub slug: Slug,
    /// The version to go back to; `None`: the newest but the current one.
    pub version: Option<Version>,
    /// The paths that are plain files, with their names in a version.
    pub plain: Vec<(&'static str, GuestPath)>,
}

/// The name of one version of a pair, one safe path component (`<serial>` in the layout of pairs).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(String);

impl Version {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Version {
    type Err = NameError;

    /// Takes 1 to 64 letters, digits and hyphens, no hyphen first; `current` is the link's own name.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let free = !text.starts_with('-') && text != "current";
        if plain && free && (1..=64).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new(
                text,
                "a version of 1 to 64 letters, digits and hyphens",
            ))
        }
    }
}

/// An absolute path in a guest: no `.`, no `..`, no control characters, no slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GuestPath(String);

impl GuestPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that it stands in; of `/` itself `/`.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => Self("/".to_owned()),
            Some((dir, _)) => Self(dir.to_owned()),
        }
    }

    /// Its last component; empty for `/`.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path of something beneath it; `relative` must follow the same rules.
    pub(crate) fn join(&self, relative: &str) -> Self {
        Self(format!("{}/{relative}", self.0.trim_end_matches('/')))
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for GuestPath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || {
            NameError::new(
                text,
                "an absolute path in a guest without `.`, `..` and control characters",
            )
        };
        let rest = text.strip_prefix('/').ok_or_else(error)?;
        if text.len() > 1024 || text.chars().any(char::is_control) {
            return Err(error());
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        if parts.iter().any(|part| matches!(*part, "." | "..")) {
            return Err(error());
        }
        Ok(Self(format!("/{}", parts.join("/"))))
    }
}

/// A SHA-256, printed as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let mut out = [0; 32];
        out.copy_from_slice(digest.as_ref());
        Self(out)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::new(text, "a SHA-256 of 64 hex digits");
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error());
        }
        let mut out = [0; 32];
        for (byte, place) in out.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[place..place + 2], 16).map_err(|_| error())?;
        }
        Ok(Self(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_paths_are_absolute_and_plain() {
        let path: GuestPath = "/etc//docker/tls/".parse().unwrap();
        assert_eq!(path.as_str(), "/etc/docker/tls");
        assert_eq!(path.parent().as_str(), "/etc/docker");
        assert_eq!(path.file_name(), "tls");
        assert_eq!("/x".parse::<GuestPath>().unwrap().parent().as_str(), "/");
        assert_eq!("/".parse::<GuestPath>().unwrap().parent().as_str(), "/");
        for bad in ["", "etc", "/a/../b", "/..", "/./a", "/a\nb", "/a\0", "~"] {
            assert!(bad.parse::<GuestPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn versions_are_one_plain_component() {
        for bad in [
            "",
            "current",
            "-a",
            ".",
            "..",
            "a/b",
            "a.b",
            "a b",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
        assert!("20261124T031500-0a1b".parse::<Version>().is_ok());
    }

    #[test]
    fn digests_print_and_read_as_hex() {
        let empty = Sha256::of(b"");
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.to_string(), text);
        assert_eq!(text.parse::<Sha256>().unwrap(), empty);
        assert!(text[1..].parse::<Sha256>().is_err());
    }
}
