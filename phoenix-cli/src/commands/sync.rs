//! `phoenix sync`.

use std::time::{Duration, SystemTime};

use phoenix_core::plan::Policy;
use phoenix_core::present;
use phoenix_core::site::{Site, SyncOptions};

use crate::args::SyncArgs;
use crate::exit::Failure;
use crate::output::Output;

pub(super) fn run(site: &Site, args: &SyncArgs, output: &Output) -> Result<u8, Failure> {
    super::known(site, &args.names)?;
    let options = SyncOptions {
        scope: super::scope(args.scope),
        policy: Policy {
            force: args.force,
            only: args.names.clone(),
            unattended: args.unattended,
            ..Policy::default()
        },
        dry_run: args.dry_run,
        lock_timeout: Duration::from_secs(args.lock_timeout),
        deadline: args.deadline.map(Duration::from_secs),
    };
    let report = site.sync(&options, output)?;
    if args.unattended && report.ok() && report.changes_done() == 0 {
        return Ok(report.exit_status());
    }
    output.answer(&report, |style| {
        present::report(&report, SystemTime::now(), style)
    })?;
    Ok(report.exit_status())
}
