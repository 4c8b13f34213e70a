//! What Traefik's log says since a moment. It explains; it proves nothing.

use std::time::{Duration, SystemTime};

use crate::time::parse_rfc3339;

/// The lines that matter, colours stripped, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// `Provider connection established`; written at DEBUG only.
    pub established: Vec<String>,
    /// Errors and worse.
    pub errors: Vec<String>,
}

/// Reads a log in any of Traefik's forms (console, `level=`, JSON, through the journal). Lines without a time belong
/// to the last line that had one; before the first such line they count.
pub fn read_log(text: &str, since: Option<SystemTime>) -> LogSummary {
    let mut summary = LogSummary::default();
    let mut recent = true;
    for line in text.lines() {
        let line = strip_colours(line);
        if let (Some(since), Some(time)) = (since, time_of(&line)) {
            // Its times are whole seconds.
            recent = time + Duration::from_secs(1) > since;
        }
        if !recent {
            continue;
        }
        if is_error(&line) {
            summary.errors.push(line);
        } else if line.contains("Provider connection established") {
            summary.established.push(line);
        }
    }
    summary
}

/// A line without its escape sequences (CSI and two-character ones) and other control characters.
pub fn strip_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            if !c.is_control() || c == '\t' {
                plain.push(c);
            }
            continue;
        }
        if chars.next_if_eq(&'[').is_some() {
            // Parameters, then one final byte from `@` to `~` (ECMA-48, 5.4).
            while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
        } else {
            chars.next();
        }
    }
    plain
}

/// The first word that is an RFC 3339 time, bare, as `time="..."` or as a JSON value.
fn time_of(line: &str) -> Option<SystemTime> {
    line.split(|c: char| c.is_whitespace() || "\"=,{}[]".contains(c))
        .filter(|word| word.len() >= 20 && word.as_bytes()[4] == b'-')
        .find_map(parse_rfc3339)
}

fn is_error(line: &str) -> bool {
    const MARKS: [&str; 9] = [
        " ERR ",
        " FTL ",
        " PNC ",
        "level=error",
        "level=fatal",
        "level=panic",
        "\"level\":\"error\"",
        "\"level\":\"fatal\"",
        "command traefik error",
    ];
    MARKS.iter().any(|mark| line.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
command traefik error: field not found, node: apiVersion
\u{1b}[90m2026-11-24T03:00:00Z\u{1b}[0m \u{1b}[31mERR\u{1b}[0m \u{1b}[1mProvider error, retrying in 1s\u{1b}[0m \u{1b}[36merror=\u{1b}[0m\u{1b}[31m\"remote error: tls: bad certificate\"\u{1b}[0m providerName=swarm
\tat some place
2026-11-24T03:10:00+00:00 DBG pswarm.go:99 > Provider connection established with docker 20.10.24 (API 1.41) providerName=swarm
time=\"2026-11-24T03:11:00Z\" level=error msg=\"x\" providerName=docker
{\"level\":\"error\",\"time\":\"2026-11-24T03:12:00Z\",\"message\":\"y\"}
";

    #[test]
    fn only_lines_since_the_restart_count_and_every_form_is_read() {
        let all = read_log(LOG, None);
        assert_eq!((all.errors.len(), all.established.len()), (4, 1));
        assert_eq!(
            all.errors[1],
            "2026-11-24T03:00:00Z ERR Provider error, retrying in 1s error=\"remote error: tls: bad certificate\" providerName=swarm"
        );
        let since = read_log(LOG, parse_rfc3339("2026-11-24T03:11:30Z"));
        assert_eq!(since.established.len(), 0);
        // The first line has no time: it may be of this life.
        assert_eq!(since.errors.len(), 2);
    }

    #[test]
    fn broken_escape_sequences_do_not_swallow_the_line_or_panic() {
        for line in ["\u{1b}", "\u{1b}[", "\u{1b}[3", "ü\u{1b}[31mö\u{1b}", ""] {
            strip_colours(line);
        }
        assert_eq!(strip_colours("ü\u{1b}[1;31mö\u{7}"), "üö");
    }
}
