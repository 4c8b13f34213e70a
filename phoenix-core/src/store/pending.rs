//! The ledger: what a deployment makes necessary, recorded before it and struck out when it is proved.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::manifest::HookCommand;
use crate::names::{CommonName, GuestId, Slug};

/// Something that must still be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingItem {
    /// What.
    pub kind: PendingKind,
    /// Since when.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub since: SystemTime,
    /// How often it was tried.
    pub tries: u32,
    /// When it was tried last.
    #[serde(default, with = "crate::time::serde_rfc3339::option")]
    pub last_try: Option<SystemTime>,
    /// What the last try said.
    pub last_error: Option<String>,
}

/// What can be pending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PendingKind {
    /// A hook of deployed certificates has not succeeded yet.
    Hook {
        /// The hook.
        command: HookCommand,
        /// The certificates.
        certificates: Vec<CommonName>,
    },
    /// A new pair was put in its places, found wanting there and taken back; it waits as the candidate.
    Pair {
        /// The certificate.
        certificate: CommonName,
        /// Whether each try interrupts what a daemon serves.
        interrupts: bool,
    },
    /// A daemon has not come up with its new configuration or pair yet.
    Restart {
        /// The daemon: `docker` or `traefik`.
        service: String,
        /// Where it runs.
        guest: GuestId,
    },
    /// A deployed leaf has not been seen where it is served yet.
    Verify {
        /// The certificate.
        certificate: CommonName,
    },
}

impl PendingItem {
    /// What names it on the command line: the same thing twice is one item.
    pub fn id(&self) -> Slug {
        self.kind.slug()
    }

    /// Before this an unattended run leaves it alone; absent when it was not tried yet, or when trying only looks.
    ///
    /// The pause doubles with each try: from five minutes, or from an hour for what interrupts a daemon's service; at most a
    /// day.
    pub fn next_try(&self) -> Option<SystemTime> {
        let first = match self.kind {
            PendingKind::Hook { .. }
            | PendingKind::Pair {
                interrupts: false, ..
            } => Duration::from_secs(5 * 60),
            PendingKind::Pair { .. } | PendingKind::Restart { .. } => Duration::from_secs(3_600),
            PendingKind::Verify { .. } => return None,
        };
        let doubled = 1_u32
            .checked_shl(self.tries.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let pause = first.saturating_mul(doubled).min(LONGEST_PAUSE);
        self.last_try?.checked_add(pause)
    }
}

impl PendingKind {
    fn slug(&self) -> Slug {
        Slug::of(&self.to_string())
    }
}

impl fmt::Display for PendingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hook { command, .. } => write!(f, "hook {command}"),
            Self::Pair { certificate, .. } => write!(f, "pair {certificate}"),
            Self::Restart { service, guest } => write!(f, "restart {service} {guest}"),
            Self::Verify { certificate } => write!(f, "verify {certificate}"),
        }
    }
}

impl Store {
    /// Everything that is pending.
    pub fn pending(&self) -> Result<Vec<PendingItem>, StoreError> {
        let dir = self.dir.join("pending");
        let mut items: Vec<PendingItem> = Vec::new();
        let names = match self.root.stat(&dir).map_err(|source| self.error(source))? {
            Some(_) => self.root.list(&dir).map_err(|source| self.error(source))?,
            None => Vec::new(),
        };
        for name in names {
            let Some(name) = name.to_str().filter(|name| {
                !name.starts_with('.')
                    && std::path::Path::new(name)
                        .extension()
                        .is_some_and(|e| e == "json")
            }) else {
                continue;
            };
            let file = format!("pending/{name}");
            items.extend(self.read_json(&file)?);
        }
        items.sort_by_key(|item| item.since);
        Ok(items)
    }

    /// Records that something must be done; what is recorded already keeps its age and its tries.
    pub fn promise(&self, kind: &PendingKind, now: SystemTime) -> Result<(), StoreError> {
        let earlier = self.pending_item(kind)?;
        let mut item = earlier.unwrap_or(PendingItem {
            kind: kind.clone(),
            since: now,
            tries: 0,
            last_try: None,
            last_error: None,
        });
        if let (
            PendingKind::Hook { certificates, .. },
            PendingKind::Hook {
                certificates: new, ..
            },
        ) = (&mut item.kind, kind)
        {
            for name in new {
                if !certificates.contains(name) {
                    certificates.push(name.clone());
                }
            }
        }
        self.write_item(&item)
    }

