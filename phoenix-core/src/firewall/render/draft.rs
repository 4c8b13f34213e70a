//! A file, line by line, as it becomes what is wanted.

use std::collections::{HashMap, HashSet};

use super::{Phase, Rendered, is_ours, our_line};
use crate::firewall::{Action, FwContent, FwFile, Rule, Section};

/// One line on its way.
#[derive(Debug, Clone)]
struct Line {
    /// With its end.
    text: String,
    content: FwContent,
    section: Option<Section>,
    /// The file ends with it, without a newline; as long as it is the last one it stays so.
    unended: bool,
}

fn lines(file: &FwFile) -> Vec<Line> {
    let mut section = None;
    let mut lines: Vec<Line> = file
        .lines()
        .iter()
        .map(|line| {
            if let FwContent::Header(header) = &line.content {
                section = Some(header.clone());
            }
            Line {
                text: file.text()[line.span.clone()].to_owned(),
                content: line.content.clone(),
                section: section.clone(),
                unended: false,
            }
        })
        .collect();
    // A line can only be put behind one that ends.
    if let Some(last) = lines.last_mut().filter(|line| !line.text.ends_with('\n')) {
        last.text.push('\n');
        last.unended = true;
    }
    lines
}

/// A file on its way.
pub(super) struct Draft {
    lines: Vec<Line>,
    reasons: Vec<String>,
}

