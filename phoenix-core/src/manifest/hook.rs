//! What is run after a deployment: an argument vector, or a line that only a shell can read.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What is run.
    pub command: HookCommand,
    /// How long it may take. Default 120 s.
    pub timeout: Duration,
    /// Whether it is left out while the guest that it names does not run. Default no.
    pub only_if_running: bool,
}

impl Hook {
    /// The default timeout.
    pub const TIMEOUT: Duration = Duration::from_secs(120);
}

/// What a hook runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum HookCommand {
    /// Executed as it is.
    Argv(Vec<String>),
    /// Given to `/bin/sh -c`, since it holds shell syntax.
    Shell(String),
}

impl HookCommand {
    /// Reads a line as the old renewal manager did (`eval`), but without a shell where none is needed.
    ///
    /// Returns `None` when quotes are left open.
    pub fn of_line(line: &str) -> Option<Self> {
        let words = shell_words::split(line).ok()?;
        if words.is_empty() {
            return None;
        }
        Some(if needs_shell(line) {
            Self::Shell(line.to_owned())
        } else {
            Self::Argv(words)
        })
    }

    /// The words to execute.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Argv(words) => words.clone(),
            Self::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        }
    }
}

impl fmt::Display for HookCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argv(words) => f.write_str(&shell_words::join(words)),
            Self::Shell(line) => f.write_str(line),
        }
    }
}

/// Whether a shell would do more with the line than split it into words.
#[expect(
    clippy::match_same_arms,
    reason = "what stands inside quotes is passed over before the rest is judged"
)]
fn needs_shell(line: &str) -> bool {
    let mut quote = None;
    let mut word_start = true;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('"'), '$' | '`') => return true,
            (None | Some('"'), '\\') => {
                chars.next();
            }
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (
                None,
                '$' | '`' | '|' | '&' | ';' | '<' | '>' | '(' | ')' | '*' | '?' | '[' | '\n',
            ) => {
                return true;
            }
            (None, '~' | '#' | '!' | '{' | '}') if word_start => return true,
            (None, '=')
                if line
                    .split_whitespace()
                    .next()
                    .is_some_and(|first| first.contains('=')) =>
            {
                return true;
            }
            (None, _) => {}
        }
        word_start = c.is_whitespace();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> HookCommand {
        HookCommand::Argv(words.iter().map(|w| (*w).to_owned()).collect())
    }

    #[test]
    fn plain_lines_are_split_and_need_no_shell() {
        assert_eq!(
            HookCommand::of_line("qm guest exec 1001 -- systemctl restart docker"),
            Some(argv(&[
                "qm",
                "guest",
                "exec",
                "1001",
                "--",
                "systemctl",
                "restart",
                "docker"
            ]))
        );
        assert_eq!(
            HookCommand::of_line("echo \"it's done; really\" 'a $b' c\\ d"),
            Some(argv(&["echo", "it's done; really", "a $b", "c d"]))
        );
        let quoted = "pct exec 102 -- /bin/bash -c 'while [ ! -f /x ]; do sleep 1; done'";
        assert!(
            matches!(HookCommand::of_line(quoted), Some(HookCommand::Argv(words)) if words.len() == 7)
        );
    }

    #[test]
    fn shell_syntax_is_left_to_a_shell() {
        for line in [
            "a && b",
            "a; b",
            "a | b",
            "a > b",
            "echo $HOME",
            "echo \"$HOME\"",
            "echo `x`",
            "ls *.pem",
            "cd ~/x",
            "A=1 b",
            "a # b",
            "! a",
        ] {
            assert_eq!(
                HookCommand::of_line(line),
                Some(HookCommand::Shell(line.to_owned())),
                "{line}"
            );
        }
    }

    #[test]
    fn open_quotes_and_nothing_are_no_hook() {
        assert_eq!(HookCommand::of_line("echo 'x"), None);
        assert_eq!(HookCommand::of_line("  "), None);
    }
}
