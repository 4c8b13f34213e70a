//! Firewall rules: what they say, which are meant, where they stand.

use std::path::PathBuf;

use phoenix_core::firewall::{self as core, Assignment};
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::call::{Word, some_word, word};
use crate::error::argument;
use crate::fault::{Fault, Place};
use crate::record::{self, record, sequence};
use crate::value::Tuple;

record! {
    /// A firewall rule. Addresses, ports and protocols are in Proxmox's words.
    struct Rule {
        /// `in`, `out`, `forward` or `group`.
        direction: String,
        /// `ACCEPT`, `DROP`, `REJECT`, or the name of the security group.
        action: String,
        /// A named set of protocols and ports, such as `SSH`.
        macro_name: Option<String>,
        /// The interface: `net0` of a guest.
        iface: Option<String>,
        /// Where the traffic comes from; everywhere when absent.
        source: Option<String>,
        /// Where it goes to; everywhere when absent.
        dest: Option<String>,
        /// Protocol, by name or number.
        proto: Option<String>,
        /// Destination ports: `2376`, `80,443`, `8000:8010`.
        port: Option<String>,
        /// Source ports.
        sport: Option<String>,
        /// Kind of ICMP message, such as `echo-request`.
        icmp_type: Option<String>,
        /// What Proxmox logs of it, such as `info`.
        log: Option<String>,
        /// `False` switches the rule off.
        enabled: bool,
        /// What the rule is for.
        comment: Option<String>,
    }
}

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn ports(ports: &core::Ports) -> Option<String> {
    (!ports.is_empty()).then(|| ports.to_string())
}

impl Rule {
    pub(crate) fn of(rule: &core::Rule) -> Self {
        Self {
            direction: rule.direction.to_string(),
            action: rule.action.to_string(),
            macro_name: text(rule.macro_name),
            iface: rule.iface.clone(),
            source: text(rule.source.as_ref()),
            dest: text(rule.dest.as_ref()),
            proto: text(rule.proto.as_ref()),
            port: ports(&rule.ports),
            sport: ports(&rule.source_ports),
            icmp_type: text(rule.icmp_type.as_ref()),
            log: text(rule.log),
            enabled: rule.enabled,
            comment: rule.comment.clone(),
        }
    }

    /// Its fields as they are assigned, by core's names and by Python's.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        let enabled = (!self.enabled).then_some("false");
        let all = [
            ("type", "direction", Some(self.direction.as_str())),
            ("action", "action", Some(self.action.as_str())),
            ("macro", "macro_name", self.macro_name.as_deref()),
            ("iface", "iface", self.iface.as_deref()),
            ("source", "source", self.source.as_deref()),
            ("dest", "dest", self.dest.as_deref()),
            ("proto", "proto", self.proto.as_deref()),
            ("port", "port", self.port.as_deref()),
            ("sport", "sport", self.sport.as_deref()),
            ("icmp-type", "icmp_type", self.icmp_type.as_deref()),
            ("log", "log", self.log.as_deref()),
            ("enabled", "enabled", enabled),
            ("comment", "comment", self.comment.as_deref()),
        ];
        all.into_iter()
            .filter_map(|(field, name, value)| Some((field, name, value?)))
    }

    pub(crate) fn assignments(&self, py: Python<'_>) -> PyResult<Vec<Assignment>> {
        self.fields()
            .map(|(field, name, value)| assignment(py, field, name, Some(value)))
            .collect()
    }

    fn core(&self, py: Python<'_>) -> PyResult<core::Rule> {
        let direction = word(py, "direction", &self.direction)?;
        let action = core::Action::parse(direction, &self.action)
            .map_err(|error| argument(py, "action", &error.to_string()))?;
        let mut rule = core::Rule::new(direction, action);
        for (field, name, value) in self.fields().skip(2) {
            assignment(py, field, name, Some(value))?
                .apply(&mut rule)
                .map_err(|error| argument(py, name, &error.to_string()))?;
        }
        Ok(rule)
    }
}

pub(crate) fn assignment(
    py: Python<'_>,
    field: &str,
    name: &str,
    value: Option<&str>,
) -> PyResult<Assignment> {
    Assignment::new(field, value).map_err(|error| argument(py, name, &error.to_string()))
}

record! {
    /// What Proxmox would make of a rule that is not quite right.
    struct RuleProblem {
        /// The field.
        field: String,
        /// `error`, `warning` or `note`.
        severity: String,
        /// What was found and what was expected.
        message: String,
        /// What to do about it.
        help: Option<String>,
    }
}

#[pymethods]
impl Rule {
    #[new]
    #[pyo3(signature = (direction, action, *, macro_name = None, iface = None, source = None, dest = None,
        proto = None, port = None, sport = None, icmp_type = None, log = None, enabled = true, comment = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python class")]
    fn new(
        py: Python<'_>,
        direction: String,
        action: String,
        macro_name: Option<String>,
        iface: Option<String>,
        source: Option<Word>,
        dest: Option<Word>,
        proto: Option<String>,
        port: Option<PortWord>,
        sport: Option<PortWord>,
        icmp_type: Option<String>,
        log: Option<String>,
        enabled: bool,
        comment: Option<String>,
    ) -> PyResult<Self> {
        let rule = Self {
            direction,
            action,
            macro_name,
            iface,
            source: source.map(|word| word.0),
            dest: dest.map(|word| word.0),
            proto,
            port: port.map(|word| word.0),
            sport: sport.map(|word| word.0),
            icmp_type,
            log,
            enabled,
            comment,
        };
        Ok(Self::of(&rule.core(py)?))
    }

