//! One line that holds a rule, read as Proxmox reads it.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use super::super::{Action, Direction, IcmpType, Ports, Rule, RuleScope};
use crate::diagnostic::Severity;

/// What is wrong with a part of a line.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Bytes of the line.
    pub(super) span: Range<usize>,
    pub(super) severity: Severity,
    pub(super) message: String,
}

/// The words behind an option, read by `T`.
struct Words<'l> {
    line: &'l str,
    at: usize,
    wrong: Vec<Wrong>,
    /// Where each field's value stands.
    places: Vec<(&'static str, Range<usize>)>,
}

/// Reads a rule. Proxmox ignores the line when something is an error; then there is no rule.
pub(super) fn rule(line: &str, scope: RuleScope) -> (Option<Rule>, Vec<Wrong>) {
    let (code, comment) = split_comment(line);
    let mut words = Words {
        line: code,
        at: 0,
        wrong: Vec::new(),
        places: Vec::new(),
    };
    let rule = words.rule(comment);
    let Words {
        mut wrong, places, ..
    } = words;
    let Some(rule) = rule else {
        return (None, wrong);
    };
    for problem in rule.problems(scope) {
        let place = places.iter().rfind(|(field, _)| *field == problem.field);
        wrong.push(Wrong {
            span: place.map_or(0..code.trim_end().len(), |(_, span)| span.clone()),
            // Here nothing is edited: what Proxmox ignores is an error, whichever way it does.
            severity: Severity::Error,
            message: problem.message,
        });
    }
    let sound = wrong.iter().all(|wrong| wrong.severity != Severity::Error);
    (sound.then_some(rule), wrong)
}

/// A line's part before `#`, and the comment behind it.
pub(super) fn split_comment(line: &str) -> (&str, Option<&str>) {
    match line.split_once('#') {
        Some((code, comment)) => (code, Some(comment.trim())),
        None => (line, None),
    }
}

impl<'l> Words<'l> {
    fn rule(&mut self, comment: Option<&str>) -> Option<Rule> {
        let enabled = !self.line.starts_with('|');
        self.at = usize::from(!enabled);
        // A `|` stands right before the direction.
        let (type_span, type_word) = self.word()?;
        let Ok(direction) = type_word.parse::<Direction>() else {
            self.error(
                type_span,
                format!("found `{type_word}`, expected `IN`, `OUT`, `FORWARD` or `GROUP`"),
            );
            return None;
        };
        self.places.push(("type", type_span));
        let Some((span, action_word)) = self.word() else {
            let end = self.line.trim_end().len();
            self.error(end..end, "found no action, expected one".to_owned());
            return None;
        };
        let mut rule = Rule::new(direction, Action::Drop);
        rule.enabled = enabled;
        rule.comment = comment
            .filter(|comment| !comment.is_empty())
            .map(str::to_owned);
        self.action(&mut rule, span, action_word);
        self.options(&mut rule)?;
        Some(rule)
    }

    fn action(&mut self, rule: &mut Rule, span: Range<usize>, word: &str) {
        self.places.push(("action", span.clone()));
        if rule.direction == Direction::Group {
            match Action::parse(Direction::Group, word) {
                // The name as written: Proxmox looks it up so, among names in lower case.
                Ok(_) => rule.action = Action::Group(word.to_owned()),
                Err(error) => self.error(span, error.to_string()),
            }
            return;
        }
        let (macro_word, verdict) = match word.strip_suffix(')').and_then(|w| w.rsplit_once('(')) {
            Some((name, verdict)) if is_verdict(verdict) => (Some(name), verdict),
            _ => (None, word),
        };
        if is_verdict(verdict) {
            if let Ok(action) = verdict.parse() {
                rule.action = action;
            }
        } else {
            self.error(
                span.clone(),
                format!("found `{word}`, expected `ACCEPT`, `DROP` or `REJECT`"),
            );
        }
        if let Some(name) = macro_word {
            match name.parse() {
                Ok(name) => rule.macro_name = Some(name),
                Err(error) => self.error(span.start..span.start + name.len(), format!("{error}")),
            }
            self.places.push(("macro", span));
        }
    }

