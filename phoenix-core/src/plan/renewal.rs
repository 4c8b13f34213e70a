//! Whether an installed pair may stay, and the cheapest deed that cures it if not.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::{IssueHow, Reason};
use crate::manifest::{CertType, Entry};
use crate::names::{CommonName, SubjectAltName};
use crate::time::RenewBefore;
use crate::x509::{KeyType, Leaf, RevocationReason};

/// What a leaf should be.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The certificate's name; seeds its jitter.
    pub name: &'a CommonName,
    /// All its names, the common name among them where it is a DNS name.
    pub names: &'a BTreeSet<SubjectAltName>,
    /// `true` for client usage, `false` for server usage.
    pub client: bool,
    /// The key's type.
    pub key_type: KeyType,
    /// When it becomes due.
    pub renew_before: RenewBefore,
}

impl<'a> Wanted<'a> {
    /// What an entry of the manifest asks for; `window` where the entry names no window of its own.
    pub fn of(entry: &'a Entry, window: RenewBefore) -> Self {
        Self {
            name: &entry.common_name,
            names: &entry.names,
            client: entry.cert_type == CertType::Client,
            key_type: entry.key_type,
            renew_before: entry.renew_before.unwrap_or(window),
        }
    }
}

/// What is installed, as far as it can be read.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The leaf.
    pub leaf: &'a Leaf,
    /// Whether the key file holds the leaf's key.
    pub key_matches: bool,
    /// Why the chain does not lead to the CA's root; `None` when it does, or when the root is not known yet.
    pub untrusted: Option<&'a str>,
    /// Why the CA revoked it; `None` when it did not, or when no list is known.
    pub revoked: Option<RevocationReason>,
}

/// Whether an installed pair stays.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Decision {
    /// It needs a new leaf.
    Issue {
        /// How to get it.
        how: IssueHow,
        /// Why.
        reasons: Vec<Reason>,
    },
    /// It stays until its window opens.
    Keep {
        /// When the window opens.
        due: SystemTime,
    },
}

/// Decides about one pair. Pure: the time is an argument.
pub fn decide(
    wanted: &Wanted<'_>,
    found: Option<&Found<'_>>,
    now: SystemTime,
    force: bool,
) -> Decision {
    let Some(found) = found else {
        return issue(IssueHow::Enroll, vec![Reason::Missing]);
    };
    let leaf = found.leaf;
    if !found.key_matches {
        return issue(IssueHow::Enroll, vec![Reason::KeyMismatch]);
    }
    if let Some(why) = found.revoked {
        // Whoever has the key has it: it is not used again.
        return issue(IssueHow::Enroll, vec![Reason::Revoked { why }]);
    }
    if leaf.key_type != Some(wanted.key_type) {
        let reason = Reason::KeyTypeDiffers {
            found: leaf.key_type,
            expected: wanted.key_type,
        };
        return issue(IssueHow::Enroll, vec![reason]);
    }
    let mut reasons = Vec::new();
    if leaf.sans != *wanted.names {
        reasons.push(Reason::NamesDiffer {
            missing: wanted.names.difference(&leaf.sans).cloned().collect(),
            surplus: leaf.sans.difference(wanted.names).cloned().collect(),
        });
    }
    if wanted.client && !leaf.client_auth || !wanted.client && !leaf.server_auth {
        reasons.push(Reason::UsageDiffers {
            expected: if wanted.client { "client" } else { "server" },
        });
    }
    if let Some(what) = found.untrusted {
        reasons.push(Reason::Untrusted {
            what: what.to_owned(),
        });
    }
    let due = due(wanted, leaf);
    let left = leaf.not_after.duration_since(now).unwrap_or_default();
    let window_open = now >= due;
    if window_open {
        reasons.push(Reason::WindowOpen {
            closes: leaf.not_after,
            left_seconds: left.as_secs(),
        });
    }
    if force {
        reasons.push(Reason::Forced);
    }
    match reasons.as_slice() {
        [] => Decision::Keep { due },
        // Renewal copies names and lifetime; whatever is wrong with those needs enrollment.
        [Reason::WindowOpen { .. } | Reason::Forced, ..]
            if !left.is_zero() && now >= leaf.not_before =>
        {
            issue(IssueHow::Renew, reasons)
        }
        _ => issue(IssueHow::EnrollSameKey, reasons),
    }
}

/// When a leaf's renewal window opens: before its end by policy, and a little earlier by a jitter that is stable per name.
///
/// The jitter spreads over a tenth of the window, so that certificates issued together do not all fall due together.
pub fn due(wanted: &Wanted<'_>, leaf: &Leaf) -> SystemTime {
    let lifetime = leaf
        .not_after
        .duration_since(leaf.not_before)
        .unwrap_or_default();
    let before = wanted.renew_before.of(lifetime);
    let jitter = before.mul_f64(0.1 * unit_interval(wanted.name.as_str()));
    leaf.not_after
        .checked_sub((before + jitter).min(lifetime))
        .unwrap_or(leaf.not_before)
}

fn issue(how: IssueHow, reasons: Vec<Reason>) -> Decision {
    Decision::Issue { how, reasons }
}

/// A number in [0, 1) that depends on the text alone.
fn unit_interval(text: &str) -> f64 {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let first: [u8; 4] = [
        hash.as_ref()[0],
        hash.as_ref()[1],
        hash.as_ref()[2],
        hash.as_ref()[3],
    ];
    f64::from(u32::from_be_bytes(first)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::{Authority, Leafing, now};

    #[test]
    fn a_revoked_leaf_is_replaced_with_a_new_key_whatever_else_is_right() {
        let chain = Authority::new().chain(&Leafing::default());
        let name: CommonName = "a.test".parse().unwrap();
        let wanted = Wanted {
            name: &name,
            names: &chain.leaf().sans,
            client: false,
            key_type: KeyType::EcP256,
            renew_before: RenewBefore::default(),
        };
        let verdict = |revoked| {
            let found = Found {
                leaf: chain.leaf(),
                key_matches: true,
                untrusted: None,
                revoked,
            };
            decide(&wanted, Some(&found), now(), false)
        };
        assert!(matches!(verdict(None), Decision::Keep { .. }));
        let why = RevocationReason::KeyCompromise;
        let Decision::Issue { how, reasons } = verdict(Some(why)) else {
            panic!("kept");
        };
        assert_eq!(how, IssueHow::Enroll);
        assert_eq!(reasons, [Reason::Revoked { why }]);
        assert_eq!(reasons[0].to_string(), "revoked by the CA (keyCompromise)");
    }
}
