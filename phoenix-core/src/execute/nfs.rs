//! Consumers behind NFS, whose machines keep what they read for up to a minute: they are told of a new pair only when
//! their machine has read it itself.

use std::path::Path;
use std::time::Duration;

use super::{Performer, StepError};
use crate::guests::{Guest, Mount};
use crate::inventory::{CALL_TIME, guest_path};
use crate::manifest::Entry;
use crate::names::GuestId;
use crate::time::Deadline;
use crate::transport::{GuestState, Inspect, Program, Sha256, Step, StepResult};

impl Performer<'_> {
    /// Waits until machines that see an entry's own pair through NFS read what the host has; `only` where the one is known
    /// that is to be told.
    pub(super) fn await_nfs(&self, entry: &Entry, only: Option<GuestId>) -> Result<(), StepError> {
        let model = self.with.model;
        if !self.with.root.is_host() {
            return Ok(());
        }
        let seeing: Vec<(&Guest, [String; 2])> = model
            .guests
            .iter()
            .filter(|guest| !guest.is_template && only.is_none_or(|only| only == guest.id))
            .filter_map(|guest| {
                let through = |path: &Path| {
                    let mounts = guest.mounts.iter().filter(|mount| mount.nfs);
                    mounts.into_iter().find_map(|mount| {
                        let there = Mount {
                            host_path: model.on_host(&mount.host_path),
                            ..mount.clone()
                        };
                        mount.inside(path).or_else(|| there.inside(path))
                    })
                };
                let text = |path: &Path| Some(through(path)?.to_string_lossy().into_owned());
                Some((guest, [text(&entry.cert_path)?, text(&entry.key_path)?]))
            })
            .collect();
        if seeing.is_empty() {
            return Ok(());
        }
        let (chain, key) = self.pair(entry, false)?;
        let expected = [Sha256::of(&chain), Sha256::of(key.expose_secret())];
        for (guest, paths) in seeing {
            self.await_in(guest.id, &paths, expected)?;
        }
        Ok(())
    }

    fn await_in(
        &self,
        guest: GuestId,
        paths: &[String; 2],
        expected: [Sha256; 2],
    ) -> Result<(), StepError> {
        let transport = self.transport(guest)?;
        // One that does not run has nothing in its cache when it does.
        if transport.state()? != GuestState::Running {
            return Ok(());
        }
        let deadline = Deadline::after(self.with.clock, CACHE_TIME);
        loop {
            let steps: Result<Vec<Step>, StepError> = paths
                .iter()
                .map(|path| {
                    let path = guest_path(path.as_ref()).map_err(StepError::new)?;
                    Ok(Step::Inspect(Inspect::new(path)))
                })
                .collect();
            let answer = transport.run(&Program::new(steps?).keep_going(), CALL_TIME)?;
            let behind = answer.results.iter().zip(expected).zip(paths).find(
                |((result, expected), _)| {
                    !matches!(result, StepResult::Inspected(Some(entry)) if entry.sha256 == Some(*expected))
                },
            );
            let Some((_, path)) = behind else {
                return Ok(());
            };
            if deadline.passed(self.with.clock) {
                return Err(StepError::new(format!(
                    "{guest} does not read the new pair through NFS at `{path}` after {} s, so it was not told of it",
                    CACHE_TIME.as_secs()
                ))
                .hint("see that the export is mounted there, and that its user may read the files"));
            }
            self.with.clock.sleep(Duration::from_secs(2));
        }
    }
}

/// Longer than NFS clients keep attributes by default (60 s for directories).
const CACHE_TIME: Duration = Duration::from_secs(90);
