//! A pair into its place by itself, without a site; and an earlier one back.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use phoenix_core::deploy as core;
use phoenix_core::names::{FileMode, Owner, Slug};
use phoenix_core::system::Root;
use phoenix_core::x509 as certificates;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::call::{detached, word};
use crate::embedded::files;
use crate::error::{Raise, argument};
use crate::key::PrivateKey;
use crate::record::record;
use crate::value::{Time, Tuple};
use crate::x509::{Anchor, Chain};

record! {
    /// A pair that was put in its place.
    struct Deployed {
        /// The version that is served now.
        version: String,
        /// The version that was served before.
        previous: Option<String>,
        /// The directory of the version.
        directory: PathBuf,
    }
}

record! {
    /// One of the versions of a pair that are kept.
    struct PairVersion {
        /// Its name.
        name: String,
        /// When it was written.
        written: Time,
        /// Whether it is the one that is served.
        current: bool,
        /// The serial number of its leaf, decimal; `None` where that cannot be read.
        serial: Option<String>,
        /// When its leaf ends.
        not_after: Option<Time>,
    }
}

/// Where a pair goes, in Python's words.
struct Place {
    root: Root,
    target: core::PairTarget,
}

struct Words<'a> {
    cert: PathBuf,
    key: PathBuf,
    ca: Option<PathBuf>,
    owner: Option<&'a str>,
    permissions: &'a str,
    key_permissions: &'a str,
    keep: usize,
    root: Option<PathBuf>,
    state: PathBuf,
}

impl Words<'_> {
    fn place(self, py: Python<'_>) -> PyResult<Place> {
        let root = files(py, self.root)?;
        for (name, path) in [("cert_path", &self.cert), ("key_path", &self.key)] {
            if !path.is_absolute() {
                let what = format!("found {}, expected an absolute path", path.display());
                return Err(argument(py, name, &what));
            }
        }
        let owner = match self.owner {
            Some(words) => {
                let owner: Owner = word(py, "owner", words)?;
                let users = root.users().map_err(|error| error.raise(py))?;
                users
                    .resolve(&owner)
                    .map_err(|error| argument(py, "owner", &error.to_string()))?
            }
            None => ourselves()?,
        };
        let stem = self.cert.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Place {
            root,
            target: core::PairTarget {
                slug: Slug::of(&stem),
                cert: self.cert,
                key: self.key,
                ca: self.ca,
                owner,
                cert_mode: word::<FileMode>(py, "permissions", self.permissions)?,
                key_mode: word::<FileMode>(py, "key_permissions", self.key_permissions)?,
                guest_writable: false,
                keep: self.keep,
                plain: false,
                journal_dir: self.state.join("pairs"),
            },
        })
    }
}

/// Who runs this program.
fn ourselves() -> PyResult<(u32, u32)> {
    let this = std::fs::metadata("/proc/self")?;
    Ok((this.uid(), this.gid()))
}

fn settled(staged: core::Staged) -> Result<Deployed, core::DeployError> {
    let committed = staged.commit()?;
    let deployed = Deployed {
        version: committed.version().to_owned(),
        previous: committed.previous().map(str::to_owned),
        directory: committed.version_dir().to_owned(),
    };
    committed.finish()?;
    Ok(deployed)
}

/// Put a pair in its place: both files change at once, and the one before stays as a version.
#[pyfunction]
#[pyo3(signature = (chain, key, *, cert_path, key_path, ca_path = None, ca = None, owner = None,
    permissions = "644", key_permissions = "600", keep = 1, root = None, state = PathBuf::from("/var/lib/phoenix")))]
