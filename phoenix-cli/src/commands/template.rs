//! `phoenix template`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use phoenix_core::present;
use phoenix_core::site::{ChangeOptions, Site};
use phoenix_core::template::Assignment;

use super::edit::locate;
use crate::exit::{Failure, OK};
use crate::output::Output;

/// Commands about templates.
#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// Set keys of a YAML template; Jinja may stand inside quoted values only
    #[command(after_help = EXAMPLES)]
    Set(SetArgs),
}

/// What `template set` is about.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The template; a relative path begins in the site's directory, or where you stand if the site has no such file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A dotted key and its new value, JSON or text; an empty value removes the key, a quoted one keeps its quotes
    #[arg(value_name = "KEY=VALUE", required = true)]
    assignments: Vec<Assignment>,
    /// Make keys that are not there
    #[arg(long)]
    add: bool,
    /// Show the diff, write nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

pub(super) fn run(site: &Site, command: &TemplateCommand, output: &Output) -> Result<u8, Failure> {
    let TemplateCommand::Set(args) = command;
    let options = ChangeOptions {
        dry_run: args.dry_run,
        lock_timeout: Duration::from_secs(args.lock_timeout),
    };
    let path = locate(site, &args.file)?;
    let report = site.set_in_template(&path, &args.assignments, args.add, options)?;
    output.answer(&report, |style| present::change(&report, style))?;
    Ok(OK)
}

const EXAMPLES: &str = "Examples:
  phoenix template set etc/traefik/traefik.yml.template providers.docker.endpoint=tcp://10.0.0.111:2376
  phoenix template set etc/traefik/traefik.yml.template --add --dry-run providers.docker.tls.ca=/etc/traefik/certs/ca.pem \\
      providers.docker.apiVersion=";
