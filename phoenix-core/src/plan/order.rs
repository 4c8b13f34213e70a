//! Puts steps in an order in which they can be done, or proves that there is none.

use std::collections::{BTreeMap, BTreeSet};

use super::{Step, StepId};

/// Why steps cannot be ordered; a fault of a planner or a circle in the manifest's `after`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// These steps wait for each other.
    #[error("steps wait for each other: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" -> "))]
    Circle(Vec<StepId>),
    /// Two steps have one name.
    #[error("two steps are called `{0}`")]
    Duplicate(StepId),
    /// A step needs one that does not exist.
    #[error("step `{step}` needs `{needs}`, which is no step")]
    Unknown {
        /// The step.
        step: StepId,
        /// What it needs.
        needs: StepId,
    },
}

/// Sorts steps so that each comes behind what it needs; otherwise the given order is kept.
pub fn order(steps: Vec<Step>) -> Result<Vec<Step>, OrderError> {
    let mut position = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        if position.insert(step.id.clone(), index).is_some() {
            return Err(OrderError::Duplicate(step.id.clone()));
        }
    }
    let mut waits_for: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
    let mut awaited_by: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (index, step) in steps.iter().enumerate() {
        let mut waits = BTreeSet::new();
        for needed in step.needs.iter().chain(&step.after) {
            let Some(&at) = position.get(needed) else {
                return Err(OrderError::Unknown {
                    step: step.id.clone(),
                    needs: needed.clone(),
                });
            };
            if waits.insert(at) {
                awaited_by[at].push(index);
            }
        }
        waits_for.push(waits);
    }
    let mut ready: BTreeSet<usize> = (0..steps.len())
        .filter(|i| waits_for[*i].is_empty())
        .collect();
    let mut sorted = Vec::with_capacity(steps.len());
    while let Some(next) = ready.pop_first() {
        sorted.push(next);
        for &waiting in &awaited_by[next] {
            waits_for[waiting].remove(&next);
            if waits_for[waiting].is_empty() {
                ready.insert(waiting);
            }
        }
    }
    if sorted.len() < steps.len() {
        return Err(OrderError::Circle(circle(&steps, &waits_for)));
    }
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    Ok(sorted
        .into_iter()
        .filter_map(|index| steps[index].take())
        .collect())
}

/// Follows what steps still wait for until one comes up again.
fn circle(steps: &[Step], waits_for: &[BTreeSet<usize>]) -> Vec<StepId> {
    let mut path: Vec<usize> = Vec::new();
    let mut at = waits_for.iter().position(|waits| !waits.is_empty());
    while let Some(index) = at {
        if let Some(first) = path.iter().position(|seen| *seen == index) {
            path.drain(..first);
            path.push(index);
            break;
        }
        path.push(index);
        at = waits_for[index].first().copied();
    }
    path.into_iter()
        .map(|index| steps[index].id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, Subject};

    fn step(name: &str, needs: &[&str]) -> Step {
        let mut step = Step::new(
            Action::Verify {
                subject: Subject::Service(name.to_owned()),
            },
            vec![],
        );
        step.id = StepId(name.to_owned());
        step.needs(needs.iter().map(|n| StepId((*n).to_owned())))
    }

    fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|s| s.id.0.as_str()).collect()
    }

    #[test]
    fn steps_come_behind_what_they_need_and_keep_their_order_otherwise() {
        let sorted = order(vec![
            step("c", &["a"]),
            step("b", &[]),
            step("a", &[]),
            step("d", &["c", "b"]),
        ]);
        assert_eq!(names(&sorted.unwrap()), ["b", "a", "c", "d"]);
    }

    #[test]
    fn a_circle_is_named_in_full() {
        let error = order(vec![
            step("x", &[]),
            step("a", &["b"]),
            step("b", &["c"]),
            step("c", &["a"]),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "steps wait for each other: a -> b -> c -> a"
        );
    }

    #[test]
    fn unknown_and_doubled_names_are_refused() {
        assert!(matches!(
            order(vec![step("a", &["z"])]),
            Err(OrderError::Unknown { .. })
        ));
        assert!(matches!(
            order(vec![step("a", &[]), step("a", &[])]),
            Err(OrderError::Duplicate(_))
        ));
    }
}
