//! `phoenix edit`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use phoenix_core::document::{
    self, Beside, Operation, Operations, Value, json_value, text_or_json,
};
use phoenix_core::present;
use phoenix_core::site::{ChangeOptions, Site};

use crate::exit::{Failure, OK, USAGE};
use crate::output::Output;

/// What `edit` is about.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EditArgs {
    /// The file; a relative path begins in the site's directory, or where you stand if the site has no such file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to do
    #[arg(
        value_enum,
        value_name = "OPERATION",
        required_unless_present = "edits"
    )]
    operation: Option<Verb>,
    /// Where: a JSON pointer (`/rules/0/port`); to insert, where the new value shall stand (`/rules/-` is the end)
    #[arg(value_name = "POINTER", required_unless_present = "edits")]
    pointer: Option<String>,
    /// The new value: JSON, or text where it is no JSON
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    value: Option<String>,
    /// Take VALUE as text even if it looks like a number, true, false or null
    #[arg(long, requires = "value")]
    text: bool,
    /// Read the new value, as JSON, from a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    value_file: Option<PathBuf>,
    /// Insert or move before this member, or the element with this index
    #[arg(long, value_name = "KEY", conflicts_with = "after")]
    before: Option<String>,
    /// Insert or move behind this member, or the element with this index
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
    /// Make several edits as one, from a JSON file of operations; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["operation", "pointer", "value", "value_file", "before", "after"])]
    edits: Option<PathBuf>,
    /// How to read the file, where its name does not say it
    #[arg(long, value_enum, value_name = "NOTATION")]
    format: Option<Notation>,
    /// Show the diff, write nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

/// The operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    /// Replace a value that is there
    Set,
    /// Add a member or an element
    Insert,
    /// Take a member or an element out
    Remove,
    /// Put a member or an element elsewhere in its container
    Move,
}

/// The notations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Notation {
    /// RFC 8259
    Json,
    /// TOML 1
    Toml,
    /// YAML 1.2; templates too, where Jinja stands inside quotes
    Yaml,
}

pub(super) fn run(site: &Site, args: &EditArgs, output: &Output) -> Result<u8, Failure> {
    let format = args.format.map(|format| match format {
        Notation::Json => document::Format::Json,
        Notation::Toml => document::Format::Toml,
        Notation::Yaml => document::Format::Yaml,
    });
    let operations = match &args.edits {
        Some(path) => {
            let (path, bytes) = super::input(path)?;
            Operations::parse(&path, bytes)
                .map_err(phoenix_core::Error::Refused)?
                .0
        }
        None => vec![operation(args)?],
    };
    let options = ChangeOptions {
        dry_run: args.dry_run,
        lock_timeout: Duration::from_secs(args.lock_timeout),
    };
    let report = site.edit(&locate(site, &args.file)?, format, &operations, options)?;
    output.answer(&report, |style| present::change(&report, style))?;
    Ok(OK)
}

/// Which file is meant, from where one stands; beneath `--root` that is nowhere on the copied host.
pub(super) fn locate(site: &Site, file: &Path) -> Result<PathBuf, Failure> {
    let here = match site.paths().root {
        Some(_) => None,
        None => Some(
            std::path::absolute(".")
                .map_err(|error| Failure::io("find the working directory", &error))?,
        ),
    };
    Ok(site.locate(file, here.as_deref())?)
}

fn operation(args: &EditArgs) -> Result<Operation, Failure> {
    let pointer = args.pointer.clone().unwrap_or_default();
    let beside = match (&args.before, &args.after) {
        (Some(key), _) => Some(Beside::Before(key.clone())),
        (None, Some(key)) => Some(Beside::After(key.clone())),
        (None, None) => None,
    };
    let verb = args.operation.unwrap_or(Verb::Set);
    let word = format!("{verb:?}").to_lowercase();
    let takes_value = matches!(verb, Verb::Insert | Verb::Set);
    if !takes_value && (args.value.is_some() || args.value_file.is_some()) {
        return Err(usage(format!("`{word}` takes no value")));
    }
    if matches!(verb, Verb::Remove | Verb::Set) && beside.is_some() {
        return Err(usage(format!(
            "`{word}` takes neither --before nor --after"
        )));
    }
    Ok(match verb {
        Verb::Insert => Operation::Insert {
            pointer,
            value: value(args, &word)?,
            beside,
        },
        Verb::Move => Operation::Move {
            pointer,
            beside: beside.ok_or_else(|| usage("`move` needs --before or --after"))?,
        },
        Verb::Remove => Operation::Remove { pointer },
        Verb::Set => Operation::Set {
            pointer,
            value: value(args, &word)?,
        },
    })
}

fn value(args: &EditArgs, word: &str) -> Result<Value, Failure> {
    let value = match (&args.value, &args.value_file) {
        (Some(text), _) if args.text => Ok(Value::from(text.as_str())),
        (Some(text), _) => text_or_json(text),
        (None, Some(path)) => {
            let (path, bytes) = super::input(path)?;
            json_value(&path, bytes)
        }
        (None, None) => {
            return Err(usage(format!(
                "`{word}` needs a value: VALUE or --value-file"
            )));
        }
    };
    Ok(value.map_err(phoenix_core::Error::Refused)?)
}

fn usage(message: impl Into<String>) -> Failure {
    Failure::new("usage", message, USAGE)
}

const EXAMPLES: &str = "Examples:
  phoenix edit etc/phoenix_vm_configs.json set /vms/0/firewall/rules/3/port '\"2376\"'
  phoenix edit etc/phoenix.toml insert /ca/url https://10.0.0.10:9000 --before root
  phoenix edit etc/certificate-manifest.json move /2 --before 0 --dry-run
  phoenix edit etc/phoenix_lxc_configs.json --edits - <<< '[{\"op\": \"remove\", \"pointer\": \"/102/notes\"},
      {\"op\": \"insert\", \"pointer\": \"/102/tags/-\", \"value\": \"proxy\"}]'

All pointers of one change name places of the file as it stands before it.";
