//! An edit's report as text.

use std::fmt::Write as _;

use super::count;
use crate::change::{ChangeReport, FileChange};
use crate::diagnostic::Style;

/// Each file's reasons and its diff; the last line sums up.
pub fn change(report: &ChangeReport, style: Style) -> String {
    let mut out = String::new();
    files(&report.files, style, &mut out);
    let changed = count(report.files.len(), "file");
    let _ = match (report.files.len(), report.written) {
        (0, _) => writeln!(out, "nothing to do: everything is as wanted already"),
        (1, true) => writeln!(out, "{changed} changed"),
        (_, true) => writeln!(out, "{changed} changed, as one change"),
        (_, false) => writeln!(out, "{changed} would change; nothing was written"),
    };
    out
}

pub(super) fn files(files: &[FileChange], style: Style, out: &mut String) {
    for file in files {
        let _ = writeln!(out, "{}", file.path.display());
        for reason in &file.reasons {
            let _ = writeln!(out, "  - {reason}");
        }
        for note in &file.notes {
            let _ = writeln!(out, "  note: {note}");
        }
        out.push_str(&diff(&file.diff, style));
        out.push('\n');
    }
}

pub(super) fn diff(diff: &str, style: Style) -> String {
    if style != Style::Colour {
        return diff.to_owned();
    }
    let mut out = String::with_capacity(diff.len() * 2);
    for line in diff.split_inclusive('\n') {
        let code = match line.as_bytes().first() {
            Some(b'+') => "32",
            Some(b'-') => "31",
            Some(b'@') => "36",
            _ => {
                out.push_str(line);
                continue;
            }
        };
        let (text, end) = line
            .strip_suffix('\n')
            .map_or((line, ""), |text| (text, "\n"));
        let _ = write!(out, "\u{1b}[{code}m{text}\u{1b}[0m{end}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_ends_before_its_line_does() {
        assert_eq!(
            diff("+a\n b\n", Style::Colour),
            "\u{1b}[32m+a\u{1b}[0m\n b\n"
        );
    }

    #[test]
    fn an_edit_without_effect_says_so() {
        let report = ChangeReport {
            files: Vec::new(),
            written: false,
        };
        let text = change(&report, Style::Plain);
        assert_eq!(text, "nothing to do: everything is as wanted already\n");
    }
}
