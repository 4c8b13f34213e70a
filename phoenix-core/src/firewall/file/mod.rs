//! Proxmox's `.fw` files, read without loss.

mod line;
mod options;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{NameRef, Network, Rule};
use crate::diagnostic::{Fault, Faults, Place};

pub use options::{OptionInfo, OptionKind, option_table};

/// Which of Proxmox's files it is; that decides what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FwKind {
    /// `cluster.fw`.
    Cluster,
    /// `<vmid>.fw`.
    Guest,
    /// `nodes/<node>/host.fw`.
    Host,
}

/// One file: its text, what each line of it says, and what is wrong with it.
///
/// ```
/// use phoenix_core::firewall::{FwFile, FwKind};
///
/// let text = "[OPTIONS]\n\nenable: 1\n\n[RULES]\n\nIN ACCEPT -p tcp -dport 22 # ssh\n";
/// let file = FwFile::parse("100.fw".as_ref(), text.into(), FwKind::Guest)?;
/// assert_eq!(file.to_string(), text);
/// assert_eq!(file.config().rules[0].rule.ports.to_string(), "22");
/// # Ok::<(), phoenix_core::diagnostic::Faults>(())
/// ```
#[derive(Debug, Clone)]
pub struct FwFile {
    path: PathBuf,
    text: String,
    kind: FwKind,
    lines: Vec<FwLine>,
    faults: Faults,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FwLine {
    /// Its bytes, the line's end included.
    pub span: Range<usize>,
    /// What it says.
    pub content: FwContent,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FwContent {
    /// `NAME NETWORK`.
    Alias {
        /// Its name.
        name: String,
        /// What it stands for.
        network: Network,
    },
    /// Proxmox ignores the line; a fault says why.
    Bad,
    /// Nothing.
    Blank,
    /// `# ...`.
    Comment,
    /// An element of an IP set.
    Entry(SetEntry),
    /// `[NAME]`.
    Header(Section),
    /// `NAME: VALUE`.
    Option {
        /// Its name, in lower case.
        name: String,
        /// Its value as written.
        value: String,
    },
    /// A rule.
    Rule(Box<Rule>),
}

/// Where lines belong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Section {
    /// `[ALIASES]`.
    Aliases,
    /// `[group NAME]`, the name in lower case.
    Group(String),
    /// `[IPSET NAME]`, the name in lower case.
    IpSet(String),
    /// `[OPTIONS]`.
    Options,
    /// `[RULES]`.
    Rules,
}

/// An element of an IP set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetEntry {
    /// What it means.
    pub member: SetMember,
    /// Written with `!`: not in the set, even when a wider element is.
    pub except: bool,
}

/// What an element of an IP set means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetMember {
    /// What an alias stands for.
    Alias(NameRef),
    /// A network.
    Network(Network),
}

/// What a file says, in types; what Proxmox ignores is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FwConfig {
    /// Options by their names in lower case; of several lines the last.
    pub options: BTreeMap<String, String>,
    /// Aliases by their names in lower case.
    pub aliases: BTreeMap<String, Network>,
    /// IP sets by their names in lower case.
    pub sets: BTreeMap<String, Vec<SetEntry>>,
    /// Security groups by their names in lower case.
    pub groups: BTreeMap<String, Vec<FwRule>>,
    /// Rules.
    pub rules: Vec<FwRule>,
}

/// A rule and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair with names")]
pub struct FwRule {
    /// What it says.
    pub rule: Rule,
    /// Its line, counted from 1; or its place in the list that it was made from.
    pub line: usize,
}

impl FwFile {
    /// Reads a file; lines that Proxmox ignores are [`FwContent::Bad`] and among [`FwFile::faults`].
    ///
    /// # Errors
    /// When it is no text at all.
    pub fn parse(path: &Path, bytes: Vec<u8>, kind: FwKind) -> Result<Self, Faults> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
            Fault::error(
                "not-utf8",
                format!(
                    "found byte 0x{:02x}, expected UTF-8 text",
                    error.as_bytes()[at]
                ),
            )
            .at(Place::new(path, &valid, at..at))
        })?;
        let (lines, faults) = scan::scan(path, &text, kind);
        Ok(Self {
            path: path.to_owned(),
            text,
            kind,
            lines,
            faults,
        })
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which file it is.
    pub fn kind(&self) -> FwKind {
        self.kind
    }

    /// Its lines in order; together they are the whole text.
    pub fn lines(&self) -> &[FwLine] {
        &self.lines
    }

    /// Why Proxmox ignores lines of it.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What it says, as Proxmox reads it.
    pub fn config(&self) -> FwConfig {
        let mut config = FwConfig::default();
        let mut section = None;
        for (index, line) in self.lines.iter().enumerate() {
            match &line.content {
                FwContent::Header(header) => {
                    // A set or group that is stated twice is what its last header begins.
                    match header {
                        Section::Group(name) => {
                            config.groups.insert(name.clone(), Vec::new());
                        }
                        Section::IpSet(name) => {
                            config.sets.insert(name.clone(), Vec::new());
                        }
                        _ => {}
                    }
                    section = Some(header);
                }
                FwContent::Option { name, value } => {
                    config.options.insert(name.clone(), value.clone());
                }
                FwContent::Alias { name, network } => {
                    config.aliases.insert(name.to_ascii_lowercase(), *network);
                }
                FwContent::Entry(entry) => {
                    if let Some(Section::IpSet(name)) = section {
                        config
                            .sets
                            .entry(name.clone())
                            .or_default()
                            .push(entry.clone());
                    }
                }
                FwContent::Rule(rule) => {
                    let rule = FwRule {
                        rule: (**rule).clone(),
                        line: index + 1,
                    };
                    match section {
                        Some(Section::Group(name)) => {
                            config.groups.entry(name.clone()).or_default().push(rule);
                        }
                        _ => config.rules.push(rule),
                    }
                }
                FwContent::Bad | FwContent::Blank | FwContent::Comment => {}
            }
        }
        config
    }
}

impl fmt::Display for FwFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            f.write_str(&self.text[line.span.clone()])?;
        }
        Ok(())
    }
}
