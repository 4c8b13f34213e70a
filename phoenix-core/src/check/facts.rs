//! What is known beside the site's files; every part may be missing, and what needs it is then not looked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::diagnostic::Faults;
use crate::inventory::{DockerFacts, Inventory, TraefikFacts};
use crate::model::SourceFile;
use crate::names::{FileMode, GuestId};

/// Facts for the rules.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct Facts {
    /// Files of the site that are not there.
    pub missing: Vec<Missing>,
    /// What could not be read.
    pub unread: Faults,
    /// Traefik's dynamic files, as far as the site has them.
    pub dynamic: Vec<SourceFile>,
    /// The host's cron files.
    pub cron: Vec<SourceFile>,
    /// Old scripts that are still there.
    pub scripts: Vec<PathBuf>,
    /// Modes of files of the host that hold secrets.
    pub modes: BTreeMap<PathBuf, FileMode>,
    /// What guests told.
    pub guests: BTreeMap<GuestId, Told>,
    /// When they told it; absent when they were asked just now.
    pub told: Option<SystemTime>,
    /// The longest lifetime that the CA issues.
    pub ca_maximum: Option<Duration>,
}

/// A file of the site that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data")]
pub struct Missing {
    /// Where it was looked for.
    pub path: PathBuf,
    /// What it is for.
    pub what: &'static str,
    /// Whether there is no site without it.
    pub needed: bool,
}

/// What a guest told of its daemons.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct Told {
    /// dockerd.
    pub docker: Option<DockerFacts>,
    /// Traefik.
    pub traefik: Option<TraefikFacts>,
}

impl Told {
    /// What guests told an inventory.
    pub fn of(inventory: &Inventory) -> BTreeMap<GuestId, Self> {
        let guests = inventory.guests.iter();
        guests
            .map(|(guest, facts)| {
                let told = Self {
                    docker: facts.docker.clone(),
                    traefik: facts.traefik.clone(),
                };
                (*guest, told)
            })
            .filter(|(_, told)| told.docker.is_some() || told.traefik.is_some())
            .collect()
    }
}

/// What guests told a run, as it is kept for later looks.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptFacts {
    /// When.
    #[serde(with = "crate::time::serde_rfc3339")]
    told: SystemTime,
    guests: Vec<KeptGuest>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptGuest {
    guest: GuestId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    docker: Option<KeptDocker>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traefik: Option<KeptTraefik>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptDocker {
    daemon_json: Option<String>,
    unit: String,
    version: Option<String>,
    server_version: Option<String>,
    swarm_active: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptTraefik {
    version: Option<String>,
}

impl KeptFacts {
    /// What is kept of an inventory: what rules ask for.
    pub fn of(inventory: &Inventory, told: SystemTime) -> Self {
        let guests = Told::of(inventory).into_iter();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            told,
            guests: guests
                .map(|(guest, told)| KeptGuest {
                    guest,
                    docker: told.docker.map(|docker| KeptDocker {
                        daemon_json: docker.daemon_json.map(text),
                        unit: docker.unit,
                        version: docker.version,
                        server_version: docker.server_version,
                        swarm_active: docker.swarm_active,
                    }),
                    traefik: told.traefik.map(|traefik| KeptTraefik {
                        version: traefik.version,
                    }),
                })
                .collect(),
        }
    }

    /// As facts again.
    pub fn into_facts(self, facts: &mut Facts) {
        facts.told = Some(self.told);
        facts.guests = self
            .guests
            .into_iter()
            .map(|kept| {
                let told = Told {
                    docker: kept.docker.map(|docker| DockerFacts {
                        daemon_json: docker.daemon_json.map(String::into_bytes),
                        active_state: "unknown".to_owned(),
                        unit: docker.unit,
                        version: docker.version,
                        server_version: docker.server_version,
                        swarm_active: docker.swarm_active,
                        started_before_root: false,
                        sockets: Vec::new(),
                    }),
                    traefik: kept.traefik.map(|traefik| TraefikFacts {
                        static_file: None,
                        dynamic_file: None,
                        active_state: "unknown".to_owned(),
                        version: traefik.version,
                        started_before_file: false,
                    }),
                };
                (kept.guest, told)
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::GuestFacts;

    #[test]
    fn what_is_kept_is_read_again() {
        let docker = DockerFacts {
            daemon_json: Some(b"{}".to_vec()),
            active_state: "active".to_owned(),
            unit: "ExecStart=x".to_owned(),
            version: Some("29".to_owned()),
            server_version: None,
            swarm_active: true,
            started_before_root: false,
            sockets: Vec::new(),
        };
        let facts = |docker| GuestFacts {
            down: None,
            docker,
            traefik: None,
            trust: None,
            served: None,
            trusts_others: false,
        };
        let mut inventory = Inventory::default();
        inventory.guests.insert(GuestId::vm(1), facts(Some(docker)));
        inventory.guests.insert(GuestId::vm(2), facts(None));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000);
        let text = serde_json::to_string(&KeptFacts::of(&inventory, now)).unwrap();
        let mut read = Facts::default();
        serde_json::from_str::<KeptFacts>(&text)
            .unwrap()
            .into_facts(&mut read);
        assert_eq!((read.told, read.guests.len()), (Some(now), 1));
        let docker = read.guests[&GuestId::vm(1)].docker.as_ref().unwrap();
        assert_eq!(docker.daemon_json.as_deref(), Some(&b"{}"[..]));
        assert!(docker.swarm_active && docker.unit == "ExecStart=x");
    }
}
