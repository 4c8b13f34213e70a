//! Rules as text.

use std::fmt::Write as _;

use super::count;
use crate::answers::{TakenBack, TrialReport};
use crate::diagnostic::{Style, render_all};
use crate::firewall::{MatrixCell, MatrixReport, ShownList, TestReport};
use crate::store::TrialEnd;
use crate::time::rfc3339;

/// Each list with its rules in Proxmox's words, their places in the list in front; the last line sums up.
pub fn rules(lists: &[ShownList], style: Style) -> String {
    let mut out = String::new();
    let several = lists.len() > 1;
    let mut total = 0;
    for list in lists {
        total += list.rules.len();
        // Whoever asked for all of them looks for rules, not for guests.
        if several && list.rules.is_empty() && list.faults.is_empty() {
            continue;
        }
        let switched = match list.enabled {
            Some(true) => "",
            Some(false) => "  (firewall switched off)",
            None => "  (no firewall)",
        };
        let _ = writeln!(out, "{}  {}{switched}", list.target, list.file.display());
        let width = list.rules.last().map_or(1, |rule| digits(rule.index));
        for shown in &list.rules {
            let _ = writeln!(
                out,
                "  {:>width$}  line {:<5} {}",
                shown.index, shown.place.line, shown.rule
            );
        }
        if !list.faults.is_empty() {
            let faults: Vec<_> = list.faults.iter().cloned().collect();
            let _ = writeln!(out, "\n{}", render_all(&faults, style));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", count(total, "rule"));
    out
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

/// The verdict, and the deciding rule with its place.
pub fn test(report: &TestReport) -> String {
    let port = report
        .port
        .map_or_else(String::new, |port| format!(" port {port}"));
    let mut out = format!(
        "{}  {} ({}) -> {} ({}) {}{port}\n",
        report.verdict, report.source, report.from, report.dest, report.to, report.proto
    );
    let _ = match (&report.rule, report.list) {
        (Some(shown), Some(target)) => writeln!(
            out,
            "  {target} rule {}: {}\n  {}",
            shown.index, shown.rule, shown.place
        ),
        _ => writeln!(out, "  {}", report.decision),
    };
    out
}

/// A change on trial: its files and diff, whether it is in force, and how it is kept.
pub fn trial(report: &TrialReport, style: Style) -> String {
    let mut out = super::change(&report.change, style);
    if let Some(words) = &report.in_force {
        let _ = writeln!(out, "the rules: {words}");
    }
    for warning in &report.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    if let Some(until) = report.until {
        let _ = writeln!(
            out,
            "taken back at {} unless you say in another session: phoenix firewall confirm",
            rfc3339(until)
        );
    }
    out
}

/// How a trial ended.
pub fn trial_end(end: Option<TrialEnd>) -> String {
    match end {
        Some(TrialEnd::Confirmed) => "confirmed: the rules stay\n".to_owned(),
        Some(TrialEnd::Reverted) => "not confirmed: the files were put back\n".to_owned(),
        _ => "another change has taken its place\n".to_owned(),
    }
}

/// A change that was taken back.
pub(super) fn taken_back(taken: &TakenBack) -> String {
    let mut out = "taken back, since nobody confirmed it\n".to_owned();
    for path in &taken.files {
        let _ = writeln!(out, "  {}", path.display());
    }
    for path in &taken.foreign {
        let _ = writeln!(
            out,
            "  {}  changed by somebody else since, left alone",
            path.display()
        );
    }
    for warning in &taken.warnings {
        let _ = writeln!(out, "  warning: {warning}");
    }
    out
}

/// Who reaches what, one line a pair; then what differs from now.
pub fn matrix(report: &MatrixReport) -> String {
    let mut out = String::new();
    let cells = report.matrix.cells();
    let width = |name: fn(&MatrixCell) -> &str| {
        cells.iter().map(|cell| name(cell).len()).max().unwrap_or(0)
    };
    let (from, to) = (width(|cell| &cell.from), width(|cell| &cell.to));
    for cell in cells {
        let _ = writeln!(
            out,
            "{:from$} -> {:to$}  {}",
            cell.from,
            cell.to,
            ways(cell)
        );
    }
    let _ = writeln!(out, "{} that reach something", count(cells.len(), "pair"));
    let Some(changes) = &report.changes else {
        return out;
    };
    out.push('\n');
    for change in changes {
        let side = |cell: &Option<MatrixCell>| cell.as_ref().map_or("nothing".to_owned(), ways);
        let _ = writeln!(
            out,
            "{} -> {}\n  now   {}\n  then  {}",
            change.from,
            change.to,
            side(&change.before),
            side(&change.after)
        );
    }
    let _ = match changes.len() {
        0 => writeln!(out, "Proxmox's files admit the same now"),
        number => writeln!(
            out,
            "{} would change by `phoenix firewall render`",
            count(number, "pair")
        ),
    };
    out
}

fn ways(cell: &MatrixCell) -> String {
    let mut ways = Vec::new();
    for (proto, ports) in [("tcp", &cell.tcp), ("udp", &cell.udp)] {
        match ports.to_string().as_str() {
            "" => {}
            "1:65535" => ways.push(format!("{proto} all")),
            ports => ways.push(format!("{proto} {ports}")),
        }
    }
    if cell.ping {
        ways.push("ping".to_owned());
    }
    ways.join("  ")
}