    /// Records a failed try.
    pub fn tried(
        &self,
        kind: &PendingKind,
        error: &str,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        if let Some(mut item) = self.pending_item(kind)? {
            item.tries += 1;
            item.last_try = Some(now);
            item.last_error = Some(error.to_owned());
            self.write_item(&item)?;
        }
        Ok(())
    }

    /// Strikes an item out: it is done and proved.
    pub fn settle(&self, kind: &PendingKind) -> Result<(), StoreError> {
        self.remove(&file_name(kind))
    }

    /// Whether this waits to be done.
    pub fn is_pending(&self, kind: &PendingKind) -> Result<bool, StoreError> {
        Ok(self.pending_item(kind)?.is_some())
    }

    fn pending_item(&self, kind: &PendingKind) -> Result<Option<PendingItem>, StoreError> {
        self.read_json(&file_name(kind))
    }

    fn write_item(&self, item: &PendingItem) -> Result<(), StoreError> {
        self.write_json(&file_name(&item.kind), item)
    }
}

fn file_name(kind: &PendingKind) -> String {
    format!("pending/{}.json", kind.slug())
}

/// What is retried for long is still tried once a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    fn store(scratch: &crate::system::scratch::Scratch) -> Store {
        let root = crate::system::Root::at(scratch.path()).unwrap();
        Store::new(root, "/state".as_ref(), "/site".as_ref())
    }

    fn restart() -> PendingKind {
        PendingKind::Restart {
            service: "docker".to_owned(),
            guest: "vm:1001".parse().unwrap(),
        }
    }

    #[test]
    fn a_promise_keeps_its_age_and_tries_until_it_is_struck_out() {
        let scratch = crate::system::scratch::Scratch::new();
        let store = store(&scratch);
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        store.promise(&restart(), at(10)).unwrap();
        store.tried(&restart(), "it did not start", at(20)).unwrap();
        store.promise(&restart(), at(30)).unwrap();
        let items = store.pending().unwrap();
        let expected = PendingItem {
            kind: restart(),
            since: at(10),
            tries: 1,
            last_try: Some(at(20)),
            last_error: Some("it did not start".to_owned()),
        };
        assert_eq!(items, [expected]);
        store.settle(&restart()).unwrap();
        assert_eq!(store.pending().unwrap(), []);
    }

    #[test]
    fn the_pause_doubles_up_to_a_day_and_is_longer_for_a_restart() {
        let hook = PendingKind::Hook {
            command: HookCommand::Argv(vec!["true".to_owned()]),
            certificates: Vec::new(),
        };
        let pause = |kind: &PendingKind, tries| {
            let item = PendingItem {
                kind: kind.clone(),
                since: SystemTime::UNIX_EPOCH,
                tries,
                last_try: (tries > 0).then_some(SystemTime::UNIX_EPOCH),
                last_error: None,
            };
            let next = item.next_try()?;
            Some(
                next.duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap()
                    .as_secs()
                    / 60,
            )
        };
        let minutes = |kind| [0, 1, 2, 3, 9, 200].map(|tries| pause(kind, tries));
        assert_eq!(
            minutes(&hook),
            [None, Some(5), Some(10), Some(20), Some(1280), Some(1440)]
        );
        assert_eq!(
            minutes(&restart()),
            [None, Some(60), Some(120), Some(240), Some(1440), Some(1440)]
        );
    }

    #[test]
    fn an_item_without_a_last_try_is_read() {
        let text = r#"{"kind": {"kind": "restart", "service": "docker", "guest": "vm:1001"},
            "since": "2026-11-24T03:00:00Z", "tries": 2, "last_error": null}"#;
        let item: PendingItem = serde_json::from_str(text).unwrap();
        assert_eq!(item.next_try(), None);
    }
}
