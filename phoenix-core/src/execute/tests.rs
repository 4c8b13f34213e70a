use std::cell::RefCell;
use std::time::SystemTime;

use super::*;
use crate::observe::Silent;
use crate::plan::{Action, IssueHow, Subject};
use crate::x509::KeyType;

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
    let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "");
    plan.steps = steps;
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

#[test]
fn a_unit_falls_with_the_step_that_judges_it_and_what_followed_it_is_done_once_more() {
    let unit = Some("pair a");
    let mut hook = step("hook", &["a", "b"], None).repeats(["pair a".to_owned()]);
    hook.repeats.push("pair z".to_owned());
    let steps = vec![
        step("a", &[], unit),
        step("b", &[], unit),
        step("other hook", &["a"], None).repeats(["pair z".to_owned()]),
        hook,
        step("verify", &["hook"], None).judges(["pair a".to_owned()]),
        step("late", &[], unit),
    ];
    let (statuses, log) = run_script(steps, &["verify"]);
    assert_eq!(
        log,
        [
            "a",
            "b",
            "other hook",
            "hook",
            "verify",
            "undo b",
            "undo a",
            "hook"
        ]
    );
    let by_name: BTreeMap<String, Status> = statuses.into_iter().collect();
    assert_eq!(by_name["a"], Status::Undone);
    assert_eq!(by_name["hook"], Status::Done);
    assert_eq!(by_name["verify"], Status::Failed);
    assert_eq!(by_name["late"], Status::Skipped);
}

/// Fails in `verify` by what no unit has a part in.
struct Elsewhere<'a>(Script<'a>);

impl<'a> Perform<'a> for Elsewhere<'a> {
    fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
        self.0.perform(step).map_err(|mut error| {
            error.unrelated = true;
            error
        })
    }
}

#[test]
fn a_unit_stays_when_it_has_no_part_in_what_its_judge_found() {
    let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "");
    plan.steps = vec![
        step("a", &[], Some("pair a")),
        step("verify", &["a"], None).judges(["pair a".to_owned()]),
    ];
    let log = RefCell::default();
    let script = Script {
        failing: &["verify"],
        log: &log,
    };
    let outcomes = run(&plan, &Elsewhere(script), &Silent);
    assert_eq!(outcomes[0].status, Status::Done);
    assert_eq!(log.into_inner(), ["a", "verify"]);
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
    let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "");
    plan.steps = vec![
        step("a", &[], None),
        step("b", &[], unit),
        step("fails", &[], unit),
    ];
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

/// Does steps named `p...` together and notes each group.
struct Together<'a>(&'a RefCell<Vec<String>>);

impl<'a> Perform<'a> for Together<'a> {
    fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
        self.0.borrow_mut().push(step.id.0.clone());
        Ok(Done::default())
    }

    fn together(&self, step: &Step) -> Option<String> {
        step.id.0.starts_with('p').then(String::new)
    }

    fn perform_all(&self, steps: &[&Step]) -> Vec<Result<Done<'a>, StepError>> {
        let names: Vec<&str> = steps.iter().map(|step| step.id.0.as_str()).collect();
        self.0.borrow_mut().push(names.join("+"));
        steps.iter().map(|_| Ok(Done::default())).collect()
    }
}

#[test]
fn steps_that_may_be_done_together_are_once_nothing_holds_them() {
    let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "");
    plan.steps = vec![
        step("p1", &[], None),
        step("use p1", &["p1"], None),
        step("p2", &[], None),
        step("p3", &["use p1"], None),
        step("p4", &[], None).after([StepId("use p1".to_owned())]),
        step("p5", &[], None),
    ];
    let log = RefCell::default();
    let outcomes = run(&plan, &Together(&log), &Silent);
    assert_eq!(log.into_inner(), ["p1+p2+p5", "use p1", "p3+p4"]);
    let order: Vec<String> = outcomes.into_iter().map(|o| o.step.0).collect();
    assert_eq!(order, ["p1", "use p1", "p2", "p3", "p4", "p5"]);
}

/// Does all steps together; the first fails.
struct FirstFails<'a>(Script<'a>);

impl<'a> Perform<'a> for FirstFails<'a> {
    fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
        self.0.perform(step)
    }

    fn together(&self, _step: &Step) -> Option<String> {
        Some(String::new())
    }
}

#[test]
fn what_was_done_together_with_the_step_that_a_unit_failed_of_is_taken_back_too() {
    let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "");
    plan.steps = vec![
        step("a", &[], Some("pair")),
        step("b", &[], Some("pair")),
        step("c", &[], Some("other")),
    ];
    let log = RefCell::default();
    let script = Script {
        failing: &["a"],
        log: &log,
    };
    let outcomes = run(&plan, &FirstFails(script), &Silent);
    let statuses: Vec<Status> = outcomes.iter().map(|outcome| outcome.status).collect();
    assert_eq!(statuses, [Status::Failed, Status::Undone, Status::Done]);
    assert_eq!(outcomes[1].detail, "taken back, since `a` failed");
    assert_eq!(log.into_inner(), ["a", "b", "c", "undo b"]);
}

/// Refuses a renewal, and everything else when told to.
struct Refuses(bool);

impl<'a> Perform<'a> for Refuses {
    fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
        match &step.action {
            Action::Issue { how, .. } if *how == IssueHow::Renew => {
                Err(StepError::new("no renewal"))
            }
            _ if self.0 => Err(StepError::new("nothing at all")),
            _ => Ok(Done::saying("enrolled")),
        }
    }
}

#[test]
fn a_refused_step_is_done_as_its_fallback_says() {
    let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "");
    let action = Action::Issue {
        certificate: "a.internal".parse().unwrap(),
        how: IssueHow::Renew,
        key_type: KeyType::EcP256,
    };
    plan.steps = vec![Step::new(action, vec![])];
    let outcome = run(&plan, &Refuses(false), &Silent).remove(0);
    assert_eq!(
        (outcome.status, outcome.detail.as_str()),
        (Status::Done, "enrolled")
    );
    assert_eq!(
        outcome.warnings,
        ["no renewal, so it was done by enrollment with the same key instead"]
    );
    let outcome = run(&plan, &Refuses(true), &Silent).remove(0);
    assert_eq!(
        outcome.errors,
        ["nothing at all", "before that: no renewal"]
    );
}
