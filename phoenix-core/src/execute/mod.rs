//! Runs a plan: the graph and nothing else. What a step means is known to its performer alone.
//!
//! A step whose needs did not succeed is skipped. When a step of a unit fails, the unit's finished steps are undone in
//! reverse. Nothing else ends a run early but the observer's wish.

mod certificates;
mod context;
mod delivery;
mod hooks;
mod services;
mod verify;

use std::collections::BTreeMap;

use crate::observe::{Event, Observer};
use crate::plan::{Plan, Step, StepId};
use crate::report::{Outcome, Status};

pub use context::{Context, Performer};

/// What a performed step leaves behind.
#[derive(Default)]
pub struct Done<'a> {
    /// What was seen or done, in words.
    pub detail: String,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    /// What the probes saw.
    pub probes: Vec<crate::probe::Probe>,
    /// Takes the step back; absent where there is nothing to take back.
    pub undo: Option<Undo<'a>>,
    /// Lets go of what was kept for taking the step back, once nothing can undo it any more.
    pub settle: Option<Undo<'a>>,
    /// Whether it was only shown, since nothing outside the root may be run.
    pub would_run: bool,
}

/// Takes a step back, or says why it could not.
pub type Undo<'a> = Box<dyn FnOnce() -> Result<String, StepError> + 'a>;

impl Done<'_> {
    /// Done, with these words.
    pub fn saying(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..Self::default()
        }
    }
}

/// Why a step failed: data for the report.
#[derive(Debug, Default)]
pub struct StepError {
    /// The message first, then its causes.
    pub messages: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What the probes saw.
    pub probes: Vec<crate::probe::Probe>,
}

impl StepError {
    /// A failure in words.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            messages: vec![message.into()],
            ..Self::default()
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With one more cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.messages.push(cause.into());
        self
    }
}

impl<E: std::error::Error> From<E> for StepError {
    fn from(error: E) -> Self {
        let mut messages = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            messages.push(cause.to_string());
            source = cause.source();
        }
        Self {
            messages,
            ..Self::default()
        }
    }
}

/// Performs the steps of a plan; knows what they mean.
pub trait Perform<'a> {
    /// Does one step.
    fn perform(&self, step: &Step) -> Result<Done<'a>, StepError>;
}

/// Runs a plan's steps in order and returns their outcomes.
pub fn run<'a>(plan: &Plan, performer: &dyn Perform<'a>, observer: &dyn Observer) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(plan.steps.len());
    let mut ended: BTreeMap<StepId, usize> = BTreeMap::new();
    let mut undo: BTreeMap<String, Vec<(usize, Undo<'a>)>> = BTreeMap::new();
    let mut broken: BTreeMap<String, StepId> = BTreeMap::new();
    let mut settle: Vec<(usize, Undo<'a>)> = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        ended.insert(step.id.clone(), index);
        if let Some(why) = held_up(step, &outcomes, &ended, &broken, observer) {
            let mut outcome = Outcome::new(step, Status::Skipped);
            outcome.detail = why;
            outcomes.push(outcome);
            continue;
        }
        observer.event(&Event::Started {
            step: step.id.to_string(),
            title: step.id.to_string(),
        });
        let outcome = match performer.perform(step) {
            Ok(done) => {
                if let (Some(unit), Some(take_back)) = (&step.unit, done.undo) {
                    undo.entry(unit.clone())
                        .or_default()
                        .push((index, take_back));
                }
                if let Some(let_go) = done.settle {
                    settle.push((index, let_go));
                }
                let status = if done.would_run {
                    Status::WouldRun
                } else {
                    Status::Done
                };
                let mut outcome = Outcome::new(step, status);
                outcome.detail = done.detail;
                outcome.warnings = done.warnings;
                outcome.probes = done.probes;
                outcome
            }
            Err(error) => {
                let mut outcome = Outcome::new(step, Status::Failed);
                outcome.errors = error.messages;
                outcome.hint = error.hint;
                outcome.probes = error.probes;
                if let Some(unit) = &step.unit {
                    broken.insert(unit.clone(), step.id.clone());
                    take_back(
                        undo.remove(unit).unwrap_or_default(),
                        &mut outcomes,
                        &mut outcome,
                    );
                }
                outcome
            }
        };
        observer.event(&Event::Finished {
            step: step.id.to_string(),
            ok: outcome.status != Status::Failed,
            detail: outcome.errors.first().unwrap_or(&outcome.detail).clone(),
        });
        outcomes.push(outcome);
    }
    for (index, let_go) in settle {
        if outcomes[index].status == Status::Done
            && let Err(error) = let_go()
        {
            outcomes[index].warnings.extend(error.messages);
        }
    }
    outcomes
}

/// Why a step cannot be run, if it cannot.
fn held_up(
    step: &Step,
    outcomes: &[Outcome],
    ended: &BTreeMap<StepId, usize>,
    broken: &BTreeMap<String, StepId>,
    observer: &dyn Observer,
) -> Option<String> {
    if observer.cancelled() {
        return Some("the run was stopped".to_owned());
    }
    if let Some(failed) = step.unit.as_ref().and_then(|unit| broken.get(unit)) {
        return Some(format!("`{failed}` failed"));
    }
    step.needs.iter().find_map(|needed| {
        let outcome = ended.get(needed).and_then(|index| outcomes.get(*index));
        match outcome.map(|outcome| outcome.status) {
            Some(Status::Done | Status::WouldRun) => None,
            Some(Status::Failed) => Some(format!("`{needed}` failed")),
            Some(Status::Undone) => Some(format!("`{needed}` was undone")),
            Some(Status::Skipped) => Some(format!("`{needed}` was skipped")),
            None => Some(format!("`{needed}` is not part of this run")),
        }
    })
}

