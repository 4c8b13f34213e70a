//! `phoenix check`.

use std::time::Duration;

use phoenix_core::check::{Selection, rule, rules};
use phoenix_core::diagnostic::Style;
use phoenix_core::present;
use phoenix_core::site::{ChangeOptions, CheckOptions, Checked, Site};

use super::absolute;
use crate::args::{CheckArgs, Format, Global};
use crate::exit::{FAILED, Failure, OK, USAGE};
use crate::output::Output;

pub(super) fn run(
    site: impl Fn() -> Result<Site, Failure>,
    args: &CheckArgs,
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    if let Some(word) = &args.explain {
        let rule = rule(word).map_err(|error| Failure::new("usage", error.to_string(), USAGE))?;
        output.answer(rule, |_| present::rule(rule))?;
        return Ok(OK);
    }
    if args.list {
        output.answer(rules(), |_| present::check_rules(rules()))?;
        return Ok(OK);
    }
    let options = CheckOptions {
        selection: Selection {
            select: args.select.clone(),
            ignore: args.ignore.clone(),
        },
        online: args.online,
        baseline: match &args.baseline {
            Some(path) => Some(absolute(global, path, "--baseline")?),
            None => None,
        },
    };
    let site = site()?;
    if let Some(path) = &args.write_baseline {
        let path = absolute(global, path, "--write-baseline")?;
        let count = site.write_baseline(&options, &path)?;
        output.say(&format!("{} findings written to {}", count, path.display()));
        return Ok(OK);
    }
    if !args.fix {
        let checked = site.check(&options)?;
        output.answer(&checked.findings, |style| shown(&checked, global, style))?;
        return Ok(status(&checked, output));
    }
    let change = ChangeOptions {
        dry_run: args.dry_run,
        lock_timeout: Duration::from_secs(args.lock_timeout),
    };
    let (report, checked) = site.check_fix(&options, change)?;
    let answer = serde_json::json!({ "change": report, "findings": checked.findings });
    output.answer(&answer, |style| {
        if global.output_format == Format::Github {
            return shown(&checked, global, style);
        }
        let mut text = present::change(&report, style);
        if !args.dry_run {
            text.push('\n');
            text.push_str(&shown(&checked, global, style));
        }
        text
    })?;
    Ok(status(&checked, output))
}

fn shown(checked: &Checked, global: &Global, style: Style) -> String {
    if global.output_format == Format::Github {
        let directory = std::env::current_dir().unwrap_or_default();
        return present::findings_github(&checked.findings, &directory);
    }
    present::findings(&checked.findings, style)
}

/// Severity alone decides.
fn status(checked: &Checked, output: &Output) -> u8 {
    for note in &checked.notes {
        output.say(note);
    }
    if checked.findings.has_errors() {
        FAILED
    } else {
        OK
    }
}
