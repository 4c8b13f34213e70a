//! A step-ca taken into the site: its root trusted by the fingerprint, and the settings that name it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Site;
use super::authority::SETTINGS;
use super::change::LOCK_TIMEOUT;
use crate::answers::{BootstrapReport, CaRoot};
use crate::ca::{CaUrl, EnrollError, PasswordSource, StepCa};
use crate::change::FileChange;
use crate::document::{Document, Format, unified_diff};
use crate::error::Error;
use crate::names::FileMode;
use crate::secret::Secret;
use crate::settings::{Setting, Settings, edited, fresh};
use crate::store::AuditLine;
use crate::system::{Attributes, Change, Expect, FileDigest, Proxy};
use crate::x509::{Anchor, Fingerprint};

/// A step-ca that is to become the site's.
pub struct BootstrapOptions {
    /// Its address.
    pub url: CaUrl,
    /// Its root's fingerprint, from its operator and not from the network.
    pub fingerprint: Fingerprint,
    /// The name on its certificate, where the address is another.
    pub server_name: Option<String>,
    /// The HTTP proxy through which it is reached.
    pub proxy: Option<Proxy>,
    /// The provisioner. Default: its only JWK provisioner.
    pub provisioner: Option<String>,
    /// The file on this host with the provisioner's password.
    pub password_file: Option<PathBuf>,
    /// Where the root is written. Default: `etc/ca-root.crt` in the site.
    pub root_file: Option<PathBuf>,
    /// Show the diff; write nothing.
    pub dry_run: bool,
    /// How long to wait for another run to end. Default 60 s.
    pub lock_timeout: Duration,
}

impl BootstrapOptions {
    /// With every default.
    pub fn new(url: CaUrl, fingerprint: Fingerprint) -> Self {
        Self {
            url,
            fingerprint,
            server_name: None,
            proxy: None,
            provisioner: None,
            password_file: None,
            root_file: None,
            dry_run: false,
            lock_timeout: LOCK_TIMEOUT,
        }
    }
}

impl Site {
    /// Takes a step-ca into the site: fetches its root by the fingerprint, pins it, and writes the settings.
    ///
    /// What the provisioner's password opens is tried before anything is written. An existing `etc/phoenix.toml` keeps
    /// every byte that need not change.
    pub fn ca_bootstrap(&self, options: &BootstrapOptions) -> Result<BootstrapReport, Error> {
        let urls = std::slice::from_ref(&options.url);
        let anchor = self.fetch_root(
            urls,
            options.fingerprint,
            options.server_name.as_deref(),
            &self.dial_to_ca(options.proxy.as_ref()),
        )?;
        let mut notes = Vec::new();
        let provisioner = self.try_provisioner(options, &anchor, &mut notes)?;
        let root_file = options
            .root_file
            .clone()
            .unwrap_or_else(|| self.paths.site.join(ROOT_FILE));
        let wanted = wanted(options, &root_file, provisioner.as_deref());

        let etc = self.paths.site.join("etc");
        if !options.dry_run {
            self.root.create_dir_all(&etc, FileMode::new(0o755))?;
        }
        let _lock = self.lock_for_edit(options.dry_run, options.lock_timeout)?;
        let mut edits = Vec::new();
        let mut extra = Vec::new();
        let mut files = Vec::new();
        let settings = self.paths.site.join(SETTINGS);
        match self.optional(SETTINGS)? {
            Some(file) => {
                let before = Document::parse(&file.path, file.bytes, Format::Toml)?;
                // Faults of the file are told before it is changed.
                if Settings::decode(&before)?.ca.acme.is_some() {
                    return Err(Error::Argument(
                        "etc/phoenix.toml names a CA that speaks ACME (`kind = \"acme\"`); take its keys out of `[ca]` before another CA is taken in"
                            .to_owned(),
                    ));
                }
                let edit = edited(&before, "ca", &wanted)?;
                if edit.changes() {
                    files.push(edit.shown(&self.root)?);
                    edits.push(edit);
                }
            }
            None => new_file(
                &settings,
                fresh("ca", &wanted),
                "new settings",
                &mut files,
                &mut extra,
            ),
        }
        let pem = String::from_utf8_lossy(&anchor.to_pem()).into_owned();
        match self.root.read_optional(&root_file)? {
            Some(there) if Anchor::from_pem(&there).is_ok_and(|there| there == anchor) => {}
            Some(there) => {
                let text = String::from_utf8_lossy(&there).into_owned();
                files.push(FileChange {
                    path: root_file.clone(),
                    reasons: vec!["the CA's root".to_owned()],
                    notes: Vec::new(),
                    diff: unified_diff(&root_file, &text, &pem, 3),
                });
                extra.push(Change::Replace {
                    path: root_file.clone(),
                    content: Secret::from(pem).into(),
                    attributes: Attributes::default(),
                    expect: Expect::Content(FileDigest::of(&there)),
                });
            }
            None => new_file(&root_file, pem, "the CA's root", &mut files, &mut extra),
        }
        let pinned = self.store().pinned()?;
        let instead_of = pinned
            .as_ref()
            .map(|pinned| pinned.fingerprint)
            .filter(|pinned| *pinned != anchor.fingerprint);
        let new_pin = pinned.is_none() || instead_of.is_some();
        let written = !options.dry_run && (new_pin || !files.is_empty());
        if written {
            // The operator named this root by its fingerprint, which is what `ca trust` asks for too.
            if !files.is_empty() {
                self.commit("ca bootstrap", &edits, extra)?;
            }
            if new_pin {
                let store = self.store();
                store.pin(&anchor)?;
                let line = AuditLine::done(self.seams.clock.now(), "trust root")
                    .why("named by its fingerprint")
                    .fingerprints(instead_of, Some(anchor.fingerprint));
                store.audit(&line)?;
            }
        }
        Ok(BootstrapReport {
            root: CaRoot::of(&anchor),
            instead_of,
            provisioner,
            files,
            notes,
            written,
        })
    }

