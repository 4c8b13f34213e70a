//! Whichever CA a site has, spoken to alike.

use crate::ca::{Authority, EmbeddedCa, EnrollError, Health, Issued, Request, StepCa};
use crate::x509::{Anchor, Chain, PrivateKey};

/// Whichever CA the site has.
pub struct AnyAuthority {
    pub(super) inner: Inner,
    pub(super) anchors: Vec<Anchor>,
    pub(super) describe: String,
}

pub(super) enum Inner {
    #[cfg(feature = "acme")]
    Acme(Box<crate::ca::Acme>),
    Embedded(Box<EmbeddedCa>),
    /// The embedded one, which the first run makes.
    Missing,
    StepCa(Box<StepCa>),
}

impl AnyAuthority {
    /// Its roots, as far as they are known.
    pub fn anchors(&self) -> Vec<Anchor> {
        self.anchors.clone()
    }

    #[cfg(feature = "acme")]
    pub(super) fn acme(acme: crate::ca::Acme, anchor: Anchor, describe: &str) -> Self {
        Self {
            describe: format!("{describe}, root {}", anchor.fingerprint.short()),
            inner: Inner::Acme(Box::new(acme)),
            anchors: vec![anchor],
        }
    }

    /// The CA of our own, where it is one and exists.
    pub fn embedded(&self) -> Option<&EmbeddedCa> {
        match &self.inner {
            Inner::Embedded(ca) => Some(ca),
            _ => None,
        }
    }

    /// Whether it is a CA of our own that the first run makes.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.inner, Inner::Missing)
    }

    /// Who revokes.
    pub(super) fn revokes(&self) -> Revokes<'_> {
        match &self.inner {
            #[cfg(feature = "acme")]
            Inner::Acme(ca) => Revokes::Acme(ca),
            Inner::StepCa(ca) => Revokes::StepCa(ca),
            Inner::Embedded(ca) => Revokes::Embedded(ca),
            Inner::Missing => Revokes::No,
        }
    }

    /// The client of step-ca, where it is one.
    pub fn step_ca(&self) -> Option<&StepCa> {
        match &self.inner {
            Inner::StepCa(ca) => Some(ca),
            _ => None,
        }
    }

    /// Gets a certificate with the names and lifetime of a current one, whose pair proves who asks, for another key.
    pub fn rekey(
        &self,
        current: &Chain,
        current_key: &PrivateKey,
        request: &Request<'_>,
    ) -> Result<Issued, EnrollError> {
        match &self.inner {
            // A new order for another key; who asks is proved anew.
            #[cfg(feature = "acme")]
            Inner::Acme(ca) => ca.enroll(request),
            Inner::Embedded(ca) => ca.rekey(current, request),
            Inner::StepCa(ca) => ca.rekey(current, current_key, request),
            Inner::Missing => self.inner()?.renew(current, request),
        }
    }

    fn inner(&self) -> Result<&dyn Authority, EnrollError> {
        match &self.inner {
            #[cfg(feature = "acme")]
            Inner::Acme(ca) => Ok(ca.as_ref()),
            Inner::Embedded(ca) => Ok(ca.as_ref()),
            Inner::StepCa(ca) => Ok(ca.as_ref()),
            Inner::Missing => Err(EnrollError::NotReady {
                authority: self.describe.clone(),
            }),
        }
    }
}

/// An authority that revokes, each in its own way.
pub(super) enum Revokes<'a> {
    #[cfg(feature = "acme")]
    Acme(&'a crate::ca::Acme),
    Embedded(&'a EmbeddedCa),
    No,
    StepCa(&'a StepCa),
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
