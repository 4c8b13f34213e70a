//! Pairs that were issued and are not deployed yet: kept so that a failed run does not ask the CA again.

use super::{Store, StoreError};
use crate::names::{FileMode, Slug};
use crate::secret::Secret;
use crate::system::replace::replace_all;
use crate::system::{Attributes, Links};

impl Store {
    /// Keeps pairs aside, durably; each in one file, the key first.
    pub fn keep_candidates<'p>(
        &self,
        pairs: impl IntoIterator<Item = (&'p Slug, &'p [u8], &'p Secret)>,
    ) -> Result<(), StoreError> {
        let files: Vec<(String, Secret)> = pairs
            .into_iter()
            .map(|(slug, chain, key)| {
                let pair = Secret::new([key.expose_secret(), chain].concat());
                (file(slug), pair)
            })
            .collect();
        self.root
            .make_dirs(&self.dir.join(DIR), FileMode::new(0o700), Links::Follow)
            .and_then(|dir| replace_all(&dir, &files, &Attributes::mode(FileMode::PRIVATE)))
            .map_err(|source| self.error(source))
    }

    /// The pair that waits, where one does.
    pub fn candidate(&self, slug: &Slug) -> Result<Option<(Vec<u8>, Secret)>, StoreError> {
        let Some(pair) = self
            .read(&format!("{DIR}/{}", file(slug)))?
            .map(Secret::new)
        else {
            return Ok(None);
        };
        let pair = pair.expose_secret();
        let begins = pair
            .windows(CHAIN.len())
            .position(|bytes| bytes == CHAIN)
            // Without a certificate it is no pair, which whoever looks at it says.
            .unwrap_or(pair.len());
        let (key, chain) = pair.split_at(begins);
        Ok(Some((chain.to_vec(), Secret::new(key.to_vec()))))
    }

    /// Forgets pairs, once they are deployed or no longer wanted.
    pub fn drop_candidates(&self, slugs: &[Slug]) -> Result<(), StoreError> {
        let names: Vec<String> = slugs.iter().map(file).collect();
        self.root
            .remove_files(&self.dir.join(DIR), &names)
            .map_err(|source| self.error(source))
    }
}

fn file(slug: &Slug) -> String {
    format!("{slug}.pem")
}

const DIR: &str = "candidates";
const CHAIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Root;
    use crate::system::scratch::Scratch;

    #[test]
    fn a_pair_is_kept_as_a_whole_and_forgotten() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        let store = Store::new(root, "/state".as_ref(), "/site".as_ref());
        let slug = Slug::of("a.test");
        store.drop_candidates(std::slice::from_ref(&slug)).unwrap();
        assert!(store.candidate(&slug).unwrap().is_none());
        let key = Secret::from("-----BEGIN PRIVATE KEY-----\nk\n".to_owned());
        let chain = b"-----BEGIN CERTIFICATE-----\nc\n-----BEGIN CERTIFICATE-----\nd\n";
        store.keep_candidates([(&slug, &chain[..], &key)]).unwrap();
        let (found, secret) = store.candidate(&slug).unwrap().unwrap();
        assert_eq!(found, chain);
        assert_eq!(secret.expose_secret(), key.expose_secret());
        store.drop_candidates(std::slice::from_ref(&slug)).unwrap();
        assert!(store.candidate(&slug).unwrap().is_none());
        store.keep_candidates([(&slug, &b""[..], &key)]).unwrap();
        assert_eq!(store.candidate(&slug).unwrap().unwrap().0, b"");
    }
}
