//! `phoenix certs deploy` and `phoenix hook run`: single stages for one certificate.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use phoenix_core::names::CommonName;
use phoenix_core::present;
use phoenix_core::report::Report;
use phoenix_core::site::{DeployOptions, GivenPair, PemSource, Site, SyncOptions};

use crate::args::Global;
use crate::exit::{Failure, USAGE};
use crate::output::Output;
use crate::secret_input::SecretInput;

/// A pair that is put in its places.
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// The certificate, as the manifest has it
    #[arg(value_name = "NAME")]
    name: CommonName,
    /// Its chain, leaf first; `-` for standard input
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// Its key: a file, or `fd:N`
    #[arg(long, value_name = "FILE|fd:N")]
    key: SecretInput,
    /// Run its hook and look at what is served; else both are left on record
    #[arg(long)]
    hooks: bool,
    /// Deploy it although it is not what the manifest asks for, or does not lead to the CA's root
    #[arg(long)]
    force: bool,
    /// Say what would be done, do nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

/// Commands about hooks.
#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Run a certificate's hook now, and strike it out of what is pending when it succeeds
    #[command(
        after_help = "Examples:\n  phoenix hook run nginx.internal.example\n  phoenix hook run nginx.internal.example --dry-run"
    )]
    Run {
        /// The certificate, as the manifest has it
        #[arg(value_name = "NAME")]
        name: CommonName,
        /// Say what would be done, do nothing
        #[arg(long)]
        dry_run: bool,
        /// How long to wait for another run to end
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        lock_timeout: u64,
    },
}

pub(super) fn deploy(args: &DeployArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let site = super::open(global)?;
    super::known(&site, std::slice::from_ref(&args.name))?;
    let chain = if args.cert == Path::new("-") {
        if args.key == SecretInput::Descriptor(0) {
            let message = "certificate and key cannot both come from standard input";
            return Err(Failure::new("usage", message, USAGE));
        }
        PemSource::Text(super::input(&args.cert)?.1)
    } else {
        PemSource::File(super::absolute(global, &args.cert, "--cert")?)
    };
    let pair = GivenPair {
        chain,
        key: args.key.source(global, &site, "key", output.stop())?,
    };
    let options = DeployOptions {
        hooks: args.hooks,
        force: args.force,
        dry_run: args.dry_run,
    };
    let sync = waiting(args.lock_timeout);
    let report = site.deploy_given(&args.name, &pair, options, &sync, output)?;
    answer(&report, output)
}

pub(super) fn hook(site: &Site, command: &HookCommand, output: &Output) -> Result<u8, Failure> {
    let HookCommand::Run {
        name,
        dry_run,
        lock_timeout,
    } = command;
    super::known(site, std::slice::from_ref(name))?;
    let report = site.run_hook(name, *dry_run, &waiting(*lock_timeout), output)?;
    answer(&report, output)
}

fn waiting(seconds: u64) -> SyncOptions {
    SyncOptions {
        lock_timeout: Duration::from_secs(seconds),
        ..SyncOptions::default()
    }
}

fn answer(report: &Report, output: &Output) -> Result<u8, Failure> {
    output.answer(report, |style| {
        present::report(report, SystemTime::now(), style)
    })?;
    Ok(report.exit_status())
}
