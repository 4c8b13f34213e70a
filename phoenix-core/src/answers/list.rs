//! The manifest's certificates as they lie on the host.

use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;

use crate::inventory::{PairFacts, PairState};
use crate::manifest::Entry;
use crate::model::Model;
use crate::names::{CommonName, SubjectAltName};
use crate::plan::{Wanted, opening};
use crate::x509::{Fingerprint, KeyType, Leaf, Serial, Usage};

/// One certificate of the manifest, and what its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedCertificate {
    /// Its name in the manifest.
    pub certificate: CommonName,
    /// In a word.
    pub state: ListedState,
    /// What it identifies, as the manifest wants it.
    pub usage: Usage,
    /// The certificate's file.
    pub cert_path: PathBuf,
    /// The key's file.
    pub key_path: PathBuf,
    /// The guests that it is delivered to besides, with the certificate's file there.
    pub delivered_to: Vec<String>,
    /// What the file says; absent when there is nothing readable.
    pub installed: Option<InstalledCertificate>,
    /// Why it cannot be read, where it cannot.
    pub trouble: Option<String>,
}

/// A certificate's state by its files and the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ListedState {
    /// Its renewal window is open.
    Due,
    /// Its time is over.
    Expired,
    /// It is valid and not due.
    Good,
    /// The key is another certificate's.
    KeyMismatch,
    /// There is none.
    Missing,
    /// What is there cannot be read.
    Unreadable,
}

/// What a certificate's file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledCertificate {
    /// Its names.
    pub names: Vec<SubjectAltName>,
    /// Who issued it.
    pub issuer: String,
    /// Its serial number.
    pub serial: Serial,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
    /// The kind of its key, where it is one that Phoenix makes.
    pub key_type: Option<KeyType>,
    /// From when on it is valid.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub not_before: SystemTime,
    /// Until when.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub not_after: SystemTime,
    /// When it is renewed.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub due: SystemTime,
}

impl ListedCertificate {
    /// Judges what lies at an entry's own paths.
    pub(crate) fn of(entry: &Entry, pair: &PairFacts, model: &Model, now: SystemTime) -> Self {
        let wanted = Wanted::of(entry, model);
        let installed = pair.chain().map(|chain| {
            InstalledCertificate::of(chain.leaf(), opening(&wanted, chain.leaf(), now).at)
        });
        let mut trouble = None;
        let state = match &pair.state {
            PairState::Missing => ListedState::Missing,
            PairState::Unreadable(why) => {
                trouble = Some(why.clone());
                ListedState::Unreadable
            }
            PairState::Present { key_matches, .. } => match &installed {
                _ if !key_matches => ListedState::KeyMismatch,
                Some(found) if found.not_after <= now => ListedState::Expired,
                Some(found) if found.due <= now => ListedState::Due,
                _ => ListedState::Good,
            },
        };
        Self {
            certificate: entry.common_name.clone(),
            state,
            usage: entry.cert_type.usage(),
            cert_path: entry.cert_path.clone(),
            key_path: entry.key_path.clone(),
            delivered_to: entry
                .deploy
                .iter()
                .map(|target| format!("{}:{}", target.guest, target.cert.display()))
                .collect(),
            installed,
            trouble,
        }
    }
}

impl InstalledCertificate {
    fn of(leaf: &Leaf, due: SystemTime) -> Self {
        Self {
            names: leaf.sans.iter().cloned().collect(),
            issuer: leaf.issuer.clone(),
            serial: leaf.serial_number(),
            fingerprint: leaf.fingerprint,
            key_type: leaf.key_type,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            due,
        }
    }
}
