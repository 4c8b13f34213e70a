//! Issues: a leaf from the CA, kept aside until everything is ready for it.

use super::{Done, Performer, StepError};
use crate::ca::Request;
use crate::inventory::read_pair;
use crate::manifest::{CertType, Entry};
use crate::names::CommonName;
use crate::plan::IssueHow;
use crate::time::rfc3339;
use crate::x509::{Chain, KeyType, PrivateKey, Usage};

impl<'a> Performer<'a> {
    pub(super) fn issue(
        &self,
        name: &CommonName,
        how: IssueHow,
        key_type: KeyType,
    ) -> Result<Done<'a>, StepError> {
        let entry = self.entry(name)?;
        let (key, current) = match how {
            IssueHow::Enroll => (PrivateKey::generate(key_type)?, None),
            IssueHow::EnrollSameKey => (self.installed_key(entry)?.0, None),
            IssueHow::Renew => {
                let (key, chain) = self.installed_key(entry)?;
                (key, Some(chain))
            }
        };
        let usage = match entry.cert_type {
            CertType::Client => Usage::Client,
            CertType::Server => Usage::Server,
        };
        let request = Request::new(&entry.common_name, &entry.names, &key)
            .usage(usage)
            .validity(entry.validity);
        let mut warnings = Vec::new();
        let issued = match current {
            None => self.with.authority.enroll(&request)?,
            Some(chain) => match self.with.authority.renew(&chain, &request) {
                Ok(issued) => issued,
                Err(refusal) => {
                    warnings.push(format!(
                        "the CA did not renew it, so it was enrolled again with the same key: {}",
                        crate::inventory::in_words(&refusal)
                    ));
                    self.with.authority.enroll(&request)?
                }
            },
        };
        warnings.extend(issued.warnings);
        let leaf = issued.chain.leaf();
        let detail = format!(
            "leaf {}, valid until {}",
            leaf.fingerprint.short(),
            rfc3339(leaf.not_after)
        );
        self.with
            .store
            .keep_candidate(&entry.slug(), &issued.chain.to_pem(), &key.to_pem())?;
        Ok(Done {
            detail,
            warnings,
            ..Done::default()
        })
    }

    fn installed_key(&self, entry: &Entry) -> Result<(PrivateKey, Chain), StepError> {
        let (cert, key) = read_pair(self.with.root, entry)?;
        let missing = || {
            StepError::new(format!(
                "found no installed pair of `{}`",
                entry.common_name
            ))
        };
        let (cert, key) = cert.zip(key).ok_or_else(missing)?;
        Ok((PrivateKey::from_pem(&key)?, Chain::from_pem(&cert)?))
    }
}
