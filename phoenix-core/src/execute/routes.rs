//! Traefik's dynamic file: replaced by one rename where Traefik watches, seen in its API, or taken back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::context::Performer;
use super::services::{failure, replace};
use super::{Done, StepError};
use crate::inventory::{CALL_TIME, guest_path};
use crate::names::GuestId;
use crate::probe::traefik::{LoadBalanced, Router};
use crate::probe::{self, Viewpoint};
use crate::time::Deadline;
use crate::traefik::{DynamicFile, service_of};
use crate::transport::{Expect, Program, Sha256, Step};

impl<'a> Performer<'a> {
    pub(super) fn publish_routes(&self, guest: GuestId) -> Result<Done<'a>, StepError> {
        let (path, file) = self.dynamic_file()?;
        let facts = self.traefik_facts(guest)?;
        let transport = self.transport(guest)?;
        let text = path.to_string_lossy();
        let mut replace_file = replace(&text, file.text.as_bytes())?;
        replace_file.parents = true;
        replace_file.expect = match &facts.dynamic_file {
            Some(bytes) => Expect::Sha256(Sha256::of(bytes)),
            None => Expect::Absent,
        };
        let mut steps = vec![Step::Replace(replace_file)];
        if let Some(foreign) = facts
            .dynamic_file
            .as_deref()
            .filter(|there| !DynamicFile::is_ours(there))
        {
            // Not in the watched directory: Traefik would load it too.
            let kept = self.kept_beside(&path);
            steps.insert(0, Step::Replace(replace(&kept, foreign)?));
        }
        let (_, static_file) = self.static_file()?;
        let api_port = static_file.api_port();
        let runs = facts.active_state != "unknown";
        // Only where nothing else can be asked: what its log complained of before is not about these routes.
        let before = match api_port {
            None if runs => self.complaints(guest, &path)?,
            _ => Vec::new(),
        };
        let program = Program::new(steps);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        if let Some(why) = failure(&answer) {
            return Err(StepError::new(format!("could not write {text} in {guest}")).cause(why));
        }
        if !runs {
            return Ok(Done::saying("written; Traefik would read it"));
        }
        let count = file.routers.len();
        let (missing, seen) = match api_port {
            Some(port) => (
                self.unseen(guest, port, &file)?,
                format!("{count} routers, seen in Traefik's API"),
            ),
            None => (
                self.complained(guest, &path, &before)?,
                format!(
                    "{count} routers written; Traefik's API is closed, so nobody saw them taken; its log does not complain"
                ),
            ),
        };
        let Some(missing) = missing else {
            return Ok(Done::saying(seen));
        };
        let back = match &facts.dynamic_file {
            Some(bytes) => Step::Replace(replace(&text, bytes)?),
            None => Step::Remove {
                path: guest_path(&path).map_err(StepError::new)?,
            },
        };
        let error =
            StepError::new("Traefik does not take the routes from its dynamic file").cause(missing);
        let program = Program::new(vec![back]);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        Err(match failure(&answer) {
            None => error.cause("the file of before was put back"),
            Some(why) => error
                .cause("could not put the file of before back")
                .cause(why),
        })
    }

    /// Where a dynamic file that somebody else made is kept: beside the static file.
    fn kept_beside(&self, path: &Path) -> String {
        let dir = self.with.model.settings.traefik.static_file.parent();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".before-phoenix");
        dir.unwrap_or(Path::new("/"))
            .join(name)
            .to_string_lossy()
            .into_owned()
    }

    fn dynamic_file(&self) -> Result<(PathBuf, DynamicFile), StepError> {
        match self.with.model.dynamic_file() {
            Some(Ok(found)) => Ok(found),
            Some(Err(faults)) => Err(StepError::new(format!(
                "the dynamic file cannot be made: {faults}"
            ))),
            None => Err(StepError::new(
                "Traefik's static file names no place for dynamic files",
            )),
        }
    }

    /// What Traefik's API does not show of the file's routers, in words; nothing when it shows them all.
    fn unseen(
        &self,
        guest: GuestId,
        api_port: u16,
        file: &DynamicFile,
    ) -> Result<Option<String>, StepError> {
        let dial = (self.with.dial_from)(Some(guest));
        let view = Viewpoint {
            dial: dial.as_ref(),
            clock: self.with.clock,
            timeout: Viewpoint::TIMEOUT,
        };
        let host = self.api_host(guest);
        let target = probe::traefik::Target {
            host: &host,
            api_port: Some(api_port),
            provider: "file",
            services: None,
            connected: None,
            log: None,
            since: None,
        };
        let deadline = Deadline::after(self.with.clock, SEEN_TIME);
        loop {
            let seen = probe::traefik::routers(&view, &target)
                .and_then(|routers| Ok((routers, probe::traefik::load_balanced(&view, &target)?)));
            let why = match seen {
                Err(stop) => stop.to_string(),
                Ok((routers, services)) => match not_taken(file, &routers, &services) {
                    None => return Ok(None),
                    Some(why) => why,
                },
            };
            if deadline.passed(self.with.clock) {
                return Ok(Some(why));
            }
            self.with.clock.sleep(Duration::from_millis(500));
        }
    }

    /// The first new complaint of Traefik's log about its dynamic files, within the time that its watcher needs.
    fn complained(
        &self,
        guest: GuestId,
        path: &Path,
        before: &[String],
    ) -> Result<Option<String>, StepError> {
        let deadline = Deadline::after(self.with.clock, COMPLAINT_TIME);
        loop {
            let now = self.complaints(guest, path)?;
            if let Some(new) = now.into_iter().find(|line| !before.contains(line)) {
                return Ok(Some(format!("its log says: {new}")));
            }
            if deadline.passed(self.with.clock) {
                return Ok(None);
            }
            self.with.clock.sleep(Duration::from_millis(500));
        }
    }

    fn complaints(&self, guest: GuestId, path: &Path) -> Result<Vec<String>, StepError> {
        let (_, log) = self.sockets_and_log(guest)?;
        Ok(complaints(log.as_deref().unwrap_or(""), path))
    }
}

