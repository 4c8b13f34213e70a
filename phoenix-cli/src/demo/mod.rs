//! The whole job on a sample site: real certificates, real files, real TLS on loopback; guests are directories.

mod endpoint;
mod guests;
mod site;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use phoenix_core::present;
use phoenix_core::report::Report;
use phoenix_core::site::{
    CheckOptions, FirewallOptions, MigrateOptions, Site, SitePaths, SyncOptions,
};
use serde_json::{Map, Value, json};

use self::guests::World;
use self::site::Sample;
use crate::exit::{FAILED, Failure, OK};
use crate::output::Output;

/// Builds the site, does the job, shows each part, removes the site; the status is 1 when any part fails.
pub(crate) fn run(keep: bool, output: &Output) -> Result<u8, Failure> {
    let mut show = Show {
        output,
        parts: Map::new(),
    };
    let sample = Sample::build(keep)?;
    let place = sample.dir.display().to_string();
    let world = World::start(&sample.dir).map_err(|error| {
        Failure::new(
            "demo",
            format!("could not start the stand-ins: {error}"),
            FAILED,
        )
    })?;
    show.heading("1. What was built")?;
    show.text(&BUILT.replace("{dir}", &place))?;
    let told = tell(&mut show, &sample, &world);
    world.stop();
    let removed = sample.remove();
    let holds = told?;
    let gone = removed.map_err(|error| Failure::io(&format!("remove {place}"), &error))?;
    show.heading("At the end")?;
    show.text(&if gone {
        format!("The sample site was in {place}; it is gone, and nothing else was touched.\n")
    } else {
        format!("The sample site is in {place}; nothing else was touched. Remove it with: rm -r {place}\n")
    })?;
    show.text(if holds {
        ON_A_HOST
    } else {
        "A part failed: see above.\n"
    })?;
    if output.is_json() {
        show.parts.insert("holds".to_owned(), holds.into());
        show.parts.insert(
            "directory".to_owned(),
            json!({ "path": place, "removed": gone }),
        );
        output.answer(&show.parts, |_| String::new())?;
    }
    Ok(if holds { OK } else { FAILED })
}

/// The job, part by part; whether all of it holds.
fn tell(
    show: &mut Show<'_>,
    sample: &Sample,
    world: &std::sync::Arc<World>,
) -> Result<bool, Failure> {
    let output = show.output;
    let paths = SitePaths {
        root: Some(sample.dir.clone()),
        ..SitePaths::default()
    };
    let site = Site::open(paths, world.seams())?;
    let options = SyncOptions::default();
    // Proxmox's firewall as it stands before: the plain port is open.
    site.render_firewall(FirewallOptions::default())?;

    show.heading("2. phoenix check")?;
    let found = site.check(&CheckOptions::default())?.findings;
    show.part("check", &found, |style| present::findings(&found, style))?;

    show.heading("3. phoenix migrate docker-tls --disarm")?;
    let migration = site.migrate_docker_tls(MigrateOptions {
        disarm: true,
        ..MigrateOptions::default()
    })?;
    show.part("migrate", &migration, |style| {
        present::migrate(&migration, style)
    })?;

    show.heading("4. phoenix plan")?;
    let plan = site.plan(&options)?;
    show.part("plan", &plan, |style| present::plan(&plan, style))?;

    show.heading("5. phoenix sync all")?;
    let first = site.sync(&options, output)?;
    show.report("sync", &first)?;

    show.heading("6. phoenix verify")?;
    let verified = site.verify(output)?;
    show.report("verify", &verified)?;

    show.heading("7. phoenix sync all, once more")?;
    let work_left = site.plan(&options)?.has_work();
    let second = site.sync(&options, output)?;
    show.report("second_sync", &second)?;

    let probed = verified
        .outcomes
        .iter()
        .any(|outcome| !outcome.probes.is_empty());
    Ok(first.ok() && verified.ok() && probed && second.ok() && !work_left && migration.written)
}

/// Shows parts as text while they happen, or collects them as data.
struct Show<'o> {
    output: &'o Output,
    parts: Map<String, Value>,
}

impl Show<'_> {
    fn heading(&self, heading: &str) -> Result<(), Failure> {
        self.text(&format!("\n== {heading} ==\n\n"))
    }

    fn text(&self, text: &str) -> Result<(), Failure> {
        if self.output.is_json() {
            Ok(())
        } else {
            Output::text(text)
        }
    }

    fn part<T: serde::Serialize>(
        &mut self,
        name: &str,
        value: &T,
        text: impl FnOnce(phoenix_core::diagnostic::Style) -> String,
    ) -> Result<(), Failure> {
        if !self.output.is_json() {
            return Output::text(&text(self.output.style()));
        }
        let value = serde_json::to_value(value)
            .map_err(|error| Failure::new("json", error.to_string(), FAILED))?;
        self.parts.insert(name.to_owned(), value);
        Ok(())
    }

    fn report(&mut self, name: &str, report: &Report) -> Result<(), Failure> {
        self.part(name, report, |style| {
            present::report(report, SystemTime::now(), style)
        })
    }
}

const BUILT: &str = "A sample Proxmox site in {dir}: manifest, VM and LXC configurations, Traefik's template,
and Proxmox's firewall files with the rules of that site. Docker of VM 1001 listens without encryption on 10.0.0.111:2375, Traefik of LXC 102 uses it.

Real:      the library and everything it decides and writes; the embedded CA and its certificates;
           TLS with client certificates, over sockets of 127.0.0.1; every probe.
Stands in: guests are directories (DIR/guests/vm-1001, ...); their commands (systemctl, docker, ...)
           are answered by a small program that starts listeners from the delivered files, as dockerd,
           Traefik and Portainer would; 10.0.0.x leads to ports of 127.0.0.1. No `pve-firewall` reads
           the firewall's files here.
Left out:  step-ca. `bootstrap_ca_url`, `step_ca` and the feature `step_ca` were taken out of this
           copy of the site, so that the embedded CA is used.
";
const ON_A_HOST: &str = "
On a real host:
  phoenix migrate docker-tls
  phoenix sync all
";
