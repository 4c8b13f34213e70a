//! The site's CA: which one it is, and whether it answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::change::LOCK_TIMEOUT;
use super::{AnyAuthority, Site};
use crate::answers::{CaInit, CaKind, CaOnline, CaRoot, CaView, ClientCaView};
use crate::ca::{Authority, EmbeddedCa, EnrollError, Health};
use crate::error::Error;
use crate::model::Model;
use crate::settings::{CaChoice, ClientCa};
use crate::store::AuditLine;
use crate::x509::{Anchor, Crl};

impl Site {
    /// Which CA the site has; with `online` what it says about itself.
    pub fn ca_view(&self, online: bool) -> Result<CaView, Error> {
        if let Some(own) = &self.seams.authority {
            return self.own_view(own.as_ref(), online);
        }
        let mut view = match self.ca_choice()? {
            CaChoice::Acme(choice) => CaView {
                kind: "acme",
                at: vec![choice.directory],
                said_by: Some(choice.said_by),
                server_name: choice.server_name,
                proxy: choice.proxy.map(|proxy| proxy.to_string()),
                provisioner: None,
                challenge: Some(choice.challenge.to_string()),
                password_files: Vec::new(),
                root_files: self.there(choice.roots)?,
                pinned: self.store().pinned()?.as_ref().map(CaRoot::of),
                docker_clients: None,
                online: None,
            },
            CaChoice::Embedded => {
                let dir = self.store().embedded_ca_dir();
                let anchor = self.root_in(&dir)?;
                CaView {
                    kind: "embedded",
                    at: vec![dir.display().to_string()],
                    said_by: None,
                    server_name: None,
                    proxy: None,
                    provisioner: None,
                    challenge: None,
                    password_files: Vec::new(),
                    root_files: Vec::new(),
                    pinned: anchor.as_ref().map(CaRoot::of),
                    docker_clients: None,
                    online: None,
                }
            }
            CaChoice::StepCa(choice) => CaView {
                kind: "step-ca",
                at: choice.urls,
                said_by: Some(choice.said_by),
                server_name: choice.server_name,
                proxy: choice.proxy.map(|proxy| proxy.to_string()),
                provisioner: choice.provisioner,
                challenge: None,
                password_files: self.there(choice.password_files)?,
                root_files: self.there(choice.roots)?,
                pinned: self.store().pinned()?.as_ref().map(CaRoot::of),
                docker_clients: None,
                online: None,
            },
        };
        let dir = self.store().docker_client_ca_dir();
        let dedicated = self.settings()?.docker.client_ca == ClientCa::Dedicated;
        if dedicated || self.has_ca_in(&dir)? {
            view.docker_clients = Some(ClientCaView {
                used: dedicated,
                root: self.root_in(&dir)?.as_ref().map(CaRoot::of),
                dir,
            });
        }
        if online {
            let authority = self.authority(super::CaOverrides::default(), false)?;
            view.online = Some(Self::ca_online(&authority)?);
        }
        Ok(view)
    }

    fn own_view(&self, own: &dyn Authority, online: bool) -> Result<CaView, Error> {
        let authority = self.authority(super::CaOverrides::default(), false)?;
        let online = online.then(|| Self::ca_online(&authority)).transpose()?;
        Ok(CaView {
            kind: "own",
            at: vec![own.describe()],
            said_by: None,
            proxy: None,
            server_name: None,
            provisioner: None,
            challenge: None,
            password_files: Vec::new(),
            root_files: Vec::new(),
            pinned: authority.anchors().first().map(CaRoot::of),
            docker_clients: None,
            online,
        })
    }

    /// The root of a CA of our own.
    fn root_in(&self, dir: &Path) -> Result<Option<Anchor>, Error> {
        let path = dir.join(EmbeddedCa::ROOT_FILE);
        let unreadable = |what: crate::x509::PemFault| Error::RootUnreadable {
            path: path.clone(),
            what: what.to_string(),
        };
        let pem = self.root.read_optional(&path)?;
        pem.map(|pem| Anchor::from_pem(&pem).map_err(unreadable))
            .transpose()
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
            permitted: None,
            revoked: None,
            notes: Vec::new(),
        };
        if let Some(ca) = authority.embedded() {
            online.intermediates.push(CaRoot::of(ca.issuer()));
            online.permitted = Some(ca.permitted().clone());
            let list = ca.kept_crl().map_err(|source| Error::Enroll {
                act: "read the CA's revocation list".to_owned(),
                source,
            })?;
            online.revoked = list.map(|list| list.revoked.len());
        }
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
    /// as a PEM file. A CA of our own makes its list again where half of its time is over.
    pub fn ca_crl(
        &self,
        authority: &AnyAuthority,
        out: Option<&Path>,
        force: bool,
    ) -> Result<Option<Arc<Crl>>, Error> {
        if let Some(out) = out {
            self.may_write(out, force)?;
        }
        let failed = |source| Error::Enroll {
            act: "read the CA's revocation list".to_owned(),
            source,
        };
        let list = match (authority.step_ca(), authority.embedded()) {
            (Some(ca), _) => {
                let list = ca.revocation_list().map_err(failed)?;
                self.keep_revocations(authority, list.as_ref())?;
                list.map(|list| list.crl)
            }
            (None, Some(ca)) => Some(Arc::new(
                if let Some(list) = ca.fresh_crl().map_err(failed)? {
                    list
                } else {
                    let _lock = self.lock(LOCK_TIMEOUT)?;
                    ca.crl().map_err(failed)?
                },
            )),
            (None, None) if authority.is_missing() => None,
            (None, None) => {
                return Err(Error::Argument(format!(
                    "only step-ca and a CA of ours can be asked for their revocation list, and this is {}",
                    authority.describe()
                )));
            }
        };
        if let (Some(out), Some(list)) = (out, &list) {
            self.write_public(out, &list.to_pem())?;
        }
        Ok(list)
    }