    /// Options, each with exactly one blank before its value, as Proxmox has it.
    fn options(&mut self, rule: &mut Rule) -> Option<()> {
        // Which protocol it is decides what `-dport` means, wherever it stands.
        let mut dport = None;
        while self.at < self.line.len() {
            let start = self.at;
            let rest = &self.line[start..];
            let name = rest.split([' ', '\t']).next().unwrap_or(rest);
            let field = match name {
                "-i" => "iface",
                "-p" | "-proto" | "--proto" => "proto",
                "-dport" | "--dport" => "port",
                "-sport" | "--sport" => "sport",
                "-source" | "--source" => "source",
                "-dest" | "--dest" => "dest",
                "-log" | "--log" => "log",
                "-icmp-type" | "--icmp-type" => "icmp-type",
                _ => "",
            };
            if field.is_empty() || (rule.direction == Direction::Group && field != "iface") {
                let known = if rule.direction == Direction::Group {
                    "at most `-i`"
                } else {
                    "one of -i, -source, -dest, -p, -dport, -sport, -log, -icmp-type"
                };
                self.error(
                    start..start + name.len(),
                    format!("found `{name}`, expected {known}"),
                );
                return None;
            }
            self.at = start + name.len();
            let value = self.line[self.at..].strip_prefix(' ');
            let value = value.map(|value| value.split([' ', '\t']).next().unwrap_or(value));
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                self.error(
                    start..start + name.len(),
                    format!(
                        "found no value right behind `{name}`, expected one blank and the value"
                    ),
                );
                return None;
            };
            let span = self.at + 1..self.at + 1 + value.len();
            self.at = span.end;
            self.skip_blanks();
            self.places.push((field, span.clone()));
            match field {
                "iface" => rule.iface = Some(value.to_owned()),
                "proto" => rule.proto = self.read(span, value),
                "port" => dport = Some((span, value)),
                "sport" => rule.source_ports = self.ports(span, value),
                "source" => rule.source = self.read(span, value),
                "dest" => rule.dest = self.read(span, value),
                "log" => rule.log = self.read(span, value),
                _ => rule.icmp_type = self.read(span, value),
            }
        }
        if let Some((span, value)) = dport {
            self.dport(rule, span, value);
        }
        Some(())
    }

    fn dport(&mut self, rule: &mut Rule, span: Range<usize>, value: &str) {
        if !rule
            .proto
            .as_ref()
            .is_some_and(super::super::Protocol::is_icmp)
        {
            rule.ports = self.ports(span, value);
            return;
        }
        if rule.icmp_type.is_some() {
            self.error(
                span,
                "found `-dport` beside `-icmp-type`, expected one of them".to_owned(),
            );
            return;
        }
        rule.icmp_type = IcmpType::parse_port(value);
        if rule.icmp_type.is_none() {
            self.error(
                span,
                format!("found `{value}`, expected a kind of ICMP message"),
            );
        }
    }

    fn ports(&mut self, span: Range<usize>, value: &str) -> Ports {
        if value == "0" {
            self.wrong.push(Wrong {
                span,
                severity: Severity::Warning,
                message: "found port 0, which Proxmox reads as every port".to_owned(),
            });
            return Ports::default();
        }
        self.read(span, value).unwrap_or_default()
    }

    fn read<T>(&mut self, span: Range<usize>, value: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match value.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(span, error.to_string());
                None
            }
        }
    }

    fn word(&mut self) -> Option<(Range<usize>, &'l str)> {
        self.skip_blanks();
        let rest = &self.line[self.at..];
        let word = rest
            .split([' ', '\t'])
            .next()
            .filter(|word| !word.is_empty())?;
        let span = self.at..self.at + word.len();
        self.at = span.end;
        self.skip_blanks();
        Some((span, word))
    }

    fn skip_blanks(&mut self) {
        let rest = &self.line[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&mut self, span: Range<usize>, message: String) {
        self.wrong.push(Wrong {
            span,
            severity: Severity::Error,
            message,
        });
    }
}

fn is_verdict(word: &str) -> bool {
    ["ACCEPT", "DROP", "REJECT"].contains(&word)
}
