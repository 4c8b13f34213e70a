//! Signatures that were found right before: verifying one costs more than all else that is asked of a certificate.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

use super::sha256;

/// The digests of keys, messages and signatures that fit each other.
///
/// What a digest stands for cannot change, so a signature that is known is right for ever; dates, names, usage and the
/// way to the root are looked at each time. One of an intermediate counts for all leaves below it.
#[derive(Default)]
pub struct KnownSignatures {
    before: BTreeSet<[u8; 32]>,
    /// Those that were asked for since.
    used: Mutex<BTreeSet<[u8; 32]>>,
}

impl KnownSignatures {
    /// Reads what [`KnownSignatures::to_bytes`] wrote; nothing is known where it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let digests = bytes.strip_prefix(HEAD).unwrap_or_default();
        let (digests, rest) = digests.as_chunks::<32>();
        Self {
            before: match rest {
                [] => digests.iter().copied().collect(),
                _ => BTreeSet::new(),
            },
            used: Mutex::default(),
        }
    }

    /// Those that were asked for, so that what is no longer there is forgotten.
    pub fn to_bytes(&self) -> Vec<u8> {
        let used = self.used();
        let digests = used.iter().flatten().copied();
        HEAD.iter().copied().chain(digests).collect()
    }

    /// Whether others were asked for than were known before.
    pub fn changed(&self) -> bool {
        *self.used() != self.before
    }

    fn used(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        // A set is whole whatever a thread died of.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KnownSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownSignatures")
            .field("before", &self.before.len())
            .field("used", &self.used().len())
            .finish()
    }
}

/// An algorithm that does not verify again what is known.
#[derive(Debug)]
pub(super) struct Remembering<'k> {
    pub(super) algorithm: &'static dyn SignatureVerificationAlgorithm,
    pub(super) known: &'k KnownSignatures,
}

impl SignatureVerificationAlgorithm for Remembering<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let (of_key, of_signature) = (self.public_key_alg_id(), self.signature_alg_id());
        let parts = [
            of_key.as_ref(),
            of_signature.as_ref(),
            public_key,
            message,
            signature,
        ];
        let mut text = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        let digest = sha256(&text);
        if !self.known.before.contains(&digest) && !self.known.used().contains(&digest) {
            self.algorithm
                .verify_signature(public_key, message, signature)?;
        }
        self.known.used().insert(digest);
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }

    fn fips(&self) -> bool {
        self.algorithm.fips()
    }
}

/// Another form of the file gets another number.
const HEAD: &[u8] = b"phoenix signatures 1\n";

#[cfg(test)]
mod tests {
    use super::super::testing::{Authority, Leafing, now};
    use super::super::{Chain, ChainFault, Usage, verify_chain_knowing};
    use super::*;

    #[test]
    fn what_is_known_is_not_verified_again_and_all_else_is() {
        let ca = Authority::new();
        let chain = ca.chain(&Leafing::default());
        let known = KnownSignatures::default();
        let anchors = [ca.anchor()];
        let look = |chain: &Chain, at, known: &KnownSignatures| {
            verify_chain_knowing(chain, &anchors, at, Usage::Server, known)
        };
        look(&chain, now(), &known).unwrap();
        assert!(known.changed());
        let bytes = known.to_bytes();
        assert_eq!(bytes.len(), HEAD.len() + 2 * 32, "leaf and intermediate");
        let known = KnownSignatures::from_bytes(&bytes);
        look(&chain, now(), &known).unwrap();
        assert!(!known.changed());
        // A date is no signature.
        let later = now() + 90 * super::super::testing::DAY;
        assert!(look(&chain, later, &known).unwrap_err().is_expiry());
        // Another leaf, of which the intermediate alone is known.
        look(&ca.chain(&Leafing::default()), now(), &known).unwrap();
        assert!(known.changed());
    }

    #[test]
    fn a_wrong_signature_is_refused_whatever_is_known() {
        let ca = Authority::new();
        let chain = ca.chain(&Leafing::default());
        let known = KnownSignatures::default();
        let anchors = [ca.anchor()];
        verify_chain_knowing(&chain, &anchors, now(), Usage::Server, &known).unwrap();
        let mut ders: Vec<Vec<u8>> = chain
            .certificates()
            .iter()
            .map(|der| der.to_vec())
            .collect();
        *ders[0].last_mut().unwrap() ^= 1;
        let forged = Chain::from_ders(ders).unwrap();
        assert_eq!(
            verify_chain_knowing(&forged, &anchors, now(), Usage::Server, &known),
            Err(ChainFault::BadSignature)
        );
    }

    #[test]
    fn a_damaged_record_knows_nothing() {
        for bytes in [&b""[..], b"phoenix signatures 1\nshort", &[0; 53]] {
            assert!(KnownSignatures::from_bytes(bytes).before.is_empty());
        }
    }
}
