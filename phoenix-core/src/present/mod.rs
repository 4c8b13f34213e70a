//! Plans and reports as people read them: plain text, one line a thing, the last line the summary.

mod adopt;
mod ca;
mod certs;
mod change;
mod findings;
mod firewall;
mod list;
mod manifest;
mod migrate;
mod plan;
mod report;
mod scripts;
mod status;
mod systemd;
mod table;
mod template;

use std::fmt::Write as _;
use std::time::SystemTime;

pub use adopt::adoption;
pub use ca::{bootstrap, ca_init, ca_online, ca_view, crl, health};
pub use certs::{cert, inspection, revoked};
pub use change::change;
pub use findings::{findings, findings_github, rule, rules as check_rules, rules_page};
pub use firewall::{matrix, rules, test, trial, trial_end};
pub use list::certificates;
pub use manifest::{manifest_entry, manifest_table};
pub use migrate::{migrate, recovered};
pub use plan::plan;
pub use report::{probes, report};
pub use scripts::{script_diff, scripts, scripts_moved};
pub use status::{pending, status};
pub use systemd::units;
pub use template::{names, variables};

use crate::diagnostic::Style;
use crate::plan::{Blocked, Keep};
use crate::time::human;

/// The colours that words get.
#[derive(Clone, Copy)]
enum Paint {
    Bad,
    Dim,
    Good,
    Warn,
}

/// A word that opens a line, padded to its column before it is coloured.
fn word(word: &str, paint: Paint, style: Style) -> String {
    let padded = format!("{word:<9}");
    let code = match paint {
        Paint::Bad => "31",
        Paint::Dim => "2",
        Paint::Good => "32",
        Paint::Warn => "33",
    };
    match style {
        Style::Colour => format!("\u{1b}[{code}m{padded}\u{1b}[0m"),
        Style::Plain => padded,
    }
}

/// What needs nothing, what cannot be done now, and what is left out on purpose, one line each.
fn surroundings(
    kept: &[Keep],
    blocked: &[Blocked],
    notes: &[String],
    now: SystemTime,
    style: Style,
) -> String {
    let mut out: String = kept
        .iter()
        .map(|keep| keep_line(keep, now, style))
        .collect();
    for blocked in blocked {
        let opening = word("blocked", Paint::Bad, style);
        let _ = writeln!(out, "{opening}{}  {}", blocked.subject, blocked.reason);
    }
    for note in notes {
        let _ = writeln!(out, "{}{note}", word("note", Paint::Dim, style));
    }
    out
}

/// `keep NAME  renewal window opens in 5h 12m`.
fn keep_line(keep: &Keep, now: SystemTime, style: Style) -> String {
    let when = match (keep.due.duration_since(now), keep.brought_back) {
        (Ok(left), None) if keep.held => {
            format!("is due, waits {} for the restart window", human(left))
        }
        (Ok(left), None) => format!("renewal window opens in {}", human(left)),
        (Ok(left), Some(since)) => format!(
            "was brought back by hand {} ago, stays for {} more or until `sync --force`",
            human(now.duration_since(since).unwrap_or_default()),
            human(left)
        ),
        (Err(_), _) => "renewal window is open".to_owned(),
    };
    format!(
        "{}{}  {when}\n",
        word("keep", Paint::Dim, style),
        keep.certificate
    )
}

/// `1 certificate`, `2 certificates`.
fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Text that may have several lines, each of them indented.
fn indented(text: &str, by: usize, out: &mut String) {
    for line in text.lines() {
        out.push_str(&" ".repeat(by));
        out.push_str(line);
        out.push('\n');
    }
}

/// Where the text of a line begins, behind the word that opens it.
const COLUMN: usize = 9;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_waits_for_the_restart_window_is_said_to() {
        let now = SystemTime::UNIX_EPOCH;
        let keep = |held| Keep {
            certificate: "a.test".parse().unwrap(),
            due: now + Duration::from_secs(7_200),
            held,
            brought_back: None,
            not_after: now + Duration::from_secs(86_400),
        };
        assert_eq!(
            keep_line(&keep(true), now, Style::Plain),
            "keep     a.test  is due, waits 2h for the restart window\n"
        );
        assert_eq!(
            keep_line(&keep(false), now, Style::Plain),
            "keep     a.test  renewal window opens in 2h\n"
        );
    }
}
