//! Whichever CA a site has, spoken to alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ca::{
    Authority, EmbeddedCa, EnrollError, Health, Issued, Request, StepCa, Wanted, judge,
};
use crate::names::SubjectAltName;
use crate::time::Clock;
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
    /// The program's own.
    Own(Arc<dyn Authority>, Arc<dyn Clock>),
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

    /// A CA of the program's own. What it issues is judged like any other's: our key, exactly the names asked for, the
    /// usage, the dates, the way to its roots.
    pub fn own(authority: Arc<dyn Authority>, clock: Arc<dyn Clock>) -> Result<Self, EnrollError> {
        Ok(Self {
            describe: authority.describe(),
            anchors: authority.anchors()?,
            inner: Inner::Own(authority, clock),
        })
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
            Inner::Missing | Inner::Own(..) => Revokes::No,
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
            Inner::Own(ca, clock) => {
                self.judged(ca.enroll(request)?, request, &request.names()?, clock)
            }
            Inner::Missing => self.inner()?.renew(current, request),
        }
    }

    /// What an authority that is none of ours answers, if it is what was asked for.
    fn judged(
        &self,
        issued: Issued,
        request: &Request<'_>,
        names: &BTreeSet<SubjectAltName>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Issued, EnrollError> {
        let public_key = request.key.public_key();
        let wanted = Wanted::of(request, names, &public_key, None);
        judge(&issued.chain, &wanted, &self.anchors, clock.now()).map_err(|source| {
            EnrollError::Unacceptable {
                from: self.describe(),
                common_name: request.common_name.to_string(),
                source,
            }
        })?;
        Ok(issued)
    }

    fn inner(&self) -> Result<&dyn Authority, EnrollError> {
        match &self.inner {
            #[cfg(feature = "acme")]
            Inner::Acme(ca) => Ok(ca.as_ref()),
            Inner::Embedded(ca) => Ok(ca.as_ref()),
            Inner::StepCa(ca) => Ok(ca.as_ref()),
            Inner::Own(ca, _) => Ok(ca.as_ref()),
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
        match &self.inner {
            Inner::Own(ca, clock) => {
                self.judged(ca.enroll(request)?, request, &request.names()?, clock)
            }
            _ => self.inner()?.enroll(request),
        }
    }

    fn renew(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError> {
        match &self.inner {
            Inner::Own(ca, clock) => {
                let issued = ca.renew(current, request)?;
                self.judged(issued, request, &current.leaf().sans, clock)
            }
            _ => self.inner()?.renew(current, request),
        }
    }
}
