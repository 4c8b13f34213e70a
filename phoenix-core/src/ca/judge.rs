//! What an authority issued is judged before it is used.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::Request;
use crate::names::SubjectAltName;
use crate::time::{human, rfc3339};
use crate::x509::{Anchor, Chain, ChainFault, Usage, verify_chain};

/// What a certificate must be.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Wanted<'a> {
    /// Its subject's common name.
    pub common_name: &'a str,
    /// Exactly its names.
    pub sans: &'a BTreeSet<SubjectAltName>,
    /// The public half of our key, `SubjectPublicKeyInfo` in DER.
    pub public_key: &'a [u8],
    /// A usage that it must allow.
    pub usage: Usage,
    /// How long it must be valid at least.
    pub lifetime: Option<Duration>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn of(
        request: &Request<'a>,
        sans: &'a BTreeSet<SubjectAltName>,
        public_key: &'a [u8],
        lifetime: Option<Duration>,
    ) -> Self {
        Self {
            common_name: request.common_name.as_str(),
            sans,
            public_key,
            usage: request.usage,
            lifetime,
        }
    }
}

/// Why a certificate is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeFault {
    /// Signatures, dates, usage or root.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// Another subject.
    #[error("its common name is {}, expected `{wanted}`", match .found { Some(found) => format!("`{found}`"), None => "missing".to_owned() })]
    CommonName {
        /// What was asked for.
        wanted: String,
        /// What it says.
        found: Option<String>,
    },
    /// A CA certificate where a leaf was expected.
    #[error("it may sign other certificates, which no leaf may")]
    IsCa,
    /// Names are missing or were added.
    #[error("its names differ from those asked for: missing {}, surplus {}", list(.missing), list(.surplus))]
    Names {
        /// Asked for and not in it.
        missing: Vec<String>,
        /// In it and not asked for.
        surplus: Vec<String>,
    },
    /// A certificate in the chain does not follow from the one before.
    #[error("the chain is not in order: `{subject}` stands where `{expected}` was expected")]
    Order {
        /// The subject found.
        subject: String,
        /// The issuer of the one before.
        expected: String,
    },
    /// It is for somebody else's key.
    #[error("it is for another key than ours")]
    OtherKey,
    /// It ends too early.
    #[error("it is valid for {}, expected {}", human(*.found), human(*.expected))]
    Short {
        /// What was expected.
        expected: Duration,
        /// What it has.
        found: Duration,
    },
    /// It has ended or not begun, by our clock.
    #[error("it is valid from {} to {}, and it is {}", rfc3339(*.not_before), rfc3339(*.not_after), rfc3339(*.now))]
    When {
        /// Its beginning.
        not_before: SystemTime,
        /// Its end.
        not_after: SystemTime,
        /// The time here.
        now: SystemTime,
    },
}

