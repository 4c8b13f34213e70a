//! Findings that are known and left as they are, by what they say, not by where they stand.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Findings;
use super::finding::Finding;
use crate::system::FileDigest;

/// Known findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The version of the file.
    version: u32,
    findings: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    code: String,
    /// Below the site, where it lies there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    message: String,
    /// A digest of what is marked: it may be a secret.
    content: String,
    /// How often.
    count: usize,
}

/// A baseline that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// It is of another version.
    #[error("found a baseline of version {0}, expected {VERSION}")]
    Version(u32),
    /// It is no baseline.
    #[error("could not read the baseline: line {line}, column {column}: {message}")]
    Syntax {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
}

impl Baseline {
    /// Those of a run; `site` is where its files lie.
    pub fn of(findings: &Findings, site: &Path) -> Self {
        let mut counted: BTreeMap<Known, usize> = BTreeMap::new();
        for finding in &findings.0 {
            *counted.entry(known(finding, site)).or_default() += 1;
        }
        let findings = counted
            .into_iter()
            .map(|(known, count)| Known { count, ..known })
            .collect();
        Self {
            version: VERSION,
            findings,
        }
    }

    /// Reads the file that [`Baseline::to_text`] writes.
    ///
    /// # Errors
    /// When it is another file, or of another version.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let baseline: Self = serde_json::from_str(text).map_err(|error| BaselineError::Syntax {
            line: error.line(),
            column: error.column(),
            message: error.to_string(),
        })?;
        if baseline.version == VERSION {
            Ok(baseline)
        } else {
            Err(BaselineError::Version(baseline.version))
        }
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// How many findings it knows.
    pub fn len(&self) -> usize {
        self.findings.iter().map(|known| known.count).sum()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Takes the known findings out; how many were taken out, and how many of the baseline are gone.
    pub fn subtract(&self, findings: &mut Findings, site: &Path) -> (usize, usize) {
        let mut left: BTreeMap<Known, usize> = self
            .findings
            .iter()
            .map(|known| {
                (
                    Known {
                        count: 0,
                        ..known.clone()
                    },
                    known.count,
                )
            })
            .collect();
        let before = findings.0.len();
        findings
            .0
            .retain(|finding| match left.get_mut(&known(finding, site)) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                _ => true,
            });
        (before - findings.0.len(), left.values().sum())
    }
}

fn known(finding: &Finding, site: &Path) -> Known {
    let place = finding.fault.places.first();
    let file = place.map(|place| {
        let path = place.file.strip_prefix(site).unwrap_or(&place.file);
        path.to_string_lossy().into_owned()
    });
    // The line without its indent: an edit around it does not matter.
    let content = place.map_or("", |place| place.line_text.trim());
    let digest = FileDigest::of(content.as_bytes()).to_string();
    Known {
        code: finding.fault.code.to_owned(),
        file,
        message: finding.fault.message.clone(),
        content: digest.chars().take(16).collect(),
        count: 0,
    }
}

const VERSION: u32 = 1;
