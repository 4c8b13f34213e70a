//! Whether a chain can be believed: signatures, dates, usage, up to a trusted root whose own dates count too.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use rustls_pki_types::{SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::known::{KnownSignatures, Remembering};
use super::{Anchor, Chain};
use crate::names::{NameError, text_serde};
use crate::time::rfc3339;

/// What a certificate is to identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Usage {
    /// A client (`clientAuth`).
    Client,
    /// A server (`serverAuth`).
    Server,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

impl FromStr for Usage {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "client" => Ok(Self::Client),
            "server" => Ok(Self::Server),
            _ => Err(NameError::new(
                text,
                "a certificate type: `server` or `client`",
            )),
        }
    }
}

text_serde!(Usage);

/// Why a chain cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// A signature in the chain is wrong.
    #[error("a signature in the chain does not fit its issuer's key")]
    BadSignature,
    /// A certificate of the chain has ended.
    #[error("a certificate of the chain ended at {}", rfc3339(*.not_after))]
    Expired {
        /// When it ended.
        not_after: SystemTime,
    },
    /// A certificate of the chain has not begun.
    #[error("a certificate of the chain begins only at {}", rfc3339(*.not_before))]
    NotYetValid {
        /// When it begins.
        not_before: SystemTime,
    },
    /// The chain is sound and its root is outside its own dates.
    #[error("the trusted root `{subject}` is valid only until {}", rfc3339(*.not_after))]
    RootExpired {
        /// The root's subject.
        subject: String,
        /// When it ended.
        not_after: SystemTime,
    },
    /// The chain leads to none of the trusted roots.
    #[error("`{issuer}` does not lead to a trusted root")]
    UnknownIssuer {
        /// The issuer of the last certificate in the chain.
        issuer: String,
    },
    /// Something else that the verifier names.
    #[error("the chain is not acceptable: {0}")]
    Other(String),
    /// The leaf may not be used so.
    #[error("the certificate's extended key usage does not allow it to identify a {wanted}")]
    WrongUsage {
        /// The usage that was wanted.
        wanted: Usage,
    },
}

impl ChainFault {
    /// Whether only time has passed: a new leaf of the same CA cures it.
    pub fn is_expiry(&self) -> bool {
        matches!(self, Self::Expired { .. })
    }
}

/// Verifies a chain up to one of the anchors at the given time.
///
/// Names are not compared; a chain of more than six intermediates is refused.
pub fn verify_chain(
    chain: &Chain,
    anchors: &[Anchor],
    now: SystemTime,
    usage: Usage,
) -> Result<(), ChainFault> {
    verify_with(chain, anchors, now, usage, ALL_VERIFICATION_ALGS)
}

/// As [`verify_chain`], where signatures that are known are not verified again.
pub fn verify_chain_knowing(
    chain: &Chain,
    anchors: &[Anchor],
    now: SystemTime,
    usage: Usage,
    known: &KnownSignatures,
) -> Result<(), ChainFault> {
    let all: Vec<Remembering<'_>> = ALL_VERIFICATION_ALGS
        .iter()
        .map(|algorithm| Remembering {
            algorithm: *algorithm,
            known,
        })
        .collect();
    let all: Vec<&dyn SignatureVerificationAlgorithm> =
        all.iter().map(|algorithm| algorithm as _).collect();
    verify_with(chain, anchors, now, usage, &all)
}

fn verify_with(
    chain: &Chain,
    anchors: &[Anchor],
    now: SystemTime,
    usage: Usage,
    algorithms: &[&dyn SignatureVerificationAlgorithm],
) -> Result<(), ChainFault> {
    let (valid, outdated): (Vec<&Anchor>, Vec<&Anchor>) =
        anchors.iter().partition(|anchor| anchor.valid_at(now));
    let result = verify(chain, &valid, now, usage, algorithms);
    // webpki does not look at a root's own dates, so a chain may fail only because its root was left out above.
    if let Err(ChainFault::UnknownIssuer { .. }) = &result
        && let Some(root) = outdated
            .into_iter()
            .find(|root| verify(chain, &[root], now, usage, algorithms).is_ok())
    {
        return Err(ChainFault::RootExpired {
            subject: root.subject.clone(),
            not_after: root.not_after,
        });
    }
    result
}

