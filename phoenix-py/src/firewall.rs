//! Edits of a site's firewall rules.

use std::time::Duration;

use phoenix_core::firewall::{Assignment, Beside, RuleEdit, Target};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::call::{self, LOCK_TIMEOUT, all_words, detached};
use crate::change::ChangeReport;
use crate::error::argument;
use crate::rule::{FieldWord, Rule, RuleList, Selector, assignment};
use crate::site::Site;
use crate::value::Tuple;

fn beside(py: Python<'_>, before: Option<usize>, after: Option<usize>) -> PyResult<Option<Beside>> {
    match (before, after) {
        (Some(_), Some(_)) => Err(argument(
            py,
            "after",
            "found `before` and `after`, expected one of them",
        )),
        (Some(before), None) => Ok(Some(Beside::Before(before))),
        (None, after) => Ok(after.map(Beside::After)),
    }
}

impl Site {
    fn edit_rules(
        &self,
        py: Python<'_>,
        targets: &[String],
        edit: &RuleEdit,
        (dry_run, allow_lockout, lock_timeout): (bool, bool, Duration),
    ) -> PyResult<ChangeReport> {
        if targets.is_empty() {
            return Err(argument(py, "targets", "found none, expected at least one"));
        }
        let targets: Vec<Target> = all_words(py, "targets", targets)?;
        let options = call::firewall(dry_run, lock_timeout, allow_lockout);
        let report = detached(py, || self.site.edit_firewall(&targets, edit, options))?;
        ChangeReport::of(&report)
    }
}

#[pymethods]
impl Site {
    /// Rules with their numbers and lines; everybody's when no target is named.
    #[pyo3(signature = (targets = Vec::new(), select = None))]
    fn firewall_rules(
        &self,
        py: Python<'_>,
        targets: Vec<String>,
        select: Option<Selector>,
    ) -> PyResult<Tuple<RuleList>> {
        let targets: Vec<Target> = all_words(py, "targets", &targets)?;
        let selector = Selector::or_all(py, select)?;
        let lists = detached(py, || self.site.firewall_rules(&targets, &selector))?;
        Ok(Tuple(
            lists.iter().map(RuleList::of).collect::<PyResult<_>>()?,
        ))
    }

    /// Add a rule, behind the last one of its direction and verdict unless a place is named.
    #[pyo3(signature = (targets, rule, *, before = None, after = None, dry_run = false, allow_lockout = false,
        lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn firewall_add(
        &self,
        py: Python<'_>,
        targets: Vec<String>,
        rule: Rule,
        before: Option<usize>,
        after: Option<usize>,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let edit = RuleEdit::Add {
            fields: rule.assignments(py)?,
            beside: beside(py, before, after)?,
        };
        self.edit_rules(py, &targets, &edit, (dry_run, allow_lockout, lock_timeout))
    }

    /// Set fields of rules; one that is `None` is removed.
    #[pyo3(signature = (targets, select, fields, *, expect = 1, dry_run = false, allow_lockout = false,
        lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn firewall_set(
        &self,
        py: Python<'_>,
        targets: Vec<String>,
        select: Selector,
        fields: &Bound<'_, PyDict>,
        expect: usize,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let fields: PyResult<Vec<Assignment>> = fields
            .iter()
            .map(|(key, value)| {
                let name: String = key.extract()?;
                let value: Option<FieldWord> = value.extract()?;
                let field = match name.as_str() {
                    "direction" => "type",
                    "macro_name" => "macro",
                    "icmp_type" => "icmp-type",
                    other => other,
                };
                assignment(
                    py,
                    field,
                    &name,
                    value.as_ref().map(|value| value.0.as_str()),
                )
            })
            .collect();
        let edit = RuleEdit::Set {
            selector: select.core(py)?,
            expect,
            fields: fields?,
        };
        self.edit_rules(py, &targets, &edit, (dry_run, allow_lockout, lock_timeout))
    }

    /// Set the port of rules; of a list of ports only the one that the selector names.
    #[pyo3(signature = (targets, select, port, *, expect = 1, dedupe = false, dry_run = false, allow_lockout = false,
        lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn firewall_set_port(
        &self,
        py: Python<'_>,
        targets: Vec<String>,
        select: Selector,
        port: u16,
        expect: usize,
        dedupe: bool,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let edit = RuleEdit::SetPort {
            selector: select.core(py)?,
            expect,
            port,
            dedupe,
        };
        self.edit_rules(py, &targets, &edit, (dry_run, allow_lockout, lock_timeout))
    }

    /// Move rules within their list: the first that matches decides.
    #[pyo3(signature = (targets, select, *, before = None, after = None, expect = 1, dry_run = false,
        allow_lockout = false, lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn firewall_move(
        &self,
        py: Python<'_>,
        targets: Vec<String>,
        select: Selector,
        before: Option<usize>,
        after: Option<usize>,
        expect: usize,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let beside = beside(py, before, after)?.ok_or_else(|| {
            argument(
                py,
                "before",
                "found neither `before` nor `after`, expected one of them",
            )
        })?;
        let edit = RuleEdit::Move {
            selector: select.core(py)?,
            expect,
            beside,
        };
        self.edit_rules(py, &targets, &edit, (dry_run, allow_lockout, lock_timeout))
    }

    /// Remove rules.
    #[pyo3(signature = (targets, select, *, expect = 1, dry_run = false, allow_lockout = false,
        lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn firewall_remove(
        &self,
        py: Python<'_>,
        targets: Vec<String>,
        select: Selector,
        expect: usize,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let edit = RuleEdit::Remove {
            selector: select.core(py)?,
            expect,
        };
        self.edit_rules(py, &targets, &edit, (dry_run, allow_lockout, lock_timeout))
    }

    /// Switch rules on or off, or a whole firewall when no rule is described.
    #[pyo3(signature = (targets, enabled, select = None, *, expect = 1, dry_run = false, allow_lockout = false,
        lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn firewall_enable(
        &self,
        py: Python<'_>,
        targets: Vec<String>,
        enabled: bool,
        select: Option<Selector>,
        expect: usize,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let edit = RuleEdit::Enable {
            selector: Selector::or_all(py, select)?,
            expect,
            enabled,
        };
        self.edit_rules(py, &targets, &edit, (dry_run, allow_lockout, lock_timeout))
    }

    /// Remove rules that say what an earlier one says.
    #[pyo3(signature = (targets, select = None, *, ignore_comments = false, dry_run = false, allow_lockout = false,
        lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn firewall_dedupe(
        &self,
        py: Python<'_>,
        targets: Vec<String>,
        select: Option<Selector>,
        ignore_comments: bool,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let edit = RuleEdit::Dedupe {
            selector: Selector::or_all(py, select)?,
            ignore_comments,
        };
        self.edit_rules(py, &targets, &edit, (dry_run, allow_lockout, lock_timeout))
    }
}
