//! Runs a plan: the graph and nothing else. What a step means is known to its performer alone.
//!
//! A step whose needs did not succeed is skipped. When a step of a unit fails, or one that judges it, the unit's finished
//! steps are undone in reverse, and what consumers were told meanwhile is told once more. Nothing else ends a run early but
//! the observer's wish.

mod certificates;
mod context;
mod delivery;
mod endpoint;
mod firewall;
mod hooks;
mod nfs;
mod routes;
mod services;
mod trust;
mod verify;

use std::collections::BTreeMap;

use crate::observe::{Event, Observer};
use crate::plan::{Plan, Step, StepId};
use crate::report::{LeafChange, Outcome, Status};

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
    /// Whether there was nothing to do it for: what it follows did not happen.
    pub left_out: bool,
    /// The leaf that took another's place.
    pub leaf: Option<LeafChange>,
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
    /// Whether the units that the step judges have no part in it: then they stay.
    pub unrelated: bool,
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

    /// The same failure, for another step that it befell.
    pub(super) fn again(&self) -> Self {
        Self {
            messages: self.messages.clone(),
            hint: self.hint.clone(),
            ..Self::default()
        }
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

    /// Does a finished step once more, after a unit that it follows was taken back. Default: as the first time.
    fn repeat(&self, step: &Step) -> Result<Done<'a>, StepError> {
        self.perform(step)
    }

    /// Names the steps that may be done together with this one: those for which the same is named. Default: none.
    fn together(&self, _step: &Step) -> Option<String> {
        None
    }

    /// Does several steps that may be done [`together`](Self::together); one result per step, in their order.
    fn perform_all(&self, steps: &[&Step]) -> Vec<Result<Done<'a>, StepError>> {
        steps.iter().map(|step| self.perform(step)).collect()
    }

    /// Told about each step that was tried, as soon as it has ended or was taken back. Default: nothing.
    fn ended(&self, _step: &Step, _outcome: &Outcome) {}
}

/// Runs a plan's steps in order and returns their outcomes.
///
/// A step that may be done beside others brings those forward that wait for nothing. A step that is refused is done as its
/// fallback says, and its outcome tells.
pub fn run(plan: &Plan, performer: &dyn Perform<'_>, observer: &dyn Observer) -> Vec<Outcome> {
    let mut run = Run {
        steps: &plan.steps,
        performer,
        observer,
        outcomes: plan.steps.iter().map(|_| None).collect(),
        index: plan
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| (&step.id, index))
            .collect(),
        undo: BTreeMap::new(),
        broken: BTreeMap::new(),
        settle: Vec::new(),
    };
    for index in 0..plan.steps.len() {
        run.reach(index);
    }
    run.end()
}

/// A run under way.
struct Run<'p, 'a> {
    steps: &'p [Step],
    performer: &'p dyn Perform<'a>,
    observer: &'p dyn Observer,
    /// In the order of the plan; absent as long as the step has not ended.
    outcomes: Vec<Option<Outcome>>,
    index: BTreeMap<&'p StepId, usize>,
    /// How each unit's finished steps are taken back, in the order in which they were done.
    undo: BTreeMap<&'p str, Vec<(usize, Undo<'a>)>>,
    /// Units that failed, with the step that did.
    broken: BTreeMap<&'p str, &'p StepId>,
    settle: Vec<(usize, Undo<'a>)>,
}

