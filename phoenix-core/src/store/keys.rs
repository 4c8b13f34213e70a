//! Since when a certificate has its key: the file's own dates say only when the last version was written.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::names::Slug;
use crate::x509::Fingerprint;

/// A key and since when it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeyRecord {
    /// SHA-256 of the public key.
    key: Fingerprint,
    #[serde(with = "crate::time::serde_rfc3339")]
    since: SystemTime,
}

impl Store {
    /// Since when this public key is known to be the certificate's; `None` when another one is on record, or none.
    pub fn key_since(
        &self,
        slug: &Slug,
        public_key: &[u8],
    ) -> Result<Option<SystemTime>, StoreError> {
        let record: Option<KeyRecord> = self.read_json(&file_name(slug))?;
        Ok(record
            .filter(|record| record.key == Fingerprint::of(public_key))
            .map(|record| record.since))
    }

    /// Records since when the certificate has this key; what is on record for it already stays.
    pub fn keep_key_since(
        &self,
        slug: &Slug,
        public_key: &[u8],
        since: SystemTime,
    ) -> Result<(), StoreError> {
        if self.key_since(slug, public_key)?.is_some() {
            return Ok(());
        }
        let key = Fingerprint::of(public_key);
        self.write_json(&file_name(slug), &KeyRecord { key, since })
    }
}

fn file_name(slug: &Slug) -> String {
    format!("keys/{slug}.json")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_keys_age_stays_until_there_is_another_key() {
        let scratch = crate::system::scratch::Scratch::new();
        let root = crate::system::Root::at(scratch.path()).unwrap();
        let store = Store::new(root, "/state".as_ref(), "/site".as_ref());
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let slug = Slug::of("a.test");
        assert_eq!(store.key_since(&slug, b"one").unwrap(), None);
        store.keep_key_since(&slug, b"one", at(10)).unwrap();
        store.keep_key_since(&slug, b"one", at(20)).unwrap();
        assert_eq!(store.key_since(&slug, b"one").unwrap(), Some(at(10)));
        assert_eq!(store.key_since(&slug, b"two").unwrap(), None);
        store.keep_key_since(&slug, b"two", at(30)).unwrap();
        assert_eq!(store.key_since(&slug, b"two").unwrap(), Some(at(30)));
        assert_eq!(store.key_since(&slug, b"one").unwrap(), None);
    }
}
