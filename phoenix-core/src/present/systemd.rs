//! Unit files as text.

use std::fmt::Write as _;

use super::change::files;
use super::count;
use crate::diagnostic::Style;
use crate::systemd::UnitReport;

/// What became of the unit files; for a dry run with the diffs.
pub fn units(report: &UnitReport, style: Style) -> String {
    let mut out = String::new();
    if report.written {
        for file in &report.files {
            let _ = writeln!(out, "{}  {}", file.path.display(), file.reasons.join("; "));
        }
    } else {
        files(&report.files, style, &mut out);
    }
    if let Some(moved) = &report.cron {
        let verb = if report.written {
            "moved"
        } else {
            "would move"
        };
        let _ = writeln!(
            out,
            "{verb} {} to {}",
            moved.from.display(),
            moved.to.display()
        );
    }
    for command in &report.commands {
        let _ = writeln!(
            out,
            "{} {command}",
            if report.written { "ran" } else { "would run" }
        );
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    let changed = count(report.files.len(), "unit file");
    let _ = match (report.files.len(), report.cron.is_some(), report.written) {
        (0, false, _) => writeln!(out, "nothing to do: everything is as wanted already"),
        (_, _, true) => writeln!(out, "{changed} changed"),
        (_, _, false) => writeln!(out, "{changed} would change; nothing was written"),
    };
    out
}
