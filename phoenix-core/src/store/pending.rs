//! The ledger: what a deployment makes necessary, recorded before it and struck out when it is proved.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::manifest::HookCommand;
use crate::names::{CommonName, Slug};

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
}

impl PendingKind {
    /// The item's file name: the same thing twice is one item.
    fn slug(&self) -> Slug {
        match self {
            Self::Hook { command, .. } => Slug::of(&format!("hook {command}")),
        }
    }
}

impl Store {
    /// Everything that is pending.
    pub fn pending(&self) -> Result<Vec<PendingItem>, StoreError> {
        let dir = self.dir.join("pending");
        let mut items = Vec::new();
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
            if let Some(bytes) = self.read(&file)? {
                let item = serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged {
                    path: self.dir.join(&file),
                    what: error.to_string(),
                })?;
                items.push(item);
            }
        }
        items.sort_by_key(|item: &PendingItem| item.since);
        Ok(items)
    }

    /// Records that something must be done; what is recorded already keeps its age and its tries.
    pub fn promise(&self, kind: &PendingKind, now: SystemTime) -> Result<(), StoreError> {
        let earlier = self.pending_item(kind)?;
        let mut item = earlier.unwrap_or(PendingItem {
            kind: kind.clone(),
            since: now,
            tries: 0,
            last_error: None,
        });
        let PendingKind::Hook { certificates, .. } = &mut item.kind;
        let PendingKind::Hook {
            certificates: new, ..
        } = kind;
        certificates.extend(
            new.iter()
                .filter(|name| !certificates.contains(name))
                .cloned()
                .collect::<Vec<_>>(),
        );
        self.write_item(&item)
    }

    /// Records a failed try.
    pub fn tried(&self, kind: &PendingKind, error: &str) -> Result<(), StoreError> {
        if let Some(mut item) = self.pending_item(kind)? {
            item.tries += 1;
            item.last_error = Some(error.to_owned());
            self.write_item(&item)?;
        }
        Ok(())
    }

    /// Strikes an item out: it is done and proved.
    pub fn settle(&self, kind: &PendingKind) -> Result<(), StoreError> {
        self.remove(&file_name(kind))
    }

    fn pending_item(&self, kind: &PendingKind) -> Result<Option<PendingItem>, StoreError> {
        let file = file_name(kind);
        self.read(&file)?
            .map(|bytes| {
                serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged {
                    path: self.dir.join(&file),
                    what: error.to_string(),
                })
            })
            .transpose()
    }

    fn write_item(&self, item: &PendingItem) -> Result<(), StoreError> {
        let text = serde_json::to_vec_pretty(item).map_err(|error| StoreError::Damaged {
            path: self.dir.clone(),
            what: error.to_string(),
        })?;
        self.write(&file_name(&item.kind), &text)
    }
}

fn file_name(kind: &PendingKind) -> String {
    format!("pending/{}.json", kind.slug())
}
