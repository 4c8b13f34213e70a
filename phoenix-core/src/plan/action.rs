//! What a step does, and why: data that can be shown before anything is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::StepId;
use crate::names::{CommonName, GuestId, SubjectAltName};
use crate::system::FileDigest;
use crate::time::{human, rfc3339};
use crate::x509::{Fingerprint, KeyType, RevocationReason};

/// How a new leaf is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IssueHow {
    /// By CSR and one-time token, with a new key.
    Enroll,
    /// By CSR and one-time token for the key that is there.
    EnrollSameKey,
    /// The current leaf proves identity; key, names and lifetime stay.
    Renew,
}

/// A place where a pair lies: on the host, or inside a guest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Endpoint {
    /// The guest; absent on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<GuestId>,
    /// The certificate's path there.
    pub cert: PathBuf,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(guest) = self.guest {
            write!(f, "{guest}:")?;
        }
        write!(f, "{}", self.cert.display())
    }
}

/// What in a service's configuration changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ServiceChange {
    /// `daemon.json` is merged.
    DaemonJson,
    /// The systemd drop-in is written.
    DropIn,
    /// The service is restarted.
    Restart,
    /// Traefik's static file is written.
    StaticFile,
}

/// What a verification looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Subject {
    /// dockerd of this guest.
    Docker(GuestId),
    /// Proxmox's firewall.
    Firewall,
    /// Portainer behind this guest.
    Portainer(GuestId),
    /// Another service, by name.
    Service(String),
    /// Traefik of this guest.
    Traefik(GuestId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Docker(guest) => write!(f, "docker {guest}"),
            Self::Firewall => f.write_str("firewall"),
            Self::Portainer(guest) => write!(f, "portainer {guest}"),
            Self::Service(name) => f.write_str(name),
            Self::Traefik(guest) => write!(f, "traefik {guest}"),
        }
    }
}

/// One deed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// Sees that Docker would take its new configuration; nothing is changed.
    CheckDocker {
        /// The guest.
        guest: GuestId,
    },
    /// Starts Traefik with its new static file for a moment, on ports of its own; nothing is changed.
    CheckTraefik {
        /// The guest.
        guest: GuestId,
    },
    /// Writes Docker's configuration, restarts it and waits until it serves the deployed leaf.
    ConfigureDocker {
        /// The guest.
        guest: GuestId,
        /// What changes.
        changes: BTreeSet<ServiceChange>,
    },
    /// Writes Traefik's static file and restarts it where its meaning changed.
    ConfigureTraefik {
        /// The guest.
        guest: GuestId,
        /// What changes.
        changes: BTreeSet<ServiceChange>,
    },
    /// Puts the certificate's pair in this place, as one unit.
    Deploy {
        /// The certificate.
        certificate: CommonName,
        /// The place.
        to: Endpoint,
    },
    /// Runs a hook once for all certificates that share it.
    Hook {
        /// The hook, as the manifest has it.
        command: String,
        /// The certificates.
        certificates: Vec<CommonName>,
    },
    /// Gets a leaf from the CA and keeps it aside until everything is ready.
    Issue {
        /// The certificate.
        certificate: CommonName,
        /// How.
        how: IssueHow,
        /// The key's type.
        key_type: KeyType,
    },
    /// Makes Proxmox's firewall admit what the site wants admitted; nothing that is admitted now is closed.
    OpenFirewall {
        /// The files, by the SHA-256 of what they shall say.
        files: BTreeMap<PathBuf, FileDigest>,
    },
    /// Makes Proxmox's files say what the site says, and nothing else of ours.
    RenderFirewall {
        /// The files, by the SHA-256 of what they shall say.
        files: BTreeMap<PathBuf, FileDigest>,
    },
    /// Replaces Traefik's dynamic file, and sees its routers in Traefik's API.
    PublishRoutes {
        /// The guest.
        guest: GuestId,
    },
    /// Puts the CA's root into a trust store.
    Trust {
        /// The guest; absent for the host.
        #[serde(skip_serializing_if = "Option::is_none")]
        guest: Option<GuestId>,
    },
    /// Looks at what is really served.
    Verify {
        /// What is looked at.
        subject: Subject,
    },
}

impl Action {
    /// The step's name.
    pub fn id(&self) -> StepId {
        StepId(match self {
            Self::CheckDocker { guest } => format!("check docker {guest}"),
            Self::CheckTraefik { guest } => format!("check traefik {guest}"),
            Self::ConfigureDocker { guest, .. } => format!("configure docker {guest}"),
            Self::ConfigureTraefik { guest, .. } => format!("configure traefik {guest}"),
            Self::Deploy { certificate, to } => format!("deploy {certificate} to {to}"),
            Self::Hook { command, .. } => format!("hook {command}"),
            Self::Issue { certificate, .. } => format!("issue {certificate}"),
            Self::PublishRoutes { guest } => format!("publish routes of traefik {guest}"),
            Self::Trust { guest: None } => "trust root on host".to_owned(),
            Self::Trust { guest: Some(guest) } => format!("trust root in {guest}"),
            Self::OpenFirewall { .. } => "open firewall".to_owned(),
            Self::RenderFirewall { .. } => "render firewall".to_owned(),
            Self::Verify { subject } => format!("verify {subject}"),
        })
    }

