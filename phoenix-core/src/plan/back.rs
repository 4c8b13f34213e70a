//! The way back: which pairs are worth going back to, and how long one that was brought back stays.

use std::time::SystemTime;

use crate::inventory::{CertificateFacts, PairState};
use crate::manifest::{CertType, Entry};
use crate::store::Held;
use crate::x509::{Fingerprint, Leaf};

/// Whether the installed pair is what consumers could live with if its successor were taken back.
///
/// It is not in the last tenth of its life: from there on a run goes forward only, since one place that takes nothing new
/// must not keep the others at a pair that is about to end.
pub(super) fn worth_going_back(facts: &CertificateFacts, now: SystemTime) -> bool {
    let PairState::Present {
        chain,
        key_matches: true,
        ..
    } = &facts.primary.state
    else {
        return false;
    };
    let leaf = chain.leaf();
    let last_tenth = lifetime(leaf) / 10;
    facts.untrusted.is_none()
        && now >= leaf.not_before
        && leaf
            .not_after
            .checked_sub(last_tenth)
            .is_some_and(|end| now < end)
}

/// Until when a pair that is brought back now stays: until its window opens, or where that is open already, for two
/// thirds of what is left of it.
pub fn holds_until(due: SystemTime, leaf: &Leaf, now: SystemTime) -> SystemTime {
    let left = leaf.not_after.duration_since(now).unwrap_or_default();
    due.max(now + left * 2 / 3)
}

/// What an entry asks of a leaf, as text to be compared.
pub fn wanted_text(entry: &Entry) -> String {
    let names: Vec<String> = entry.names.iter().map(ToString::to_string).collect();
    let usage = if entry.cert_type == CertType::Client {
        "client"
    } else {
        "server"
    };
    format!("{usage} {} {}", entry.key_type, names.join(" "))
}

/// The record that holds the installed pair now, if one does.
pub(super) fn held<'f>(
    entry: &Entry,
    facts: &'f CertificateFacts,
    now: SystemTime,
) -> Option<&'f Held> {
    let held = facts.held.as_ref()?;
    let PairState::Present {
        chain,
        key_matches: true,
        ..
    } = &facts.primary.state
    else {
        return None;
    };
    let leaf = chain.leaf();
    let same = held.leaf.parse::<Fingerprint>().ok() == Some(leaf.fingerprint);
    (same
        && facts.untrusted.is_none()
        && held.wanted == wanted_text(entry)
        && now < held.until.min(leaf.not_after))
    .then_some(held)
}

fn lifetime(leaf: &Leaf) -> std::time::Duration {
    leaf.not_after
        .duration_since(leaf.not_before)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::{Authority, DAY, Leafing, now};

    #[test]
    fn a_pair_that_is_brought_back_stays_to_its_window_or_for_two_thirds_of_what_is_left() {
        let leafing = Leafing {
            not_after: now() + 9 * DAY,
            ..Leafing::default()
        };
        let chain = Authority::new().chain(&leafing);
        let until = |due| holds_until(due, chain.leaf(), now());
        assert_eq!(until(now() + 7 * DAY), now() + 7 * DAY);
        assert_eq!(until(now() - DAY), now() + 6 * DAY);
    }
}