impl Draft {
    pub(super) fn of(file: Option<&FwFile>) -> Self {
        Self {
            lines: file.map_or_else(Vec::new, lines),
            reasons: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Rendered {
        if self.lines.last().is_some_and(|line| line.unended)
            && let Some(last) = self.lines.last_mut()
        {
            last.text.pop();
        }
        Rendered {
            text: self.lines.into_iter().map(|line| line.text).collect(),
            reasons: self.reasons,
        }
    }

    pub(super) fn options(&mut self, options: &[(String, String)]) {
        for (name, value) in options {
            let stated = self
                .lines
                .iter_mut()
                .rev()
                .find_map(|line| match &mut line.content {
                    FwContent::Option { name: found, value } if found == name => {
                        Some((value, &mut line.text))
                    }
                    _ => None,
                });
            if let Some((found, text)) = stated {
                if !found.eq_ignore_ascii_case(value) {
                    self.reasons.push(format!("{name}: {found} -> {value}"));
                    let end = if text.ends_with("\r\n") { "\r\n" } else { "\n" };
                    *text = format!("{name}: {value}{end}");
                    found.clone_from(value);
                }
                continue;
            }
            self.reasons.push(format!("{name}: {value}"));
            let line = Line {
                text: format!("{name}: {value}\n"),
                content: FwContent::Option {
                    name: name.clone(),
                    value: value.clone(),
                },
                section: Some(Section::Options),
                unended: false,
            };
            let at = self.section_end(&Section::Options, 0);
            self.lines.insert(at, line);
        }
    }

    /// Makes our rules the wanted ones; a phase that only opens leaves what admits and adds nothing that refuses.
    pub(super) fn rules(&mut self, rules: &[Rule], generated: bool, phase: Phase) {
        let first_time = !self.rule_lines().any(|(_, rule)| is_ours(rule));
        // Which lines are ours now, and which we take over.
        let deeds: HashSet<String> = if first_time && !generated {
            rules.iter().map(Rule::deed).collect()
        } else {
            HashSet::new()
        };
        let mut ours = Vec::new();
        let mut adopted = Vec::new();
        for (at, rule) in self.rule_lines() {
            if is_ours(rule) {
                ours.push(at);
            } else if first_time && (generated || deeds.contains(&rule.deed())) {
                ours.push(at);
                adopted.push(at);
            }
        }
        for at in adopted {
            let line = &mut self.lines[at];
            if let (FwContent::Rule(rule), Phase::Opening) = (&line.content, phase) {
                // What stays for a while must be known as ours when it goes.
                line.text = our_line(rule) + "\n";
            } else {
                let text = line.text.trim_end();
                self.reasons.push(format!("taken over: {text}"));
            }
        }
        if rules.is_empty() && ours.is_empty() {
            return;
        }
        let new: Vec<New> = match phase {
            Phase::Last => rules.iter().map(|rule| New::of(rule, true)).collect(),
            Phase::Opening => self.what_opens(rules),
        };
        let old: Vec<&str> = ours
            .iter()
            .map(|at| self.lines[*at].text.as_str())
            .collect();
        let kept = matches(&old, &new);
        // Where lines that are kept stand, the new ones come before or behind them.
        let end = match ours.last() {
            Some(last) => last + 1,
            None if new.iter().all(|new| !new.comes) => return,
            None => self.section_end(&Section::Rules, self.lines.len()),
        };
        let mut after: Vec<Line> = Vec::with_capacity(self.lines.len() + new.len());
        let mut next = 0;
        let mut at_ours = 0;
        for (at, old) in std::mem::take(&mut self.lines).into_iter().enumerate() {
            if at == end {
                self.add(&mut after, &new[next..]);
                next = new.len();
            }
            if ours.get(at_ours) != Some(&at) {
                after.push(old);
                continue;
            }
            let place = at_ours;
            at_ours += 1;
            if let Some(wanted) = kept[place] {
                self.add(&mut after, &new[next..wanted]);
                next = wanted + 1;
                after.push(old);
            } else if phase == Phase::Opening
                && !matches!(&old.content, FwContent::Rule(rule) if refuses(rule))
            {
                // What is new comes before what goes later: nothing of it may stand in the way.
                let until = kept[place..].iter().flatten().next();
                let until = until.copied().unwrap_or(new.len());
                self.add(&mut after, &new[next..until]);
                next = until;
                after.push(old);
            } else {
                self.reasons.push(format!("goes: {}", old.text.trim_end()));
            }
        }
        self.add(&mut after, &new[next..]);
        self.lines = after;
    }

    /// The rules, of which those come that admit what no rule is known to admit now.
    fn what_opens(&self, rules: &[Rule]) -> Vec<New> {
        let said = || self.rule_lines().map(|(_, rule)| rule);
        // Where nothing refuses the order of what admits does not matter, and what is said is said.
        let mut all = rules.iter().chain(said());
        let ordered = all.any(|rule| rule.enabled && !admits(rule));
        let deeds: HashSet<String> = said().map(Rule::deed).collect();
        rules
            .iter()
            .map(|rule| {
                let missing = ordered || !deeds.contains(&rule.deed());
                New::of(rule, rule.enabled && admits(rule) && missing)
            })
            .collect()
    }

    fn rule_lines(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.lines.iter().enumerate().filter_map(|(at, line)| {
            match (&line.content, &line.section) {
                (FwContent::Rule(rule), Some(Section::Rules)) => Some((at, &**rule)),
                _ => None,
            }
        })
    }

    fn add(&mut self, after: &mut Vec<Line>, new: &[New]) {
        for New { text, .. } in new.iter().filter(|new| new.comes) {
            self.reasons.push(format!("new: {}", text.trim_end()));
            after.push(Line {
                text: text.clone(),
                content: FwContent::Blank,
                section: Some(Section::Rules),
                unended: false,
            });
        }
    }

    /// Behind the last line of a section that says something; the section is made where it is missing.
    fn section_end(&mut self, section: &Section, missing_at: usize) -> usize {
        let last = self.lines.iter().rposition(|line| {
            line.section.as_ref() == Some(section) && !matches!(line.content, FwContent::Blank)
        });
        if let Some(last) = last {
            let is_header = matches!(self.lines[last].content, FwContent::Header(_));
            let blank = self
                .lines
                .get(last + 1)
                .is_some_and(|line| matches!(line.content, FwContent::Blank));
            // Proxmox leaves a line free behind a header.
            return last + 1 + usize::from(is_header && blank);
        }
        let name = match section {
            Section::Options => "[OPTIONS]\n",
            _ => "[RULES]\n",
        };
        let line = |text: &str, content| Line {
            text: text.to_owned(),
            content,
            section: Some(section.clone()),
            unended: false,
        };
        let mut made = vec![
            line(name, FwContent::Header(section.clone())),
            line("\n", FwContent::Blank),
        ];
        // Groups stand behind the rules.
        let group = self
            .lines
            .iter()
            .position(|line| matches!(line.content, FwContent::Header(Section::Group(_))));
        // What stands before every section is ignored, and must stay so.
        let is_header = |line: &Line| matches!(line.content, FwContent::Header(_));
        let first = self.lines.iter().position(is_header);
        let mut at = match section {
            Section::Options => first.unwrap_or(self.lines.len()),
            _ => group.unwrap_or(missing_at),
        };
        if at > 0 && !matches!(self.lines[at - 1].content, FwContent::Blank) {
            made.insert(0, line("\n", FwContent::Blank));
            at += 1;
        }
        let start = at - usize::from(made.len() > 2);
        if start < self.lines.len() {
            made.push(line("\n", FwContent::Blank));
        }
        self.lines.splice(start..start, made);
        at + 2
    }
}

/// For each old line the new one that it is, in ascending order; nothing where it goes.
fn matches(old: &[&str], new: &[New]) -> Vec<Option<usize>> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, new) in new.iter().enumerate().rev() {
        places.entry(&new.text).or_default().push(index);
    }
    let mut next = 0;
    old.iter()
        .map(|text| {
            let places = places.get_mut(text)?;
            while places.last().is_some_and(|place| *place < next) {
                places.pop();
            }
            let place = places.pop()?;
            next = place + 1;
            Some(place)
        })
        .collect()
}

/// A rule that shall stand in the file.
struct New {
    /// Its line.
    text: String,
    /// Whether this phase writes it.
    comes: bool,
}

impl New {
    fn of(rule: &Rule, comes: bool) -> Self {
        Self {
            text: our_line(rule) + "\n",
            comes,
        }
    }
}

/// Whether a rule can only shut out.
fn refuses(rule: &Rule) -> bool {
    [Action::Drop, Action::Reject].contains(&rule.action)
}

/// Whether a rule can only admit.
fn admits(rule: &Rule) -> bool {
    rule.action == Action::Accept
}
