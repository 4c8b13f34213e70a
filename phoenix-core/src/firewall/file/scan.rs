//! From text to lines.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use super::super::{AddressMatch, Family, NameRef, NameScope, Network, RuleScope, is_name};
use super::line::{Wrong, rule, split_comment};
use super::{FwContent, FwKind, FwLine, Section, SetEntry, SetMember, option_table};
use crate::diagnostic::{Fault, Faults, Place, Severity, nearest};

pub(super) fn scan(path: &Path, text: &str, kind: FwKind) -> (Vec<FwLine>, Faults) {
    let mut scanner = Scanner {
        path,
        kind,
        section: None,
        members: BTreeSet::new(),
        number: 0,
        start: 0,
        raw: "",
        faults: Faults::new(),
    };
    let mut lines = Vec::new();
    for raw in text.split_inclusive('\n') {
        let span = scanner.start..scanner.start + raw.len();
        scanner.number += 1;
        scanner.raw = raw;
        let content = scanner.line();
        scanner.start = span.end;
        lines.push(FwLine { span, content });
    }
    (lines, scanner.faults)
}

struct Scanner<'t> {
    path: &'t Path,
    kind: FwKind,
    section: Option<Section>,
    /// What the set that is being read has already.
    members: BTreeSet<String>,
    number: usize,
    start: usize,
    raw: &'t str,
    faults: Faults,
}

impl<'t> Scanner<'t> {
    fn line(&mut self) -> FwContent {
        let line: &'t str = self.raw.strip_suffix('\n').unwrap_or(self.raw);
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let line = line.trim_matches([' ', '\t']);
        if line.starts_with('#') {
            return FwContent::Comment;
        }
        if line.trim().is_empty() {
            return FwContent::Blank;
        }
        if line.starts_with('[') {
            return self.header(line, indent);
        }
        let Some(section) = self.section.clone() else {
            self.error(
                indent..indent + line.len(),
                "found a line outside of every section, expected `[OPTIONS]` or `[RULES]` before it",
            );
            return FwContent::Bad;
        };
        let content = match section {
            Section::Aliases => self.alias(line, indent),
            Section::Group(_) => self.rule(line, indent, RuleScope::Group),
            Section::IpSet(_) => self.entry(line, indent),
            Section::Options => self.option(line, indent),
            Section::Rules => {
                let scope = match self.kind {
                    FwKind::Cluster => RuleScope::Cluster,
                    FwKind::Guest => RuleScope::Guest,
                    FwKind::Host => RuleScope::Host,
                };
                self.rule(line, indent, scope)
            }
        };
        content.unwrap_or(FwContent::Bad)
    }

    fn header(&mut self, line: &str, indent: usize) -> FwContent {
        let span = indent..indent + line.len();
        let close = line.find(']');
        let inner = close.map_or("", |close| &line[1..close]);
        let tail = close.map_or("", |close| &line[close + 1..]);
        let (word, name) = match inner.split_once(char::is_whitespace) {
            Some((word, name)) => (word, Some(name.trim_start())),
            None => (inner, None),
        };
        let plain = tail.is_empty() && name.is_none();
        let commented = tail.trim_start().is_empty() || tail.trim_start().starts_with('#');
        let section = match (word.to_ascii_lowercase().as_str(), name) {
            ("options", _) if plain => Some(Section::Options),
            ("aliases", _) if plain && self.kind != FwKind::Host => Some(Section::Aliases),
            ("rules", _) if plain => Some(Section::Rules),
            ("group", Some(name)) if commented && self.kind == FwKind::Cluster => {
                return self.named(name, span, LONGEST_GROUP, Section::Group);
            }
            ("ipset", Some(name)) if commented && self.kind != FwKind::Host => {
                self.members.clear();
                return self.named(name, span, LONGEST_SET, Section::IpSet);
            }
            _ => None,
        };
        let Some(section) = section else {
            let expected = match self.kind {
                FwKind::Cluster => "[OPTIONS], [ALIASES], [IPSET name], [RULES] or [group name]",
                FwKind::Guest => "[OPTIONS], [ALIASES], [IPSET name] or [RULES]",
                FwKind::Host => "[OPTIONS] or [RULES]",
            };
            self.error(
                span,
                format!("found `{}`, expected {expected}", line.trim_end()),
            );
            // What follows belongs to the section before, as Proxmox has it.
            return FwContent::Bad;
        };
        self.section = Some(section.clone());
        FwContent::Header(section)
    }

    fn named(
        &mut self,
        name: &str,
        span: Range<usize>,
        longest: usize,
        section: impl Fn(String) -> Section,
    ) -> FwContent {
        if !is_name(name) || name.len() > longest {
            self.error(
                span,
                format!(
                    "found the name `{name}`, expected a letter, then letters, digits, `-` and `_`, at most {longest}"
                ),
            );
            // Proxmox skips what follows.
            self.section = None;
            return FwContent::Bad;
        }
        let section = section(name.to_ascii_lowercase());
        self.section = Some(section.clone());
        FwContent::Header(section)
    }

