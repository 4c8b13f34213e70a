//! A CA that a command names itself, in place of the site's or beside what the site says.

use std::path::PathBuf;
use std::sync::Arc;

use super::Site;
use super::any_authority::AnyAuthority;
use super::authority::{
    acme, client, embedded, own, password, pinned, root_on_disk, said_to_be, step_ca, urls,
};
#[cfg(feature = "acme")]
use crate::ca::AcmeDirectory;
use crate::ca::{CaUrl, PasswordSource, StepCa};
use crate::error::Error;
#[cfg(feature = "acme")]
use crate::settings::{AcmeChallenge, AcmeChoice};
use crate::settings::{CaChoice, StepCaChoice};
use crate::system::Proxy;
use crate::x509::Fingerprint;

/// Which CA a command of its own speaks to, where it says so itself; what it does not say, the site says.
#[derive(Default)]
pub struct CaOverrides {
    /// Its addresses, tried in order. Default: the site's CA.
    pub urls: Vec<CaUrl>,
    /// The name on its certificate, where the address is another.
    pub server_name: Option<String>,
    /// The root's file.
    pub root: Option<PathBuf>,
    /// The root's fingerprint, by which it is fetched where no file is named.
    pub fingerprint: Option<Fingerprint>,
    /// The provisioner.
    pub provisioner: Option<String>,
    /// Where its password comes from.
    pub password: Option<PasswordSource>,
    /// The HTTP proxy through which it is reached. Default: the site's, where it names one.
    pub proxy: Option<Proxy>,
    /// It speaks ACME.
    #[cfg(feature = "acme")]
    pub acme: Option<AcmeOverrides>,
}

/// A CA that speaks ACME, for a command of its own.
#[cfg(feature = "acme")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeOverrides {
    /// Its directory.
    pub directory: AcmeDirectory,
    /// How names are proved.
    pub challenge: AcmeChallenge,
}

impl CaOverrides {
    fn is_empty(&self) -> bool {
        self.urls.is_empty()
            && self.server_name.is_none()
            && self.root.is_none()
            && self.fingerprint.is_none()
            && self.provisioner.is_none()
            && self.password.is_none()
            && self.proxy.is_none()
    }
}

impl Site {
    /// The CA that a command of its own speaks to: the one that it names, else the site's.
    ///
    /// A site that holds nothing but `etc/phoenix.toml` with a `url` is enough, and none at all is where `overrides`
    /// name a URL and a root. `writes` allows to pin a root and to make the embedded CA.
    pub fn authority(&self, overrides: CaOverrides, writes: bool) -> Result<AnyAuthority, Error> {
        #[cfg(feature = "acme")]
        if let Some(acme) = &overrides.acme {
            return self.acme_overridden(acme, &overrides);
        }
        if overrides.urls.is_empty() {
            if overrides.is_empty()
                && let Some(own) = own(self)
            {
                return own;
            }
            let choice = self.ca_choice()?;
            return match choice {
                CaChoice::Acme(choice) if overrides.is_empty() => acme(self, &choice, writes),
                CaChoice::Acme(_) => Err(Error::Argument(
                    "the site has a CA that speaks ACME; name another by its URL or its directory, with its root"
                        .to_owned(),
                )),
                CaChoice::Embedded if overrides.is_empty() => {
                    embedded(self, self.model().ok().as_ref(), writes)
                }
                CaChoice::Embedded => Err(Error::Argument(
                    "the site has an embedded CA, which has neither address nor provisioner; name another CA by its URL"
                        .to_owned(),
                )),
                CaChoice::StepCa(choice) if overrides.is_empty() => step_ca(self, &choice, writes),
                CaChoice::StepCa(choice) => self.overridden(overrides, Some(choice)),
            };
        }
        self.overridden(overrides, None)
    }

