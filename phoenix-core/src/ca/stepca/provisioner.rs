//! Which provisioner signs our tokens, and its key, opened once.

use std::io;
use std::sync::{Arc, PoisonError};

use super::token::{Claims, SigningKey};
use super::wire::{
    EncryptedKey, Provisioner, Provisioners, PublicJwk, decode, describe, unexpected,
};
use super::{JweFault, StepCa, jwe};
use crate::ca::EnrollError;
use crate::ca::http::{Endpoint, Reply};
use crate::secret::Secret;
use crate::x509::KeyFault;

/// Where the provisioner's password comes from. It is read when the first token is needed and not before.
pub struct PasswordSource {
    from: String,
    read: Box<dyn Fn() -> io::Result<Secret> + Send + Sync>,
    trim: bool,
}

impl PasswordSource {
    /// A password file, read by the given function; white space at its end does not belong to the password.
    pub fn file(
        path: impl Into<String>,
        read: impl Fn() -> io::Result<Secret> + Send + Sync + 'static,
    ) -> Self {
        Self {
            from: path.into(),
            read: Box::new(read),
            trim: true,
        }
    }

    /// Someone who is asked; what is entered is taken as it is.
    pub fn prompt(read: impl Fn() -> io::Result<Secret> + Send + Sync + 'static) -> Self {
        Self {
            from: "the prompt".to_owned(),
            read: Box::new(read),
            trim: false,
        }
    }

    /// Nothing: only what needs no password works (renewal, health).
    pub fn none() -> Self {
        Self {
            from: "the settings".to_owned(),
            read: Box::new(|| {
                Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    "no password file is configured",
                ))
            }),
            trim: false,
        }
    }

    /// A one-time token from the same kinds of places.
    pub(crate) fn token(&self) -> Result<Secret, EnrollError> {
        let secret = (self.read)().map_err(|source| EnrollError::Token {
            from: self.from.clone(),
            source,
        })?;
        Ok(secret.trimmed_end())
    }

    fn password(&self) -> Result<Secret, EnrollError> {
        let secret = (self.read)().map_err(|source| EnrollError::Password {
            from: self.from.clone(),
            source,
        })?;
        Ok(if self.trim {
            secret.trimmed_end()
        } else {
            secret
        })
    }
}

/// Whether the provisioner's key is open yet.
pub(super) enum SignerState {
    Closed,
    Open(Arc<Signer>),
    /// The password was tried and is wrong: trying again for every certificate would only take time.
    WrongPassword(String),
}

/// Signs one-time tokens.
pub(super) struct Signer {
    pub(super) provisioner: String,
    pub(super) public: PublicJwk,
    pub(super) key: SigningKey,
}

impl Signer {
    /// A token that serves once.
    pub(super) fn token(&self, about: &str, claims: &Claims<'_>) -> Result<Secret, EnrollError> {
        self.key.token(&self.public.kid, claims).ok_or_else(|| {
            let what = "the provisioner's key could not sign a token".to_owned();
            EnrollError::key(about, KeyFault::Signing(what))
        })
    }
}

