//! What stops a run before it has a report.

use std::path::PathBuf;

use crate::ca::{EnrollError, TlsFault};
use crate::change::ChangeError;
use crate::deploy::DeployError;
use crate::diagnostic::Faults;
use crate::manifest::ManifestEditError;
use crate::plan::{GivenError, OrderError};
use crate::pve::ReloadError;
use crate::store::{PinError, StoreError};
use crate::system::{FileError, LockError, TransactionError};
use crate::time::rfc3339;
use crate::x509::{Anchor, Fingerprint};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for makes no sense; nothing was attempted.
    #[error("{0}")]
    Argument(String),
    /// A certificate, key or request that was given cannot be used; nothing was attempted.
    #[error("could not use the {what} {}: {detail}", path.display())]
    BadFile {
        /// What it was to be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// What `check` finds stops steps of the plan; nothing was done.
    #[error("`check` finds what stops {}", steps.join(", "))]
    Blocked {
        /// The steps.
        steps: Vec<String>,
        /// What was found.
        #[source]
        findings: Faults,
    },
    /// The CA cannot be used at all: its root cannot be had or is not the pinned one.
    #[error("could not use the CA {authority}")]
    Ca {
        /// Which CA.
        authority: String,
        /// Why.
        source: EnrollError,
    },
    /// The site's files could not be changed; they are as they were.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A command of the host that was needed did not do it; what was changed for it is as it was.
    #[error("could not run `{what}`: {why}")]
    Command {
        /// The command.
        what: String,
        /// What became of it.
        why: String,
    },
    /// The CA was asked for something and it came to nothing; no file was changed.
    #[error("could not {act}")]
    Enroll {
        /// What was to be done.
        act: String,
        /// Why not.
        source: EnrollError,
    },
    /// A file would be overwritten; nothing was attempted.
    #[error("{} exists already and would be overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The site's files have faults.
    #[error("the site cannot be read")]
    Faults(#[from] Faults),
    /// A template has faults, or what it makes is not what its name says; nothing was written.
    #[error("could not use the template {}", path.display())]
    Template {
        /// The template.
        path: PathBuf,
        /// What is wrong, in it or in what it includes.
        #[source]
        faults: Faults,
    },
    /// A process that was needed could not be started; nothing was attempted.
    #[error("could not start {what}")]
    Spawn {
        /// What it was to do.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of the host could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another run holds the site.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The manifest was not edited.
    #[error(transparent)]
    ManifestEdit(#[from] ManifestEditError),
    /// A pair could not be looked at in its place.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// No earlier version of a pair can be brought back; nothing was changed.
    #[error("found no {} of `{certificate}` to bring back in {}{}", asked.as_ref().map_or_else(|| "earlier pair".to_owned(), |asked| format!("version `{asked}`")), dir.display(), if found.is_empty() { String::new() } else { format!(", only: {}", found.join(", ")) })]
    NoEarlierPair {
        /// The certificate.
        certificate: String,
        /// The version that was asked for.
        asked: Option<String>,
        /// Where versions were looked for.
        dir: PathBuf,
        /// What is there, and why it cannot be brought back.
        found: Vec<String>,
    },
    /// No root is to be found where the site keeps it.
    #[error("found no root certificate of the CA, expected one at {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or "))]
    NoRoot {
        /// Where it was looked for.
        paths: Vec<PathBuf>,
    },
    /// There is no site, so nothing says which CA there is.
    #[error("found no site in {}, and no CA is named", site.display())]
    NoSite {
        /// Where it was looked for.
        site: PathBuf,
    },
    /// Proxmox's firewall did not put the rules in force; its files are as they were.
    #[error("could not put the firewall's rules in force; the files were put back")]
    Firewall(#[source] ReloadError),
    /// The plan's steps wait for each other.
    #[error("the manifest's `after` cannot be followed")]
    Order(#[from] OrderError),
    /// Nothing pending has this id.
    #[error("nothing pending is called `{id}`, expected one of: {}", if pending.is_empty() { "(nothing is pending)".to_owned() } else { pending.join(", ") })]
    NotPending {
        /// What was named.
        id: String,
        /// What is pending.
        pending: Vec<String>,
    },
    /// Other steps come out than those of the plan that was given; nothing was done.
    #[error("the plan is no longer what would be done: {}", differences.join("; "))]
    PlanChanged {
        /// What differs, in words.
        differences: Vec<String>,
    },
    /// What was given as a plan is none.
    #[error(transparent)]
    PlanUnreadable(#[from] GivenError),
    /// An edit that was asked for cannot be made; no file was touched.
    #[error("nothing was changed")]
    Refused(#[source] Faults),
    /// The root is not the pinned one.
    #[error(
        "the CA's root changed; if that is right, say `phoenix ca trust --fingerprint {found}`"
    )]
    RootChanged {
        /// The root on offer.
        found: Fingerprint,
        /// The details.
        source: PinError,
    },
    /// The root's own dates are past, or still to come.
    #[error(
        "the root certificate {} (`{}`) is valid from {} to {} only",
        path.display(),
        anchor.subject,
        rfc3339(anchor.not_before),
        rfc3339(anchor.not_after)
    )]
    RootNotValid {
        /// Where.
        path: PathBuf,
        /// The root.
        anchor: Anchor,
    },
    /// A root file is no certificate.
    #[error("could not read the root certificate {}: {what}", path.display())]
    RootUnreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The site's state could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Several files could not be changed as one.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// What is served there could not be looked at.
    #[error("could not see a certificate at {address}: {detail}")]
    Unseen {
        /// Host and port.
        address: String,
        /// Why not.
        detail: String,
    },
    /// Something would undo a migration within the hour.
    #[error("{} would undo this: it runs the old renewal manager", path.display())]
    WouldBeUndone {
        /// The cron file.
        path: PathBuf,
    },
    /// The fingerprint that the operator names is not that of the root on offer.
    #[error("the root on offer has fingerprint {found}, you said {said}")]
    WrongFingerprint {
        /// The root on offer.
        found: Fingerprint,
        /// What the operator said.
        said: Fingerprint,
    },
}

impl Error {
    /// Exit status: 2 where input could not be read and nothing was attempted, else 1.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Argument(_)
            | Self::BadFile { .. }
            | Self::Exists { .. }
            | Self::Faults(_)
            | Self::File(_)
            | Self::ManifestEdit(_)
            | Self::NoRoot { .. }
            | Self::NoSite { .. }
            | Self::NotPending { .. }
            | Self::PlanUnreadable(_)
            | Self::Refused(_)
            | Self::RootNotValid { .. }
            | Self::RootUnreadable { .. }
            | Self::Template { .. }
            | Self::Enroll {
                source:
                    EnrollError::BadRequest(_)
                    | EnrollError::Misconfigured(_)
                    | EnrollError::NoNames { .. }
                    | EnrollError::Password { .. }
                    | EnrollError::Token { .. },
                ..
            } => 2,
            _ => 1,
        }
    }

    /// A stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Argument(_) => "argument",
            Self::BadFile { .. } => "bad-file",
            Self::Blocked { .. } => "blocked",
            Self::Ca { .. } => "ca",
            Self::Change(ChangeError::ChangedMeanwhile { .. }) => "changed-meanwhile",
            Self::Change(_) => "change",
            Self::Command { .. } => "command",
            Self::Deploy(_) => "deploy",
            Self::Enroll { .. } => "enroll",
            Self::Exists { .. } => "exists",
            Self::Faults(_) => "faults",
            Self::File(_) => "file",
            Self::Lock(_) => "lock",
            Self::ManifestEdit(_) => "manifest-edit",
            Self::NoEarlierPair { .. } => "no-earlier-pair",
            Self::NoRoot { .. } => "no-root",
            Self::NoSite { .. } => "no-site",
            Self::NotPending { .. } => "not-pending",
            Self::Firewall(_) => "firewall",
            Self::Order(_) => "order",
            Self::PlanChanged { .. } => "plan-changed",
            Self::PlanUnreadable(_) => "plan-unreadable",
            Self::Refused(_) => "refused",
            Self::RootChanged { .. } => "root-changed",
            Self::RootNotValid { .. } => "root-not-valid",
            Self::RootUnreadable { .. } => "root-unreadable",
            Self::Spawn { .. } => "spawn",
            Self::Store(_) => "store",
            Self::Template { .. } => "template",
            Self::Transaction(_) => "transaction",
            Self::Unseen { .. } => "unseen",
            Self::WouldBeUndone { .. } => "would-be-undone",
            Self::WrongFingerprint { .. } => "wrong-fingerprint",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Enroll {
                act,
                source: EnrollError::Unauthorized { .. },
            } if act.starts_with("re") => {
                Some("`phoenix certs issue` gets one that does not depend on the old".to_owned())
            }
            Self::Enroll { source, .. } => enroll_hint(source),
            Self::Exists { .. } => Some("--force replaces it".to_owned()),
            Self::NoEarlierPair { .. } => Some(
                "`keep` in the manifest, or in `[deploy]` of etc/phoenix.toml, says how many versions stay; --force brings back one that has ended, `phoenix sync --force` gets a new one"
                    .to_owned(),
            ),
            Self::NoSite { .. } => Some(
                "--site names the site, --ca-url a CA; `phoenix ca bootstrap` takes one in"
                    .to_owned(),
            ),
            Self::WouldBeUndone { .. } => Some(
                "phoenix migrate docker-tls --disarm   (moves it aside, restorably)".to_owned(),
            ),
            Self::Change(ChangeError::ChangedMeanwhile { diff, .. }) => Some(format!(
                "look at what changed and say the command again\n{diff}"
            )),
            Self::PlanChanged { .. } => {
                Some("look at `phoenix plan` again, and apply the new one".to_owned())
            }
            Self::ManifestEdit(ManifestEditError::Exists { name }) => Some(format!(
                "phoenix manifest set {name} KEY=VALUE...   changes it"
            )),
            Self::ManifestEdit(ManifestEditError::Unknown {
                near: Some(near), ..
            }) => Some(format!("did you mean `{near}`?")),
            Self::NoRoot { .. } => {
                Some("name it in etc/phoenix.toml: [ca] root = \"/path/root.crt\"".to_owned())
            }
            _ => None,
        }
    }
}

