//! `phoenix plan`.

use phoenix_core::plan::Policy;
use phoenix_core::present;
use phoenix_core::site::{Site, SyncOptions};

use crate::args::PlanArgs;
use crate::exit::{FAILED, Failure, OK};
use crate::output::Output;

pub(super) fn run(site: &Site, args: &PlanArgs, output: &Output) -> Result<u8, Failure> {
    super::known(site, &args.names)?;
    let plan = site.plan(&SyncOptions {
        scope: super::scope(args.scope),
        policy: Policy {
            force: args.force,
            only: args.names.clone(),
            ..Policy::default()
        },
        ..SyncOptions::default()
    })?;
    output.answer(&plan, |style| present::plan(&plan, style))?;
    Ok(if args.check && plan.has_work() {
        FAILED
    } else {
        OK
    })
}
