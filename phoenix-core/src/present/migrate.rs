//! A migration's report as text.

use std::fmt::Write as _;

use super::change::files;
use super::firewall::taken_back;
use super::{COLUMN, Paint, count, indented, word};
use crate::answers::Recovery;
use crate::diagnostic::Style;
use crate::migrate::MigrateReport;
use crate::system::RecoveryOutcome;
use crate::time::rfc3339;

/// Each file's reasons and its diff, the files that were moved aside and how they come back, notes; the last line sums up.
pub fn migrate(report: &MigrateReport, style: Style) -> String {
    let mut out = String::new();
    files(&report.files, style, &mut out);
    for file in &report.disarmed {
        let (from, to) = (file.from.display(), file.to.display());
        let opening = if report.written { "disarmed" } else { "armed" };
        let _ = writeln!(
            out,
            "{}{from}  runs the old renewal manager",
            word(opening, Paint::Warn, style)
        );
        let words = if report.written {
            format!("moved to {to}\nto restore it: mv {to} {from}")
        } else {
            format!("--disarm moves it to {to}")
        };
        indented(&words, COLUMN, &mut out);
    }
    for note in &report.notes {
        let _ = writeln!(out, "{}{note}", word("note", Paint::Dim, style));
    }
    let mut deeds = Vec::new();
    if !report.files.is_empty() {
        deeds.push(format!("{} changed", count(report.files.len(), "file")));
    }
    if !report.disarmed.is_empty() {
        deeds.push(format!(
            "{} moved aside",
            count(report.disarmed.len(), "cron file")
        ));
    }
    let deeds = deeds.join(", ");
    let _ = match (deeds.is_empty(), report.written) {
        (true, _) => writeln!(
            out,
            "nothing to do: the link is described as mutual TLS already"
        ),
        (false, true) => writeln!(out, "{deeds}, as one change"),
        (false, false) => writeln!(out, "would be: {deeds}; nothing was written"),
    };
    out
}

/// What recovery found, one line per change that had not ended.
pub fn recovered(recovery: &Recovery) -> String {
    let mut out = String::new();
    for transaction in &recovery.recovered.transactions {
        let how = match transaction.outcome {
            RecoveryOutcome::Completed => "had finished",
            _ => "taken back",
        };
        let _ = writeln!(out, "{how}");
        for path in &transaction.paths {
            let foreign = if transaction.foreign.contains(path) {
                "  changed by somebody else since, left alone"
            } else {
                ""
            };
            let _ = writeln!(out, "  {}{foreign}", path.display());
        }
    }
    if let Some(taken) = &recovery.firewall {
        out.push_str(&taken_back(taken));
    }
    if let Some(until) = recovery.waits_until {
        let _ = writeln!(
            out,
            "a change of the firewall waits for `phoenix firewall confirm` until {}",
            rfc3339(until)
        );
    }
    let settled = recovery.recovered.transactions.len() + usize::from(recovery.firewall.is_some());
    let _ = match settled {
        0 => writeln!(out, "nothing to recover"),
        number => writeln!(out, "{} settled", count(number, "change")),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::FileChange;
    use crate::migrate::DisarmedFile;

    fn report(written: bool) -> MigrateReport {
        MigrateReport {
            files: vec![FileChange {
                path: "/site/etc/a.json".into(),
                reasons: vec!["rule 2375 becomes 2376".to_owned()],
                notes: Vec::new(),
                diff: "--- a\n+++ b\n@@ -1 +1 @@\n-2375\n+2376\n".to_owned(),
            }],
            disarmed: vec![DisarmedFile {
                from: "/etc/cron.d/old".into(),
                to: "/etc/cron.d/old.disarmed".into(),
            }],
            written,
            notes: vec!["old script".to_owned()],
        }
    }

    #[test]
    fn reasons_come_before_the_diff_and_the_way_back_is_named() {
        assert_eq!(
            migrate(&report(true), Style::Plain),
            "/site/etc/a.json\n  - rule 2375 becomes 2376\n--- a\n+++ b\n@@ -1 +1 @@\n-2375\n+2376\n\n\
             disarmed /etc/cron.d/old  runs the old renewal manager\n         \
             moved to /etc/cron.d/old.disarmed\n         \
             to restore it: mv /etc/cron.d/old.disarmed /etc/cron.d/old\n\
             note     old script\n\
             1 file changed, 1 cron file moved aside, as one change\n"
        );
    }

    #[test]
    fn a_dry_run_says_that_nothing_was_written() {
        let text = migrate(&report(false), Style::Plain);
        assert!(
            text.ends_with(
                "would be: 1 file changed, 1 cron file moved aside; nothing was written\n"
            ),
            "{text}"
        );
        assert!(text.contains("--disarm moves it"), "{text}");
    }

    #[test]
    fn nothing_to_recover_is_said() {
        assert_eq!(recovered(&Recovery::default()), "nothing to recover\n");
    }
}