#[expect(clippy::too_many_arguments, reason = "keywords of one Python function")]
fn deploy(
    py: Python<'_>,
    chain: Chain,
    key: &PrivateKey,
    cert_path: PathBuf,
    key_path: PathBuf,
    ca_path: Option<PathBuf>,
    ca: Option<Anchor>,
    owner: Option<&str>,
    permissions: &str,
    key_permissions: &str,
    keep: usize,
    root: Option<PathBuf>,
    state: PathBuf,
) -> PyResult<Deployed> {
    if ca_path.is_some() != ca.is_some() {
        return Err(argument(
            py,
            "ca",
            "expected `ca` and `ca_path` together, or neither",
        ));
    }
    let leaf = chain.inner.leaf();
    if leaf.public_key != key.inner.public_key() {
        return Err(argument(
            py,
            "key",
            "found another key than the one that the certificate was issued for",
        ));
    }
    let place = Words {
        cert: cert_path,
        key: key_path,
        ca: ca_path,
        owner,
        permissions,
        key_permissions,
        keep,
        root,
        state,
    }
    .place(py)?;
    let (secret, serial) = (key.inner.to_pem(), leaf.serial.clone());
    detached(py, || {
        let Place { root, target } = &place;
        core::check(root, target)?;
        let ca = ca.map(|ca| ca.inner.to_pem());
        let pem = chain.inner.to_pem();
        settled(core::stage(
            root,
            target,
            &serial,
            &pem,
            &secret,
            ca.as_deref(),
        )?)
    })
}

fn kept(
    py: Python<'_>,
    cert: PathBuf,
    key: PathBuf,
    root: Option<PathBuf>,
    state: PathBuf,
) -> PyResult<Place> {
    Words {
        cert,
        key,
        ca: None,
        owner: None,
        permissions: "644",
        key_permissions: "600",
        keep: 1,
        root,
        state,
    }
    .place(py)
}

/// The versions of a pair that are kept, the newest first.
#[pyfunction]
#[pyo3(signature = (cert_path, key_path, *, root = None, state = PathBuf::from("/var/lib/phoenix")))]
fn pair_versions(
    py: Python<'_>,
    cert_path: PathBuf,
    key_path: PathBuf,
    root: Option<PathBuf>,
    state: PathBuf,
) -> PyResult<Tuple<PairVersion>> {
    let place = kept(py, cert_path, key_path, root, state)?;
    let versions = detached(py, || core::versions(&place.root, &place.target))?;
    let shown = versions.into_iter().map(|version| {
        let chain = certificates::Chain::from_pem(&version.chain).ok();
        let leaf = chain.as_ref().map(certificates::Chain::leaf);
        PairVersion {
            name: version.name,
            written: Time::at(version.written),
            current: version.current,
            serial: leaf.map(|leaf| leaf.serial_number().to_string()),
            not_after: leaf.map(|leaf| Time::at(leaf.not_after)),
        }
    });
    Ok(Tuple(shown.collect()))
}

/// Bring a version of a pair back that is kept, with the access that its files have now.
#[pyfunction]
#[pyo3(signature = (cert_path, key_path, version, *, owner = None, permissions = "644", key_permissions = "600",
    keep = 1, root = None, state = PathBuf::from("/var/lib/phoenix")))]
#[expect(clippy::too_many_arguments, reason = "keywords of one Python function")]
fn restore_pair(
    py: Python<'_>,
    cert_path: PathBuf,
    key_path: PathBuf,
    version: &str,
    owner: Option<&str>,
    permissions: &str,
    key_permissions: &str,
    keep: usize,
    root: Option<PathBuf>,
    state: PathBuf,
) -> PyResult<Deployed> {
    let place = Words {
        cert: cert_path,
        key: key_path,
        ca: None,
        owner,
        permissions,
        key_permissions,
        keep,
        root,
        state,
    }
    .place(py)?;
    detached(py, || {
        settled(core::stage_version(&place.root, &place.target, version)?)
    })
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Deployed>()?;
    module.add_class::<PairVersion>()?;
    module.add_function(wrap_pyfunction!(deploy, module)?)?;
    module.add_function(wrap_pyfunction!(pair_versions, module)?)?;
    module.add_function(wrap_pyfunction!(restore_pair, module)?)
}
