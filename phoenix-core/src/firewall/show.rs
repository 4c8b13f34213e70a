//! Lists of rules as data for people and programs.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::{Action, Decision, Matrix, MatrixChange, Protocol, Rule, RuleList, Selector, Target};
use crate::diagnostic::{Faults, Place};

/// The rules of one guest or of the host, as far as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShownList {
    /// Whose.
    pub target: Target,
    /// The file.
    pub file: PathBuf,
    /// Whether its firewall is on; absent where the file does not say.
    pub enabled: Option<bool>,
    /// The rules.
    pub rules: Vec<ShownRule>,
    /// What is wrong with the list.
    pub faults: Faults,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShownRule {
    /// Its place in the list, the first is 0.
    pub index: usize,
    /// Where it stands.
    pub place: Place,
    /// What it says.
    pub rule: Rule,
}

/// A verdict and what decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by the site, which knows the files"
)]
pub struct TestReport {
    /// From whom.
    pub from: String,
    /// The source address.
    pub source: IpAddr,
    /// To whom.
    pub to: String,
    /// The destination address.
    pub dest: IpAddr,
    /// Protocol.
    pub proto: Protocol,
    /// Port, where the protocol has ports.
    pub port: Option<u16>,
    /// `ACCEPT`, `DROP` or `REJECT`.
    pub verdict: Action,
    /// What decided.
    pub decision: Decision,
    /// Whose list it stands in.
    pub list: Option<Target>,
    /// The deciding rule, where it was one.
    pub rule: Option<ShownRule>,
}

/// Who reaches what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by the site, which knows the files"
)]
pub struct MatrixReport {
    /// By the site's files.
    pub matrix: Matrix,
    /// What differs from what Proxmox's files admit now; absent where there are none.
    pub changes: Option<Vec<MatrixChange>>,
}

impl ShownList {
    /// The rules of a list that are meant.
    pub fn of(list: &RuleList<'_>, selector: &Selector) -> Self {
        let lines = list.lines();
        let flag = list
            .firewall
            .and_then(|firewall| list.document.cursor(firewall).get("enabled"));
        Self {
            target: list.target,
            file: list.document.path().to_owned(),
            enabled: flag.and_then(crate::document::Cursor::as_bool),
            rules: list
                .select(selector)
                .into_iter()
                .map(|listed| ShownRule {
                    index: listed.index,
                    place: list.place(listed, &lines),
                    rule: listed.rule.clone(),
                })
                .collect(),
            faults: list.faults.clone(),
        }
    }
}
