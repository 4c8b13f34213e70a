//! Findings as text.

use crate::check::Findings;
use crate::diagnostic::{Severity, Style, render_all};

/// Each finding with its places, the number of errors and warnings last.
pub fn findings(findings: &Findings, style: Style) -> String {
    if findings.is_empty() {
        return "nothing found\n".to_owned();
    }
    let count = |severity| {
        findings
            .0
            .iter()
            .filter(|fault| fault.severity == severity)
            .count()
    };
    format!(
        "{}\n\n{} errors, {} warnings\n",
        render_all(&findings.0, style),
        count(Severity::Error),
        count(Severity::Warning)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Fault, Place};

    #[test]
    fn findings_are_shown_and_counted() {
        assert_eq!(
            findings(&Findings::default(), Style::Plain),
            "nothing found\n"
        );
        let place = Place::new("a.json".as_ref(), "{}", 0..1);
        let found = Findings(vec![Fault::error("PX001", "found x, expected y").at(place)]);
        let shown = findings(&found, Style::Plain);
        assert!(
            shown.starts_with("error[PX001]: found x, expected y\n"),
            "{shown}"
        );
        assert!(shown.ends_with("\n\n1 errors, 0 warnings\n"), "{shown}");
    }
}