/// Judges a chain: our key, exactly the names, usage, dates, lifetime, order, and the way to a trusted root.
pub fn judge(
    chain: &Chain,
    wanted: &Wanted<'_>,
    anchors: &[Anchor],
    now: SystemTime,
) -> Result<(), JudgeFault> {
    let leaf = chain.leaf();
    if leaf.public_key != wanted.public_key {
        return Err(JudgeFault::OtherKey);
    }
    if leaf.is_ca {
        return Err(JudgeFault::IsCa);
    }
    if leaf.common_name.as_deref() != Some(wanted.common_name) {
        return Err(JudgeFault::CommonName {
            wanted: wanted.common_name.to_owned(),
            found: leaf.common_name.clone(),
        });
    }
    if leaf.sans != *wanted.sans || !leaf.other_names.is_empty() {
        let words =
            |names: BTreeSet<&SubjectAltName>| names.iter().map(ToString::to_string).collect();
        let mut surplus: Vec<String> = words(leaf.sans.difference(wanted.sans).collect());
        surplus.extend(leaf.other_names.iter().cloned());
        return Err(JudgeFault::Names {
            missing: words(wanted.sans.difference(&leaf.sans).collect()),
            surplus,
        });
    }
    if now < leaf.not_before || leaf.not_after < now {
        return Err(JudgeFault::When {
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            now,
        });
    }
    if let Some(expected) = wanted.lifetime
        && leaf.lifetime() + ROUNDING < expected
    {
        return Err(JudgeFault::Short {
            expected,
            found: leaf.lifetime(),
        });
    }
    let mut issuer = leaf;
    for next in chain.issuers() {
        if next.subject_der != issuer.issuer_der {
            return Err(JudgeFault::Order {
                subject: next.subject.clone(),
                expected: issuer.issuer.clone(),
            });
        }
        issuer = next;
    }
    // A missing usage extension allows everything to webpki, and everything is what it allows here too.
    verify_chain(chain, anchors, now, wanted.usage)?;
    Ok(())
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Dates in certificates have whole seconds.
const ROUNDING: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::{Authority, DAY, Leafing, now};
    use crate::x509::{KeyType, PrivateKey};

    struct Case {
        ca: Authority,
        leafing: Leafing,
        wanted_sans: BTreeSet<SubjectAltName>,
    }

    impl Case {
        fn new(change: impl FnOnce(&mut Leafing)) -> Self {
            let mut leafing = Leafing::default();
            let wanted_sans = leafing.sans.clone();
            change(&mut leafing);
            Self {
                ca: Authority::new(),
                leafing,
                wanted_sans,
            }
        }

        fn judge(&self, chain: &Chain, public_key: &[u8]) -> Result<(), JudgeFault> {
            let wanted = Wanted {
                common_name: "a.test",
                sans: &self.wanted_sans,
                public_key,
                usage: Usage::Server,
                lifetime: Some(DAY),
            };
            judge(chain, &wanted, &[self.ca.anchor()], now())
        }

        fn verdict(&self) -> Result<(), JudgeFault> {
            self.judge(
                &self.ca.chain(&self.leafing),
                &self.leafing.key.public_key(),
            )
        }
    }

    #[test]
    fn what_was_asked_for_is_accepted() {
        assert_eq!(Case::new(|_| ()).verdict(), Ok(()));
    }

    #[test]
    fn names_must_be_exactly_those_asked_for() {
        let surplus = Case::new(|leaf| leaf.sans.extend(["b.test".parse().unwrap()]));
        assert_eq!(
            surplus.verdict(),
            Err(JudgeFault::Names {
                missing: vec![],
                surplus: vec!["b.test".to_owned()]
            })
        );
        let missing = Case::new(|leaf| leaf.sans = BTreeSet::from(["10.0.0.1".parse().unwrap()]));
        assert_eq!(
            missing.verdict(),
            Err(JudgeFault::Names {
                missing: vec!["a.test".to_owned()],
                surplus: vec!["10.0.0.1".to_owned()]
            })
        );
        let subject = Case::new(|leaf| leaf.common_name = "b.test");
        assert!(matches!(
            subject.verdict(),
            Err(JudgeFault::CommonName { .. })
        ));
    }

    #[test]
    fn another_key_is_refused() {
        let case = Case::new(|_| ());
        let other = PrivateKey::generate(KeyType::EcP256).unwrap();
        let chain = case.ca.chain(&case.leafing);
        assert_eq!(
            case.judge(&chain, &other.public_key()),
            Err(JudgeFault::OtherKey)
        );
    }

    #[test]
    fn dates_lifetime_and_usage_count() {
        let late = Case::new(|leaf| leaf.not_before = now() + Duration::from_secs(5));
        assert!(matches!(late.verdict(), Err(JudgeFault::When { .. })));
        let over = Case::new(|leaf| {
            leaf.not_before = now() - 2 * DAY;
            leaf.not_after = now() - DAY;
        });
        assert!(matches!(over.verdict(), Err(JudgeFault::When { .. })));
        let short = Case::new(|leaf| leaf.not_after = now() + DAY / 2);
        assert!(matches!(short.verdict(), Err(JudgeFault::Short { .. })));
        let client = Case::new(|leaf| leaf.server = false);
        assert_eq!(
            client.verdict(),
            Err(JudgeFault::Chain(ChainFault::WrongUsage {
                wanted: Usage::Server
            }))
        );
    }

    #[test]
    fn chains_must_be_complete_and_in_order() {
        let case = Case::new(|_| ());
        let key = case.leafing.key.public_key();
        let leaf = case.ca.leaf(&case.leafing);
        let short = Chain::from_ders(vec![leaf.clone()]).unwrap();
        assert!(matches!(
            case.judge(&short, &key),
            Err(JudgeFault::Chain(ChainFault::UnknownIssuer { .. }))
        ));
        let foreign = Authority::new();
        let mixed = Chain::from_ders(vec![
            leaf.clone(),
            foreign.anchor().der().to_vec(),
            case.ca.intermediate(),
        ])
        .unwrap();
        assert!(matches!(
            case.judge(&mixed, &key),
            Err(JudgeFault::Order { .. })
        ));
    }
}