/// Undoes a unit's steps in reverse; what cannot be undone is added to the failure.
fn take_back(steps: Vec<(usize, Undo<'_>)>, outcomes: &mut [Outcome], failure: &mut Outcome) {
    for (index, undo) in steps.into_iter().rev() {
        match undo() {
            Ok(detail) => {
                outcomes[index].status = Status::Undone;
                outcomes[index].detail = detail;
            }
            Err(error) => {
                failure
                    .errors
                    .push(format!("could not undo `{}`", outcomes[index].step));
                failure.errors.extend(error.messages);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::SystemTime;

    use super::*;
    use crate::observe::Silent;
    use crate::plan::{Action, Subject};

    struct Script<'a> {
        failing: &'a [&'a str],
        log: &'a RefCell<Vec<String>>,
    }

    impl<'a> Perform<'a> for Script<'a> {
        fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
            let name = step.id.0.clone();
            self.log.borrow_mut().push(name.clone());
            if self.failing.contains(&name.as_str()) {
                return Err(StepError::new("no").cause("because"));
            }
            let log = self.log;
            Ok(Done {
                undo: Some(Box::new(move || {
                    log.borrow_mut().push(format!("undo {name}"));
                    Ok("taken back".to_owned())
                })),
                ..Done::default()
            })
        }
    }

    fn step(name: &str, needs: &[&str], unit: Option<&str>) -> Step {
        let subject = Subject::Service(name.to_owned());
        let mut step = Step::new(Action::Verify { subject }, vec![]);
        step.id = StepId(name.to_owned());
        step.unit = unit.map(ToOwned::to_owned);
        step.needs(needs.iter().map(|n| StepId((*n).to_owned())))
    }

    fn run_script(steps: Vec<Step>, failing: &[&str]) -> (Vec<(String, Status)>, Vec<String>) {
        let plan = Plan {
            decided: SystemTime::UNIX_EPOCH,
            authority: String::new(),
            steps,
            kept: vec![],
            blocked: vec![],
            notes: vec![],
        };
        let log = RefCell::default();
        let outcomes = run(&plan, &Script { failing, log: &log }, &Silent);
        let statuses = outcomes.into_iter().map(|o| (o.step.0, o.status)).collect();
        (statuses, log.into_inner())
    }

    #[test]
    fn dependants_of_a_failed_step_are_skipped_and_others_go_on() {
        let steps = vec![
            step("a", &[], None),
            step("b", &["a"], None),
            step("c", &["b"], None),
            step("d", &[], None),
        ];
        let (statuses, log) = run_script(steps, &["a"]);
        let expected = [
            ("a", Status::Failed),
            ("b", Status::Skipped),
            ("c", Status::Skipped),
            ("d", Status::Done),
        ];
        assert_eq!(statuses, expected.map(|(n, s)| (n.to_owned(), s)));
        assert_eq!(log, ["a", "d"]);
    }

    #[test]
    fn a_unit_is_undone_in_reverse_and_its_rest_is_skipped() {
        let unit = Some("docker");
        let steps = vec![
            step("other", &[], None),
            step("a", &[], unit),
            step("b", &["a"], unit),
            step("c", &["b"], unit),
            step("d", &[], unit),
        ];
        let (statuses, log) = run_script(steps, &["c"]);
        assert_eq!(log, ["other", "a", "b", "c", "undo b", "undo a"]);
        let by_name: BTreeMap<String, Status> = statuses.into_iter().collect();
        assert_eq!(by_name["a"], Status::Undone);
        assert_eq!(by_name["b"], Status::Undone);
        assert_eq!(by_name["d"], Status::Skipped);
        assert_eq!(by_name["other"], Status::Done);
    }

    struct Keeper<'a>(&'a RefCell<Vec<String>>);

    impl<'a> Perform<'a> for Keeper<'a> {
        fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
            let (name, log) = (step.id.0.clone(), self.0);
            if name == "fails" {
                return Err(StepError::new("no"));
            }
            Ok(Done {
                undo: Some(Box::new(|| Ok(String::new()))),
                settle: Some(Box::new(move || {
                    log.borrow_mut().push(name);
                    Ok(String::new())
                })),
                ..Done::default()
            })
        }
    }

    #[test]
    fn what_was_kept_for_undoing_is_let_go_when_nothing_was_undone() {
        let unit = Some("docker");
        let plan = Plan {
            decided: SystemTime::UNIX_EPOCH,
            authority: String::new(),
            steps: vec![
                step("a", &[], None),
                step("b", &[], unit),
                step("fails", &[], unit),
            ],
            kept: vec![],
            blocked: vec![],
            notes: vec![],
        };
        let log = RefCell::default();
        run(&plan, &Keeper(&log), &Silent);
        assert_eq!(log.into_inner(), ["a"]);
    }

    #[test]
    fn steps_that_only_come_after_a_failed_one_are_still_run() {
        let steps = vec![
            step("a", &[], None),
            step("hook", &[], None).after([StepId("a".to_owned())]),
        ];
        let (statuses, _) = run_script(steps, &["a"]);
        assert_eq!(statuses[1].1, Status::Done);
    }
}
