//! A plan as text.

use std::fmt::Write as _;

use super::{COLUMN, Paint, count, indented, surroundings, word};
use crate::diagnostic::Style;
use crate::plan::{Plan, Reason, Step};

/// One line per step with its reasons, what is kept and until when, what cannot be done; the last line sums up.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut out = format!("CA: {}\n", plan.authority);
    for step in &plan.steps {
        step_line(step, style, &mut out);
    }
    out.push_str(&surroundings(
        &plan.kept,
        &plan.blocked,
        &plan.notes,
        plan.decided,
        style,
    ));
    out.push_str(&summary(plan));
    out.push('\n');
    out
}

fn step_line(step: &Step, style: Style, out: &mut String) {
    let word = if step.action.changes() {
        word("do", Paint::Warn, style)
    } else {
        word("look", Paint::Dim, style)
    };
    let reasons: Vec<String> = step
        .reasons
        .iter()
        .map(|reason| match reason {
            Reason::FileDiffers { path, .. } => path.display().to_string(),
            reason => reason.to_string(),
        })
        .collect();
    let _ = write!(out, "{word}{}", step.id);
    if !reasons.is_empty() {
        let _ = write!(out, "  {}", reasons.join("; "));
    }
    out.push('\n');
    for reason in &step.reasons {
        if let Reason::FileDiffers { path, lines } = reason {
            let name = path.file_name().unwrap_or(path.as_os_str());
            for line in lines {
                indented(&format!("{}: {line}", name.to_string_lossy()), COLUMN, out);
            }
        }
    }
}

fn summary(plan: &Plan) -> String {
    let changes = plan
        .steps
        .iter()
        .filter(|step| step.action.changes())
        .count();
    let mut words = match changes {
        0 => "nothing to do".to_owned(),
        _ => format!("{} to do", count(changes, "step")),
    };
    if !plan.kept.is_empty() {
        let _ = write!(words, ", {} kept", count(plan.kept.len(), "certificate"));
    }
    if !plan.blocked.is_empty() {
        let _ = write!(words, ", {} blocked", plan.blocked.len());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::plan::{Action, Blocked, IssueHow, Keep, Reason, Subject};
    use crate::x509::KeyType;

    fn empty() -> Plan {
        let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "step-ca at https://10.0.0.10:9000");
        plan.kept = vec![Keep {
            certificate: "a.internal".parse().unwrap(),
            held: false,
            due: SystemTime::UNIX_EPOCH + Duration::from_secs(5 * 3600 + 12 * 60),
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(86_400),
            brought_back: None,
        }];
        plan
    }

    #[test]
    fn a_plan_without_work_says_so_and_until_when() {
        assert_eq!(
            plan(&empty(), Style::Plain),
            "CA: step-ca at https://10.0.0.10:9000\n\
             keep     a.internal  renewal window opens in 5h 12m\n\
             nothing to do, 1 certificate kept\n"
        );
    }

    #[test]
    fn each_step_has_one_line_with_its_reasons() {
        let mut wanted = empty();
        wanted.kept.clear();
        let action = Action::Issue {
            certificate: "b.internal".parse().unwrap(),
            how: IssueHow::Enroll,
            key_type: KeyType::EcP256,
        };
        wanted.steps = vec![
            Step::new(action, vec![Reason::Missing, Reason::Forced]),
            Step::new(
                Action::Verify {
                    subject: Subject::Service("b".to_owned()),
                },
                Vec::new(),
            ),
        ];
        wanted.blocked = vec![Blocked {
            subject: "lxc:102".to_owned(),
            reason: "is stopped".to_owned(),
            certificate: None,
        }];
        wanted.notes = vec!["Docker is left out".to_owned()];
        assert_eq!(
            plan(&wanted, Style::Plain),
            "CA: step-ca at https://10.0.0.10:9000\n\
             do       issue b.internal  not installed; forced\n\
             look     verify b\n\
             blocked  lxc:102  is stopped\n\
             note     Docker is left out\n\
             1 step to do, 1 blocked\n"
        );
    }

    #[test]
    fn only_the_coloured_style_has_escape_sequences() {
        assert!(plan(&empty(), Style::Colour).contains('\u{1b}'));
        assert!(!plan(&empty(), Style::Plain).contains('\u{1b}'));
    }
}