    /// Whether it changes anything, or only looks.
    pub fn changes(&self) -> bool {
        !matches!(
            self,
            Self::CheckDocker { .. } | Self::CheckTraefik { .. } | Self::Verify { .. }
        )
    }

    /// What is done instead when this is refused: a renewal falls back to enrollment with the same key.
    pub fn fallback(&self) -> Option<Self> {
        match self {
            Self::Issue {
                certificate,
                how: IssueHow::Renew,
                key_type,
            } => Some(Self::Issue {
                certificate: certificate.clone(),
                how: IssueHow::EnrollSameKey,
                key_type: *key_type,
            }),
            _ => None,
        }
    }

    /// The way in which it is done, as words of a sentence: `enrollment with the same key`.
    pub fn manner(&self) -> &'static str {
        match self {
            Self::Issue { how, .. } => match how {
                IssueHow::Enroll => "enrollment with a new key",
                IssueHow::EnrollSameKey => "enrollment with the same key",
                IssueHow::Renew => "renewal",
            },
            _ => "another way",
        }
    }

    /// What taking it back means, where it can be taken back.
    pub fn undo(&self) -> Option<Undo> {
        match self {
            Self::ConfigureDocker { .. } | Self::ConfigureTraefik { .. } => {
                Some(Undo::PreviousConfiguration)
            }
            Self::Deploy { .. } => Some(Undo::PreviousPair),
            Self::Trust { .. } => Some(Undo::PreviousRoot),
            _ => None,
        }
    }

    /// The certificate it is about, where it is about one.
    pub fn certificate(&self) -> Option<&CommonName> {
        match self {
            Self::Deploy { certificate, .. } | Self::Issue { certificate, .. } => Some(certificate),
            _ => None,
        }
    }
}

/// How a deed is taken back when it, or another of its unit, fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Undo {
    /// The files of before are put back and the service is restarted with them.
    PreviousConfiguration,
    /// The pair of before is put back.
    PreviousPair,
    /// The root of before is put back, and the store made of it.
    PreviousRoot,
}

/// Why a step is in the plan, with the values that led to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// A pair that was got earlier waits to be deployed.
    CandidateWaits,
    /// The copy differs from the pair that it should be.
    CopyDiffers {
        /// What differs, in words.
        what: String,
    },
    /// A step before it brings a new pair.
    NewPair,
    /// The configuration differs from what it should be.
    ConfigurationDiffers {
        /// What differs, in words.
        what: String,
    },
    /// A file says other things than it should.
    FileDiffers {
        /// The file.
        path: PathBuf,
        /// Each change in words.
        lines: Vec<String>,
    },
    /// The operator asked for it.
    Forced,
    /// The operator gave the pair that is put in place.
    Given {
        /// Its leaf.
        leaf: Fingerprint,
        /// When it ends.
        #[serde(with = "crate::time::serde_rfc3339")]
        not_after: SystemTime,
    },
    /// What is installed cannot be read as a certificate or a key.
    Unreadable {
        /// Why.
        what: String,
    },
    /// The key's type is not the wanted one.
    KeyTypeDiffers {
        /// What is there; absent when it is none of those that Phoenix makes.
        found: Option<KeyType>,
        /// What is wanted.
        expected: KeyType,
    },
    /// The entry asks for a new key with each certificate.
    KeyAlwaysNew,
    /// The key is as old as the entry lets it become.
    KeyOld {
        /// How long it has been used when the plan was made, in seconds.
        used_seconds: u64,
        /// How long it may be used, in seconds.
        limit_seconds: u64,
    },
    /// The key does not belong to the certificate.
    KeyMismatch,
    /// Nothing is installed.
    Missing,
    /// The names are not the wanted ones.
    NamesDiffer {
        /// Wanted, not there.
        missing: BTreeSet<SubjectAltName>,
        /// There, not wanted.
        surplus: BTreeSet<SubjectAltName>,
    },
    /// An earlier run left it undone.
    Pending {
        /// Since when.
        #[serde(with = "crate::time::serde_rfc3339")]
        since: SystemTime,
        /// How often it was tried.
        tries: u32,
        /// What the last try said.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_error: Option<String>,
    },
    /// The operator brings an earlier pair back.
    RolledBack {
        /// Its leaf.
        leaf: Fingerprint,
        /// When it ends.
        #[serde(with = "crate::time::serde_rfc3339")]
        not_after: SystemTime,
    },
    /// The CA revoked the leaf.
    Revoked {
        /// Why.
        why: RevocationReason,
    },
    /// The service serves another leaf than the deployed one.
    ServedLeafDiffers {
        /// What it serves; absent when it serves no TLS there.
        found: Option<Fingerprint>,
        /// What is deployed.
        expected: Fingerprint,
    },
    /// The service does not run.
    ServiceDown {
        /// Its state.
        state: String,
    },
    /// The leaf does not chain to the CA's root.
    Untrusted {
        /// Why not.
        what: String,
    },
    /// The leaf lacks the wanted extended key usage.
    UsageDiffers {
        /// What is wanted: `server` or `client`.
        expected: &'static str,
    },
    /// The renewal window is open.
    WindowOpen {
        /// When the leaf ends.
        #[serde(with = "crate::time::serde_rfc3339")]
        closes: SystemTime,
        /// What was left of it when the plan was made, in seconds.
        left_seconds: u64,
    },
}

