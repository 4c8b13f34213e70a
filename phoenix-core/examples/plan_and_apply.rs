//! Plans a site on a copy of a host, shows the plan, and does exactly that: `plan_and_apply COPY_OF_A_HOST`.
#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::time::SystemTime;

use phoenix_core::diagnostic::Style;
use phoenix_core::observe::{Event, Observer};
use phoenix_core::plan::Given;
use phoenix_core::present;
use phoenix_core::site::{Seams, Site, SitePaths, SyncOptions};

/// Says each step as it ends.
struct Aloud;

impl Observer for Aloud {
    fn event(&self, event: &Event) {
        if let Event::Finished { step, ok, .. } = event {
            println!("{} {step}", if *ok { "done" } else { "failed" });
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os()
        .nth(1)
        .ok_or("expected the copy of a host")?;
    let root = std::path::PathBuf::from(root);
    let seams = Seams::copy(&root);
    let paths = SitePaths {
        root: Some(root),
        ..SitePaths::default()
    };
    let site = Site::open(paths, seams)?;
    let options = SyncOptions::default();

    let plan = site.plan(&options)?;
    print!("{}", present::plan(&plan, Style::Plain));
    // As it would lie in a file until somebody has looked at it.
    let written = serde_json::to_string(&plan)?;

    let report = site.apply(&Given::parse(&written)?, &options, &Aloud)?;
    print!(
        "{}",
        present::report(&report, SystemTime::now(), Style::Plain)
    );
    std::process::exit(report.exit_status().into());
}
