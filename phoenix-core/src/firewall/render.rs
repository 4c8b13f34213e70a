//! The site's rules as Proxmox's files: ours are written anew, every other byte stays.
//!
//! Ours are the rules whose comment ends in `[phx:ID]`: Proxmox keeps comments of rules when its web interface rewrites
//! a file. A file that the old generator wrote has no such rules, and all of its own are taken over.

use std::collections::HashMap;

use aws_lc_rs::digest;

use super::{FwContent, FwFile, Rule, Section};

/// What a file shall say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct Wanted {
    /// Options and their values, in Proxmox's order.
    pub options: Vec<(String, String)>,
    /// Our rules, in order.
    pub rules: Vec<Rule>,
}

/// A file as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rendered {
    /// Its text.
    pub text: String,
    /// Each change in words.
    pub reasons: Vec<String>,
}

/// A rule of ours as it is written.
pub fn our_line(rule: &Rule) -> String {
    let id = digest::digest(&digest::SHA256, rule.to_string().as_bytes());
    let id: String = id.as_ref()[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let comment = match rule.comment.as_deref().map(str::trim) {
        Some(comment) if !comment.is_empty() => format!("{comment} [phx:{id}]"),
        _ => format!("[phx:{id}]"),
    };
    Rule {
        comment: Some(comment),
        ..rule.clone()
    }
    .to_string()
}

/// Whether a rule is one that we wrote, whoever rewrote the file since.
pub fn is_ours(rule: &Rule) -> bool {
    let tag = rule
        .comment
        .as_deref()
        .and_then(|comment| comment.trim_end().strip_suffix(']'))
        .and_then(|comment| comment.rsplit_once("[phx:"));
    tag.is_some_and(|(_, id)| !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Writes what is wanted into a file, or a new one; nothing is lost that is not ours.
pub fn render(existing: Option<&FwFile>, wanted: &Wanted) -> Rendered {
    let lines = existing.map_or_else(Vec::new, lines);
    let generated = existing.is_some_and(is_generated);
    let mut file = Draft {
        lines,
        reasons: Vec::new(),
    };
    file.options(wanted);
    file.rules(wanted, generated);
    let mut text: String = file.lines.iter().map(|line| line.text.as_str()).collect();
    if file.lines.last().is_some_and(|line| line.unended) {
        text.pop();
    }
    Rendered {
        text,
        reasons: file.reasons,
    }
}

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

/// Whether the old generator wrote the whole file: its options, a blank line, rules, and nothing else.
fn is_generated(file: &FwFile) -> bool {
    let mut headers = file.lines().iter().filter_map(|line| match &line.content {
        FwContent::Header(section) => Some(section),
        _ => None,
    });
    let shape = headers.next() == Some(&Section::Options)
        && headers.next() == Some(&Section::Rules)
        && headers.next().is_none();
    // It put the first option right behind the header, which Proxmox itself never does, and wrote no comments.
    let tight = file.lines().get(1).is_some_and(
        |line| matches!(&line.content, FwContent::Option { name, .. } if name == "enable"),
    );
    let plain = file.lines().iter().all(|line| match &line.content {
        FwContent::Comment | FwContent::Bad => false,
        FwContent::Rule(rule) => !is_ours(rule),
        FwContent::Option { name, .. } => {
            ["enable", "policy_in", "policy_out"].contains(&name.as_str())
        }
        _ => true,
    });
    shape && tight && plain
}

struct Draft {
    lines: Vec<Line>,
    reasons: Vec<String>,
}

impl Draft {
    fn options(&mut self, wanted: &Wanted) {
        for (name, value) in &wanted.options {
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

    fn rules(&mut self, wanted: &Wanted, generated: bool) {
        let new: Vec<String> = wanted
            .rules
            .iter()
            .map(|rule| our_line(rule) + "\n")
            .collect();
        let first_time = !self
            .lines
            .iter()
            .any(|line| matches!(&line.content, FwContent::Rule(rule) if is_ours(rule)));
        // Which lines are ours now, and which we take over.
        let mut ours = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let (FwContent::Rule(rule), Some(Section::Rules)) = (&line.content, &line.section)
            else {
                continue;
            };
            let like = |other: &Rule| other.same_but_comment(rule);
            let adopted = first_time && (generated || wanted.rules.iter().any(like));
            if is_ours(rule) || adopted {
                ours.push(at);
                if !is_ours(rule) {
                    self.reasons
                        .push(format!("taken over: {}", line.text.trim_end()));
                }
            }
        }
        if new.is_empty() && ours.is_empty() {
            return;
        }
        let kept = matches(
            &ours
                .iter()
                .map(|at| self.lines[*at].text.as_str())
                .collect::<Vec<_>>(),
            &new,
        );
        // Where lines that are kept stand, the new ones come before or behind them.
        let end = match ours.last() {
            Some(last) => last + 1,
            None => self.section_end(&Section::Rules, self.lines.len()),
        };
        let mut after: Vec<Line> = Vec::with_capacity(self.lines.len() + new.len());
        let mut next = 0;
        let mut at_ours = 0;
        let line = |text: &str| Line {
            text: text.to_owned(),
            content: FwContent::Blank,
            section: Some(Section::Rules),
            unended: false,
        };
        for (at, old) in std::mem::take(&mut self.lines).into_iter().enumerate() {
            if at == end {
                Self::add(&mut after, &new[next..], &mut self.reasons, line);
                next = new.len();
            }
            if ours.get(at_ours) != Some(&at) {
                after.push(old);
                continue;
            }
            let kept_as = kept[at_ours];
            at_ours += 1;
            if let Some(wanted) = kept_as {
                Self::add(&mut after, &new[next..wanted], &mut self.reasons, line);
                next = wanted + 1;
                after.push(old);
            } else {
                self.reasons.push(format!("goes: {}", old.text.trim_end()));
            }
        }
        Self::add(&mut after, &new[next..], &mut self.reasons, line);
        self.lines = after;
    }

    fn add(
        after: &mut Vec<Line>,
        new: &[String],
        reasons: &mut Vec<String>,
        line: impl Fn(&str) -> Line,
    ) {
        for text in new {
            reasons.push(format!("new: {}", text.trim_end()));
            after.push(line(text));
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
        let mut at = match section {
            Section::Options => 0,
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
fn matches(old: &[&str], new: &[String]) -> Vec<Option<usize>> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, text) in new.iter().enumerate().rev() {
        places.entry(text).or_default().push(index);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::FwKind;

    fn parse(text: &str) -> FwFile {
        FwFile::parse("x.fw".as_ref(), text.into(), FwKind::Guest).unwrap()
    }

    fn rules(lines: &[&str]) -> Vec<Rule> {
        let file = parse(&format!("[RULES]\n{}\n", lines.join("\n")));
        assert!(file.faults().is_empty(), "{}", file.faults());
        file.config()
            .rules
            .into_iter()
            .map(|rule| rule.rule)
            .collect()
    }

    fn wanted(lines: &[&str]) -> Wanted {
        Wanted {
            options: vec![("enable".to_owned(), "1".to_owned())],
            rules: rules(lines),
        }
    }

    fn rendered(existing: Option<&str>, wanted: &Wanted) -> String {
        let file = existing.map(parse);
        let text = render(file.as_ref(), wanted).text;
        let again = render(Some(&parse(&text)), wanted);
        assert_eq!(again.text, text);
        assert_eq!(again.reasons, [""; 0]);
        text
    }

    /// The ids left out, which are digests.
    fn untagged(text: &str) -> String {
        text.lines()
            .map(
                |line| match line.split_once(" [phx:").or(line.split_once("[phx:")) {
                    Some((rule, _)) => format!("{} *\n", rule.trim_end()),
                    None => format!("{line}\n"),
                },
            )
            .collect()
    }

    const SSH: &str = "IN ACCEPT -p tcp -dport 22 # ssh (all): yes";
    const WEB: &str = "IN ACCEPT -source 10.0.0.12 -p tcp -dport 80,443";
    const OUT: &str = "OUT DROP -p udp";

    #[test]
    fn a_new_file_is_written_as_proxmox_writes_it() {
        let text = rendered(None, &wanted(&[SSH, WEB]));
        assert_eq!(
            untagged(&text),
            format!("[OPTIONS]\n\nenable: 1\n\n[RULES]\n\n{SSH} *\n{WEB} # *\n")
        );
        assert!(
            parse(&text)
                .config()
                .rules
                .iter()
                .all(|rule| is_ours(&rule.rule))
        );
    }

    #[test]
    fn what_is_not_ours_keeps_every_byte() {
        let by_hand = "# mine\n[OPTIONS]\n\nenable: 0\ndhcp: 1\n\n[IPSET x1]\n\n10.0.0.1 # a\n\n[RULES]\n\n# first\nIN  ACCEPT -p tcp -dport 99\njunk\n\n";
        let text = rendered(Some(by_hand), &wanted(&[SSH]));
        assert_eq!(
            untagged(&text),
            by_hand
                .replace("enable: 0", "enable: 1")
                .replace("junk\n", &format!("junk\n{SSH} *\n"))
        );
        // A second site's wish changes only ours, wherever the web interface put them.
        let moved = rendered(Some(&text), &wanted(&[WEB, SSH, OUT]));
        assert_eq!(
            untagged(&moved),
            untagged(&text).replace(
                &format!("{SSH} *\n"),
                &format!("{WEB} # *\n{SSH} *\n{OUT} # *\n")
            )
        );
        let gone = rendered(Some(&moved), &wanted(&[]));
        assert_eq!(gone, by_hand.replace("enable: 0", "enable: 1"));
    }

    #[test]
    fn a_file_of_the_old_generator_is_taken_over_whole() {
        let old = "[OPTIONS]\nenable: 1\n\n[RULES]\nIN ACCEPT -p tcp -dport 2375 # Docker\nIN ACCEPT -p tcp -dport 22 # ssh\n";
        let text = rendered(Some(old), &wanted(&[SSH]));
        assert_eq!(
            untagged(&text),
            format!("[OPTIONS]\nenable: 1\n\n[RULES]\n{SSH} *\n")
        );
        // In a file that somebody wrote, only what we would write anyway is ours.
        let by_hand = old.replace("[RULES]", "# by hand\n[RULES]");
        let text = rendered(Some(&by_hand), &wanted(&[SSH]));
        assert!(
            text.contains("dport 2375") && text.matches("dport 22 ").count() == 1,
            "{text}"
        );
        let reasons = render(Some(&parse(old)), &wanted(&[SSH])).reasons;
        assert_eq!(
            reasons
                .iter()
                .filter(|r| r.starts_with("taken over: "))
                .count(),
            2
        );
    }

    #[test]
    fn rules_edited_by_hand_come_back_as_they_shall_be() {
        let text = rendered(None, &wanted(&[SSH, WEB]));
        let edited = text.replace("-dport 22", "-dport 2222");
        assert_eq!(rendered(Some(&edited), &wanted(&[SSH, WEB])), text);
    }

    #[test]
    fn missing_sections_are_made_where_they_belong() {
        let file = FwFile::parse(
            "cluster.fw".as_ref(),
            b"[group web]\n\nIN ACCEPT -p tcp -dport 80\n".to_vec(),
            FwKind::Cluster,
        )
        .unwrap();
        let text = render(Some(&file), &wanted(&[SSH])).text;
        assert_eq!(
            untagged(&text),
            format!(
                "[OPTIONS]\n\nenable: 1\n\n[RULES]\n\n{SSH} *\n\n[group web]\n\nIN ACCEPT -p tcp -dport 80\n"
            )
        );
        let as_it_was = "[OPTIONS]\nenable: 1";
        assert_eq!(rendered(Some(as_it_was), &wanted(&[])), as_it_was);
        let text = rendered(Some(as_it_was), &wanted(&[SSH]));
        assert_eq!(
            untagged(&text),
            format!("[OPTIONS]\nenable: 1\n\n[RULES]\n\n{SSH} *\n")
        );
    }
}
