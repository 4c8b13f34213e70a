//! The account: a key of its own, kept on this host.

use std::path::PathBuf;
use std::sync::Arc;

use instant_acme::{Account, Key};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Acme;
use super::wire::{Wire, fault, run};
use crate::ca::EnrollError;
use crate::ca::http::Endpoint;
use crate::names::FileMode;
use crate::secret::Secret;
use crate::system::{Attributes, Root};
use crate::x509::{KeyType, PrivateKey};

/// Where the account's key is kept: PKCS#8, readable by its owner alone.
#[derive(Debug, Clone)]
pub struct AccountKey {
    root: Root,
    path: PathBuf,
}

impl AccountKey {
    /// In this file, whose directory is made where it is missing.
    pub fn new(root: Root, path: PathBuf) -> Self {
        Self { root, path }
    }

    /// The key; a new one is made and kept where there is none.
    fn read_or_make(&self) -> Result<PrivateKey, EnrollError> {
        let fault = |source: Box<dyn std::error::Error + Send + Sync>| EnrollError::AccountKey {
            path: self.path.display().to_string(),
            source,
        };
        let there = self
            .root
            .read_optional(&self.path)
            .map_err(|error| fault(error.into()))?;
        if let Some(pem) = there.map(Secret::new) {
            let key = PrivateKey::from_pem(&pem).map_err(|error| fault(error.into()))?;
            if key.key_type() != Some(KeyType::EcP256) || !key.is_pkcs8() {
                return Err(fault(
                    "expected an EC P-256 key in a `PRIVATE KEY` section".into(),
                ));
            }
            return Ok(key);
        }
        let key = PrivateKey::generate(KeyType::EcP256).map_err(|error| fault(error.into()))?;
        // Kept before it is used: an account whose key is lost can never be closed.
        let dir = self.path.parent().unwrap_or(&self.path);
        self.root
            .create_dir_all(dir, FileMode::new(0o700))
            .and_then(|()| {
                let attributes = Attributes::mode(FileMode::PRIVATE);
                let pem = key.to_pem();
                self.root
                    .replace(&self.path, pem.expose_secret(), &attributes)
            })
            .map_err(|error| fault(error.into()))?;
        Ok(key)
    }
}

/// The CA's account for the key: found, or made.
pub(super) fn open(
    acme: &Acme,
    endpoint: &Arc<Endpoint>,
    about: &str,
) -> Result<Account, EnrollError> {
    let url = endpoint.url();
    let unusable = |error| fault(url, about, error);
    let PrivateKeyDer::Pkcs8(der) = acme.key.read_or_make()?.secret_for_tls() else {
        return Err(EnrollError::Misconfigured(
            "the account's key is not PKCS#8".to_owned(),
        ));
    };
    let key =
        Key::from_pkcs8_der(PrivatePkcs8KeyDer::from(der.secret_pkcs8_der())).map_err(unusable)?;
    let wire = Wire {
        endpoint: endpoint.clone(),
        clock: acme.clock.clone(),
        total: acme.timeouts.total,
    };
    let directory = endpoint.audience(acme.directory.path());
    // Asked for again, the CA names the account that is there.
    let opened = Account::builder_with_http(Box::new(wire))
        .create_from_key((key, PrivateKeyDer::Pkcs8(der)), directory);
    let (account, _) = run(url, opened)?.map_err(unusable)?;
    Ok(account)
}
