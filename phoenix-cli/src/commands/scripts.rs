//! `phoenix scripts`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use phoenix_core::present;
use phoenix_core::scripts::{Script, ScriptReport};
use phoenix_core::site::{ScriptOptions, Site};

use super::{absolute, program};
use crate::args::Global;
use crate::exit::{Failure, OK, USAGE};
use crate::output::Output;

/// Commands about the old scripts.
#[derive(Debug, Subcommand)]
pub(crate) enum ScriptsCommand {
    /// Show what differs between a script and what stands, or would stand, in its place
    #[command(
        after_help = "Examples:\n  phoenix scripts diff certificate-renewal-manager\n  phoenix scripts diff phoenix | less"
    )]
    Diff {
        /// The script: its name, with or without `.sh`, or its path
        #[arg(value_name = "NAME", value_parser = named)]
        name: Named,
        #[command(flatten)]
        place: Place,
    },
    /// Show every script that Phoenix can stand in for: where it lies, how it stands, who calls it and how
    #[command(
        after_help = "Examples:\n  phoenix scripts list\n  phoenix scripts list --output-format json | jq -r '.[] | select(.state == \"original\") | .name'"
    )]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Put Phoenix in the place of scripts; each is kept beside it
    #[command(
        after_help = "Examples:\n  phoenix scripts replace certificate-renewal-manager --dry-run\n  phoenix scripts replace hypervisor_feature_setup_auto_renewal hypervisor_feature_setup_firewall"
    )]
    Replace(MoveArgs),
    /// Bring scripts back as they were, byte for byte
    #[command(
        after_help = "Examples:\n  phoenix scripts restore certificate-renewal-manager\n  phoenix scripts restore phoenix --dry-run"
    )]
    Restore(MoveArgs),
}

/// What stands in a script's place, and where that is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Where the script lies, where that is not its usual place
    #[arg(long, value_name = "FILE")]
    at: Option<PathBuf>,
    /// The program that is called in its place; this one where none is named
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Which scripts, and how.
#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// The scripts: their names, with or without `.sh`, or their paths
    #[arg(value_name = "NAME", required = true, value_parser = named)]
    names: Vec<Named>,
    #[command(flatten)]
    place: Place,
    /// Show what would be done, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on where somebody changed something meanwhile; what lay in the way is put aside
    #[arg(long)]
    force: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

/// A script, and the path by which it was named.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    script: &'static Script,
    path: Option<PathBuf>,
}

fn named(word: &str) -> Result<Named, String> {
    let script = Script::find(word).map_err(|error| match error.near {
        Some(near) => format!("{error}; did you mean `{near}`?"),
        None => error.to_string(),
    })?;
    let path = word.contains('/').then(|| PathBuf::from(word));
    Ok(Named { script, path })
}

impl Named {
    /// Where it lies, where its path is another than the usual one.
    fn elsewhere(&self, site: &Site, global: &Global) -> Result<Option<PathBuf>, Failure> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        let usual = self.script.path(&site.paths().site);
        if site.paths().site.join("bin").join(path) == usual {
            return Ok(None);
        }
        let path = absolute(global, path, "NAME")?;
        Ok(Some(path).filter(|path| *path != usual))
    }
}

pub(super) fn run(
    site: &Site,
    command: &ScriptsCommand,
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    match command {
        ScriptsCommand::Diff { name, place } => {
            let found = site.script_diff(
                name.script,
                &place.options_for(std::slice::from_ref(name), site, global)?,
            )?;
            output.answer(&found, |style| present::script_diff(&found, style))?;
        }
        ScriptsCommand::List { place } => {
            let all = site.scripts(&place.options(global)?)?;
            output.answer(&all, |style| present::scripts(&all, style))?;
        }
        ScriptsCommand::Replace(args) => {
            let report = site.replace_scripts(&args.scripts(), &args.options(site, global)?)?;
            moved(&report, output)?;
        }
        ScriptsCommand::Restore(args) => {
            let report = site.restore_scripts(&args.scripts(), &args.options(site, global)?)?;
            moved(&report, output)?;
        }
    }
    Ok(OK)
}

fn moved(report: &ScriptReport, output: &Output) -> Result<(), Failure> {
    output.answer(report, |style| present::scripts_moved(report, style))
}

impl Place {
    /// A path that is not the usual one says where the script lies.
    fn options_for(
        &self,
        names: &[Named],
        site: &Site,
        global: &Global,
    ) -> Result<ScriptOptions, Failure> {
        let mut options = self.options(global)?;
        for name in names {
            let Some(path) = name.elsewhere(site, global)? else {
                continue;
            };
            if names.len() > 1 || options.at.as_ref().is_some_and(|at| *at != path) {
                let message = format!(
                    "{} is not the usual place of `{}`; name one script with its place at a time",
                    path.display(),
                    name.script.name
                );
                return Err(Failure::new("usage", message, USAGE));
            }
            options.at = Some(path);
        }
        Ok(options)
    }

    fn options(&self, global: &Global) -> Result<ScriptOptions, Failure> {
        let program = program(self.program.as_deref(), global)?;
        let at = self.at.as_ref();
        let at = at.map(|path| absolute(global, path, "--at")).transpose()?;
        Ok(ScriptOptions {
            at,
            ..ScriptOptions::new(program)
        })
    }
}

impl MoveArgs {
    fn scripts(&self) -> Vec<&'static Script> {
        self.names.iter().map(|name| name.script).collect()
    }

    fn options(&self, site: &Site, global: &Global) -> Result<ScriptOptions, Failure> {
        Ok(ScriptOptions {
            dry_run: self.dry_run,
            force: self.force,
            lock_timeout: Duration::from_secs(self.lock_timeout),
            ..self.place.options_for(&self.names, site, global)?
        })
    }
}
