//! What a run would do on a copy of a host, as JSON: `dry_run_json COPY_OF_A_HOST`. Writes nothing.
#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::path::PathBuf;

use phoenix_core::observe::Silent;
use phoenix_core::site::{Seams, Site, SitePaths, SyncOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os()
        .nth(1)
        .ok_or("expected the copy of a host")?;
    let root = PathBuf::from(root);
    let seams = Seams::copy(&root);
    let paths = SitePaths {
        root: Some(root),
        ..SitePaths::default()
    };
    let options = SyncOptions {
        dry_run: true,
        ..SyncOptions::default()
    };
    let report = Site::open(paths, seams)?.sync(&options, &Silent)?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
