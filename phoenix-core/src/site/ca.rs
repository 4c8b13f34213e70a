//! The site's CA: which one it is, and whether it answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{AnyAuthority, Site};
use crate::answers::{CaInit, CaOnline, CaRoot, CaView};
use crate::ca::{Authority as _, EmbeddedCa, EnrollError, Health};
use crate::error::Error;
use crate::settings::CaChoice;
use crate::x509::{Anchor, Crl};

impl Site {
    /// Which CA the site has; with `online` what it says about itself.
    pub fn ca_view(&self, online: bool) -> Result<CaView, Error> {
        let mut view = match self.ca_choice()? {
            CaChoice::Acme(choice) => CaView {
                kind: "acme",
                at: vec![choice.directory],
                said_by: Some(choice.said_by),
                server_name: choice.server_name,
                provisioner: None,
                challenge: Some(choice.challenge.to_string()),
                password_files: Vec::new(),
                root_files: self.there(choice.roots)?,
                pinned: self.store().pinned()?.as_ref().map(CaRoot::of),
                online: None,
            },
            CaChoice::Embedded => {
                let dir = self.store().embedded_ca_dir();
                let path = dir.join(EmbeddedCa::ROOT_FILE);
                let root = self.root.read_optional(&path)?;
                let anchor = root
                    .map(|pem| {
                        Anchor::from_pem(&pem).map_err(|fault| Error::RootUnreadable {
                            path,
                            what: fault.to_string(),
                        })
                    })
                    .transpose()?;
                CaView {
                    kind: "embedded",
                    at: vec![dir.display().to_string()],
                    said_by: None,
                    server_name: None,
                    provisioner: None,
                    challenge: None,
                    password_files: Vec::new(),
                    root_files: Vec::new(),
                    pinned: anchor.as_ref().map(CaRoot::of),
                    online: None,
                }
            }
            CaChoice::StepCa(choice) => CaView {
                kind: "step-ca",
                at: choice.urls,
                said_by: Some(choice.said_by),
                server_name: choice.server_name,
                provisioner: choice.provisioner,
                challenge: None,
                password_files: self.there(choice.password_files)?,
                root_files: self.there(choice.roots)?,
                pinned: self.store().pinned()?.as_ref().map(CaRoot::of),
                online: None,
            },
        };
        if online {
            let authority = self.authority(super::CaOverrides::default(), false)?;
            view.online = Some(Self::ca_online(&authority)?);
        }
        Ok(view)
    }

    fn there(&self, paths: Vec<PathBuf>) -> Result<Vec<(PathBuf, bool)>, Error> {
        paths
            .into_iter()
            .map(|path| {
                let there = self.root.stat(&path)?.is_some();
                Ok((path, there))
            })
            .collect()
    }

    /// Asks a CA whether it is there.
    pub fn ca_health(&self, authority: &AnyAuthority) -> Result<Health, Error> {
        authority.health().map_err(|source| Error::Enroll {
            act: format!("reach {}", authority.describe()),
            source,
        })
    }

    /// Asks a CA about itself. That it does not answer at all is an error; single answers that fail become notes.
    pub fn ca_online(authority: &AnyAuthority) -> Result<CaOnline, Error> {
        let health = authority.health().map_err(|source| Error::Enroll {
            act: format!("reach {}", authority.describe()),
            source,
        })?;
        let mut online = CaOnline {
            health,
            provisioners: Vec::new(),
            roots: authority.anchors().iter().map(CaRoot::of).collect(),
            intermediates: Vec::new(),
            revoked: None,
            notes: Vec::new(),
        };
        let Some(ca) = authority.step_ca() else {
            return Ok(online);
        };
        let mut notes = Vec::new();
        let mut note = |what: &str, error: EnrollError| {
            let mut words = format!("could not read its {what}: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                words.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            notes.push(words);
        };
        match ca.list_provisioners() {
            Ok(all) => online.provisioners = all,
            Err(error) => note("provisioners", error),
        }
        match ca.roots() {
            Ok(all) => online.roots = all.iter().map(CaRoot::of).collect(),
            Err(error) => note("roots", error),
        }
        match ca.intermediates() {
            Ok(all) => online.intermediates = all.iter().map(CaRoot::of).collect(),
            Err(error) => note("intermediates", error),
        }
        match ca.crl() {
            Ok(list) => online.revoked = list.map(|list| list.revoked.len()),
            Err(error) => note("revocation list", error),
        }
        online.notes = notes;
        Ok(online)
    }

    /// The CA's revocation list, believed and still counting; `None` where it keeps none. With `out` it is written there
    /// as a PEM file.
    pub fn ca_crl(
        &self,
        authority: &AnyAuthority,
        out: Option<&Path>,
        force: bool,
    ) -> Result<Option<Arc<Crl>>, Error> {
        let Some(ca) = authority.step_ca() else {
            return Err(Error::Argument(format!(
                "only step-ca keeps a revocation list, and this is {}",
                authority.describe()
            )));
        };
        if let Some(out) = out {
            self.may_write(out, force)?;
        }
        let list = ca.revocation_list().map_err(|source| Error::Enroll {
            act: "read the CA's revocation list".to_owned(),
            source,
        })?;
        self.keep_revocations(authority, list.as_ref())?;
        let list = list.map(|list| list.crl);
        if let (Some(out), Some(list)) = (out, &list) {
            self.write_public(out, &list.to_pem())?;
        }
        Ok(list)
    }

    /// Makes the embedded CA, where the site names no other.
    pub fn ca_init(&self, dry_run: bool, lock_timeout: Duration) -> Result<CaInit, Error> {
        let choice = match self.ca_choice() {
            // Without any site it serves single commands.
            Err(Error::NoSite { .. }) => CaChoice::Embedded,
            choice => choice?,
        };
        let other = match choice {
            CaChoice::Acme(choice) => {
                Some(format!("ACME at {} ({})", choice.directory, choice.said_by))
            }
            CaChoice::Embedded => None,
            CaChoice::StepCa(choice) => Some(format!(
                "step-ca at {} ({})",
                choice.urls.join(", "),
                choice.said_by
            )),
        };
        if let Some(other) = other {
            return Err(Error::Argument(format!(
                "the site has a CA already: {other}; the embedded one would not be used"
            )));
        }
        let dir = self.store().embedded_ca_dir();
        let there = self.root.stat(&dir.join(EmbeddedCa::ROOT_FILE))?.is_some();
        if dry_run && !there {
            return Ok(CaInit {
                dir,
                root: None,
                made: false,
            });
        }
        let _lock = self.lock_for_edit(dry_run, lock_timeout)?;
        let authority = super::authority::embedded(self, !dry_run)?;
        Ok(CaInit {
            root: authority.anchors().first().map(CaRoot::of),
            made: !there,
            dir,
        })
    }
}
