//! Pairs that were issued and are not deployed yet: kept so that a failed run does not ask the CA again.

use super::{Store, StoreError};
use crate::names::Slug;
use crate::secret::Secret;

impl Store {
    /// Keeps a pair aside. The key is written first, so that a chain never stands without it.
    pub fn keep_candidate(
        &self,
        slug: &Slug,
        chain: &[u8],
        key: &Secret,
    ) -> Result<(), StoreError> {
        self.remove(&file(slug, "chain.pem"))?;
        self.write(&file(slug, "key.pem"), key.expose_secret())?;
        self.write(&file(slug, "chain.pem"), chain)
    }

    /// The pair that waits, where one does.
    pub fn candidate(&self, slug: &Slug) -> Result<Option<(Vec<u8>, Secret)>, StoreError> {
        let chain = self.read(&file(slug, "chain.pem"))?;
        let key = self.read(&file(slug, "key.pem"))?.map(Secret::new);
        Ok(chain.zip(key))
    }

    /// Forgets a pair, once it is deployed or no longer wanted.
    pub fn drop_candidate(&self, slug: &Slug) -> Result<(), StoreError> {
        self.remove(&file(slug, "chain.pem"))?;
        self.remove(&file(slug, "key.pem"))
    }
}

fn file(slug: &Slug, name: &str) -> String {
    format!("candidates/{slug}/{name}")
}
