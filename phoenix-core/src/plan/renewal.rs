//! Whether an installed pair may stay, and the cheapest deed that cures it if not.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::{IssueHow, Reason};
use crate::manifest::{CertType, Entry, Rekey};
use crate::model::Model;
use crate::names::{CommonName, SubjectAltName};
use crate::time::{DailyWindow, LONGEST_WINDOW, RenewBefore};
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
    /// When its key is replaced.
    pub rekey: Rekey,
    /// The time of day for a renewal that restarts a daemon.
    pub restart_window: Option<DailyWindow>,
}

impl<'a> Wanted<'a> {
    /// What an entry of the manifest asks for, and what the site's settings say where it does not.
    pub fn of(entry: &'a Entry, model: &Model) -> Self {
        let restart_window = model
            .settings
            .restart_window
            .filter(|_| model.restarts_docker(entry));
        Self {
            name: &entry.common_name,
            names: &entry.names,
            client: entry.cert_type == CertType::Client,
            key_type: entry.key_type,
            renew_before: entry.renew_before.unwrap_or(model.settings.renew_before),
            rekey: entry.rekey,
            restart_window,
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
    /// Since when the key is used, where that is known.
    pub key_since: Option<SystemTime>,
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
        /// When it is renewed.
        due: SystemTime,
        /// Whether it is due, and waits only for the time of day at which a daemon may be restarted.
        held: bool,
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
    let Opening { at: due, held } = opening(wanted, leaf, now);
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
    let old_key = match (wanted.rekey, found.key_since) {
        (Rekey::After(age), Some(since)) => {
            let used = now.duration_since(since).unwrap_or_default();
            (used >= age.0).then_some((used, age.0))
        }
        _ => None,
    };
    if let Some((used, limit)) = old_key {
        reasons.push(Reason::KeyOld {
            used_seconds: used.as_secs(),
            limit_seconds: limit.as_secs(),
        });
        return issue(IssueHow::Enroll, reasons);
    }
    if wanted.rekey == Rekey::Always && !reasons.is_empty() {
        reasons.push(Reason::KeyAlwaysNew);
        return issue(IssueHow::Enroll, reasons);
    }
    match reasons.as_slice() {
        [] => Decision::Keep { due, held },
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
/// The jitter spreads over a tenth of the window, so that certificates issued together do not all fall due together. It
/// does not make the window longer than nine tenths of the leaf's real lifetime.
pub fn due(wanted: &Wanted<'_>, leaf: &Leaf) -> SystemTime {
    let lifetime = leaf
        .not_after
        .duration_since(leaf.not_before)
        .unwrap_or_default();
    let before = wanted.renew_before.of(lifetime);
    let jitter = before.mul_f64(0.1 * unit_interval(wanted.name.as_str()));
    let longest = before.max(lifetime.mul_f64(LONGEST_WINDOW));
    leaf.not_after
        .checked_sub((before + jitter).min(longest))
        .unwrap_or(leaf.not_before)
}

/// When a leaf is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// When.
    pub at: SystemTime,
    /// Whether it is due, and waits only for the time of day at which a daemon may be restarted.
    pub held: bool,
}

/// When a leaf is renewed, with the time of day for restarts heeded as long as the leaf can wait for it.
///
/// A leaf that would not live until the next such time, and was there before this one began, is renewed in it although it
/// is not due yet: else its renewal would fall into the day.
pub fn opening(wanted: &Wanted<'_>, leaf: &Leaf, now: SystemTime) -> Opening {
    let due = due(wanted, leaf);
    let freely = Opening {
        at: due,
        held: false,
    };
    let Some(window) = wanted.restart_window else {
        return freely;
    };
    let earliest = now.max(due);
    if window.opened(earliest).is_some() {
        return freely;
    }
    let next = window.next_opening(earliest);
    if next + LEFT_IN_WINDOW <= leaf.not_after {
        return Opening {
            at: next,
            held: due <= now,
        };
    }
    match window.opened(now) {
        Some(opened) if leaf.not_before < opened => Opening {
            at: opened,
            held: false,
        },
        _ => freely,
    }
}

/// What must be left of a leaf when the time of day for restarts comes, so that a run that fails can be made again.
const LEFT_IN_WINDOW: Duration = Duration::from_secs(3_600);

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
#[path = "renewal_tests.rs"]
mod tests;
