//! A report as text.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::{COLUMN, Paint, count, indented, surroundings, word};
use crate::diagnostic::Style;
use crate::probe::{Probe, Verdict};
use crate::report::{Outcome, Report, Status};

/// One line per outcome with its causes, hint, warnings and probes; then what was kept, and the summary.
///
/// Where Docker has moved and something behind it has not, that is said last.
pub fn report(report: &Report, now: SystemTime, style: Style) -> String {
    let mut out = format!("CA: {}\n", report.authority);
    for line in &report.recovered {
        let _ = writeln!(out, "{} {line}", word("recovered", Paint::Warn, style));
    }
    for outcome in &report.outcomes {
        outcome_lines(outcome, style, &mut out);
    }
    out.push_str(&surroundings(
        &report.kept,
        &report.blocked,
        &report.notes,
        now,
        style,
    ));
    out.push_str(&summary(report));
    out.push('\n');
    if let Some(unfinished) = &report.unfinished {
        let _ = writeln!(out, "unfinished: {unfinished}");
    }
    out
}

/// What probes saw, one line each, indented.
pub fn probes(probes: &[Probe], style: Style) -> String {
    let mut out = String::new();
    for probe in probes {
        let paint = match probe.verdict {
            Verdict::Failed | Verdict::Unreachable => Paint::Bad,
            Verdict::Noted => Paint::Warn,
            Verdict::Passed => Paint::Good,
            Verdict::Skipped { .. } => Paint::Dim,
        };
        let whole = probe.to_string();
        // The probe opens its line with the verdict; only that word is coloured.
        let rest = whole.strip_prefix(probe.verdict.as_str()).unwrap_or(&whole);
        let verdict = word(probe.verdict.as_str(), paint, style);
        let _ = writeln!(
            out,
            "{:COLUMN$}{verdict}{}",
            "",
            rest.trim_start_matches(' ')
        );
    }
    out
}

fn outcome_lines(outcome: &Outcome, style: Style, out: &mut String) {
    let opening = match outcome.status {
        Status::Done => word("done", Paint::Good, style),
        Status::Failed => word("failed", Paint::Bad, style),
        Status::Skipped => word("skipped", Paint::Warn, style),
        Status::Undone => word("undone", Paint::Warn, style),
        Status::WouldRun => word("would run", Paint::Dim, style) + " ",
    };
    let _ = write!(out, "{opening}{}", outcome.step);
    // A verification's words repeat what its probes say.
    if !outcome.detail.is_empty() && outcome.probes.is_empty() {
        let _ = write!(out, "  {}", outcome.detail.replace('\n', "; "));
    }
    out.push('\n');
    // What a probe saw stands among the probes below.
    let probed: Vec<String> = outcome.probes.iter().map(ToString::to_string).collect();
    let errors = outcome
        .errors
        .iter()
        .filter(|error| !probed.contains(error));
    for (index, error) in errors.enumerate() {
        let text = if index == 0 {
            error.clone()
        } else {
            format!("caused by: {error}")
        };
        indented(&text, COLUMN, out);
    }
    if let Some(hint) = &outcome.hint {
        indented(&format!("hint: {hint}"), COLUMN, out);
    }
    for warning in &outcome.warnings {
        indented(&format!("warning: {warning}"), COLUMN, out);
    }
    out.push_str(&probes(&outcome.probes, style));
}

/// Whether the step only looked: its name says so.
fn looks(outcome: &Outcome) -> bool {
    ["verify ", "check "]
        .iter()
        .any(|word| outcome.step.0.starts_with(word))
}