    /// Makes a CA of our own: the embedded one, where the site names no other, or the one for Docker's clients.
    pub fn ca_init(&self, options: CaInitOptions) -> Result<CaInit, Error> {
        let model = match self.model() {
            // Without any site it serves single commands.
            Err(Error::File(error)) if error.is_not_found() => None,
            model => Some(model?),
        };
        let store = self.store();
        let dir = match options.what {
            CaKind::DockerClient => store.docker_client_ca_dir(),
            CaKind::Site => {
                self.needs_an_own_ca()?;
                store.embedded_ca_dir()
            }
        };
        let there = self.has_ca_in(&dir)?;
        let replaces = there && options.replace;
        let mut init = CaInit {
            dir: dir.clone(),
            kind: options.what,
            root: None,
            permitted: None,
            replaced: None,
            made: false,
            used: options.what == CaKind::Site
                || model.as_ref().is_some_and(Model::dedicated_client_ca),
        };
        if options.dry_run && (!there || replaces) {
            return Ok(init);
        }
        let _lock = self.lock_for_edit(options.dry_run, options.lock_timeout)?;
        let before = self.root_in(&dir)?.map(|root| root.fingerprint);
        if replaces {
            let aside =
                EmbeddedCa::set_aside(&self.root, &dir).map_err(|source| Error::Enroll {
                    act: "move the CA aside".to_owned(),
                    source,
                })?;
            init.replaced = Some(aside);
        }
        let writes = !options.dry_run;
        let authority = match (options.what, &model) {
            (CaKind::Site, model) => super::authority::embedded(self, model.as_ref(), writes)?,
            (CaKind::DockerClient, Some(model)) => {
                super::authority::made_for_docker(self, model, writes)?
            }
            (CaKind::DockerClient, None) => {
                return Err(Error::NoSite {
                    site: self.paths.site.clone(),
                });
            }
        };
        init.made = !there || replaces;
        init.root = authority.anchors().first().map(CaRoot::of);
        init.permitted = authority.embedded().map(|ca| ca.permitted().clone());
        if init.made {
            let root = init.root.as_ref().map(|root| root.fingerprint);
            let line = AuditLine::done(self.seams.clock.now(), "ca init")
                .why("the operator asked for it")
                .fingerprints(before, root)
                .detail(authority.describe());
            store.audit(&line)?;
        }
        Ok(init)
    }

    fn needs_an_own_ca(&self) -> Result<(), Error> {
        let choice = match self.ca_choice() {
            Err(Error::NoSite { .. }) => CaChoice::Embedded,
            choice => choice?,
        };
        let other = match choice {
            CaChoice::Embedded => return Ok(()),
            CaChoice::Acme(choice) => {
                format!("ACME at {} ({})", choice.directory, choice.said_by)
            }
            CaChoice::StepCa(choice) => {
                format!("step-ca at {} ({})", choice.urls.join(", "), choice.said_by)
            }
        };
        Err(Error::Argument(format!(
            "the site has a CA already: {other}; the embedded one would not be used"
        )))
    }
}

/// How a CA of our own is made.
#[derive(Debug, Clone, Copy)]
pub struct CaInitOptions {
    /// Which one.
    pub what: CaKind,
    /// Move one that is there aside and make another.
    pub replace: bool,
    /// Say what would be made, make nothing.
    pub dry_run: bool,
    /// How long to wait for another run to end. Default 60 s.
    pub lock_timeout: Duration,
}

impl Default for CaInitOptions {
    fn default() -> Self {
        Self {
            what: CaKind::Site,
            replace: false,
            dry_run: false,
            lock_timeout: LOCK_TIMEOUT,
        }
    }
}
