//! How scripts stand, and what became of them: plain data.

use std::path::PathBuf;

use serde::Serialize;

use super::callers::Caller;

/// How a script stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum State {
    /// Nothing lies there.
    Absent,
    /// A shim lies there that somebody edited.
    EditedShim,
    /// What lies there is no script, such as a program.
    Foreign,
    /// A shim was removed, or never lay there, and a script of before is kept.
    KeptOnly,
    /// A shim lies there whose text would be another today.
    OlderShim,
    /// The operator's own script.
    Original,
    /// The shim.
    Replaced,
    /// A script was put over the shim; that of before is still kept.
    ScriptOverShim,
}

impl State {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::EditedShim | Self::ScriptOverShim => "changed by hand",
            Self::Foreign => "no script",
            Self::KeptOnly => "gone",
            Self::OlderShim => "replaced (older)",
            Self::Original => "original",
            Self::Replaced => "replaced",
        }
    }

    /// What it means, where the words alone do not say it.
    pub fn meaning(self) -> Option<&'static str> {
        match self {
            Self::EditedShim => Some("somebody edited what stands in its place"),
            Self::Foreign => Some("a program or a text without `#!` lies there; it is left alone"),
            Self::KeptOnly => Some("nothing lies there, the script of before is kept"),
            Self::OlderShim => {
                Some("what stands in its place would be another now; `replace` renews it")
            }
            Self::ScriptOverShim => {
                Some("somebody put a script over what stood in its place; that of before is kept")
            }
            Self::Absent | Self::Original | Self::Replaced => None,
        }
    }
}

/// One script as `scripts list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: &'static str,
    /// Where it lies; behind links, the file itself.
    pub path: PathBuf,
    /// How it stands.
    pub state: State,
    /// Where the script of before is kept, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
    /// Its arguments.
    pub arguments: &'static str,
    /// What stands, or would stand, in its place does.
    pub does: &'static str,
    /// Who calls it.
    pub callers: Vec<Caller>,
    /// What differs from what stood there, or would stand there now, in lines; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs: Option<Differs>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How much of a text differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Differs {
    /// Lines that came.
    pub added: usize,
    /// Lines that went.
    pub removed: usize,
    /// What is compared.
    pub what: &'static str,
}

impl Differs {
    /// Counts the lines of a unified diff; nothing where it is empty.
    pub fn of(diff: &ScriptDiff) -> Option<Self> {
        let count = |sign: &str, head: &str| {
            let lines = diff.diff.lines();
            lines
                .filter(|line| line.starts_with(sign) && !line.starts_with(head))
                .count()
        };
        (!diff.diff.is_empty()).then(|| Self {
            added: count("+", "+++ "),
            removed: count("-", "--- "),
            what: diff.what,
        })
    }
}

/// What was done with a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Act {
    /// The shim took its place.
    Replaced,
    /// The shim was written anew.
    Renewed,
    /// The script of before came back.
    Restored,
    /// Nothing had to be done.
    Nothing,
}

/// A script and what was done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Its name.
    pub name: &'static str,
    /// Where it lies.
    pub path: PathBuf,
    /// What was done.
    pub act: Act,
    /// How it stood before.
    pub before: State,
    /// Where the script of before is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
    /// Where something that lay in the way was put, so that nothing is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put_aside: Option<PathBuf>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The diff of the file.
    pub diff: String,
}

/// What `scripts replace` and `scripts restore` did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScriptReport {
    /// Each script.
    pub scripts: Vec<Move>,
    /// Whether anything was written.
    pub written: bool,
}

/// What differs about a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScriptDiff {
    /// Its name.
    pub name: &'static str,
    /// Where it lies.
    pub path: PathBuf,
    /// How it stands.
    pub state: State,
    /// What is compared with what.
    pub what: &'static str,
    /// The unified diff; empty where nothing differs.
    pub diff: String,
}