    /// The provisioner that the settings will name, after its key was opened where the password is at hand.
    fn try_provisioner(
        &self,
        options: &BootstrapOptions,
        anchor: &Anchor,
        notes: &mut Vec<String>,
    ) -> Result<Option<String>, Error> {
        let password = match &options.password_file {
            Some(path) => self.password_file(path),
            None => PasswordSource::none(),
        };
        let ca = StepCa::new(
            vec![options.url.clone()],
            vec![anchor.clone()],
            options.provisioner.clone(),
            password,
            self.dial_to_ca(options.proxy.as_ref()),
        )
        .server_name(options.server_name.clone())
        .clock(self.seams.clock.clone());
        let failed = |act: &str, source| Error::Enroll {
            act: act.to_owned(),
            source,
        };
        if options.password_file.is_some() {
            let name = ca
                .open_provisioner()
                .map_err(|source| failed("open the provisioner's key", source))?;
            notes.push(format!(
                "the password opens the key of provisioner `{name}`"
            ));
            return Ok(Some(name));
        }
        let all = ca
            .list_provisioners()
            .map_err(|source| failed("read the CA's provisioners", source))?;
        let jwk: Vec<&str> = all
            .iter()
            .filter(|one| one.kind.eq_ignore_ascii_case("jwk"))
            .map(|one| one.name.as_str())
            .collect();
        let missing = "certificates can be issued only with its password: say --provisioner-password-file as well";
        match (&options.provisioner, &jwk[..]) {
            (Some(name), _) if jwk.contains(&name.as_str()) => {
                notes.push(missing.to_owned());
                Ok(Some(name.clone()))
            }
            (Some(_), _) => Err(failed(
                "find the provisioner",
                EnrollError::NoSuchProvisioner {
                    url: options.url.clone(),
                    wanted: options.provisioner.clone(),
                    found: all
                        .iter()
                        .map(|one| format!("{} ({})", one.name, one.kind))
                        .collect(),
                },
            )),
            (None, [only]) => {
                notes.push(missing.to_owned());
                Ok(Some((*only).to_owned()))
            }
            (None, several) => {
                notes.push(format!(
                    "no provisioner was named; the CA's JWK provisioners: {}",
                    if several.is_empty() {
                        "none".to_owned()
                    } else {
                        several.join(", ")
                    }
                ));
                Ok(None)
            }
        }
    }
}

fn wanted(options: &BootstrapOptions, root: &Path, provisioner: Option<&str>) -> Vec<Setting> {
    let mut wanted = vec![(
        "url",
        options.url.to_string(),
        "Where step-ca listens; an array of URLs is tried in order.",
    )];
    if let Some(name) = &options.server_name {
        wanted.push((
            "server_name",
            name.clone(),
            "The name on the CA's certificate, where the URL holds another.",
        ));
    }
    if let Some(proxy) = &options.proxy {
        wanted.push((
            "proxy",
            proxy.to_string(),
            "The HTTP proxy through which the CA is reached.",
        ));
    }
    wanted.push((
        "root",
        root.display().to_string(),
        "The CA's root certificate.",
    ));
    wanted.push((
        "fingerprint",
        options.fingerprint.to_string(),
        "SHA-256 of the root; another root is refused.",
    ));
    if let Some(name) = provisioner {
        wanted.push((
            "provisioner",
            name.to_owned(),
            "The JWK provisioner whose key signs our tokens.",
        ));
    }
    if let Some(path) = &options.password_file {
        wanted.push((
            "provisioner_password_file",
            path.display().to_string(),
            "A file that root alone can read.",
        ));
    }
    wanted
}

pub(super) fn new_file(
    path: &Path,
    text: String,
    why: &str,
    files: &mut Vec<FileChange>,
    extra: &mut Vec<Change>,
) {
    files.push(FileChange {
        path: path.to_owned(),
        reasons: vec![why.to_owned()],
        notes: Vec::new(),
        diff: unified_diff(path, "", &text, 3),
    });
    extra.push(Change::Replace {
        path: path.to_owned(),
        content: Secret::from(text).into(),
        attributes: Attributes::mode(FileMode::PUBLIC),
        expect: Expect::Absent,
    });
}

/// Where the root lies, in the site's directory.
const ROOT_FILE: &str = "etc/ca-root.crt";
