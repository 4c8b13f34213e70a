//! Opens the CA that the site names: its root from the host's own disk, pinned in the state.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Site;
use super::any_authority::{AnyAuthority, Inner};
use crate::ca::{
    Authority, CaDesign, CaUrl, EmbeddedCa, EnrollError, PasswordSource, StepCa, Timeouts,
    bootstrap,
};
use crate::document::{Document, Format};
use crate::error::Error;
use crate::model::Model;
use crate::settings::{AcmeChoice, CaChoice, CaHints, Settings, StepCaChoice, discover};
use crate::store::{AuditLine, PinError, Pinned};
use crate::system::{Dial, Proxy, ProxyDial};
use crate::x509::{Anchor, Fingerprint};

/// Opens the site's CA. Only when `writes` is set a root is pinned and an embedded CA is made.
pub(super) fn open(site: &Site, model: &Model, writes: bool) -> Result<AnyAuthority, Error> {
    if let Some(own) = own(site) {
        return own;
    }
    match discover(&model.settings.ca, &model.ca_hints()) {
        CaChoice::Acme(choice) => acme(site, &choice, writes),
        CaChoice::Embedded => embedded(site, Some(model), writes),
        CaChoice::StepCa(choice) => step_ca(site, &choice, writes),
    }
}

/// The program's own CA, where it brings one.
pub(super) fn own(site: &Site) -> Option<Result<AnyAuthority, Error>> {
    let authority = site.seams.authority.as_ref()?;
    let opened = AnyAuthority::own(Arc::clone(authority), Arc::clone(&site.seams.clock));
    Some(opened.map_err(|source| Error::Ca {
        authority: authority.describe(),
        source,
    }))
}

#[cfg(feature = "acme")]
pub(super) fn acme(site: &Site, choice: &AcmeChoice, writes: bool) -> Result<AnyAuthority, Error> {
    super::acme::open(site, choice, writes)
}

#[cfg(not(feature = "acme"))]
pub(super) fn acme(
    _site: &Site,
    choice: &AcmeChoice,
    _writes: bool,
) -> Result<AnyAuthority, Error> {
    Err(Error::Ca {
        authority: format!("ACME at {} ({})", choice.directory, choice.said_by),
        source: EnrollError::Misconfigured(
            "this program was built without ACME (cargo feature `acme`)".to_owned(),
        ),
    })
}

/// The CA that issues where the site names no other.
pub(super) fn embedded(
    site: &Site,
    model: Option<&Model>,
    writes: bool,
) -> Result<AnyAuthority, Error> {
    let permitted = model.map(Model::permitted_names).unwrap_or_default();
    let dir = site.store().embedded_ca_dir();
    ours(
        site,
        &dir,
        "the embedded CA",
        &CaDesign::site(permitted),
        writes,
    )
}

/// The CA that Docker's clients have to themselves, where the site asks for one.
pub(super) fn docker_clients(
    site: &Site,
    model: &Model,
    writes: bool,
) -> Result<Option<AnyAuthority>, Error> {
    if !model.dedicated_client_ca() {
        return Ok(None);
    }
    made_for_docker(site, model, writes).map(Some)
}

/// The CA for Docker's clients, whether the site asks for it or not.
pub(super) fn made_for_docker(
    site: &Site,
    model: &Model,
    writes: bool,
) -> Result<AnyAuthority, Error> {
    let client = model.docker_client().ok_or_else(|| {
        Error::Argument(
            "the site has no domain from which the client's name could be made".to_owned(),
        )
    })?;
    let dir = site.store().docker_client_ca_dir();
    let design = CaDesign::docker_client(&client);
    ours(site, &dir, "the CA of Docker's clients", &design, writes)
}

/// A CA in a directory of the state; made where `writes` allows it.
fn ours(
    site: &Site,
    dir: &Path,
    what: &str,
    design: &CaDesign,
    writes: bool,
) -> Result<AnyAuthority, Error> {
    let describe = format!("{what} in {}", dir.display());
    if !writes && !site.has_ca_in(dir)? {
        return Ok(AnyAuthority {
            inner: Inner::Missing,
            anchors: Vec::new(),
            describe: format!("{describe}, made by the first run"),
        });
    }
    let failed = |source| Error::Ca {
        authority: describe.clone(),
        source,
    };
    let clock = Arc::clone(&site.seams.clock);
    let ca = EmbeddedCa::open_or_init(&site.root, dir, what, design, clock).map_err(failed)?;
    let anchors = ca.anchors().map_err(failed)?;
    Ok(AnyAuthority {
        inner: Inner::Embedded(Box::new(ca)),
        anchors,
        describe,
    })
}