impl Reason {
    /// Whether a deployment for this reason puts another pair in place: the one that waits as the candidate.
    pub fn brings_pair(&self) -> bool {
        matches!(
            self,
            Self::CandidateWaits
                | Self::Given { .. }
                | Self::NewPair
                | Self::Pending { .. }
                | Self::RolledBack { .. }
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CandidateWaits => {
                f.write_str("a pair that was issued earlier waits to be deployed")
            }
            Self::ConfigurationDiffers { what } | Self::CopyDiffers { what } => f.write_str(what),
            Self::FileDiffers { path, lines } => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                write!(f, "{}: {}", name.to_string_lossy(), lines.join(", "))
            }
            Self::Forced => f.write_str("forced"),
            Self::Given { leaf, not_after } => write!(
                f,
                "given: leaf {}, valid until {}",
                leaf.short(),
                rfc3339(*not_after)
            ),
            Self::KeyAlwaysNew => f.write_str("`rekey` asks for a new key with each certificate"),
            Self::KeyOld {
                used_seconds,
                limit_seconds,
            } => write!(
                f,
                "the key has been used for {}, `rekey` allows {}",
                human(Duration::from_secs(*used_seconds)),
                human(Duration::from_secs(*limit_seconds))
            ),
            Self::KeyMismatch => f.write_str("the key does not belong to the certificate"),
            Self::KeyTypeDiffers {
                found: Some(found),
                expected,
            } => {
                write!(f, "key type is {found}, wanted {expected}")
            }
            Self::KeyTypeDiffers {
                found: None,
                expected,
            } => {
                write!(f, "key type is none of the known ones, wanted {expected}")
            }
            Self::Missing => f.write_str("not installed"),
            Self::NamesDiffer { missing, surplus } => {
                let list = |names: &BTreeSet<SubjectAltName>| {
                    names
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                match (missing.is_empty(), surplus.is_empty()) {
                    (false, true) => write!(f, "names missing: {}", list(missing)),
                    (true, false) => write!(f, "names no longer wanted: {}", list(surplus)),
                    _ => write!(
                        f,
                        "names missing: {}; no longer wanted: {}",
                        list(missing),
                        list(surplus)
                    ),
                }
            }
            Self::NewPair => f.write_str("a new pair"),
            Self::Pending {
                since,
                tries,
                last_error,
            } => {
                write!(f, "pending since {}, tried {tries} times", rfc3339(*since))?;
                match last_error {
                    Some(error) => write!(f, ", last: {error}"),
                    None => Ok(()),
                }
            }
            Self::RolledBack { leaf, not_after } => write!(
                f,
                "brought back: leaf {}, valid until {}",
                leaf.short(),
                rfc3339(*not_after)
            ),
            Self::Revoked {
                why: RevocationReason::Unspecified,
            } => f.write_str("revoked by the CA"),
            Self::Revoked { why } => write!(f, "revoked by the CA ({why})"),
            Self::ServedLeafDiffers {
                found: Some(found),
                expected,
            } => write!(
                f,
                "serves leaf {}, deployed is {}",
                found.short(),
                expected.short()
            ),
            Self::ServedLeafDiffers {
                found: None,
                expected,
            } => {
                write!(f, "serves no TLS, deployed is leaf {}", expected.short())
            }
            Self::ServiceDown { state } => write!(f, "the service is {state}"),
            Self::Unreadable { what } => write!(f, "what is installed cannot be read: {what}"),
            Self::Untrusted { what } => write!(f, "does not chain to the CA's root: {what}"),
            Self::UsageDiffers { expected } => {
                write!(f, "lacks the extended key usage `{expected}`")
            }
            Self::WindowOpen {
                left_seconds: 0,
                closes,
            } => {
                write!(f, "expired at {}", rfc3339(*closes))
            }
            Self::WindowOpen { left_seconds, .. } => write!(
                f,
                "renewal window is open, ends in {}",
                human(Duration::from_secs(*left_seconds))
            ),
        }
    }
}
