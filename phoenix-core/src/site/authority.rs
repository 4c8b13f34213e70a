//! Opens the CA that the site names: its root from the host's own disk, pinned in the state.

use std::path::PathBuf;
use std::sync::Arc;

use super::Site;
use crate::ca::{
    Authority, CaUrl, EmbeddedCa, EnrollError, Health, Issued, PasswordSource, Request, StepCa,
};
use crate::error::Error;
use crate::model::Model;
use crate::settings::{CaChoice, StepCaChoice, discover};
use crate::store::PinError;
use crate::x509::{Anchor, Chain, Fingerprint};

/// Whichever CA the site has.
pub struct AnyAuthority {
    inner: Option<Box<dyn Authority>>,
    anchors: Vec<Anchor>,
    describe: String,
}

impl AnyAuthority {
    /// Its roots, as far as they are known.
    pub fn anchors(&self) -> Vec<Anchor> {
        self.anchors.clone()
    }

    fn inner(&self) -> Result<&dyn Authority, EnrollError> {
        self.inner.as_deref().ok_or_else(|| EnrollError::NotReady {
            authority: self.describe.clone(),
        })
    }
}

impl Authority for AnyAuthority {
    fn describe(&self) -> String {
        self.describe.clone()
    }

    fn anchors(&self) -> Result<Vec<Anchor>, EnrollError> {
        Ok(self.anchors.clone())
    }

    fn health(&self) -> Result<Health, EnrollError> {
        self.inner()?.health()
    }

    fn enroll(&self, request: &Request<'_>) -> Result<Issued, EnrollError> {
        self.inner()?.enroll(request)
    }

    fn renew(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError> {
        self.inner()?.renew(current, request)
    }
}

/// Opens the site's CA. Only when `writes` is set a root is pinned and an embedded CA is made.
pub(super) fn open(site: &Site, model: &Model, writes: bool) -> Result<AnyAuthority, Error> {
    match discover(&model.settings.ca, &model.ca_hints()) {
        CaChoice::Embedded => embedded(site, writes),
        CaChoice::StepCa(choice) => step_ca(site, &choice, writes),
    }
}

fn embedded(site: &Site, writes: bool) -> Result<AnyAuthority, Error> {
    let dir = site.store().embedded_ca_dir();
    let describe = format!("the embedded CA in {}", dir.display());
    let there = site.root.stat(&dir.join(EmbeddedCa::ROOT_FILE))?.is_some();
    if !there && !writes {
        return Ok(AnyAuthority {
            inner: None,
            anchors: Vec::new(),
            describe: format!("{describe}, made by the first run"),
        });
    }
    let failed = |source| Error::Ca {
        authority: describe.clone(),
        source,
    };
    let ca = EmbeddedCa::open_or_init(&site.on_disk(&dir), Arc::clone(&site.seams.clock))
        .map_err(failed)?;
    let anchors = ca.anchors().map_err(failed)?;
    Ok(AnyAuthority {
        inner: Some(Box::new(ca)),
        anchors,
        describe,
    })
}

fn step_ca(site: &Site, choice: &StepCaChoice, writes: bool) -> Result<AnyAuthority, Error> {
    let describe = format!("step-ca at {} ({})", choice.urls.join(", "), choice.said_by);
    let failed = |source| Error::Ca {
        authority: describe.clone(),
        source,
    };
    let (path, offered) = root_on_disk(site, &choice.roots)?;
    if let Some(said) = choice.fingerprint
        && said != offered.fingerprint
    {
        return Err(Error::WrongFingerprint {
            found: offered.fingerprint,
            said,
        });
    }
    let store = site.store();
    let pinned = store.check_root(offered).map_err(|error| match error {
        PinError::Store(error) => Error::Store(error),
        PinError::Differs { found, .. } => Error::RootChanged {
            found,
            source: error,
        },
    })?;
    let anchor = pinned.anchor;
    if pinned.new && writes {
        store.pin(&anchor)?;
        let words = format!("fingerprint {} from {}", anchor.fingerprint, path.display());
        store.audit(site.seams.clock.now(), "pin root", "done", &words)?;
    }
    let urls: Vec<CaUrl> = choice
        .urls
        .iter()
        .map(|url| url.parse())
        .collect::<Result<_, _>>()
        .map_err(|error: crate::names::NameError| failed(EnrollError::NoRoot(error.to_string())))?;
    let mut password = choice.password_files.first().cloned();
    for path in &choice.password_files {
        if site.root.stat(path)?.is_some() {
            password = Some(path.clone());
            break;
        }
    }
    let root = site.root.clone();
    let source = match password {
        Some(path) => PasswordSource::file(path.display().to_string(), move || {
            root.read_limited(&path, 64 << 10)
                .map(crate::secret::Secret::new)
                .map_err(|error| std::io::Error::other(crate::inventory::in_words(&error)))
        }),
        None => PasswordSource::none(),
    };
    let dial = Arc::clone(&site.seams.dial);
    let ca = StepCa::new(
        urls,
        vec![anchor.clone()],
        choice.provisioner.clone(),
        source,
        dial,
    )
    .server_name(choice.server_name.clone())
    .clock(Arc::clone(&site.seams.clock));
    let describe = format!("{describe}, root {}", anchor.fingerprint.short());
    Ok(AnyAuthority {
        inner: Some(Box::new(ca)),
        anchors: vec![anchor],
        describe,
    })
}

/// The root on the host's own disk: the only source, besides a fingerprint, that may become a trust anchor.
fn root_on_disk(site: &Site, paths: &[PathBuf]) -> Result<(PathBuf, Anchor), Error> {
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

impl Site {
    /// Pins the root that lies where the site keeps it, if it has this fingerprint.
    pub fn trust_root(&self, said: Fingerprint) -> Result<Anchor, Error> {
        let model = self.model()?;
        let CaChoice::StepCa(choice) = discover(&model.settings.ca, &model.ca_hints()) else {
            return Err(Error::NoRoot { paths: Vec::new() });
        };
        let (_, offered) = root_on_disk(self, &choice.roots)?;
        if offered.fingerprint != said {
            return Err(Error::WrongFingerprint {
                found: offered.fingerprint,
                said,
            });
        }
        let _lock = self.lock(std::time::Duration::from_secs(60))?;
        let store = self.store();
        store.pin(&offered)?;
        store.audit(
            self.seams.clock.now(),
            "trust root",
            "done",
            &offered.fingerprint.to_string(),
        )?;
        Ok(offered)
    }
}
