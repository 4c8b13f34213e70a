//! `phoenix systemd`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use phoenix_core::present;
use phoenix_core::site::{Site, UnitOptions};
use phoenix_core::systemd::{UnitFiles, UnitReport};

use super::{absolute, program};
use crate::args::{Global, ScopeArg};
use crate::exit::{Failure, OK};
use crate::output::Output;

/// Commands about unit files.
#[derive(Debug, Subcommand)]
pub(crate) enum SystemdCommand {
    /// Write the service, its timer and what says that it failed, and start the timer
    #[command(
        after_help = "Examples:\n  phoenix systemd install --dry-run\n  phoenix systemd install --scope certs --instead-of /etc/cron.d/phoenix-cert-renewal"
    )]
    Install {
        #[command(flatten)]
        units: UnitArgs,
        #[command(flatten)]
        act: ActArgs,
    },
    /// Show the unit files; writes nothing
    #[command(
        after_help = "Examples:\n  phoenix systemd print\n  phoenix systemd print --output-format json | jq -r '.[\"phoenix-sync.service\"]'"
    )]
    Print {
        #[command(flatten)]
        units: UnitArgs,
    },
    /// Bring back the cron file that the timer stands for, stop the timer and remove the unit files
    #[command(
        after_help = "Examples:\n  phoenix systemd remove --dry-run\n  phoenix systemd remove"
    )]
    Remove {
        /// Where the unit files lie
        #[arg(long, value_name = "DIR", default_value = UNIT_DIR)]
        dir: PathBuf,
        #[command(flatten)]
        act: ActArgs,
    },
}

/// What the units say.
#[derive(Debug, Args)]
pub(crate) struct UnitArgs {
    /// Which parts of the site the service runs for
    #[arg(long, value_enum, value_name = "SCOPE", default_value_t = ScopeArg::All)]
    scope: ScopeArg,
    /// When it runs, as systemd's `OnCalendar=` takes it
    #[arg(long, value_name = "WHEN", default_value = "hourly")]
    on_calendar: String,
    /// By how many seconds its start is put off at most, at random
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    delay: u64,
    /// A command that is run when it failed, word by word; the journal and a letter to root where none is named
    #[arg(long, value_name = "WORD", num_args = 1.., allow_hyphen_values = true)]
    notify: Vec<String>,
    /// A further directory that it may write, such as one that a hook writes
    #[arg(long, value_name = "DIR")]
    writable: Vec<PathBuf>,
    /// The cron file that goes once the timer runs, and comes back by `remove`
    #[arg(long, value_name = "FILE")]
    instead_of: Option<PathBuf>,
    /// Where the unit files go
    #[arg(long, value_name = "DIR", default_value = UNIT_DIR)]
    dir: PathBuf,
    /// The program that the service runs; this one where none is named
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// How it is done.
#[derive(Debug, Args)]
pub(crate) struct ActArgs {
    /// Only write or remove the files: systemd is not told
    #[arg(long)]
    no_start: bool,
    /// Show what would be done, write nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

pub(super) fn run(
    site: &Site,
    command: &SystemdCommand,
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    match command {
        SystemdCommand::Install { units, act } => {
            let report = site.install_units(&act.on(units.options(global)?))?;
            told(&report, output)?;
        }
        SystemdCommand::Print { units } => {
            let UnitFiles { files, notes } = site.unit_files(&units.options(global)?)?;
            for note in notes {
                output.say(&format!("note: {note}"));
            }
            let map: serde_json::Map<String, serde_json::Value> = files
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.clone().into()))
                .collect();
            output.answer(&map, |_| {
                let parts: Vec<String> = files
                    .iter()
                    .map(|(name, text)| format!("# {name}\n{text}"))
                    .collect();
                parts.join("\n")
            })?;
        }
        SystemdCommand::Remove { dir, act } => {
            let mut options = UnitOptions::new(program(None, global)?);
            options.dir = absolute(global, dir, "--dir")?;
            let report = site.remove_units(&act.on(options))?;
            told(&report, output)?;
        }
    }
    Ok(OK)
}

fn told(report: &UnitReport, output: &Output) -> Result<(), Failure> {
    output.answer(report, |style| present::units(report, style))
}

impl UnitArgs {
    fn options(&self, global: &Global) -> Result<UnitOptions, Failure> {
        let paths = |all: &[PathBuf], flag| {
            let all = all.iter().map(|path| absolute(global, path, flag));
            all.collect::<Result<Vec<PathBuf>, Failure>>()
        };
        Ok(UnitOptions {
            scope: super::scope(self.scope),
            dir: absolute(global, &self.dir, "--dir")?,
            on_calendar: self.on_calendar.clone(),
            delay: Duration::from_secs(self.delay),
            notify: self.notify.clone(),
            writable: paths(&self.writable, "--writable")?,
            instead_of: paths(self.instead_of.as_slice(), "--instead-of")?.pop(),
            ..UnitOptions::new(program(self.program.as_deref(), global)?)
        })
    }
}

impl ActArgs {
    fn on(&self, options: UnitOptions) -> UnitOptions {
        UnitOptions {
            start: !self.no_start,
            dry_run: self.dry_run,
            lock_timeout: Duration::from_secs(self.lock_timeout),
            ..options
        }
    }
}

const UNIT_DIR: &str = "/etc/systemd/system";
