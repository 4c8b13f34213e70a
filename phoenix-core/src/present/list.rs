//! The manifest's certificates as a table.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::{COLUMN, Paint, count, indented, word};
use crate::answers::{ListedCertificate, ListedState};
use crate::diagnostic::Style;
use crate::time::human;

/// One line per certificate, why it cannot be read below it; the last line sums up.
pub fn certificates(all: &[ListedCertificate], now: SystemTime, style: Style) -> String {
    let mut out = String::new();
    let names = all.iter().map(|one| one.certificate.as_str().len());
    let width = names.max().unwrap_or(0).max(NAME.len());
    if !all.is_empty() {
        let _ = writeln!(
            out,
            "{:COLUMN$}{NAME:width$}  {:6}  {:8}  {:10}  {:11}  {:16}  FILE",
            "STATE", "USE", "KEY", "ENDS", "WINDOW", "SHA256"
        );
    }
    for one in all {
        let (state, paint) = match one.state {
            ListedState::Due => ("due", Paint::Warn),
            ListedState::Expired => ("expired", Paint::Bad),
            ListedState::Good => ("good", Paint::Good),
            ListedState::KeyMismatch => ("no key", Paint::Bad),
            ListedState::Missing => ("missing", Paint::Bad),
            ListedState::Unreadable => ("damaged", Paint::Bad),
        };
        let left = |time: SystemTime, past: &str| {
            time.duration_since(now)
                .map_or_else(|_| past.to_owned(), |left| format!("in {}", human(left)))
        };
        let found = one.installed.as_ref();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let _ = writeln!(
            out,
            "{}{:width$}  {:6}  {:8}  {:10}  {:11}  {:16}  {}",
            word(state, paint, style),
            one.certificate.as_str(),
            one.usage.to_string(),
            or_dash(found.and_then(|found| Some(found.key_type?.to_string()))),
            or_dash(found.map(|found| left(found.not_after, "over"))),
            or_dash(found.map(|found| left(found.due, "open"))),
            or_dash(found.map(|found| found.fingerprint.short())),
            one.cert_path.display(),
        );
        let words = match (&one.trouble, one.state) {
            (Some(why), _) => why.clone(),
            (None, ListedState::KeyMismatch) => {
                format!("{} holds another key", one.key_path.display())
            }
            _ => continue,
        };
        indented(&words, COLUMN, &mut out);
    }
    let good = all
        .iter()
        .filter(|one| one.state == ListedState::Good)
        .count();
    let _ = writeln!(out, "{good} of {} good", count(all.len(), "certificate"));
    out
}

const NAME: &str = "CERTIFICATE";