    /// An ACME CA that a command names; its root is the one that it names too, else the site's pinned one.
    #[cfg(feature = "acme")]
    fn acme_overridden(
        &self,
        acme: &AcmeOverrides,
        overrides: &CaOverrides,
    ) -> Result<AnyAuthority, Error> {
        if !overrides.urls.is_empty()
            || overrides.provisioner.is_some()
            || overrides.password.is_some()
        {
            return Err(Error::Argument(
                "a CA that speaks ACME has neither provisioner nor password, and its directory is its URL"
                    .to_owned(),
            ));
        }
        let choice = AcmeChoice {
            directory: acme.directory.to_string(),
            challenge: acme.challenge.clone(),
            server_name: overrides.server_name.clone(),
            roots: overrides.root.iter().cloned().collect(),
            fingerprint: overrides.fingerprint,
            proxy: overrides.proxy.clone(),
            said_by: "as named".to_owned(),
        };
        let anchor = match (&overrides.root, overrides.fingerprint) {
            (Some(root), said) => {
                let (_, anchor) = root_on_disk(self, std::slice::from_ref(root))?;
                said_to_be(anchor, said)?
            }
            (None, said) => match self.store().pinned()? {
                Some(pinned) => said_to_be(pinned, said)?,
                None => {
                    return Err(Error::Argument(
                        "nothing says which root to trust; name its file".to_owned(),
                    ));
                }
            },
        };
        Ok(super::acme::client(
            self,
            acme.directory.clone(),
            &choice,
            anchor,
        ))
    }

    fn overridden(
        &self,
        overrides: CaOverrides,
        choice: Option<StepCaChoice>,
    ) -> Result<AnyAuthority, Error> {
        let said_by = choice
            .as_ref()
            .map_or("as named", |choice| choice.said_by.as_str())
            .to_owned();
        let urls = match &choice {
            Some(choice) => urls(&choice.urls).map_err(|source| Error::Ca {
                authority: format!("step-ca ({said_by})"),
                source,
            })?,
            None => overrides.urls,
        };
        let shown: Vec<String> = urls.iter().map(ToString::to_string).collect();
        let describe = format!("step-ca at {} ({said_by})", shown.join(", "));
        let server_name = overrides.server_name.or_else(|| {
            choice
                .as_ref()
                .and_then(|choice| choice.server_name.clone())
        });
        let password = match (overrides.password, &choice) {
            (Some(password), _) => password,
            (None, Some(choice)) => password(self, &choice.password_files)?,
            (None, None) => PasswordSource::none(),
        };
        let proxy = overrides
            .proxy
            .or_else(|| choice.as_ref().and_then(|choice| choice.proxy.clone()));
        let dial = self.dial_to_ca(proxy.as_ref());
        let fingerprint = overrides
            .fingerprint
            .or_else(|| choice.as_ref().and_then(|choice| choice.fingerprint));
        let roots = match (&overrides.root, &choice) {
            (Some(path), _) => vec![path.clone()],
            (None, Some(choice)) => choice.roots.clone(),
            (None, None) => Vec::new(),
        };
        let anchor = match (roots.is_empty(), fingerprint) {
            (true, None) => {
                return Err(Error::Argument(
                    "nothing says which root to trust; name its file or its fingerprint".to_owned(),
                ));
            }
            (true, Some(fingerprint)) => {
                self.fetch_root(&urls, fingerprint, server_name.as_deref(), &dial)?
            }
            (false, said) => {
                let (_, anchor) = root_on_disk(self, &roots)?;
                // The site's own root is the pinned one, whatever else a command says differently.
                let anchor = match overrides.root {
                    None => pinned(self, anchor)?.anchor,
                    Some(_) => anchor,
                };
                said_to_be(anchor, said)?
            }
        };
        let provisioner = overrides
            .provisioner
            .or_else(|| choice.and_then(|choice| choice.provisioner));
        let ca = StepCa::new(urls, vec![anchor.clone()], provisioner, password, dial)
            .server_name(server_name)
            .clock(Arc::clone(&self.seams.clock));
        Ok(client(ca, anchor, &describe))
    }
}
