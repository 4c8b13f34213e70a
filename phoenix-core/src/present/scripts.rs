//! Scripts as text: how they stand, what became of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::change::diff;
use super::count;
use crate::diagnostic::Style;
use crate::scripts::{Act, Listed, ScriptDiff, ScriptReport, State};

/// Each script with its state and its callers; the last line sums up.
pub fn scripts(all: &[Listed], _style: Style) -> String {
    let mut out = String::new();
    for script in all {
        let arguments = if script.arguments.is_empty() {
            String::new()
        } else {
            format!(" {}", script.arguments)
        };
        let _ = writeln!(
            out,
            "{:<17}{}{arguments}\n{INDENT}{}",
            script.state.words(),
            script.name,
            script.path.display()
        );
        let _ = writeln!(out, "{INDENT}does: {}", script.does);
        if let Some(kept) = &script.kept {
            let _ = writeln!(out, "{INDENT}kept: {}", kept.display());
        }
        // A file that names it ten times is one caller.
        let mut seen = BTreeSet::new();
        for caller in &script.callers {
            let line = match caller.line {
                Some(line) => format!("{}:{line}", caller.file.display()),
                None => caller.file.display().to_string(),
            };
            if seen.insert((caller.file.clone(), caller.how.to_string())) {
                let _ = writeln!(out, "{INDENT}called: {}, {line}", caller.how);
            }
        }
        if script.callers.is_empty() && script.state != State::Absent {
            let _ = writeln!(out, "{INDENT}called: by nothing that was found");
        }
        if let Some(differs) = &script.differs {
            let _ = writeln!(
                out,
                "{INDENT}differs: {}, {} removed ({})",
                count(differs.added, "line") + " added",
                differs.removed,
                differs.what
            );
        }
        for note in &script.notes {
            let _ = writeln!(out, "{INDENT}note: {note}");
        }
    }
    let with = |states: &[State]| {
        all.iter()
            .filter(|script| states.contains(&script.state))
            .count()
    };
    let _ = writeln!(
        out,
        "{} replaced, {} original, {} changed by hand, {} not on this host",
        with(&[State::Replaced, State::OlderShim]),
        with(&[State::Original]),
        with(&[State::EditedShim, State::ScriptOverShim, State::KeptOnly]),
        with(&[State::Absent, State::Foreign]),
    );
    out
}

/// What was done with each script; for a dry run with the diffs.
pub fn scripts_moved(report: &ScriptReport, style: Style) -> String {
    let mut out = String::new();
    for script in &report.scripts {
        let word = match (script.act, report.written) {
            (Act::Nothing, _) => "nothing to do",
            (Act::Replaced, true) => "replaced",
            (Act::Replaced, false) => "would replace",
            (Act::Renewed, true) => "renewed",
            (Act::Renewed, false) => "would renew",
            (Act::Restored, true) => "restored",
            (Act::Restored, false) => "would restore",
        };
        let _ = write!(out, "{word}  {}", script.path.display());
        let _ = match (script.act, &script.kept) {
            (Act::Nothing, _) => writeln!(out, "  it is {} already", script.before.words()),
            (_, Some(kept)) => writeln!(out, "  the script of before is {}", kept.display()),
            (_, None) => writeln!(out),
        };
        if let Some(aside) = &script.put_aside {
            let _ = writeln!(out, "  put aside: {}", aside.display());
        }
        for note in &script.notes {
            let _ = writeln!(out, "  note: {note}");
        }
        if !report.written {
            out.push_str(&diff(&script.diff, style));
        }
    }
    let changed = report
        .scripts
        .iter()
        .filter(|script| script.act != Act::Nothing)
        .count();
    let scripts = count(changed, "script");
    let _ = match (changed, report.written) {
        (0, _) => writeln!(out, "nothing to do"),
        (_, true) => writeln!(out, "{scripts} changed"),
        (_, false) => writeln!(out, "{scripts} would change; nothing was written"),
    };
    out
}

/// What differs about one script.
pub fn script_diff(found: &ScriptDiff, style: Style) -> String {
    let mut out = format!(
        "{}  {}\n{}\n",
        found.state.words(),
        found.path.display(),
        found.what
    );
    if found.diff.is_empty() {
        out.push_str("nothing differs\n");
    } else {
        out.push_str(&diff(&found.diff, style));
    }
    out
}

const INDENT: &str = "                 ";