    fn option(&mut self, line: &str, indent: usize) -> Option<FwContent> {
        let span = indent..indent + line.trim_end().len();
        let Some((name, value)) = line.split_once(':') else {
            self.error(span, "found no `:`, expected an option such as `enable: 1`");
            return None;
        };
        let name = name.to_ascii_lowercase();
        let value = value.trim();
        let table = option_table(self.kind);
        let Some(info) = table.iter().find(|info| info.name == name) else {
            let names = || table.iter().map(|info| info.name);
            let help = nearest(&name, names()).map_or_else(
                || format!("known options: {}", names().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let fault = self.fault(
                indent..indent + name.len(),
                Severity::Error,
                format!("found unknown option `{name}`: Proxmox ignores it"),
            );
            self.faults.push(fault.help(help));
            return None;
        };
        if !info.kind.takes(value) {
            let at = self.raw.len() - self.raw[indent + name.len() + 1..].trim_start().len();
            self.error(
                at..at + value.len(),
                format!(
                    "found `{value}` for `{name}`, expected {}",
                    info.kind.expected()
                ),
            );
            return None;
        }
        Some(FwContent::Option {
            name,
            value: value.to_owned(),
        })
    }

    fn alias(&mut self, line: &str, indent: usize) -> Option<FwContent> {
        let code = split_comment(line).0.trim_end();
        let span = indent..indent + code.len();
        let words = code.split_once([' ', '\t']);
        let Some((name, network)) =
            words.filter(|(_, network)| !network.contains(char::is_whitespace))
        else {
            self.error(
                span,
                "found no alias, expected its name, one blank and a network",
            );
            return None;
        };
        let Some(network) = masked(network) else {
            self.error(
                indent + name.len() + 1..span.end,
                format!("found `{network}`, expected an address or a network"),
            );
            return None;
        };
        if !is_name(name) {
            self.error(
                indent..indent + name.len(),
                format!(
                    "found the name `{name}`, expected a letter, then letters, digits, `-` and `_`"
                ),
            );
            return None;
        }
        Some(FwContent::Alias {
            name: name.to_owned(),
            network,
        })
    }

    fn entry(&mut self, line: &str, indent: usize) -> Option<FwContent> {
        let code = split_comment(line).0.trim_end();
        let span = indent..indent + code.len();
        let (except, word) = match code.strip_prefix('!') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, code),
        };
        let member = if let Some(network) = masked(word) {
            if network.prefix() == 0 {
                self.error(
                    span,
                    "found a network of all addresses, expected a smaller one",
                );
                return None;
            }
            SetMember::Network(network)
        } else {
            let Ok(AddressMatch::Alias(name)) = word.parse() else {
                self.error(
                    span,
                    format!("found `{word}`, expected an address, a network or an alias"),
                );
                return None;
            };
            SetMember::Alias(name)
        };
        let key = match &member {
            SetMember::Alias(NameRef { scope, name }) => {
                let scope = matches!(scope, Some(NameScope::Guest));
                format!("{scope}{name}")
            }
            SetMember::Network(network) => network.to_string(),
        };
        if !self.members.insert(key) {
            self.error(span, format!("found `{word}` twice in one IP set"));
            return None;
        }
        Some(FwContent::Entry(SetEntry { member, except }))
    }

    fn rule(&mut self, line: &str, indent: usize, scope: RuleScope) -> Option<FwContent> {
        let (rule, wrongs) = rule(line, scope);
        for Wrong {
            span,
            severity,
            message,
        } in wrongs
        {
            let span = indent + span.start..indent + span.end;
            let fault = self.fault(span, severity, message);
            self.faults.push(fault);
        }
        rule.map(|rule| FwContent::Rule(Box::new(rule)))
    }

    fn error(&mut self, span: Range<usize>, message: impl Into<String>) {
        let fault = self.fault(span, Severity::Error, message);
        self.faults.push(fault);
    }

    /// `span` counts from the line's begin.
    fn fault(&self, span: Range<usize>, severity: Severity, message: impl Into<String>) -> Fault {
        let mut place = Place::new(self.path, self.raw, span.clone());
        place.line = self.number;
        place.span = self.start + span.start..self.start + span.end;
        Fault::new("fw", severity, message).at(place)
    }
}

/// A network of which bits below the mask are dropped, as the kernel does for aliases and sets.
fn masked(text: &str) -> Option<Network> {
    if let Ok(network) = text.parse() {
        return Some(network);
    }
    let (address, prefix) = text.split_once('/')?;
    let address = address.parse().ok()?;
    let prefix: u8 = prefix.parse().ok()?;
    (prefix <= Family::of(address).bits()).then(|| Network::around(address, prefix))
}

/// Proxmox's limit for the name of a security group.
const LONGEST_GROUP: usize = 18;
/// Proxmox's limit for the name of an IP set.
const LONGEST_SET: usize = 64;