/// The errors of a log that are about dynamic files: their provider's, of one of its routers, or with the file's name.
fn complaints(log: &str, path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let errors = probe::traefik::read_log(log, None).errors.into_iter();
    errors
        .filter(|line| {
            let of_provider = line.contains("providerName=file")
                || line.contains("\"providerName\":\"file\"")
                || line.contains("@file");
            of_provider || line.contains(name.as_ref())
        })
        .collect()
}

/// The first router of the file that Traefik does not serve as the file says it.
fn not_taken(file: &DynamicFile, routers: &[Router], services: &[LoadBalanced]) -> Option<String> {
    file.routers.iter().find_map(|(name, (rule, url))| {
        let Some(router) = routers
            .iter()
            .find(|router| router.name == format!("{name}@file"))
        else {
            return Some(format!("`{name}` is not listed"));
        };
        if router.status == "disabled" {
            return Some(format!("`{name}` is disabled: {}", router.error.join("; ")));
        }
        if router.rule != *rule {
            return Some(format!(
                "`{name}` has the rule {}, expected {rule}",
                router.rule
            ));
        }
        let url = url.as_deref()?;
        let leads = services
            .iter()
            .filter(|service| service.name == format!("{}@file", service_of(name)))
            .any(|service| service.urls().eq([url]));
        (!leads).then(|| format!("`{name}` does not lead to {url}"))
    })
}

/// Traefik's watcher is told at once; after a restart its API needs a moment.
const SEEN_TIME: Duration = Duration::from_secs(15);
/// What is wrong with a file is in the log as soon as the watcher has read it; it waits two seconds between two changes.
const COMPLAINT_TIME: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_about_dynamic_files_are_complaints() {
        let log = "2026-01-01T00:00:00Z ERR Cannot connect to docker server error=\"x\" providerName=swarm\n\
            2026-01-01T00:00:01Z ERR Error occurred during watcher callback error=\"/etc/traefik/dynamic/dynamic_conf.yml: field not found\" providerName=file\n\
            2026-01-01T00:00:02Z INF Starting provider *file.Provider\n\
            2026-01-01T00:00:03Z ERR error=\"the service \\\"a-service@file\\\" does not exist\" routerName=a-router@file\n";
        let found = complaints(log, "/etc/traefik/dynamic/dynamic_conf.yml".as_ref());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("watcher callback") && found[1].contains("a-router@file"));
        assert!(complaints("", "/x.yml".as_ref()).is_empty());
    }
}