fn summary(report: &Report) -> String {
    let mut parts = Vec::new();
    let empty = report.outcomes.iter().all(looks);
    let kept = count(report.kept.len(), "certificate");
    if !empty || !report.ok() {
        for (status, name) in [
            (Status::Done, "done"),
            (Status::WouldRun, "would run"),
            (Status::Failed, "failed"),
            (Status::Undone, "undone"),
            (Status::Skipped, "skipped"),
        ] {
            match report.with_status(status).count() {
                0 => {}
                number => parts.push(format!("{} {name}", count(number, "step"))),
            }
        }
        if !report.kept.is_empty() {
            parts.push(format!("{kept} kept"));
        }
        if !report.blocked.is_empty() {
            parts.push(format!("{} blocked", report.blocked.len()));
        }
    } else if report.kept.is_empty() && report.outcomes.is_empty() {
        parts.push("nothing to do and nothing to look at".to_owned());
    } else if !report.kept.is_empty() {
        parts.push(format!(
            "nothing to do: {kept} kept, nothing issued, nothing restarted"
        ));
    }
    let probes: Vec<&Probe> = report
        .outcomes
        .iter()
        .flat_map(|outcome| &outcome.probes)
        .collect();
    let failed = probes.iter().filter(|probe| !probe.verdict.holds()).count();
    let passed = probes
        .iter()
        .filter(|probe| probe.verdict == Verdict::Passed)
        .count();
    if !probes.is_empty() {
        parts.push(format!(
            "{} passed, {failed} failed",
            count(passed, "probe")
        ));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Keep, StepId};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn outcome(step: &str, status: Status) -> Outcome {
        Outcome {
            step: StepId(step.to_owned()),
            status,
            changes: true,
            detail: String::new(),
            errors: Vec::new(),
            hint: None,
            warnings: Vec::new(),
            certificate: None,
            leaf: None,
            probes: Vec::new(),
        }
    }

    fn with(outcomes: Vec<Outcome>) -> Report {
        Report {
            authority: "the CA".to_owned(),
            outcomes,
            kept: Vec::new(),
            blocked: Vec::new(),
            recovered: Vec::new(),
            notes: Vec::new(),
            unfinished: None,
        }
    }

    #[test]
    fn an_empty_run_says_that_nothing_was_done() {
        let mut verify = outcome("verify docker vm:1001", Status::Done);
        verify.detail = "said twice".to_owned();
        verify.probes = vec![Probe::new("docker/ping", "OK", "HTTP 200", Verdict::Passed)];
        let mut empty = with(vec![verify]);
        empty.kept = vec![Keep {
            certificate: "a.internal".parse().unwrap(),
            held: false,
            due: NOW + std::time::Duration::from_secs(3_600),
            not_after: NOW,
            brought_back: None,
        }];
        assert_eq!(
            report(&empty, NOW, Style::Plain),
            "CA: the CA\n\
             done     verify docker vm:1001\n         \
             passed   docker/ping: HTTP 200\n\
             keep     a.internal  renewal window opens in 1h\n\
             nothing to do: 1 certificate kept, nothing issued, nothing restarted, 1 probe passed, 0 failed\n"
        );
    }

    #[test]
    fn failures_come_with_causes_and_hint_and_unfinished_is_said_last() {
        let mut failed = outcome("configure traefik lxc:102", Status::Failed);
        failed.errors = vec![
            "could not restart".to_owned(),
            "exit 1\nlast line".to_owned(),
        ];
        failed.hint = Some("look".to_owned());
        failed.warnings = vec!["slow".to_owned()];
        let mut skipped = outcome("verify traefik lxc:102", Status::Skipped);
        skipped.detail = "needs `configure traefik lxc:102`".to_owned();
        let mut broken = with(vec![outcome("issue a", Status::Undone), failed, skipped]);
        broken.unfinished = Some("run again".to_owned());
        assert_eq!(
            report(&broken, NOW, Style::Plain),
            "CA: the CA\n\
             undone   issue a\n\
             failed   configure traefik lxc:102\n         \
             could not restart\n         \
             caused by: exit 1\n         \
             last line\n         \
             hint: look\n         \
             warning: slow\n\
             skipped  verify traefik lxc:102  needs `configure traefik lxc:102`\n\
             1 step failed, 1 step undone, 1 step skipped\n\
             unfinished: run again\n"
        );
    }

    #[test]
    fn a_verification_alone_counts_its_probes() {
        let mut verify = outcome("verify docker vm:1001", Status::Failed);
        verify.probes = vec![
            Probe::new("docker/ping", "OK", "HTTP 500", Verdict::Failed),
            Probe::skipped("docker/services", "services", "no key"),
        ];
        verify.errors = vec![
            "1 of 2 probes does not hold".to_owned(),
            verify.probes[0].to_string(),
        ];
        let text = report(&with(vec![verify]), NOW, Style::Plain);
        assert!(
            text.contains("failed   docker/ping: HTTP 500; expected OK\n"),
            "{text}"
        );
        assert!(
            text.contains("skipped  docker/services: no key\n"),
            "{text}"
        );
        assert!(text.contains("1 of 2 probes does not hold\n"), "{text}");
        assert_eq!(text.matches("HTTP 500").count(), 1, "{text}");
        assert!(
            text.ends_with("1 step failed, 0 probes passed, 1 failed\n"),
            "{text}"
        );
    }
}