fn verify(
    chain: &Chain,
    anchors: &[&Anchor],
    now: SystemTime,
    usage: Usage,
    algorithms: &[&dyn SignatureVerificationAlgorithm],
) -> Result<(), ChainFault> {
    let fault = |error: Error| explain(&error, chain, usage);
    let anchors: Vec<TrustAnchor<'_>> = anchors
        .iter()
        .filter_map(|anchor| anchor_from_trusted_cert(anchor.der()).ok())
        .collect();
    let [leaf, intermediates @ ..] = chain.certificates() else {
        return Err(ChainFault::Other("it is empty".to_owned()));
    };
    let since_epoch = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    EndEntityCert::try_from(leaf)
        .map_err(fault)?
        .verify_for_usage(
            algorithms,
            &anchors,
            intermediates,
            UnixTime::since_unix_epoch(since_epoch),
            match usage {
                Usage::Client => KeyUsage::client_auth(),
                Usage::Server => KeyUsage::server_auth(),
            },
            None,
            None,
        )
        .map(drop)
        .map_err(fault)
}

fn explain(error: &Error, chain: &Chain, usage: Usage) -> ChainFault {
    let at = |time: &UnixTime| SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
    match error {
        Error::CertExpired { not_after, .. } => ChainFault::Expired {
            not_after: at(not_after),
        },
        Error::CertNotValidYet { not_before, .. } => ChainFault::NotYetValid {
            not_before: at(not_before),
        },
        Error::InvalidSignatureForPublicKey => ChainFault::BadSignature,
        Error::RequiredEkuNotFoundContext(_) => ChainFault::WrongUsage { wanted: usage },
        Error::UnknownIssuer => ChainFault::UnknownIssuer {
            issuer: chain
                .issuers()
                .last()
                .unwrap_or(chain.leaf())
                .issuer
                .clone(),
        },
        other => ChainFault::Other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Authority, DAY, Leafing, now};
    use super::*;

    fn judge(ca: &Authority, chain: &Chain, at: SystemTime) -> Result<(), ChainFault> {
        verify_chain(chain, &[ca.anchor()], at, Usage::Server)
    }

    #[test]
    fn a_sound_chain_is_believed_and_no_other() {
        let (ca, other) = (Authority::new(), Authority::new());
        let chain = ca.chain(&Leafing::default());
        assert_eq!(judge(&ca, &chain, now()), Ok(()));
        assert!(matches!(
            judge(&other, &chain, now()),
            Err(ChainFault::UnknownIssuer { .. } | ChainFault::BadSignature)
        ));
        assert!(matches!(
            verify_chain(&chain, &[], now(), Usage::Server),
            Err(ChainFault::UnknownIssuer { .. })
        ));
        let short = Chain::from_ders(vec![chain.certificates()[0].to_vec()]).unwrap();
        assert!(matches!(
            judge(&ca, &short, now()),
            Err(ChainFault::UnknownIssuer { .. })
        ));
    }

    #[test]
    fn dates_and_usage_count() {
        let ca = Authority::new();
        let chain = ca.chain(&Leafing {
            client: false,
            ..Leafing::default()
        });
        assert!(matches!(
            judge(&ca, &chain, now() + 2 * DAY),
            Err(ChainFault::Expired { .. })
        ));
        assert!(matches!(
            judge(&ca, &chain, now() - 10 * Duration::from_secs(60)),
            Err(ChainFault::NotYetValid { .. })
        ));
        assert_eq!(
            verify_chain(&chain, &[ca.anchor()], now(), Usage::Client),
            Err(ChainFault::WrongUsage {
                wanted: Usage::Client
            })
        );
    }

    #[test]
    fn a_root_past_its_own_end_is_named() {
        let ca = Authority::with_root_dates(now() - 9 * DAY, now() - DAY);
        let chain = ca.chain(&Leafing::default());
        assert!(matches!(
            judge(&ca, &chain, now()),
            Err(ChainFault::RootExpired { .. })
        ));
    }
}
