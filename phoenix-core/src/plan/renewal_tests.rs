//! When a pair is due, and how it is replaced.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::time::GoDuration;
use crate::x509::Chain;
use crate::x509::testing::{Authority, DAY, Leafing, now};

struct Pair {
    chain: Chain,
    name: CommonName,
    names: BTreeSet<SubjectAltName>,
}

impl Pair {
    /// Good for ten days from `now` on.
    fn new() -> Self {
        let chain = Authority::new().chain(&Leafing {
            not_before: now(),
            not_after: now() + 10 * DAY,
            ..Leafing::default()
        });
        Self {
            chain,
            name: "a.test".parse().unwrap(),
            names: BTreeSet::from(["a.test".parse().unwrap()]),
        }
    }

    fn decide(&self, rekey: Rekey, key_since: Option<SystemTime>, at: SystemTime) -> Decision {
        let wanted = Wanted {
            name: &self.name,
            names: &self.names,
            client: false,
            key_type: KeyType::EcP256,
            renew_before: "1/3".parse().unwrap(),
            rekey,
            restart_window: None,
        };
        let found = Found {
            leaf: self.chain.leaf(),
            key_matches: true,
            key_since,
            untrusted: None,
            revoked: None,
        };
        decide(&wanted, Some(&found), at, false)
    }
}

fn how(decision: &Decision) -> Option<IssueHow> {
    match decision {
        Decision::Issue { how, .. } => Some(*how),
        Decision::Keep { .. } => None,
    }
}

#[test]
fn a_due_leaf_keeps_its_key_unless_the_entry_asks_for_another() {
    let pair = Pair::new();
    let (early, late) = (now() + DAY, now() + 9 * DAY);
    for rekey in [Rekey::Never, Rekey::Always] {
        assert_eq!(how(&pair.decide(rekey, None, early)), None);
    }
    assert_eq!(
        how(&pair.decide(Rekey::Never, None, late)),
        Some(IssueHow::Renew)
    );
    let decision = pair.decide(Rekey::Always, None, late);
    let Decision::Issue { how, reasons } = decision else {
        panic!("{decision:?}");
    };
    assert_eq!(how, IssueHow::Enroll);
    assert_eq!(reasons.last(), Some(&Reason::KeyAlwaysNew));
}

#[test]
fn a_key_that_is_old_enough_goes_although_its_leaf_is_young() {
    let pair = Pair::new();
    let ninety = Rekey::After(GoDuration(90 * DAY));
    let at = now() + DAY;
    assert_eq!(how(&pair.decide(ninety, Some(at - 89 * DAY), at)), None);
    assert_eq!(
        how(&pair.decide(ninety, None, at)),
        None,
        "nothing is known"
    );
    let decision = pair.decide(ninety, Some(at - 91 * DAY), at);
    let Decision::Issue { how, reasons } = decision else {
        panic!("{decision:?}");
    };
    assert_eq!(how, IssueHow::Enroll);
    let words: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["the key has been used for 91d, `rekey` allows 90d"]);
}

/// How long before its end a leaf of this lifetime becomes due.
fn before(name: &str, window: RenewBefore, lifetime: Duration) -> Duration {
    let chain = &*CHAIN;
    let mut leaf = chain.leaf().clone();
    leaf.not_after = leaf.not_before + lifetime;
    let name: CommonName = name.parse().unwrap();
    let names = BTreeSet::new();
    let wanted = Wanted {
        name: &name,
        names: &names,
        client: false,
        key_type: KeyType::EcP256,
        renew_before: window,
        rekey: Rekey::Never,
        restart_window: None,
    };
    let due = due(&wanted, &leaf);
    assert!(due >= leaf.not_before, "due before it begins");
    assert!(due <= leaf.not_after, "due after its end");
    leaf.not_after.duration_since(due).unwrap()
}

static CHAIN: std::sync::LazyLock<Chain> = std::sync::LazyLock::new(|| Pair::new().chain);

fn windows() -> impl Strategy<Value = RenewBefore> {
    prop_oneof![
        (1_u64..10_000_000).prop_map(|s| RenewBefore::Duration(GoDuration(Duration::from_secs(s)))),
        (1_u32..99).prop_map(|percent| format!("{percent}%").parse().unwrap()),
    ]
}

#[test]
fn a_window_that_is_longer_than_the_leaf_lives_does_not_renew_it_at_once() {
    let window: RenewBefore = "720h".parse().unwrap();
    assert_eq!(before("a.test", window, DAY), DAY.mul_f64(0.9));
}

