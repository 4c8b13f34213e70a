//! `sync certs` for certificates that are all new, beside what cannot be saved: the CA's own time, the opening of the
//! provisioner's key, and the disk's.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use phoenix_benches::is_measured;
use phoenix_core::observe::Silent;
use phoenix_core::plan::Scope;
use phoenix_core::site::{Seams, Site, SitePaths, SyncOptions};
use phoenix_testkit::Scratch;
use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server};

use super::{client, load, ms, say};

/// Times the sum of the parts, at most.
const MOST: f64 = 1.3;

/// Whether a run is near enough to the sum of its parts.
pub(crate) fn beside_its_parts(server: &Server) -> Result<bool, Box<dyn Error>> {
    let count = if is_measured() { 200 } else { 3 };
    let authority = client(server);
    let started = Instant::now();
    authority.open_provisioner()?;
    let key = started.elapsed();
    let requests = load::requests(server, &authority, count)?;
    let ca = load::generate(server, &requests)?;
    let scratch = Scratch::new("bench-sync");
    let disk = floor(&scratch.path().join("floor"), count)?;

    let site = site(server, &scratch, count)?;
    let options = SyncOptions {
        scope: Scope::Certs,
        ..SyncOptions::default()
    };
    let started = Instant::now();
    let report = site.sync(&options, &Silent)?;
    let took = started.elapsed();
    if !report.ok() || report.changes_done() < count {
        return Err(format!("the run did not do its work: {report:?}").into());
    }
    let sum = ca + key + disk;
    let ratio = took.as_secs_f64() / sum.as_secs_f64();
    say(&format!(
        "sync certs of {count}: {:.0} ms; CA {:.0} ms + key {:.0} ms + disk {:.0} ms = {:.0} ms: {ratio:.2} x (at most {MOST})",
        ms(took),
        ms(ca),
        ms(key),
        ms(disk),
        ms(sum)
    ));
    Ok(ratio <= MOST)
}

/// What the disk takes at least for so many pairs that must survive a power cut: an answer of the CA is kept as it comes, so
/// that a killed run asks for none twice, and each pair is then put in place as a whole. Two files and their directory for
/// each, one after the other.
fn floor(dir: &Path, count: usize) -> Result<Duration, Box<dyn Error>> {
    let (chain, key) = ([b'c'; 1_500], [b'k'; 250]);
    fs::create_dir(dir)?;
    let started = Instant::now();
    for act in ["kept", "placed"] {
        for number in 0..count {
            let pair = dir.join(format!("{act}-{number}"));
            fs::create_dir(&pair)?;
            for (name, bytes) in [("key", &key[..]), ("chain", &chain[..])] {
                let mut file = File::create_new(pair.join(name))?;
                file.write_all(bytes)?;
                file.sync_all()?;
            }
            File::open(&pair)?.sync_all()?;
        }
    }
    Ok(started.elapsed())
}

/// A site of so many certificates and nothing else.
fn site(server: &Server, scratch: &Scratch, count: usize) -> Result<Site, Box<dyn Error>> {
    let dir = scratch.path();
    let shown = dir.display();
    fs::create_dir_all(dir.join("site/etc"))?;
    fs::create_dir(dir.join("pairs"))?;
    fs::write(dir.join("root.pem"), server.anchor.to_pem())?;
    fs::write(dir.join("password"), PASSWORD)?;
    let entries: Vec<serde_json::Value> = (0..count)
        .map(|number| {
            serde_json::json!({
                "common_name": format!("s{number}.test"),
                "cert_path": format!("{shown}/pairs/s{number}.crt"),
                "key_path": format!("{shown}/pairs/s{number}.key"),
            })
        })
        .collect();
    let etc = dir.join("site/etc");
    fs::write(
        etc.join("certificate-manifest.json"),
        serde_json::to_vec_pretty(&entries)?,
    )?;
    fs::write(
        etc.join("phoenix_hypervisor_config.json"),
        r#"{"domain_name": "test"}"#,
    )?;
    fs::write(
        etc.join("phoenix.toml"),
        format!(
            "[ca]\nurl = \"{}\"\nroot = \"{shown}/root.pem\"\nprovisioner = \"{PROVISIONER}\"\nprovisioner_password_file = \"{shown}/password\"\n",
            server.url()
        ),
    )?;
    let paths = SitePaths {
        site: dir.join("site"),
        state: dir.join("state"),
        root: None,
    };
    Ok(Site::open(paths, Seams::host("/usr/bin:/bin".as_ref()))?)
}
