//! The manifest as a sequence of frozen entries.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use phoenix_core::document::{Document, Format};
use phoenix_core::manifest as core;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::call::{self, plain_of_document};
use crate::error::{argument, faulty};
use crate::record::{record, sequence};
use crate::value::{Span, Tuple, to_python};

/// No manifest is longer; a device named by mistake is not read for ever.
const LIMIT: u64 = 64 * 1024 * 1024;

record! {
    /// A place of a pair inside a guest.
    struct Target {
        /// The guest: `lxc:102` or `vm:1001`.
        guest: String,
        /// The chain's path there.
        cert: PathBuf,
        /// The key's path there.
        key: PathBuf,
        /// The root's path there.
        ca: Option<PathBuf>,
        /// Owner, by the guest's names.
        owner: String,
        /// Mode of certificate and root, octal.
        permissions: String,
        /// Mode of the key, octal.
        key_permissions: String,
    }
}

record! {
    /// What is run after a deployment.
    struct Hook {
        /// The command as one line.
        command: String,
        /// The words that are executed.
        argv: Tuple<String>,
        /// After this long it is killed.
        timeout: Span,
        /// Whether it is left out while its guest does not run.
        only_if_running: bool,
    }
}

record! {
    /// Where the served leaf can be seen.
    struct Verification {
        /// Host and port.
        address: String,
        /// The name that is asked for.
        server_name: String,
        /// The entry whose pair identifies us there.
        client: Option<String>,
    }
}

record! {
    /// One certificate that is wanted; immutable, compared by its values.
    struct Entry {
        /// Identity of the entry; unique in the manifest.
        common_name: String,
        /// All names: those of `sans`, and the common name where it is a DNS name.
        names: Tuple<String>,
        /// The chain, leaf first.
        cert_path: PathBuf,
        /// The private key.
        key_path: PathBuf,
        /// Where the root is written as well.
        ca_path: Option<PathBuf>,
        /// Owner of the files, `user:group`.
        owner: String,
        /// Mode of the certificate, octal.
        permissions: String,
        /// Mode of the key, octal; stated, or derived so that the key is not opened.
        key_permissions: String,
        /// `server` or `client`: the usage that the leaf must carry.
        cert_type: String,
        /// How long it shall live; the CA's default when absent.
        validity: Option<Span>,
        /// When it becomes due, `1/3` or `8h`; the site's policy when absent.
        renew_before: Option<String>,
        /// Type of the key, such as `ec-p256`.
        key_type: String,
        /// Further places of the pair, inside guests.
        deploy: Tuple<Target>,
        /// What is run after a deployment.
        hook: Option<Hook>,
        /// Certificates that must have been deployed before.
        after: Tuple<String>,
        /// Previous versions that are kept; the site's setting when absent.
        keep: Option<usize>,
        /// When the key is replaced: `never`, `always` or an age.
        rekey: String,
        /// Where the served leaf can be seen.
        verify: Option<Verification>,
        /// Old delivery: the guest in whose `/tmp` the files appear while the hook runs.
        old_guest: Option<String>,
    }
}

impl Entry {
    fn of(entry: &core::Entry) -> Self {
        Self {
            common_name: entry.common_name.to_string(),
            names: Tuple(entry.names.iter().map(ToString::to_string).collect()),
            cert_path: entry.cert_path.clone(),
            key_path: entry.key_path.clone(),
            ca_path: entry.ca_path.clone(),
            owner: entry.owner.to_string(),
            permissions: entry.cert_mode.to_string(),
            key_permissions: entry.key_mode.to_string(),
            cert_type: entry.cert_type.as_str().to_owned(),
            validity: entry.validity.map(|validity| Span(validity.0)),
            renew_before: entry.renew_before.map(|before| before.to_string()),
            key_type: entry.key_type.to_string(),
            deploy: Tuple(entry.deploy.iter().map(target).collect()),
            hook: entry.hook.as_ref().map(hook),
            after: Tuple(entry.after.iter().map(ToString::to_string).collect()),
            keep: entry.keep,
            rekey: entry.rekey.to_string(),
            verify: entry.verify.as_ref().map(|verify| Verification {
                address: verify.address.to_string(),
                server_name: verify.name(),
                client: verify.client.as_ref().map(ToString::to_string),
            }),
            old_guest: entry.old_delivery.as_ref().map(|old| old.guest.to_string()),
        }
    }
}

fn target(target: &core::Target) -> Target {
    Target {
        guest: target.guest.to_string(),
        cert: target.cert.clone(),
        key: target.key.clone(),
        ca: target.ca.clone(),
        owner: target.owner.to_string(),
        permissions: target.cert_mode.to_string(),
        key_permissions: target.key_mode.to_string(),
    }
}

fn hook(hook: &core::Hook) -> Hook {
    Hook {
        command: hook.command.to_string(),
        argv: Tuple(hook.command.argv()),
        timeout: Span(hook.timeout),
        only_if_running: hook.only_if_running,
    }
}

record! {
    /// The certificates wanted: a sequence of entries, in the order of the file.
    struct Manifest {
        /// The entries.
        entries: Tuple<Entry>,
    }
}

sequence!(Manifest, entries, Entry);

impl Manifest {
    pub(crate) fn of(manifest: &core::Manifest) -> Self {
        let entries = manifest.entries.iter();
        Self {
            entries: Tuple(entries.map(|located| Entry::of(&located.value)).collect()),
        }
    }

    fn decode(py: Python<'_>, path: &Path, bytes: Vec<u8>) -> PyResult<Self> {
        let decoded = call::caught(py, || {
            Document::parse(path, bytes, Format::Json)
                .and_then(|document| core::Manifest::decode(&document))
        })?;
        decoded
            .map(|manifest| Self::of(&manifest))
            .map_err(|faults| faulty(py, "ManifestError", "the manifest cannot be read", &faults))
    }
}

#[pymethods]
impl Manifest {
    /// Read a manifest: `ManifestError` has all its faults, `OSError` says that it cannot be read.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let bytes = py
            .detach(|| read(&path))
            .map_err(|error| match error.raw_os_error() {
                Some(_) => PyErr::from(error),
                None => argument(py, "path", &format!("{}: {error}", path.display())),
            })?;
        Self::decode(py, &path, bytes)
    }

    /// Read a manifest from its text.
    #[staticmethod]
    #[pyo3(signature = (text, *, path = None))]
    fn parse(py: Python<'_>, text: String, path: Option<PathBuf>) -> PyResult<Self> {
        let path = path.unwrap_or_else(|| PathBuf::from("certificate-manifest.json"));
        Self::decode(py, &path, text.into_bytes())
    }

    /// The JSON Schema of the manifest, as plain data.
    #[staticmethod]
    fn schema(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        to_python(py, &plain_of_document(&core::schema()))
    }

    /// The entry of this name; `KeyError` when there is none.
    fn entry(&self, name: &str) -> PyResult<Entry> {
        let found = self
            .entries
            .0
            .iter()
            .find(|entry| entry.common_name == name);
        found
            .cloned()
            .ok_or_else(|| PyKeyError::new_err(format!("the manifest has no entry `{name}`")))
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(LIMIT + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(std::io::Error::other(
            "found more than 64 MiB, expected a manifest",
        ));
    }
    Ok(bytes)
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Target>()?;
    module.add_class::<Hook>()?;
    module.add_class::<Verification>()?;
    module.add_class::<Entry>()?;
    module.add_class::<Manifest>()
}
