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
        let program = Program::new(steps);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        if let Some(why) = failure(&answer) {
            return Err(StepError::new(format!("could not write {text} in {guest}")).cause(why));
        }
        if facts.active_state == "unknown" {
            return Ok(Done::saying("written; Traefik would read it"));
        }
        let Some(missing) = self.unseen(guest, &file)? else {
            return Ok(Done::saying(format!(
                "{} routers, seen in Traefik's API",
                file.routers.len()
            )));
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
    fn unseen(&self, guest: GuestId, file: &DynamicFile) -> Result<Option<String>, StepError> {
        let (_, static_file) = self.static_file()?;
        let Some(api_port) = static_file.api_port() else {
            return Ok(Some(
                "Traefik's API is not open inside its guest (`api.insecure`), so its routers cannot be read"
                    .to_owned(),
            ));
        };
        let dial = (self.with.dial_from)(Some(guest));
        let view = Viewpoint {
            dial: dial.as_ref(),
            clock: self.with.clock,
            timeout: Viewpoint::TIMEOUT,
        };
        let host = self.api_host(guest);
        let target = probe::traefik::Target {
            host: &host,
            api_port,
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