fn enroll_hint(source: &EnrollError) -> Option<String> {
    match source {
        EnrollError::NotReady { .. } => Some("`phoenix ca init` makes it".to_owned()),
        EnrollError::Password { .. } | EnrollError::WrongPassword { .. } => {
            Some("--provisioner-password-file takes a file, `fd:N` or `prompt`".to_owned())
        }
        EnrollError::NoSuchProvisioner { .. } => Some("--provisioner names one".to_owned()),
        EnrollError::Listen { .. } => Some(
            "--acme-http-listen says where for one command, `[ca] http_listen` for the site"
                .to_owned(),
        ),
        EnrollError::Tls {
            fault: TlsFault::NameMismatch { .. },
            ..
        } => Some(
            "--ca-server-name (of `ca bootstrap` --server-name) says the name for one command, `[ca] server_name` for the site"
                .to_owned(),
        ),
        EnrollError::Tls {
            fault: TlsFault::UnknownRoot,
            ..
        } => Some(
            "where the CA has a new root, put it in place of the old file, then `phoenix ca trust --fingerprint HEX`"
                .to_owned(),
        ),
        EnrollError::NotPermitted { .. } => Some(
            "`phoenix ca init --replace` (for Docker's clients with `--client docker`) makes one for the names of now"
                .to_owned(),
        ),
        _ => None,
    }
}
