//! A CA of the program's own signs for a site on a copy of a host: `own_authority COPY_OF_A_HOST`.
//!
//! This one asks another and keeps a list of what it let through; one that speaks to an HSM or a cloud looks the same.
#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use phoenix_core::ca::{Authority, CaDesign, EmbeddedCa, EnrollError, Health, Issued, Request};
use phoenix_core::observe::Silent;
use phoenix_core::site::{Seams, Site, SitePaths, SyncOptions};
use phoenix_core::system::Root;
use phoenix_core::time::SystemClock;
use phoenix_core::x509::{Anchor, Chain, Permitted};

struct Registrar {
    ca: EmbeddedCa,
    passed: Mutex<Vec<String>>,
}

impl Registrar {
    fn let_through(&self, request: &Request<'_>) -> Result<(), EnrollError> {
        let names = request.names()?;
        if names.iter().any(|name| name.to_string().starts_with('*')) {
            return Err(EnrollError::Own {
                authority: self.describe(),
                source: "it signs for no wildcard".into(),
            });
        }
        let name = request.common_name.to_string();
        self.passed
            .lock()
            .map_err(|_| EnrollError::NotReady {
                authority: self.describe(),
            })?
            .push(name);
        Ok(())
    }
}

/// Asked by several threads at once; what it gives is judged before it is used.
impl Authority for Registrar {
    fn describe(&self) -> String {
        "the registrar".to_owned()
    }

    fn anchors(&self) -> Result<Vec<Anchor>, EnrollError> {
        self.ca.anchors()
    }

    fn health(&self) -> Result<Health, EnrollError> {
        self.ca.health()
    }

    fn enroll(&self, request: &Request<'_>) -> Result<Issued, EnrollError> {
        self.let_through(request)?;
        self.ca.enroll(request)
    }

    fn renew(&self, current: &Chain, request: &Request<'_>) -> Result<Issued, EnrollError> {
        self.let_through(request)?;
        self.ca.renew(current, request)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os()
        .nth(1)
        .ok_or("expected the copy of a host")?;
    let root = PathBuf::from(root);
    let design = CaDesign::site(Permitted::default());
    let files = Root::at(&root)?;
    let clock = Arc::new(SystemClock);
    let ca = EmbeddedCa::open_or_init(
        &files,
        "/var/lib/registrar".as_ref(),
        "a CA",
        &design,
        clock,
    )?;
    let registrar = Arc::new(Registrar {
        ca,
        passed: Mutex::default(),
    });

    let seams = Seams {
        authority: Some(Arc::clone(&registrar) as Arc<dyn Authority>),
        ..Seams::copy(&root)
    };
    let paths = SitePaths {
        root: Some(root),
        ..SitePaths::default()
    };
    let report = Site::open(paths, seams)?.sync(&SyncOptions::default(), &Silent)?;
    let passed = registrar.passed.lock().map_err(|_| "a thread died")?;
    println!("{} let through {}", report.authority, passed.join(", "));
    std::process::exit(report.exit_status().into());
}
