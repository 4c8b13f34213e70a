//! What a plan was decided from, and whether a plan that was written down still is what would be done now.
//!
//! A plan read from outside is never run as such: it is made again from the site, and only the comparison is the file's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Plan, Policy, Scope};
use crate::names::CommonName;
use crate::system::FileDigest;
use crate::x509::Fingerprint;

/// What a plan was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Which parts of the site.
    pub scope: Scope,
    /// Whether everything is issued whatever its state is.
    pub force: bool,
    /// Only these certificates; all when empty.
    pub only: Vec<CommonName>,
}

/// What a plan was decided from, apart from what was found in guests, which shows in its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// The site's files, by the SHA-256 of their content.
    pub files: BTreeMap<PathBuf, FileDigest>,
    /// The CA's roots.
    pub roots: Vec<Fingerprint>,
}

/// A plan as it was written down.
#[derive(Debug, Clone, Deserialize)]
pub struct Given {
    asked: GivenAsked,
    basis: GivenBasis,
    steps: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct GivenAsked {
    scope: Scope,
    force: bool,
    only: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct GivenBasis {
    files: BTreeMap<PathBuf, String>,
    roots: Vec<String>,
}

/// Why text is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// It names a certificate that cannot be one.
    #[error("the plan names `{name}`, expected the common name of a certificate")]
    Name {
        /// What it says.
        name: String,
    },
    /// It is not what `phoenix plan --output-format json` prints.
    #[error(
        "found no plan, expected what `phoenix plan --output-format json` prints: {what} at line {line}, column {column}"
    )]
    Syntax {
        /// What is wrong.
        what: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

impl Given {
    /// Reads what `phoenix plan --output-format json` printed.
    pub fn parse(text: &str) -> Result<Self, GivenError> {
        serde_json::from_str(text).map_err(|error| {
            let what = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            GivenError::Syntax {
                what: what.strip_suffix(&place).unwrap_or(&what).to_owned(),
                line: error.line(),
                column: error.column(),
            }
        })
    }

    /// Which parts of the site it is about.
    pub fn scope(&self) -> Scope {
        self.asked.scope
    }

    /// Which certificates it is about.
    pub fn policy(&self) -> Result<Policy, GivenError> {
        let only = self.asked.only.iter().map(|name| {
            name.parse::<CommonName>()
                .map_err(|_| GivenError::Name { name: name.clone() })
        });
        Ok(Policy {
            force: self.asked.force,
            only: only.collect::<Result<_, _>>()?,
            ..Policy::default()
        })
    }

    /// How the plan of now differs, in words: other steps, and the files that changed since. Empty when it is the same.
    ///
    /// Reasons may differ: a window that closes in an hour closes sooner a minute later.
    pub fn differences(&self, now: &Plan) -> Vec<String> {
        let was: BTreeMap<String, Value> = self.steps.iter().map(deed).collect();
        let is: BTreeMap<String, Value> = now
            .steps
            .iter()
            .filter_map(|step| serde_json::to_value(step).ok())
            .map(|step| deed(&step))
            .collect();
        let mut words = Vec::new();
        for (id, step) in &was {
            match is.get(id) {
                None => words.push(format!("`{id}` is no longer to be done")),
                Some(other) if other != step => {
                    words.push(format!("`{id}` would be done differently"));
                }
                Some(_) => {}
            }
        }
        for id in is.keys().filter(|id| !was.contains_key(*id)) {
            words.push(format!("`{id}` is new"));
        }
        if words.is_empty() {
            return words;
        }
        let changed: BTreeSet<&PathBuf> = self
            .basis
            .files
            .keys()
            .chain(now.basis.files.keys())
            .filter(|path| {
                let digest = now.basis.files.get(*path).map(ToString::to_string);
                self.basis.files.get(*path) != digest.as_ref()
            })
            .collect();
        words.extend(
            changed
                .iter()
                .map(|path| format!("{} changed since", path.display())),
        );
        let roots: Vec<String> = now.basis.roots.iter().map(ToString::to_string).collect();
        if self.basis.roots != roots {
            words.push("the CA's roots changed since".to_owned());
        }
        words
    }
}

/// A step's name and what it does, without its reasons.
fn deed(step: &Value) -> (String, Value) {
    let mut step = step.clone();
    if let Some(members) = step.as_object_mut() {
        members.remove("reasons");
    }
    let id = step.get("id").and_then(Value::as_str).unwrap_or_default();
    (id.to_owned(), step)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::plan::{Action, Reason, Step, Subject};

    fn plan(names: &[&str], left_seconds: u64) -> Plan {
        let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "a CA");
        plan.steps = names
            .iter()
            .map(|name| {
                let subject = Subject::Service((*name).to_owned());
                let closes = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
                let reason = Reason::WindowOpen {
                    closes,
                    left_seconds,
                };
                Step::new(Action::Verify { subject }, vec![reason])
            })
            .collect();
        plan
    }

    fn given(plan: &Plan) -> Given {
        Given::parse(&serde_json::to_string(plan).unwrap()).unwrap()
    }

    #[test]
    fn a_plan_written_down_agrees_with_itself_although_time_went_by() {
        let differences = given(&plan(&["a", "b"], 60)).differences(&plan(&["a", "b"], 59));
        assert_eq!(differences, Vec::<String>::new());
    }

    #[test]
    fn other_steps_and_the_files_behind_them_are_named() {
        let mut now = plan(&["b", "c"], 60);
        let digest = FileDigest::of(b"new");
        now.basis.files.insert("/site/etc/a.json".into(), digest);
        assert_eq!(
            given(&plan(&["a", "b"], 60)).differences(&now),
            [
                "`verify a` is no longer to be done",
                "`verify c` is new",
                "/site/etc/a.json changed since"
            ]
        );
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_place() {
        let error = Given::parse("{\"steps\": []}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "found no plan, expected what `phoenix plan --output-format json` prints: missing field `asked` at line 1, column 13"
        );
    }
}
