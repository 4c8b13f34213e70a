//! `check`: what is wrong with a site, by rules that explain themselves.

use std::path::PathBuf;
use std::time::Duration;

use phoenix_core::check as core;
use phoenix_core::diagnostic::Style;
use phoenix_core::present;
use phoenix_core::site::CheckOptions;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::call::{self, LOCK_TIMEOUT, all_words, detached};
use crate::change::ChangeReport;
use crate::error::argument;
use crate::fault::Place;
use crate::record::{self, record, sequence};
use crate::site::Site;
use crate::value::{Aside, Tuple};

record! {
    /// One thing that a rule found, or that could not be read.
    struct Finding {
        /// The rule's code, or that of the fault.
        code: String,
        /// `error`, `warning` or `note`.
        severity: String,
        /// What was found and what was expected.
        message: String,
        /// Where; the first is the place itself, others explain it.
        places: Tuple<Place>,
        /// What is worth knowing.
        notes: Tuple<String>,
        /// What to do about it.
        help: Option<String>,
        /// The rule's name; `None` where a file could not be read.
        name: Option<String>,
        /// Whether `check_fix` repairs it.
        fixable: bool,
    }
}

#[pymethods]
impl Finding {
    /// The place itself, where there is one.
    #[getter]
    fn place(&self) -> Option<Place> {
        self.places.0.first().cloned()
    }
}

record! {
    /// What `check` found: a sequence of findings, by file and place.
    struct Findings {
        /// The findings.
        findings: Tuple<Finding>,
        /// What could not be asked, what is left out, and of when what guests told is.
        notes: Tuple<String>,
        /// Whether one of them is an error.
        has_errors: bool,
        @text text,
    }
}

sequence!(Findings, findings, Finding);

impl Findings {
    fn of(checked: &phoenix_core::site::Checked) -> PyResult<Self> {
        Ok(Self {
            findings: Tuple(record::all(&checked.findings.0)?),
            notes: Tuple(checked.notes.clone()),
            has_errors: checked.findings.has_errors(),
            text: Aside(Some(present::findings(&checked.findings, Style::Plain))),
        })
    }
}

record! {
    /// A piece of a file that is right, and what a rule finds in its place.
    struct RuleExample {
        /// The file, below the site; or what is looked at beside it.
        file: String,
        /// As it should be.
        good: String,
        /// As the rule finds it.
        bad: String,
    }
}

record! {
    /// A rule of `check`.
    struct CheckRule {
        /// Its code, `PX001` and up.
        code: String,
        /// Its name, in kebab case.
        name: String,
        /// How bad what it finds is.
        severity: String,
        /// What it finds, in a few words.
        summary: String,
        /// Why that matters.
        why: String,
        /// What to do about it.
        mend: String,
        /// A piece of a file that is right, and what the rule finds in its place.
        example: RuleExample,
        /// What it asks beside the site's files: `site`, `host`, `guests` or `ca`.
        needs: String,
        /// The steps of a plan that are not begun while it finds something.
        blocks: Tuple<String>,
        /// Whether `check_fix` repairs it, at least where that is safe.
        fixable: bool,
        @text text,
    }
}

impl CheckRule {
    fn of(rule: &core::Rule) -> PyResult<Self> {
        let mut made: Self = record::of(rule)?;
        made.text = Aside(Some(present::check_rules(&[rule])));
        Ok(made)
    }
}

/// All rules of `check`.
#[pyfunction]
fn check_rules() -> PyResult<Tuple<CheckRule>> {
    let all = core::rules().iter().map(|rule| CheckRule::of(rule));
    Ok(Tuple(all.collect::<PyResult<_>>()?))
}

/// The rule of a code or a name.
#[pyfunction]
fn check_rule(py: Python<'_>, word: &str) -> PyResult<CheckRule> {
    let rule = core::rule(word).map_err(|error| argument(py, "word", &error.to_string()))?;
    CheckRule::of(rule)
}

fn options(
    py: Python<'_>,
    select: &[String],
    ignore: &[String],
    online: bool,
    baseline: Option<PathBuf>,
) -> PyResult<CheckOptions> {
    Ok(CheckOptions {
        selection: core::Selection {
            select: all_words(py, "select", select)?,
            ignore: all_words(py, "ignore", ignore)?,
        },
        online,
        baseline,
    })
}

#[pymethods]
impl Site {
    /// Look at the site's files by rules; a file that cannot be read is a finding like others.
    #[pyo3(signature = (*, select = Vec::new(), ignore = Vec::new(), online = false, baseline = None))]
    fn check(
        &self,
        py: Python<'_>,
        select: Vec<String>,
        ignore: Vec<String>,
        online: bool,
        baseline: Option<PathBuf>,
    ) -> PyResult<Findings> {
        let options = options(py, &select, &ignore, online, baseline)?;
        Findings::of(&detached(py, || self.site.check(&options))?)
    }

    /// Repair what can be repaired safely; what was changed, and what is left.
    #[pyo3(signature = (*, select = Vec::new(), ignore = Vec::new(), dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    fn check_fix(
        &self,
        py: Python<'_>,
        select: Vec<String>,
        ignore: Vec<String>,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<(ChangeReport, Findings)> {
        let options = options(py, &select, &ignore, false, None)?;
        let change = call::change(dry_run, lock_timeout);
        let (report, checked) = detached(py, || self.site.check_fix(&options, change))?;
        Ok((ChangeReport::of(&report)?, Findings::of(&checked)?))
    }

    /// Write down what is found now, so that it is left out where `baseline` names the file; how much that is.
    #[pyo3(signature = (path, *, select = Vec::new(), ignore = Vec::new(), online = false))]
    fn write_baseline(
        &self,
        py: Python<'_>,
        path: PathBuf,
        select: Vec<String>,
        ignore: Vec<String>,
        online: bool,
    ) -> PyResult<usize> {
        let options = options(py, &select, &ignore, online, None)?;
        detached(py, || self.site.write_baseline(&options, &path))
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Finding>()?;
    module.add_class::<Findings>()?;
    module.add_class::<RuleExample>()?;
    module.add_class::<CheckRule>()?;
    module.add_function(wrap_pyfunction!(check_rules, module)?)?;
    module.add_function(wrap_pyfunction!(check_rule, module)?)
}
