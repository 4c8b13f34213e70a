//! `phoenix sync`.

use std::time::{Duration, SystemTime};

use phoenix_core::names::{CommonName, GuestId};
use phoenix_core::plan::Policy;
use phoenix_core::present;
use phoenix_core::site::{Site, SyncOptions};

use crate::args::{ScopeArg, SyncArgs};
use crate::exit::{Failure, USAGE};
use crate::output::Output;

pub(super) fn run(site: &Site, args: &SyncArgs, output: &Output) -> Result<u8, Failure> {
    let (names, guests, host) = about(args)?;
    super::known(site, &names)?;
    if args.generate_only && args.scope != ScopeArg::Certs {
        let message = "`--generate-only` is for `sync certs`: the other parts have steps that wait for each other";
        return Err(Failure::new("usage", message, USAGE));
    }
    let options = SyncOptions {
        scope: super::scope(args.scope),
        policy: Policy {
            force: args.force,
            only: names,
            unattended: args.unattended,
            ..Policy::default()
        },
        dry_run: args.dry_run,
        guests,
        host,
        generate_only: args.generate_only,
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

/// Certificates and guests that a run is about, and whether it is about the host.
fn about(args: &SyncArgs) -> Result<(Vec<CommonName>, Vec<GuestId>, bool), Failure> {
    let (mut names, mut guests, mut host) = (Vec::new(), Vec::new(), false);
    for word in &args.names {
        if args.scope == ScopeArg::Trust && word == "host" {
            host = true;
        } else if let Ok(guest) = word.parse::<GuestId>() {
            guests.push(guest);
        } else {
            let name = word.parse::<CommonName>();
            names.push(name.map_err(|error| Failure::new("usage", error.to_string(), USAGE))?);
        }
    }
    if args.scope == ScopeArg::Trust && !names.is_empty() {
        let message = format!(
            "found `{}`, expected `host` or a guest such as `lxc:102`",
            names[0]
        );
        return Err(Failure::new("usage", message, USAGE));
    }
    Ok((names, guests, host))
}
