//! `phoenix certs rollback`.

use std::time::{Duration, SystemTime};

use clap::Args;
use phoenix_core::names::CommonName;
use phoenix_core::present;
use phoenix_core::site::RollbackOptions;

use crate::args::Global;
use crate::exit::Failure;
use crate::output::Output;

/// Which pair comes back.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The certificate, as the manifest has it
    #[arg(value_name = "NAME")]
    name: CommonName,
    /// The version that is brought back; the one served before where none is named
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Bring it back although it has ended, or does not lead to the CA's root
    #[arg(long)]
    force: bool,
    /// Say what would be done, do nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for another run to end, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

pub(super) fn run(args: &RollbackArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let site = super::open(global)?;
    super::known(&site, std::slice::from_ref(&args.name))?;
    let options = RollbackOptions {
        to: args.to.clone(),
        force: args.force,
        dry_run: args.dry_run,
        lock_timeout: Duration::from_secs(args.lock_timeout),
    };
    let report = site.rollback(&args.name, &options, output)?;
    output.answer(&report, |style| {
        present::report(&report, SystemTime::now(), style)
    })?;
    Ok(report.exit_status())
}
