//! What stands in a script's place.

use std::path::{Path, PathBuf};

use super::catalogue::Script;
use crate::system::FileDigest;

/// What is filled into a shim.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "made from what the site says")]
pub struct Facts<'a> {
    /// The program `phoenix`, where it will be called.
    pub program: &'a Path,
    /// The site.
    pub site: &'a Path,
    /// Variables that every call gets, such as `PHOENIX_SITE` where it is not the usual one.
    pub variables: &'a [(&'static str, String)],
    /// Where the script of before is kept.
    pub kept: &'a Path,
    /// The digest of the script of before.
    pub original: FileDigest,
    /// The CA's root as PEM, for machines that are to trust it; empty where no shim needs it.
    pub root: &'a str,
    /// Further values, by the names that stand between `@` in the shim's text.
    pub values: &'a [(&'static str, String)],
}

/// What a shim says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The script that it stands in for.
    pub name: String,
    /// The digest of the script of before.
    pub original: String,
    /// Whether it is as it was written.
    pub untouched: bool,
}

/// The shim that stands in a script's place.
///
/// `@PROGRAM@` and the other names in its text become words that a shell reads as one.
pub fn render(script: &Script, facts: &Facts<'_>) -> String {
    let word = |text: &str| shell_words::quote(text).into_owned();
    let path = |path: &Path| word(&path.to_string_lossy());
    let kept_name = facts.kept.file_name().unwrap_or_default().to_string_lossy();
    // Variables, so that a flag of the caller's still wins.
    let call = facts
        .variables
        .iter()
        .map(|(name, value)| format!("{name}={} ", word(value)))
        .chain(["\"$program\"".to_owned()])
        .collect::<String>();
    let back = format!("{} scripts restore {}", path(facts.program), script.name);
    let prelude = PRELUDE
        .replace("@PROGRAM@", &path(facts.program))
        .replace("@CALL@", &call);
    let mut text = script
        .shim
        .replace("@PRELUDE@\n", &prelude)
        .replace("@PROGRAM@", &path(facts.program))
        .replace("@CALL@", &call)
        .replace("@SITE@", &path(facts.site))
        .replace("@KEPT@", &path(facts.kept))
        .replace("@ROOT@\n", facts.root);
    for (name, value) in facts.values {
        text = text.replace(&format!("@{name}@"), &word(value));
    }
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let head = format!(
        "{first}\n# Phoenix stands here for `{}`: {}.\n# The script of before is kept beside it as `{kept_name}`; it comes back by\n#   {back}\n",
        script.file_name(),
        script.does,
    );
    let unsigned = format!(
        "{head}{MARK}{} original={} self={BLANK}\n{rest}",
        script.name, facts.original
    );
    let own = FileDigest::of(unsigned.as_bytes()).to_string();
    unsigned.replacen(&format!("self={BLANK}"), &format!("self={own}"), 1)
}

/// What a text says of itself, where it is a shim.
pub fn mark_of(text: &[u8]) -> Option<Marked> {
    let text = std::str::from_utf8(text).ok()?;
    let line = text
        .lines()
        .take(12)
        .find_map(|line| line.strip_prefix(MARK))?;
    let mut words = line.split(' ');
    let name = words.next()?.to_owned();
    let original = words.next()?.strip_prefix("original=")?.to_owned();
    let own = words.next()?.strip_prefix("self=")?;
    let unsigned = text.replacen(&format!("self={own}"), &format!("self={BLANK}"), 1);
    Some(Marked {
        name,
        original,
        untouched: FileDigest::of(unsigned.as_bytes()).to_string() == own,
    })
}

/// Where the script of before is kept: beside it, under a name that neither cron nor a glob of `*.sh` takes.
pub fn kept_beside(path: &Path) -> PathBuf {
    beside(path, KEPT)
}

/// Names beside a path for what would be lost otherwise: `.edited-by-hand`, then `.edited-by-hand-2` and so on.
pub fn turns(path: &Path, ending: &'static str) -> impl Iterator<Item = PathBuf> + use<> {
    let path = path.to_owned();
    (1..100).map(move |turn| match turn {
        1 => beside(&path, ending),
        _ => beside(&path, &format!("{ending}-{turn}")),
    })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

const KEPT: &str = ".before-phoenix";
const MARK: &str = "# phoenix-shim: ";
const BLANK: &str = "-";

/// How every shim begins inside its parentheses: nothing of the caller's options gets in, nothing of ours gets out.
const PRELUDE: &str = r#"    set +eu
    unset IFS
    program=@PROGRAM@
    phoenix() { @CALL@ "$@"; }
    if [ ! -x "$program" ]; then
        echo "phoenix: nothing was done: there is no program at $program" >&2
        exit 1
    fi
"#;