    /// What Proxmox would make of it in a list: `guest`, `host`, `cluster` or `group`.
    #[pyo3(signature = (scope = "guest"))]
    fn problems(&self, py: Python<'_>, scope: &str) -> PyResult<Tuple<RuleProblem>> {
        let scope = match scope {
            "cluster" => core::RuleScope::Cluster,
            "group" => core::RuleScope::Group,
            "guest" => core::RuleScope::Guest,
            "host" => core::RuleScope::Host,
            other => {
                let what =
                    format!("found `{other}`, expected `guest`, `host`, `cluster` or `group`");
                return Err(argument(py, "scope", &what));
            }
        };
        let problems = self.core(py)?.problems(scope);
        let shown = problems.into_iter().map(|problem| RuleProblem {
            field: problem.field.to_owned(),
            severity: problem.severity.as_str().to_owned(),
            message: problem.message,
            help: problem.help.map(str::to_owned),
        });
        Ok(Tuple(shown.collect()))
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.core(py)?.to_string())
    }
}

/// Ports as words, or one as a number.
pub(crate) struct PortWord(pub(crate) String);

impl FromPyObject<'_, '_> for PortWord {
    type Error = PyErr;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Ok(number) = obj.extract::<u16>() {
            return Ok(Self(number.to_string()));
        }
        obj.extract().map(Self)
    }
}

record! {
    /// Which rules are meant, by what they say; what is not stated does not matter.
    struct Selector {
        /// `in`, `out`, `forward` or `group`.
        direction: Option<String>,
        /// `ACCEPT`, `DROP` or `REJECT`.
        action: Option<String>,
        /// Protocol.
        proto: Option<String>,
        /// A port that the rule names; several, separated by commas: just these.
        port: Option<String>,
        /// Source, in any spelling.
        source: Option<String>,
        /// Destination, in any spelling.
        dest: Option<String>,
        /// The whole comment.
        comment: Option<String>,
        /// The rule's number in its list, the first is 0.
        index: Option<usize>,
    }
}

#[pymethods]
impl Selector {
    #[new]
    #[pyo3(signature = (*, direction = None, action = None, proto = None, port = None, source = None, dest = None,
        comment = None, index = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python class")]
    fn new(
        py: Python<'_>,
        direction: Option<String>,
        action: Option<String>,
        proto: Option<String>,
        port: Option<PortWord>,
        source: Option<Word>,
        dest: Option<Word>,
        comment: Option<String>,
        index: Option<usize>,
    ) -> PyResult<Self> {
        let selector = Self {
            direction,
            action,
            proto,
            port: port.map(|word| word.0),
            source: source.map(|word| word.0),
            dest: dest.map(|word| word.0),
            comment,
            index,
        };
        selector.core(py)?;
        Ok(selector)
    }
}

impl Selector {
    pub(crate) fn core(&self, py: Python<'_>) -> PyResult<core::Selector> {
        Ok(core::Selector {
            direction: some_word(py, "direction", self.direction.as_deref())?,
            action: some_word(py, "action", self.action.as_deref())?,
            proto: some_word(py, "proto", self.proto.as_deref())?,
            ports: some_word(py, "port", self.port.as_deref())?,
            source: some_word(py, "source", self.source.as_deref())?,
            dest: some_word(py, "dest", self.dest.as_deref())?,
            comment: self.comment.clone(),
            index: self.index,
        })
    }

    pub(crate) fn or_all(py: Python<'_>, select: Option<Self>) -> PyResult<core::Selector> {
        select.map_or_else(|| Ok(core::Selector::default()), |select| select.core(py))
    }
}

record! {
    /// A rule where it stands.
    struct ListedRule {
        /// Its number in its list, the first is 0.
        index: usize,
        /// Where it stands.
        place: Place,
        /// What it says.
        rule: Rule,
    }
}

impl ListedRule {
    pub(crate) fn of(shown: &core::ShownRule) -> PyResult<Self> {
        Ok(Self {
            index: shown.index,
            place: record::of(&shown.place)?,
            rule: Rule::of(&shown.rule),
        })
    }
}

record! {
    /// The rules of one guest or of the host: a sequence.
    struct RuleList {
        /// Whose: `vm:1001`, `lxc:102` or `global`.
        target: String,
        /// The file.
        file: PathBuf,
        /// Whether its firewall is on; `None` where the file does not say.
        enabled: Option<bool>,
        /// The rules.
        rules: Tuple<ListedRule>,
        /// What is wrong with the list.
        faults: Tuple<Fault>,
    }
}

sequence!(RuleList, rules, ListedRule);

impl RuleList {
    pub(crate) fn of(list: &core::ShownList) -> PyResult<Self> {
        let rules: PyResult<_> = list.rules.iter().map(ListedRule::of).collect();
        Ok(Self {
            target: list.target.to_string(),
            file: list.file.clone(),
            enabled: list.enabled,
            rules: Tuple(rules?),
            faults: Tuple(record::all(
                &list.faults.iter().cloned().collect::<Vec<_>>(),
            )?),
        })
    }
}

/// A field's value: a word, a port, or a flag.
pub(crate) struct FieldWord(pub(crate) String);

impl FromPyObject<'_, '_> for FieldWord {
    type Error = PyErr;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Ok(flag) = obj.extract::<bool>() {
            return Ok(Self(flag.to_string()));
        }
        if let Ok(port) = obj.extract::<PortWord>() {
            return Ok(Self(port.0));
        }
        obj.extract::<Word>().map(|word| Self(word.0))
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Rule>()?;
    module.add_class::<RuleProblem>()?;
    module.add_class::<Selector>()?;
    module.add_class::<ListedRule>()?;
    module.add_class::<RuleList>()
}
