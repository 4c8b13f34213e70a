//! Pairs that an operator brought back: they stay although a run would replace them.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::names::Slug;

/// A pair that was brought back by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The leaf, by its SHA-256 in hex; the record means nothing for any other.
    pub leaf: String,
    /// When it was brought back.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub since: SystemTime,
    /// Until when it stays.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub until: SystemTime,
    /// What the manifest asked for at that time; once it asks for something else the record means nothing.
    pub wanted: String,
}

impl Store {
    /// Records that a pair was brought back.
    pub fn hold(&self, slug: &Slug, held: &Held) -> Result<(), StoreError> {
        self.write_json(&file(slug), held)
    }

    /// The pair of an entry that was brought back, where one was.
    pub fn held(&self, slug: &Slug) -> Result<Option<Held>, StoreError> {
        self.read_json(&file(slug))
    }

    /// Forgets that one was.
    pub fn let_go(&self, slug: &Slug) -> Result<(), StoreError> {
        self.remove(&file(slug))
    }
}

fn file(slug: &Slug) -> String {
    format!("held/{slug}.json")
}
