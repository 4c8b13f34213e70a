//! `phoenix pending`.

use std::time::{Duration, SystemTime};

use phoenix_core::present;
use phoenix_core::report::Pending;
use phoenix_core::site::Site;
use phoenix_core::store::PendingItem;

use crate::args::PendingCommand;
use crate::exit::{Failure, OK};
use crate::output::Output;

pub(super) fn run(site: &Site, command: &PendingCommand, output: &Output) -> Result<u8, Failure> {
    match command {
        PendingCommand::Drop { ids, lock_timeout } => {
            let dropped = site.drop_pending(ids, Duration::from_secs(*lock_timeout))?;
            show(dropped, "dropped", output)
        }
        PendingCommand::List => show(site.pending()?, "pending", output),
        PendingCommand::Retry { ids } => {
            let report = site.retry_pending(ids, output)?;
            output.answer(&report, |style| {
                present::report(&report, SystemTime::now(), style)
            })?;
            Ok(report.exit_status())
        }
    }
}

fn show(items: Vec<PendingItem>, what: &str, output: &Output) -> Result<u8, Failure> {
    let items: Vec<Pending> = items.into_iter().map(Pending::from).collect();
    output.answer(&items, |style| {
        let lines = present::pending(&items, SystemTime::now(), style);
        match items.len() {
            0 => format!("nothing {what}\n"),
            number => format!("{lines}{number} {what}\n"),
        }
    })?;
    Ok(OK)
}
