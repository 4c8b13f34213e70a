//! The manifest's certificates, read from their files on the host.

use crate::answers::{ListedCertificate, ListedState};
use crate::error::Error;
use crate::inventory::{PairFacts, PairState, in_words, read_pair};
use crate::names::CommonName;
use crate::site::Site;

impl Site {
    /// Each certificate of the manifest, in its order, with what its file says; only these where `only` names some.
    ///
    /// Asks neither guests nor the CA, so it answers at once; [`Site::status`] looks at every place.
    pub fn certs(&self, only: &[CommonName]) -> Result<Vec<ListedCertificate>, Error> {
        let model = self.model()?;
        for name in only {
            if model.manifest.entry(name).is_none() {
                return Err(Error::Argument(format!(
                    "the manifest has no entry `{name}`"
                )));
            }
        }
        let now = self.seams.clock.now();
        let entries = model.manifest.entries.iter().map(|located| &located.value);
        Ok(entries
            .filter(|entry| only.is_empty() || only.contains(&entry.common_name))
            .map(|entry| {
                let pair = match read_pair(&self.root, entry) {
                    Ok((cert, key)) => PairFacts::of_bytes(cert.as_deref(), key.as_ref()),
                    Err(error) => PairFacts {
                        state: PairState::Unreadable(in_words(&error)),
                    },
                };
                ListedCertificate::of(entry, &pair, &model, now)
            })
            .collect())
    }

    /// Those of them that somebody should see to: due, over, missing or damaged.
    pub fn certs_in_need(&self, only: &[CommonName]) -> Result<Vec<ListedCertificate>, Error> {
        let mut all = self.certs(only)?;
        all.retain(|one| one.state != ListedState::Good);
        Ok(all)
    }
}