pub(super) fn step_ca(
    site: &Site,
    choice: &StepCaChoice,
    writes: bool,
) -> Result<AnyAuthority, Error> {
    let describe = format!("step-ca at {} ({})", choice.urls.join(", "), choice.said_by);
    let anchor = trusted_root(site, &choice.roots, choice.fingerprint, writes)?;
    let urls = urls(&choice.urls).map_err(|source| Error::Ca {
        authority: describe.clone(),
        source,
    })?;
    let password = password(site, &choice.password_files)?;
    let dial = site.dial_to_ca(choice.proxy.as_ref());
    let ca = StepCa::new(
        urls,
        vec![anchor.clone()],
        choice.provisioner.clone(),
        password,
        dial,
    )
    .server_name(choice.server_name.clone())
    // What cannot be read there is learnt from the CA's refusal.
    .longest_life(
        site.longest_life(choice)
            .ok()
            .flatten()
            .map(|longest| longest.duration),
    )
    .clock(Arc::clone(&site.seams.clock));
    Ok(client(ca, anchor, &describe))
}

/// The root on the host's disk, where it is the pinned one and the one that is stated. The first is pinned where `writes`
/// allows it.
pub(super) fn trusted_root(
    site: &Site,
    files: &[PathBuf],
    fingerprint: Option<Fingerprint>,
    writes: bool,
) -> Result<Anchor, Error> {
    let (path, offered) = root_on_disk(site, files)?;
    let offered = said_to_be(offered, fingerprint)?;
    let store = site.store();
    let pinned = pinned(site, offered)?;
    let anchor = pinned.anchor;
    if pinned.new && writes {
        store.pin(&anchor)?;
        let line = AuditLine::done(site.seams.clock.now(), "pin root")
            .why("the first root that was seen")
            .fingerprints(None, Some(anchor.fingerprint))
            .detail(format!("from {}", path.display()));
        store.audit(&line)?;
    }
    Ok(anchor)
}

/// The root on offer, if it is the pinned one or none is pinned.
pub(super) fn pinned(site: &Site, offered: Anchor) -> Result<Pinned, Error> {
    site.store()
        .check_root(offered)
        .map_err(|error| match error {
            PinError::Store(error) => Error::Store(error),
            PinError::Differs { found, .. } => Error::RootChanged {
                found,
                source: error,
            },
        })
}

pub(super) fn client(ca: StepCa, anchor: Anchor, describe: &str) -> AnyAuthority {
    AnyAuthority {
        describe: format!("{describe}, root {}", anchor.fingerprint.short()),
        inner: Inner::StepCa(Box::new(ca)),
        anchors: vec![anchor],
    }
}

pub(super) fn urls(texts: &[String]) -> Result<Vec<CaUrl>, EnrollError> {
    texts
        .iter()
        .map(|url| url.parse())
        .collect::<Result<_, _>>()
        .map_err(|error: crate::names::NameError| EnrollError::Misconfigured(error.to_string()))
}

/// The first password file that exists; where none does, the first, so that a message can name it.
pub(super) fn password(site: &Site, files: &[PathBuf]) -> Result<PasswordSource, Error> {
    let mut chosen = files.first();
    for path in files {
        if site.root.stat(path)?.is_some() {
            chosen = Some(path);
            break;
        }
    }
    Ok(chosen.map_or_else(PasswordSource::none, |path| site.password_file(path)))
}

/// The root on the host's own disk: the only source, besides a fingerprint, that may become a trust anchor.
pub(super) fn root_on_disk(site: &Site, paths: &[PathBuf]) -> Result<(PathBuf, Anchor), Error> {
    for path in paths {
        if let Some(pem) = site.root.read_optional(path)? {
            let anchor = Anchor::from_pem(&pem).map_err(|fault| Error::RootUnreadable {
                path: path.clone(),
                what: fault.to_string(),
            })?;
            let now = site.seams.clock.now();
            if now < anchor.not_before || anchor.not_after < now {
                return Err(Error::RootNotValid {
                    path: path.clone(),
                    anchor,
                });
            }
            return Ok((path.clone(), anchor));
        }
    }
    Err(Error::NoRoot {
        paths: paths.to_vec(),
    })
}

/// The root, if it has the fingerprint that was stated.
pub(super) fn said_to_be(anchor: Anchor, said: Option<Fingerprint>) -> Result<Anchor, Error> {
    match said {
        Some(said) if said != anchor.fingerprint => Err(Error::WrongFingerprint {
            found: anchor.fingerprint,
            said,
        }),
        _ => Ok(anchor),
    }
}