impl<'p, 'a> Run<'p, 'a> {
    /// Does a step whose turn has come, unless it was done with others or cannot be done.
    fn reach(&mut self, index: usize) {
        if self.outcomes[index].is_some() {
            return;
        }
        if let Some(why) = self.held_up(index) {
            let mut outcome = Outcome::new(&self.steps[index], Status::Skipped);
            outcome.detail = why;
            self.outcomes[index] = Some(outcome);
            return;
        }
        let mut group = vec![index];
        if let Some(name) = self.performer.together(&self.steps[index]) {
            group.extend((index + 1..self.steps.len()).filter(|later| {
                self.outcomes[*later].is_none()
                    && self.performer.together(&self.steps[*later]).as_ref() == Some(&name)
                    && self.waits_for_nothing(*later)
            }));
        }
        for &index in &group {
            let step = self.steps[index].id.to_string();
            let title = step.clone();
            self.observer.event(&Event::Started { step, title });
        }
        let steps: Vec<&Step> = group.iter().map(|index| &self.steps[*index]).collect();
        let results = match steps.as_slice() {
            [step] => vec![self.performer.perform(step)],
            several => self.performer.perform_all(several),
        };
        for (index, result) in group.into_iter().zip(results) {
            let result = result.or_else(|refusal| self.fall_back(index, refusal));
            self.ended(index, result);
        }
    }

