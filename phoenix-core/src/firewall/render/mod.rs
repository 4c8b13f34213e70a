//! The site's rules as Proxmox's files: ours are written anew, every other byte stays.
//!
//! Ours are the rules whose comment ends in `[phx:ID]`: Proxmox keeps comments of rules when its web interface rewrites
//! a file. A file that the old generator wrote has no such rules, and all of its own are taken over.

mod draft;
#[cfg(test)]
mod tests;

use aws_lc_rs::digest;

use super::{FwContent, FwFile, Rule, Section};
use draft::Draft;

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
    let mut file = Draft::of(existing);
    file.options(&wanted.options);
    let generated = existing.is_some_and(is_generated);
    file.rules(&wanted.rules, generated, Phase::Last);
    file.finish()
}

/// Only opens: what is wanted and admits comes, what is not wanted and refuses goes, all else of ours stays as it is.
///
/// The file then admits all that it did, and all that [`render`] will make it admit.
pub fn open(existing: &FwFile, wanted: &Wanted) -> Rendered {
    let mut file = Draft::of(Some(existing));
    let loosening = wanted.options.iter().filter(|(name, value)| {
        let open = if name == "enable" { "0" } else { "ACCEPT" };
        value.eq_ignore_ascii_case(open)
    });
    file.options(&loosening.cloned().collect::<Vec<_>>());
    file.rules(&wanted.rules, is_generated(existing), Phase::Opening);
    let opened = file.finish();
    // That rules are taken over opens nothing.
    if opened.reasons.is_empty() {
        return Rendered {
            text: existing.text().to_owned(),
            reasons: Vec::new(),
        };
    }
    opened
}

/// How far a change of a file may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// All that is wanted, and nothing else of ours.
    Last,
    /// Only what opens.
    Opening,
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
