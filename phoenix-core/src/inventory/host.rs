//! Pairs on the host, read from their files.

use crate::manifest::Entry;
use crate::names::Slug;
use crate::secret::Secret;
use crate::store::{Store, StoreError};
use crate::system::{FileError, Root};
use crate::transport::Sha256;
use crate::x509::{Chain, public_key_of_pem};

/// A pair as it was found.
#[derive(Debug, Clone)]
pub struct PairFacts {
    /// Whether it is there and what it is.
    pub state: PairState,
}

/// Whether a pair is there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PairState {
    /// Certificate or key is missing.
    Missing,
    /// Both are there.
    Present {
        /// The chain.
        chain: Box<Chain>,
        /// Whether the key belongs to the leaf.
        key_matches: bool,
        /// Digest of the certificate's file.
        cert_sha256: Sha256,
        /// Digest of the key's file.
        key_sha256: Sha256,
    },
    /// One of them is not what it should be.
    Unreadable(String),
}

impl PairFacts {
    /// The chain, where it is readable.
    pub fn chain(&self) -> Option<&Chain> {
        match &self.state {
            PairState::Present { chain, .. } => Some(chain),
            _ => None,
        }
    }

    /// Judges the bytes of a pair.
    pub fn of_bytes(cert: Option<&[u8]>, key: Option<&Secret>) -> Self {
        let (Some(cert), Some(key)) = (cert, key) else {
            return Self {
                state: PairState::Missing,
            };
        };
        let chain = match Chain::from_pem(cert) {
            Ok(chain) => chain,
            Err(fault) => {
                return Self {
                    state: PairState::Unreadable(format!("the certificate: {fault}")),
                };
            }
        };
        let state = match public_key_of_pem(key) {
            Ok(public) => PairState::Present {
                key_matches: public == chain.leaf().public_key,
                chain: Box::new(chain),
                cert_sha256: Sha256::of(cert),
                key_sha256: Sha256::of(key.expose_secret()),
            },
            Err(fault) => PairState::Unreadable(format!("the key: {fault}")),
        };
        Self { state }
    }
}

/// Reads an entry's own pair.
pub(super) fn read_primary(root: &Root, entry: &Entry) -> PairFacts {
    match read_pair(root, entry) {
        Ok((cert, key)) => PairFacts::of_bytes(cert.as_deref(), key.as_ref()),
        Err(error) => PairFacts {
            state: PairState::Unreadable(in_words(&error)),
        },
    }
}

/// The bytes of an entry's own pair.
pub fn read_pair(
    root: &Root,
    entry: &Entry,
) -> Result<(Option<Vec<u8>>, Option<Secret>), FileError> {
    let cert = root.read_optional(&entry.cert_path)?;
    let key = root.read_optional(&entry.key_path)?.map(Secret::new);
    Ok((cert, key))
}

/// An error and its causes as one line.
pub(crate) fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

/// Reads the pair that waits for an entry, where one does.
pub fn read_candidate(store: &Store, slug: &Slug) -> Result<Option<PairFacts>, StoreError> {
    let candidate = store.candidate(slug)?;
    Ok(candidate.map(|(chain, key)| PairFacts::of_bytes(Some(&chain), Some(&key))))
}
