//! What step-ca shows to everybody: its certificates, its provisioners, its revocation list.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde::Serialize;

use super::StepCa;
use super::wire::{self, Certificates, Provisioner};
use crate::ca::EnrollError;
use crate::x509::{Anchor, Crl, CrlFault, NextUpdate, under};

/// A revocation list that is believed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RevocationList {
    /// The list.
    pub crl: Arc<Crl>,
    /// The pinned root, and the CA certificates that lead from it to the list's issuer.
    pub issuers: Vec<Anchor>,
}

/// A provisioner as the CA lists it; what it keeps secret and what belongs to other kinds is not read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProvisionerInfo {
    /// Its name.
    pub name: String,
    /// Its kind: `JWK`, `ACME`, `X5C` and others.
    pub kind: String,
    /// The id of its key, where it has one.
    pub key_id: Option<String>,
    /// The kind of its key: `EC P-256`, `RSA`.
    pub key_type: Option<String>,
    /// Whether the CA hands out its key, which a password opens.
    pub has_encrypted_key: bool,
    /// The claims that are its own; the CA does not show its defaults.
    pub claims: BTreeMap<String, serde_json::Value>,
}

impl ProvisionerInfo {
    fn of(provisioner: Provisioner) -> Self {
        let key = provisioner.key;
        Self {
            name: provisioner.name,
            kind: provisioner.kind,
            key_id: key.as_ref().map(|key| key.kid.clone()),
            key_type: key.map(|key| match key.crv {
                Some(curve) => format!("{} {curve}", key.kty),
                None => key.kty,
            }),
            has_encrypted_key: provisioner
                .encrypted_key
                .is_some_and(|encrypted| !encrypted.is_empty()),
            claims: provisioner.claims.unwrap_or_default(),
        }
    }
}

impl StepCa {
    /// What it says about its version.
    pub fn version(&self) -> Result<String, EnrollError> {
        let (reply, endpoint) = self.fetch("/version")?;
        let answer: wire::Version = wire::decode(&reply, endpoint, "/version")?;
        Ok(answer.version)
    }

    /// All provisioners, page by page.
    pub fn list_provisioners(&self) -> Result<Vec<ProvisionerInfo>, EnrollError> {
        let (all, _) = self.provisioners()?;
        Ok(all.into_iter().map(ProvisionerInfo::of).collect())
    }

    /// Its roots: more than one while it moves to a new one.
    ///
    /// They came over a connection that the pinned root vouches for; that does not make trust anchors of them.
    pub fn roots(&self) -> Result<Vec<Anchor>, EnrollError> {
        self.certificates("/roots")
    }

    /// Its roots and those of the CAs that it is federated with.
    pub fn federation(&self) -> Result<Vec<Anchor>, EnrollError> {
        self.certificates("/federation")
    }

    /// Its intermediates, the issuing one first. Before 0.27.3 it does not show them, which is an error.
    pub fn intermediates(&self) -> Result<Vec<Anchor>, EnrollError> {
        self.certificates("/intermediates")
    }

    /// Its revocation list, believed and still counting; `None` where it keeps none.
    ///
    /// It is fetched once and kept until the next one is due.
    ///
    /// # Errors
    ///
    /// [`EnrollError::RevocationList`] when nobody under the pinned root signed it, or when it is older than it may be.
    pub fn crl(&self) -> Result<Option<Arc<Crl>>, EnrollError> {
        Ok(self.revocation_list()?.map(|list| list.crl))
    }

    /// The same, with the certificates that make it believed.
    pub fn revocation_list(&self) -> Result<Option<RevocationList>, EnrollError> {
        let now = self.clock.now();
        let mut kept = self.crl.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |list: &&RevocationList| matches!(list.crl.next_update, Some(NextUpdate(at)) if now < at);
        if let Some(list) = kept.as_ref().filter(fresh) {
            return Ok(Some(list.clone()));
        }
        let (reply, endpoint) = self.ask(self.endpoints()?, |endpoint| Ok(endpoint.get(CRL)))?;
        let fault = |source: CrlFault| EnrollError::RevocationList {
            url: endpoint.url().clone(),
            source,
        };
        match reply.status {
            200 => {}
            // Switched off, or too old to have one.
            404 => return Ok(None),
            _ => {
                let detail = wire::describe(&reply, "status 200");
                return Err(wire::unexpected(endpoint, CRL, detail));
            }
        }
        let crl = Crl::from_der(&reply.body).map_err(fault)?;
        let issuers = under(&self.anchors, self.intermediates()?, now);
        crl.verify(&issuers, now).map_err(fault)?;
        let list = RevocationList {
            crl: Arc::new(crl),
            issuers,
        };
        *kept = Some(list.clone());
        Ok(Some(list))
    }

    fn certificates(&self, path: &str) -> Result<Vec<Anchor>, EnrollError> {
        let (reply, endpoint) = self.fetch(path)?;
        let answer: Certificates = wire::decode(&reply, endpoint, path)?;
        answer
            .crts
            .unwrap_or_default()
            .iter()
            .map(|pem| {
                Anchor::from_pem(pem.as_bytes()).map_err(|source| EnrollError::Unreadable {
                    url: endpoint.url().clone(),
                    source,
                })
            })
            .collect()
    }
}

const CRL: &str = "/1.0/crl";
