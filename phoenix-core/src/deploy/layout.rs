//! The protocol's names, without a disk: the host and the program that runs in guests use the same.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::names::Slug;

/// The directory that holds the versions of all pairs beside it.
pub const STORE: &str = ".phoenix";
/// The link to the version that is served.
pub const CURRENT: &str = "current";
/// The link to the version that was served before.
pub const PREVIOUS: &str = "previous";
/// The chain, leaf first, in a version.
pub const CERT_FILE: &str = "fullchain.pem";
/// The private key in a version.
pub const KEY_FILE: &str = "key.pem";
/// The root in a version, where one is wanted.
pub const CA_FILE: &str = "ca.pem";
/// The SHA-256 of each file in a version, as `sha256sum` writes it; tells when somebody wrote through the links.
pub const SUMS_FILE: &str = "SHA256SUMS";

/// How a pair's files stand at the paths that programs know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrangement {
    /// Plain files, replaced by renames that a journal ties together.
    Files,
    /// Relative links through `current`, swapped by one rename.
    Links,
}

/// A path that is a link into the current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairLink {
    /// The path that programs know.
    pub path: PathBuf,
    /// What the link says, relative to the directory that it stands in.
    pub target: PathBuf,
    /// The file's name in the version.
    pub file: &'static str,
}

/// Where everything of one pair stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Links or files.
    pub arrangement: Arrangement,
    /// The directory in which [`STORE`] stands.
    pub base: PathBuf,
    /// `<base>/.phoenix/<slug>`: the versions, `current` and `previous`.
    pub versions: PathBuf,
    /// `<versions>/<serial>`.
    pub version: PathBuf,
    /// `<versions>/current`; it says the plain serial.
    pub current: PathBuf,
    /// The links to make; empty for [`Arrangement::Files`].
    pub links: Vec<PairLink>,
    /// The paths that are plain files, each with its name in the version.
    pub files: Vec<(PathBuf, &'static str)>,
}

/// The layout of a pair: links where certificate and key share a directory, else files, with the versions beside the key.
///
/// ```
/// use std::path::Path;
/// use phoenix_core::deploy::pair_layout;
/// use phoenix_core::names::Slug;
///
/// let slug = Slug::of("web");
/// let layout = pair_layout(Path::new("/tls/web.pem"), Path::new("/tls/web.key"), None, &slug, "0a1b");
/// assert_eq!(layout.version, Path::new(&format!("/tls/.phoenix/{slug}/0a1b")));
/// assert_eq!(layout.links[1].target, Path::new(&format!(".phoenix/{slug}/current/key.pem")));
/// ```
pub fn pair_layout(
    cert: &Path,
    key: &Path,
    ca: Option<&Path>,
    slug: &Slug,
    serial: &str,
) -> Layout {
    let base = parent(key);
    if parent(cert) != base {
        return files(base, cert, key, ca, slug, serial);
    }
    let mut layout = files(base, cert, key, ca, slug, serial);
    let (links, aside) = std::mem::take(&mut layout.files)
        .into_iter()
        .partition(|(path, _)| parent(path) == base);
    layout.arrangement = Arrangement::Links;
    layout.files = aside;
    let links: Vec<(PathBuf, &'static str)> = links;
    layout.links = links
        .into_iter()
        .map(|(path, file)| PairLink {
            path,
            target: Path::new(STORE)
                .join(slug.as_str())
                .join(CURRENT)
                .join(file),
            file,
        })
        .collect();
    layout
}

/// The layout for a directory that a program watches: plain files there, the versions beside that directory.
pub fn pair_layout_plain(
    cert: &Path,
    key: &Path,
    ca: Option<&Path>,
    slug: &Slug,
    serial: &str,
) -> Layout {
    files(parent(parent(key)), cert, key, ca, slug, serial)
}

/// Whether a text may name a version: letters, digits and `-`, as serial numbers are written, and none of our own names.
pub fn is_version_name(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        (1..=80).contains(&name.len())
            && !name.starts_with('-')
            && ![CURRENT, PREVIOUS].contains(&name)
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

fn files(
    base: &Path,
    cert: &Path,
    key: &Path,
    ca: Option<&Path>,
    slug: &Slug,
    serial: &str,
) -> Layout {
    let versions = base.join(STORE).join(slug.as_str());
    let mut files = vec![
        (cert.to_path_buf(), CERT_FILE),
        (key.to_path_buf(), KEY_FILE),
    ];
    files.extend(ca.map(|ca| (ca.to_path_buf(), CA_FILE)));
    Layout {
        arrangement: Arrangement::Files,
        base: base.to_path_buf(),
        version: versions.join(serial),
        current: versions.join(CURRENT),
        versions,
        links: Vec::new(),
        files,
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_certificate_elsewhere_is_a_plain_file() {
        let [cert, key, ca] = ["/t/c", "/t/k", "/other/ca"].map(Path::new);
        let layout = pair_layout(cert, key, Some(ca), &Slug::of("x"), "01");
        assert_eq!(layout.arrangement, Arrangement::Links);
        assert_eq!(layout.links.len(), 2);
        assert_eq!(layout.files, [(ca.to_path_buf(), CA_FILE)]);
    }

    #[test]
    fn versions_lie_beside_the_key_and_outside_a_watched_directory() {
        let [cert, key] = ["/public/c", "/private/k"].map(Path::new);
        let slug = Slug::of("x");
        let split = pair_layout(cert, key, None, &slug, "01");
        assert_eq!(split.arrangement, Arrangement::Files);
        assert_eq!(split.base, Path::new("/private"));
        let plain = pair_layout_plain(cert, Path::new("/etc/traefik/dynamic/k"), None, &slug, "01");
        assert_eq!(plain.base, Path::new("/etc/traefik"));
    }

    #[test]
    fn only_plain_serials_name_a_version() {
        assert!(is_version_name(OsStr::new("0A1b-2")));
        let long = "0".repeat(81);
        for name in [
            "", ".", "..", "/etc", "a/b", "current", "previous", "-x", "a b", &long,
        ] {
            assert!(!is_version_name(OsStr::new(name)), "{name}");
        }
    }
}