impl StepCa {
    /// The signer; whoever comes first opens the key, and the others wait for it.
    pub(super) fn signer(&self) -> Result<Arc<Signer>, EnrollError> {
        let mut state = self.signer.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            SignerState::Open(signer) => return Ok(signer.clone()),
            SignerState::WrongPassword(provisioner) => {
                return Err(self.wrong_password(provisioner.clone()));
            }
            SignerState::Closed => {}
        }
        let (name, public, encrypted) = self.chosen_provisioner()?;
        let password = self.password.password()?;
        let jwk = match jwe::open(&encrypted, &password) {
            Ok(jwk) => jwk,
            Err(JweFault::WrongPassword) => {
                *state = SignerState::WrongPassword(name.clone());
                return Err(self.wrong_password(name));
            }
            Err(source) => {
                return Err(EnrollError::ProvisionerKey {
                    provisioner: name,
                    source,
                });
            }
        };
        let key =
            SigningKey::from_jwk(&jwk, &public).map_err(|source| EnrollError::ProvisionerKey {
                provisioner: name.clone(),
                source,
            })?;
        let signer = Arc::new(Signer {
            provisioner: name,
            public,
            key,
        });
        *state = SignerState::Open(signer.clone());
        Ok(signer)
    }

    /// Opens the provisioner's key, which proves that there is such a provisioner and that the password is right.
    pub fn open_provisioner(&self) -> Result<String, EnrollError> {
        self.signer().map(|signer| signer.provisioner.clone())
    }

    fn wrong_password(&self, provisioner: String) -> EnrollError {
        EnrollError::WrongPassword {
            provisioner,
            from: self.password.from.clone(),
        }
    }

    fn chosen_provisioner(&self) -> Result<(String, PublicJwk, String), EnrollError> {
        let (all, endpoint) = self.provisioners()?;
        let names = || {
            all.iter()
                .map(|one| format!("{} ({})", one.name, one.kind))
                .collect()
        };
        let mut fitting = all.iter().filter(|one| {
            is_jwk(one)
                && self
                    .provisioner
                    .as_ref()
                    .is_none_or(|name| *name == one.name)
        });
        let (Some(chosen), None) = (fitting.next(), fitting.next()) else {
            return Err(EnrollError::NoSuchProvisioner {
                url: endpoint.url().clone(),
                wanted: self.provisioner.clone(),
                found: names(),
            });
        };
        // `is_jwk` looked at it.
        let public = chosen.key.clone().unwrap_or_default();
        let encrypted = match &chosen.encrypted_key {
            Some(encrypted) if !encrypted.is_empty() => encrypted.clone(),
            _ => self.encrypted_key(&public.kid)?,
        };
        Ok((chosen.name.clone(), public, encrypted))
    }

    /// All provisioners, page by page.
    pub(super) fn provisioners(&self) -> Result<(Vec<Provisioner>, &Endpoint), EnrollError> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let path = if cursor.is_empty() {
                "/provisioners?limit=100".to_owned()
            } else {
                format!("/provisioners?limit=100&cursor={cursor}")
            };
            let (reply, endpoint) = self.fetch(&path)?;
            let page: Provisioners = decode(&reply, endpoint, "/provisioners")?;
            all.extend(page.provisioners.unwrap_or_default());
            let opaque = page.next_cursor;
            if opaque.is_empty() {
                return Ok((all, endpoint));
            }
            if !opaque.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(unexpected(
                    endpoint,
                    "/provisioners",
                    "a cursor that is not hexadecimal".to_owned(),
                ));
            }
            cursor = opaque;
        }
        let endpoints = self.endpoints()?;
        Err(unexpected(
            &endpoints[0],
            "/provisioners",
            format!("more than {MOST_PAGES} pages"),
        ))
    }

    fn encrypted_key(&self, kid: &str) -> Result<String, EnrollError> {
        // Key ids are base64url; anything else could change the path.
        let safe = kid
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let path = format!("/provisioners/{kid}/encrypted-key");
        if !safe {
            return Err(EnrollError::ProvisionerKey {
                provisioner: self.provisioner.clone().unwrap_or_default(),
                source: JweFault::Content("its key id has characters that no key id has"),
            });
        }
        let (reply, endpoint) = self.fetch(&path)?;
        let answer: EncryptedKey = decode(&reply, endpoint, &path)?;
        Ok(answer.key)
    }

    pub(super) fn fetch(&self, path: &str) -> Result<(Reply, &Endpoint), EnrollError> {
        let endpoints = self.endpoints()?;
        let (reply, endpoint) = self.ask(endpoints, |endpoint| Ok(endpoint.get(path)))?;
        // Lists of certificates come with 201, although nothing is created.
        if matches!(reply.status, 200 | 201) {
            return Ok((reply, endpoint));
        }
        Err(unexpected(endpoint, path, describe(&reply, "status 200")))
    }
}

pub(super) fn is_jwk(provisioner: &Provisioner) -> bool {
    provisioner.kind.eq_ignore_ascii_case("jwk") && provisioner.key.is_some()
}

/// 10,000 provisioners.
const MOST_PAGES: usize = 100;
