//! `phoenix template`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use phoenix_core::document::Format;
use phoenix_core::present;
use phoenix_core::site::{ChangeOptions, RenderOptions, Site};
use phoenix_core::template::{Assignment, Context};

use super::edit::locate;
use crate::exit::{FAILED, Failure, OK};
use crate::output::Output;

/// Commands about templates.
#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// Render a template with the names that the site defines; to the terminal, or into a file
    #[command(after_help = RENDER_EXAMPLES)]
    Render(RenderArgs),
    /// Set keys of a YAML template; Jinja may stand inside quoted values only
    #[command(after_help = EXAMPLES)]
    Set(SetArgs),
    /// List the names that a template uses, where each value comes from, and what is missing; without a file, all names
    /// that there are
    #[command(
        after_help = "Examples:\n  phoenix template vars\n  phoenix template vars etc/traefik/traefik.yml.template"
    )]
    Vars(VarsArgs),
}

/// What `template render` is about.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The template; a relative path begins in the site's directory, or where you stand if the site has no such file
    #[arg(value_name = "FILE", required_unless_present = "routes")]
    file: Option<PathBuf>,
    /// Traefik's dynamic file instead of a template's text: a route for each guest that says `traefik_service`
    #[arg(long, conflicts_with_all = ["file", "set", "format"])]
    routes: bool,
    /// A value beside the site's own, JSON or text
    #[arg(long, value_name = "NAME=VALUE", value_parser = given)]
    set: Vec<(String, serde_json::Value)>,
    /// Replace this file with the text, and show the diff; its mode and owner stay
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What the text must be; by the file's ending otherwise
    #[arg(long, value_name = "FORMAT")]
    format: Option<OutputAs>,
    /// Show the diff, write nothing
    #[arg(long, requires = "out")]
    dry_run: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

/// What `template vars` is about.
#[derive(Debug, Args)]
pub(crate) struct VarsArgs {
    /// The template
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// A value beside the site's own, JSON or text
    #[arg(long, value_name = "NAME=VALUE", value_parser = given, requires = "file")]
    set: Vec<(String, serde_json::Value)>,
}

/// The notations that are read before they are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OutputAs {
    /// JSON
    Json,
    /// TOML
    Toml,
    /// YAML
    Yaml,
}

fn given(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("found `{text}`, expected NAME=VALUE"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
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
    match command {
        TemplateCommand::Render(args) => render(site, args, output),
        TemplateCommand::Set(args) => set(site, args, output),
        TemplateCommand::Vars(args) => vars(site, args, output),
    }
}

fn render(site: &Site, args: &RenderArgs, output: &Output) -> Result<u8, Failure> {
    let options = RenderOptions {
        out: match &args.out {
            None => None,
            Some(out) => Some(
                std::path::absolute(out)
                    .map_err(|error| Failure::io("find the working directory", &error))?,
            ),
        },
        format: args.format.map(|format| match format {
            OutputAs::Json => Format::Json,
            OutputAs::Toml => Format::Toml,
            OutputAs::Yaml => Format::Yaml,
        }),
        set: args.set.iter().cloned().collect(),
        change: ChangeOptions {
            dry_run: args.dry_run,
            lock_timeout: Duration::from_secs(args.lock_timeout),
        },
    };
    let report = match &args.file {
        Some(file) => site.render_template(&locate(site, file)?, &options)?,
        None => site.render_routes(&options)?,
    };
    output.answer(&report, |style| match &report.text {
        Some(text) => text.clone(),
        None => present::change(&report.change, style),
    })?;
    Ok(OK)
}

fn set(site: &Site, args: &SetArgs, output: &Output) -> Result<u8, Failure> {
    let options = ChangeOptions {
        dry_run: args.dry_run,
        lock_timeout: Duration::from_secs(args.lock_timeout),
    };
    let path = locate(site, &args.file)?;
    let report = site.set_in_template(&path, &args.assignments, args.add, options)?;
    output.answer(&report, |style| present::change(&report, style))?;
    Ok(OK)
}

fn vars(site: &Site, args: &VarsArgs, output: &Output) -> Result<u8, Failure> {
    let Some(file) = &args.file else {
        let names = site.template_names()?;
        output.answer(&names, |_| present::names(&names))?;
        return Ok(OK);
    };
    let set: Context = args.set.iter().cloned().collect();
    let found = site.template_variables(&locate(site, file)?, &set)?;
    output.answer(&found, |_| present::variables(&found))?;
    let missing = found.iter().any(|variable| variable.value.is_none());
    Ok(if missing { FAILED } else { OK })
}

const RENDER_EXAMPLES: &str = "Examples:
  phoenix template render etc/traefik/traefik.yml.template
  phoenix template render unit.service.j2 --set user=traefik --out /etc/systemd/system/traefik.service --dry-run";

const EXAMPLES: &str = "Examples:
  phoenix template set etc/traefik/traefik.yml.template providers.docker.endpoint=tcp://10.0.0.111:2376
  phoenix template set etc/traefik/traefik.yml.template --add --dry-run providers.docker.tls.ca=/etc/traefik/certs/ca.pem \\
      providers.docker.apiVersion=";