proptest! {
    #[test]
    fn the_window_holds_the_jitter_and_the_lifetime_both(
        name in "[a-z]{1,12}\\.test",
        window in windows(),
        seconds in 1_u64..100_000_000,
    ) {
        let lifetime = Duration::from_secs(seconds);
        let span = before(&name, window, lifetime);
        let asked = window.of(lifetime);
        // Never later than asked, earlier by a tenth at most, and used for a tenth of its life, or as long as was asked.
        prop_assert!(span >= asked, "{span:?} {asked:?}");
        let longest = lifetime.mul_f64(0.9).max(asked);
        prop_assert!(span <= asked.mul_f64(1.1).min(longest) + Duration::from_nanos(2));
        prop_assert_eq!(span, before(&name, window, lifetime), "stable");
    }

    #[test]
    fn names_are_spread_evenly_over_the_jitter(salt in "[a-z]{1,8}") {
        let lifetime = 30 * DAY;
        let window: RenewBefore = "10d".parse().unwrap();
        let asked = window.of(lifetime);
        let mut tenths = [0_usize; 10];
        let number = 2_000;
        for index in 0..number {
            let span = before(&format!("{salt}-{index}.test"), window, lifetime);
            // In whole tenths of the jitter, which is a tenth of the window.
            let jitter = span.checked_sub(asked).unwrap().as_nanos();
            let tenth = usize::try_from(jitter * 100 / asked.as_nanos()).unwrap();
            prop_assert!(tenth < 10, "{jitter}");
            tenths[tenth] += 1;
        }
        // Six standard deviations around the mean of a uniform distribution: sqrt(2000 * 0.1 * 0.9) is 13.4.
        for tenth in tenths {
            prop_assert!((120..=280).contains(&tenth), "{tenths:?}");
        }
    }
}

#[test]
fn a_restart_waits_for_its_time_of_day_while_the_leaf_allows_it() {
    let midnight = now() - Duration::from_secs(8 * 3_600);
    assert_eq!(crate::time::rfc3339(midnight), "2027-01-15T00:00:00Z");
    let hour = |hours: u64| midnight + Duration::from_secs(hours * 3_600);
    let name: CommonName = "a.test".parse().unwrap();
    let names = BTreeSet::new();
    let opening = |begins: u64, ends: u64, before: &str, at: u64| {
        let mut leaf = CHAIN.leaf().clone();
        (leaf.not_before, leaf.not_after) = (hour(begins), hour(ends));
        let wanted = Wanted {
            name: &name,
            names: &names,
            client: false,
            key_type: KeyType::EcP256,
            renew_before: before.parse().unwrap(),
            rekey: Rekey::Never,
            restart_window: Some("02:00-04:00".parse().unwrap()),
        };
        let found = opening(&wanted, &leaf, hour(at));
        let days = found.at.duration_since(midnight).unwrap().as_secs() / 3_600;
        (days, found.held)
    };
    // Thirty days, due by day: the night after it.
    assert_eq!(opening(0, 720, "228h", 100), (21 * 24 + 2, false));
    assert_eq!(opening(0, 720, "228h", 20 * 24 + 15), (21 * 24 + 2, true));
    let (at, held) = opening(0, 720, "228h", 21 * 24 + 3);
    assert!(at < 21 * 24 && !held, "it is open: {at}");
    // A leaf of a day that lives into the next night waits for it.
    assert_eq!(opening(3, 27, "8h", 20), (26, true));
    // Made by day it would not live until the night after next, so this one is taken although it is not due.
    assert_eq!(opening(18, 42, "8h", 27), (26, false));
    // Made in this very night it is not made again.
    let (at, held) = opening(26, 50, "8h", 27);
    assert!(at > 27 && !held, "{at}");
    // One that cannot wait does not.
    let (at, held) = opening(8, 26, "9h", 20);
    assert!(at <= 20 && !held, "{at}");
}

#[test]
fn a_revoked_leaf_is_replaced_with_a_new_key_whatever_else_is_right() {
    let pair = Pair::new();
    let wanted = Wanted {
        name: &pair.name,
        names: &pair.names,
        client: false,
        key_type: KeyType::EcP256,
        renew_before: RenewBefore::default(),
        rekey: Rekey::Never,
        restart_window: None,
    };
    let verdict = |revoked| {
        let found = Found {
            leaf: pair.chain.leaf(),
            key_matches: true,
            key_since: None,
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
