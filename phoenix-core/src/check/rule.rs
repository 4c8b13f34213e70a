//! A rule of `check` as data, and how rules are chosen.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Serialize;

use super::table;
use crate::diagnostic::{Severity, nearest};

/// A rule of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rule {
    /// Its code, `PX001` and up; never used for another rule.
    pub code: &'static str,
    /// Its name, in kebab case.
    pub name: &'static str,
    /// How bad what it finds is.
    pub severity: Severity,
    /// What it finds, in a few words.
    pub summary: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do about it.
    pub mend: &'static str,
    /// A piece of a file that is right, and what the rule finds in its place.
    pub example: Example,
    /// What it asks beside the site's files.
    pub needs: Needs,
    /// The steps of a plan that are not begun while it finds something; mostly none.
    pub blocks: &'static [Blocks],
    /// Whether `--fix` repairs it, at least where that is safe.
    pub fixable: bool,
}

/// A rule's example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Example {
    /// The file, below the site; or what is looked at beside it.
    pub file: &'static str,
    /// As it should be.
    pub good: &'static str,
    /// As the rule finds it.
    pub bad: &'static str,
}

/// What a rule asks beside the site's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Needs {
    /// The site's files alone.
    Site,
    /// Other files of the host.
    Host,
    /// What guests told the last run, or tell now with `--online`.
    Guests,
    /// What the CA tells with `--online`.
    Ca,
}

impl Needs {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Site => "the site's files",
            Self::Host => "files of the host",
            Self::Guests => "what guests told the last run, or tell with `--online`",
            Self::Ca => "what the CA tells with `--online`",
        }
    }
}

/// Steps of a plan that a finding stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Blocks {
    /// Docker's configuration and its restart.
    ConfigureDocker,
    /// Traefik's static file.
    ConfigureTraefik,
}

impl Blocks {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigureDocker => "configure docker",
            Self::ConfigureTraefik => "configure traefik",
        }
    }
}

/// Every rule, by code.
pub fn rules() -> &'static [&'static Rule] {
    static ALL: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
        let mut all: Vec<&'static Rule> = table::TABLES.iter().copied().flatten().collect();
        all.sort_unstable_by_key(|rule| rule.code);
        all
    });
    &ALL
}

/// The rule of this code or name.
///
/// # Errors
/// When there is none; the nearest known is named.
pub fn rule(word: &str) -> Result<&'static Rule, UnknownRule> {
    let is_it = |rule: &&&'static Rule| {
        rule.code.eq_ignore_ascii_case(word) || rule.name.eq_ignore_ascii_case(word)
    };
    rules()
        .iter()
        .find(is_it)
        .copied()
        .ok_or_else(|| UnknownRule::new(word))
}

/// A word that is the code, the beginning of codes, or the name of no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found no rule `{found}`, expected a code such as `PX001`, the beginning of codes such as `PX02`, or a name{}", like.map(|like| format!(": did you mean `{like}`?")).unwrap_or_default())]
pub struct UnknownRule {
    found: String,
    like: Option<&'static str>,
}

impl UnknownRule {
    fn new(found: &str) -> Self {
        let words = rules().iter().flat_map(|rule| [rule.name, rule.code]);
        Self {
            found: found.to_owned(),
            like: nearest(found, words),
        }
    }
}

/// Rules by code, by the beginning of their codes, or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSelector(String);

impl FromStr for RuleSelector {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        let code = text.to_ascii_uppercase();
        if !code.is_empty() && rules().iter().any(|rule| rule.code.starts_with(&code)) {
            return Ok(Self(code));
        }
        rule(text).map(|rule| Self(rule.code.to_owned()))
    }
}

impl fmt::Display for RuleSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which rules count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "two lists that an operator states"
)]
pub struct Selection {
    /// Only these; all when empty.
    pub select: Vec<RuleSelector>,
    /// Not these. Of a code selected and ignored the longer word counts, of equal ones the ignored.
    pub ignore: Vec<RuleSelector>,
}

impl Selection {
    /// Whether this code counts; what a reader found has no rule and always does.
    pub fn includes(&self, code: &str) -> bool {
        if !code.starts_with("PX") {
            return true;
        }
        let longest = |list: &[RuleSelector]| {
            let fitting = list.iter().filter(|word| code.starts_with(&word.0));
            fitting.map(|word| word.0.len()).max()
        };
        let selected = if self.select.is_empty() {
            Some(0)
        } else {
            longest(&self.select)
        };
        selected
            .is_some_and(|selected| longest(&self.ignore).is_none_or(|ignored| selected > ignored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(select: &[&str], ignore: &[&str]) -> Selection {
        let read = |words: &[&str]| words.iter().map(|word| word.parse().unwrap()).collect();
        Selection {
            select: read(select),
            ignore: read(ignore),
        }
    }

    #[test]
    fn the_longer_word_counts_and_of_equal_ones_the_ignored() {
        let all = selection(&[], &[]);
        assert!(all.includes("PX001") && all.includes("json-syntax"));
        let some = selection(&["px00"], &["PX001", "rule-twice"]);
        assert!(some.includes("PX002") && !some.includes("PX001") && !some.includes("PX009"));
        assert!(!some.includes("PX012") && some.includes("json-syntax"));
        let back = selection(&["PX001"], &["PX00"]);
        assert!(back.includes("PX001") && !back.includes("PX002"));
        assert!(!selection(&["PX001"], &["PX001"]).includes("PX001"));
    }

    #[test]
    fn an_unknown_word_names_the_nearest() {
        let error = "rule-twise"
            .parse::<RuleSelector>()
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("did you mean `rule-twice`?"), "{error}");
        for word in ["PX999", "", "PY", "X001"] {
            assert!(word.parse::<RuleSelector>().is_err(), "{word}");
        }
        assert_eq!(rule("px009").unwrap().name, "rule-twice");
    }

    #[test]
    fn codes_and_names_are_used_once_and_every_text_is_there() {
        let mut names: Vec<&str> = rules().iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(rules().windows(2).all(|pair| pair[0].code < pair[1].code));
        for rule in rules() {
            let code = rule.code.strip_prefix("PX").unwrap();
            assert!(code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()));
            for sentence in [rule.why, rule.mend] {
                assert!(sentence.ends_with('.'), "{}: {sentence}", rule.code);
            }
            assert!(!rule.summary.ends_with('.') && rule.example.good != rule.example.bad);
        }
    }
}
