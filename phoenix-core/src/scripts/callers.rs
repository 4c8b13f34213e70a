//! Who calls a script, and how: read from the texts of cron files, units and scripts. Pure.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::catalogue::Script;

/// A text in which calls may stand.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "plain input")]
pub struct Text {
    /// Its file.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
    /// Whether its lines begin with a time and a user, as in `/etc/cron.d`.
    pub cron: bool,
}

/// How a script is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum How {
    /// Its text is given to a shell, as in `bash -c "$(cat script)"`.
    AsText,
    /// By a name that is put together, such as `feature_install_${feature}.sh`.
    ByFeature,
    /// It is copied somewhere, such as into a guest.
    Copied,
    /// By cron.
    Cron {
        /// The five fields of time, or a word such as `@daily`.
        schedule: String,
    },
    /// It is executed.
    Executed,
    /// For a guest, since the site's JSON gives it a feature.
    Feature {
        /// The guest.
        guest: String,
        /// The feature.
        feature: String,
    },
    /// Its path is put into a variable, or named otherwise.
    Named,
    /// It is sourced.
    Sourced,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsText => f.write_str("as a text given to a shell"),
            Self::ByFeature => f.write_str("by the feature's name"),
            Self::Copied => f.write_str("copied"),
            Self::Cron { schedule } => write!(f, "by cron, {schedule}"),
            Self::Executed => f.write_str("executed"),
            Self::Feature { guest, feature } => write!(f, "feature {feature} of {guest}"),
            Self::Named => f.write_str("named"),
            Self::Sourced => f.write_str("sourced"),
        }
    }
}

/// A place from which a script is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "plain data")]
pub struct Caller {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// How it calls.
    pub how: How,
}

/// The callers of a script in these texts; its own file, at `own`, is none.
pub fn callers(script: &Script, own: &Path, texts: &[Text]) -> Vec<Caller> {
    let mut found = Vec::new();
    for text in texts.iter().filter(|text| text.path != own) {
        for (number, line) in text.text.lines().enumerate() {
            let line = line.trim();
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            if let Some(how) = call(script, own, line, text.cron) {
                found.push(Caller {
                    file: text.path.clone(),
                    line: Some(number + 1),
                    how,
                });
            }
        }
    }
    found
}

fn call(script: &Script, own: &Path, line: &str, cron: bool) -> Option<How> {
    let Some(at) = position(script, own, line) else {
        return by_feature(script, line).then_some(How::ByFeature);
    };
    if cron {
        return Some(How::Cron {
            schedule: schedule(line),
        });
    }
    let before = &line[..at];
    // The command that the name belongs to: what stands behind the last separator.
    let command = before
        .rsplit([';', '&', '|', '(', '`'])
        .next()
        .unwrap_or(before)
        .trim_start();
    let command = ["if ", "then ", "else ", "do ", "! "]
        .iter()
        .fold(command, |command, word| {
            command.strip_prefix(word).unwrap_or(command).trim_start()
        });
    let first = command.split_whitespace().next().unwrap_or("");
    let program = first.rsplit('/').next().unwrap_or(first);
    Some(if program == "cat" && before.contains("$(") {
        How::AsText
    } else if matches!(program, "source" | ".") {
        How::Sourced
    } else if matches!(program, "cp" | "install" | "scp" | "rsync" | "mv")
        || before.contains("pct push")
    {
        How::Copied
    } else if assigns(command) || matches!(program, "echo" | "log_info" | "log_error" | "printf") {
        How::Named
    } else {
        How::Executed
    })
}

/// Where in a line the script is named.
fn position(script: &Script, own: &Path, line: &str) -> Option<usize> {
    let path = own.to_string_lossy();
    // `phoenix` alone is a word like any other: only its path, or a line that begins with it, is a call.
    if script.file_name() == "phoenix" {
        return words(line, &path).or_else(|| words(line, "phoenix").filter(|at| *at == 0));
    }
    words(line, script.file_name())
}

/// Where `name` stands in `line` as a whole.
fn words(line: &str, name: &str) -> Option<usize> {
    let part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    line.match_indices(name)
        .find(|(at, _)| {
            let before = line[..*at].chars().next_back();
            let after = line[at + name.len()..].chars().next();
            !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
        })
        .map(|(at, _)| at)
}

/// Whether the line puts the script's name together from its feature's.
fn by_feature(script: &Script, line: &str) -> bool {
    let Some((_, feature)) = script.feature else {
        return false;
    };
    let Some(begin) = script.file_name().strip_suffix(&format!("{feature}.sh")) else {
        return false;
    };
    words_before_variable(line, begin)
}

fn words_before_variable(line: &str, begin: &str) -> bool {
    line.match_indices(begin).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let part = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !part && line[at + begin.len()..].starts_with('$')
    })
}

fn assigns(command: &str) -> bool {
    let command = ["local ", "readonly ", "export ", "declare "]
        .iter()
        .fold(command, |command, word| {
            command.strip_prefix(word).unwrap_or(command)
        });
    command.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '[' | ']' | '+'))
    })
}

fn schedule(line: &str) -> String {
    let fields = if line.starts_with('@') { 1 } else { 5 };
    let words: Vec<&str> = line.split_whitespace().take(fields).collect();
    words.join(" ")
}