impl Site {
    /// A password file of the host, read when the password is needed.
    pub fn password_file(&self, path: &Path) -> PasswordSource {
        let (root, path) = (self.root.clone(), path.to_owned());
        PasswordSource::file(path.display().to_string(), move || {
            root.read_limited(&path, 64 << 10)
                .map(crate::secret::Secret::new)
                .map_err(|error| std::io::Error::other(crate::inventory::in_words(&error)))
        })
    }

    /// The way to the CA: through a proxy only where one is named.
    pub(super) fn dial_to_ca(&self, proxy: Option<&Proxy>) -> Arc<dyn Dial> {
        let dial = Arc::clone(&self.seams.dial);
        match proxy {
            Some(proxy) => Arc::new(ProxyDial {
                to_proxy: dial,
                proxy: proxy.clone(),
            }),
            None => dial,
        }
    }

    /// Fetches a root by its fingerprint, from the first address that answers.
    pub(super) fn fetch_root(
        &self,
        urls: &[CaUrl],
        fingerprint: Fingerprint,
        server_name: Option<&str>,
        dial: &Arc<dyn Dial>,
    ) -> Result<Anchor, Error> {
        let mut failure = EnrollError::Misconfigured("it has no address".to_owned());
        for url in urls {
            let fetched = bootstrap(
                url,
                fingerprint,
                server_name,
                dial,
                &self.seams.clock,
                Timeouts::default(),
            );
            match fetched {
                Ok(anchor) => return Ok(anchor),
                Err(error @ EnrollError::Unreachable { .. }) => failure = error,
                Err(error) => {
                    failure = error;
                    break;
                }
            }
        }
        Err(Error::Enroll {
            act: "fetch the CA's root".to_owned(),
            source: failure,
        })
    }

    /// Which CA the site names. Where its settings do so, the rest of the site need not be there.
    pub(super) fn ca_choice(&self) -> Result<CaChoice, Error> {
        let settings = self.settings()?;
        let hints = match self.model() {
            Ok(model) => model.ca_hints(),
            Err(Error::File(error))
                if error.is_not_found()
                    && (!settings.ca.urls.is_empty()
                        || settings.ca.acme.is_some()
                        || self.has_embedded_ca()?) =>
            {
                CaHints::default()
            }
            Err(Error::File(error)) if error.is_not_found() => {
                return Err(Error::NoSite {
                    site: self.paths.site.clone(),
                });
            }
            Err(error) => return Err(error),
        };
        Ok(discover(&settings.ca, &hints))
    }

    pub(super) fn has_embedded_ca(&self) -> Result<bool, Error> {
        self.has_ca_in(&self.store().embedded_ca_dir())
    }

    pub(super) fn has_ca_in(&self, dir: &Path) -> Result<bool, Error> {
        Ok(self.root.stat(&dir.join(EmbeddedCa::ROOT_FILE))?.is_some())
    }

    /// Phoenix's own settings; the defaults where there is no file.
    pub(super) fn settings(&self) -> Result<Settings, Error> {
        let Some(file) = self.optional(SETTINGS)? else {
            return Ok(Settings::default());
        };
        let document = Document::parse(&file.path, file.bytes, Format::Toml)?;
        Ok(Settings::decode(&document)?)
    }

    /// Pins the root that lies where the site keeps it, if it has this fingerprint.
    pub fn trust_root(&self, said: Fingerprint) -> Result<Anchor, Error> {
        let model = self.model()?;
        let roots = match discover(&model.settings.ca, &model.ca_hints()) {
            CaChoice::Acme(choice) => choice.roots,
            CaChoice::StepCa(choice) => choice.roots,
            CaChoice::Embedded => return Err(Error::NoRoot { paths: Vec::new() }),
        };
        let (_, offered) = root_on_disk(self, &roots)?;
        let offered = said_to_be(offered, Some(said))?;
        let _lock = self.lock(std::time::Duration::from_secs(60))?;
        let store = self.store();
        let before = store.pinned()?.map(|pinned| pinned.fingerprint);
        store.pin(&offered)?;
        let line = AuditLine::done(self.seams.clock.now(), "trust root")
            .why("named by its fingerprint")
            .fingerprints(before, Some(offered.fingerprint));
        store.audit(&line)?;
        Ok(offered)
    }
}

/// The settings' file, in the site's directory.
pub(super) const SETTINGS: &str = "etc/phoenix.toml";