    /// Does what the plan says for a step that was refused.
    fn fall_back(&self, index: usize, refusal: StepError) -> Result<Done<'a>, StepError> {
        let step = &self.steps[index];
        let Some(fallback) = &step.fallback else {
            return Err(refusal);
        };
        let mut other = step.clone();
        other.action = fallback.clone();
        other.fallback = None;
        let why = format!(
            "{}, so it was done by {} instead",
            refusal.messages.join(": "),
            fallback.manner()
        );
        match self.performer.perform(&other) {
            Ok(mut done) => {
                done.warnings.insert(0, why);
                Ok(done)
            }
            // What stands against both is said once.
            Err(error) if error.messages == refusal.messages => Err(error),
            Err(error) => Err(error.cause(format!("before that: {}", refusal.messages.join(": ")))),
        }
    }

    /// Keeps what came of a step; a failure takes its unit's finished steps back.
    fn ended(&mut self, index: usize, result: Result<Done<'a>, StepError>) {
        let step = &self.steps[index];
        let mut outcome = match result {
            Ok(done) => {
                if let (Some(unit), Some(take_back)) = (&step.unit, done.undo) {
                    self.undo.entry(unit).or_default().push((index, take_back));
                }
                if let Some(let_go) = done.settle {
                    self.settle.push((index, let_go));
                }
                let status = match (done.left_out, done.would_run) {
                    (true, _) => Status::Skipped,
                    (false, true) => Status::WouldRun,
                    (false, false) => Status::Done,
                };
                let mut outcome = Outcome::new(step, status);
                outcome.detail = done.detail;
                outcome.warnings = done.warnings;
                outcome.probes = done.probes;
                outcome.leaf = done.leaf;
                outcome
            }
            Err(error) => {
                let mut outcome = Outcome::new(step, Status::Failed);
                outcome.errors = error.messages;
                outcome.hint = error.hint;
                outcome.probes = error.probes;
                let judged = step.judges.iter().filter(|_| !error.unrelated);
                let units: Vec<&str> = step.unit.iter().chain(judged).map(String::as_str).collect();
                self.give_up(&units, &step.id, &mut outcome);
                outcome
            }
        };
        // What was done together with the step that its unit failed of.
        if outcome.status == Status::Done
            && let Some(unit) = &step.unit
            && let Some(failed) = self.broken.get(unit.as_str())
        {
            for (_, undo) in self.undo.remove(unit.as_str()).into_iter().flatten() {
                match undo() {
                    Ok(words) => {
                        outcome.status = Status::Undone;
                        outcome.detail = format!("{words}, since `{failed}` failed");
                    }
                    Err(error) => {
                        outcome.status = Status::Failed;
                        outcome.errors = error.messages;
                    }
                }
            }
        }
        self.performer.ended(step, &outcome);
        self.observer.event(&Event::Finished {
            step: step.id.to_string(),
            ok: outcome.status != Status::Failed,
            detail: outcome.errors.first().unwrap_or(&outcome.detail).clone(),
        });
        self.outcomes[index] = Some(outcome);
    }

    /// Why a step cannot be run, if it cannot.
    fn held_up(&self, index: usize) -> Option<String> {
        let step = &self.steps[index];
        if self.observer.cancelled() {
            return Some("the run was stopped".to_owned());
        }
        if let Some(failed) = step
            .unit
            .as_ref()
            .and_then(|unit| self.broken.get(unit.as_str()))
        {
            return Some(format!("`{failed}` failed"));
        }
        step.needs.iter().find_map(|needed| {
            let outcome = self
                .index
                .get(needed)
                .and_then(|at| self.outcomes[*at].as_ref());
            match outcome.map(|outcome| outcome.status) {
                Some(Status::Done | Status::WouldRun) => None,
                Some(Status::Failed) => Some(format!("`{needed}` failed")),
                Some(Status::Undone) => Some(format!("`{needed}` was undone")),
                Some(Status::Skipped) => Some(format!("`{needed}` was skipped")),
                None => Some(format!("`{needed}` is not part of this run")),
            }
        })
    }

    /// Whether a step could be done now although its turn has not come.
    fn waits_for_nothing(&self, index: usize) -> bool {
        let ended = |id: &StepId| {
            self.index
                .get(id)
                .is_none_or(|at| self.outcomes[*at].is_some())
        };
        self.held_up(index).is_none() && self.steps[index].after.iter().all(ended)
    }

    /// Takes units back and tells those again that had been told of them.
    fn give_up(&mut self, units: &[&'p str], failed: &'p StepId, failure: &mut Outcome) {
        let mut taken_back = Vec::new();
        for unit in units {
            let Some((unit, done)) = self.undo.remove_entry(unit) else {
                continue;
            };
            taken_back.push(unit);
            self.take_back(done, failure);
        }
        for step in self.steps {
            for unit in step
                .unit
                .iter()
                .filter(|unit| units.contains(&unit.as_str()))
            {
                self.broken.entry(unit).or_insert(failed);
            }
        }
        for (index, step) in self.steps.iter().enumerate() {
            let follows = step
                .repeats
                .iter()
                .any(|unit| taken_back.contains(&unit.as_str()));
            let Some(outcome) = self.outcomes[index]
                .as_mut()
                .filter(|outcome| follows && outcome.status == Status::Done)
            else {
                continue;
            };
            match self.performer.repeat(step) {
                Ok(done) => {
                    let words = if done.detail.is_empty() {
                        "done"
                    } else {
                        &done.detail
                    };
                    outcome
                        .warnings
                        .push(format!("once more with what was put back: {words}"));
                }
                Err(error) => {
                    let words = format!(
                        "could not do `{}` once more with what was put back",
                        step.id
                    );
                    failure.errors.push(words);
                    failure.errors.extend(error.messages);
                }
            }
        }
    }

    /// Undoes a unit's steps in reverse; what cannot be undone is added to the failure.
    fn take_back(&mut self, steps: Vec<(usize, Undo<'_>)>, failure: &mut Outcome) {
        for (index, undo) in steps.into_iter().rev() {
            match undo() {
                Ok(detail) => {
                    if let Some(outcome) = &mut self.outcomes[index] {
                        outcome.status = Status::Undone;
                        outcome.detail = detail;
                        // The other way round now.
                        outcome.leaf = outcome.leaf.take().and_then(LeafChange::reversed);
                        self.performer.ended(&self.steps[index], outcome);
                    }
                }
                Err(error) => {
                    let step = &self.steps[index].id;
                    failure.errors.push(format!("could not undo `{step}`"));
                    failure.errors.extend(error.messages);
                }
            }
        }
    }

    /// Lets go of what was kept for taking steps back.
    fn end(mut self) -> Vec<Outcome> {
        for (index, let_go) in std::mem::take(&mut self.settle) {
            if let Some(outcome) = &mut self.outcomes[index]
                && outcome.status == Status::Done
                && let Err(error) = let_go()
            {
                outcome.warnings.extend(error.messages);
            }
        }
        self.outcomes.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod restore_tests;
#[cfg(test)]
mod tests;
