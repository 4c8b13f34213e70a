//! Plans Traefik: its static file, a restart where the file's meaning changed, its verification.

use std::collections::BTreeSet;

use super::Planner;
use crate::inventory::TraefikFacts;
use crate::manifest::Entry;
use crate::names::GuestId;
use crate::plan::{Action, Reason, ServiceChange, Step, Subject};
use crate::traefik::StaticFile;

impl Planner<'_> {
    pub(super) fn traefik(&mut self) {
        let guests: Vec<GuestId> = self.model.traefiks().map(|guest| guest.id).collect();
        for guest in guests {
            let rendered = match self.model.static_file() {
                None => {
                    self.notes.push(format!(
                        "traefik {guest}: the site has no template of its static file"
                    ));
                    continue;
                }
                Some(Err(faults)) => {
                    self.hold(
                        guest,
                        format!("its static file cannot be rendered: {faults}"),
                    );
                    continue;
                }
                Some(Ok(rendered)) => rendered,
            };
            let Some((entry, _)) = self.model.traefik_entry(guest) else {
                self.notes.push(format!(
                    "traefik {guest}: no manifest entry delivers a client certificate into {} there; `phoenix migrate docker-tls` adds it",
                    self.model.settings.traefik.certs_dir.display()
                ));
                continue;
            };
            let entry = entry.clone();
            self.satisfied.insert((guest, "traefik".to_owned()));
            self.linked
                .entry(entry.common_name.clone())
                .or_insert_with(|| format!("traefik {guest}"));
            let facts = match self.inventory.guests.get(&guest) {
                None => Err("nothing is known of it".to_owned()),
                Some(facts) => match (&facts.down, &facts.traefik) {
                    (Some(down), _) => Err(down.clone()),
                    (None, None) => Err("no Traefik was found in it".to_owned()),
                    (None, Some(traefik)) => Ok(traefik.clone()),
                },
            };
            match facts {
                Ok(facts) => self.traefik_guest(guest, &entry, &rendered.0, &rendered.1, &facts),
                Err(why) => self.hold(guest, why),
            }
        }
    }

    fn traefik_guest(
        &mut self,
        guest: GuestId,
        entry: &Entry,
        text: &str,
        file: &StaticFile,
        facts: &TraefikFacts,
    ) {
        let mut changes = BTreeSet::new();
        let mut reasons = Vec::new();
        if facts.static_file.as_deref() != Some(text.as_bytes()) {
            changes.insert(ServiceChange::StaticFile);
            let same = facts
                .static_file
                .as_deref()
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .and_then(|text| {
                    StaticFile::parse(&self.model.settings.traefik.static_file, text).ok()
                })
                .is_some_and(|there| there.same_meaning(file));
            if same {
                reasons.push(Reason::ConfigurationDiffers {
                    what: "the static file differs in form, not in meaning".to_owned(),
                });
            } else {
                changes.insert(ServiceChange::Restart);
                reasons.push(Reason::ConfigurationDiffers {
                    what: "the static file differs from the rendered template".to_owned(),
                });
            }
        } else if facts.started_before_file {
            changes.insert(ServiceChange::Restart);
            reasons.push(Reason::ConfigurationDiffers {
                what: "Traefik runs since before its static file was written".to_owned(),
            });
        }
        if changes.contains(&ServiceChange::Restart)
            && !self.scope.docker()
            && let Some(docker) = self.unmoved_docker()
        {
            let port = self.model.settings.docker.port;
            self.hold(
                guest,
                format!(
                    "Docker of {docker} does not serve TLS on {port} yet, so that Traefik would lose it; `phoenix sync all` moves both"
                ),
            );
            let routes = self.routes(guest, facts);
            self.steps.extend(routes);
            return;
        }
        if facts.active_state != "active" {
            changes.insert(ServiceChange::Restart);
            reasons.push(Reason::ServiceDown {
                state: facts.active_state.clone(),
            });
        }
        let delivered = self
            .certificates
            .delivered
            .get(&(entry.common_name.clone(), guest))
            .cloned();
        let new = self.certificates.fresh.contains(&entry.common_name);
        if delivered.is_some() && new && self.model.settings.traefik.always_restart {
            changes.insert(ServiceChange::Restart);
            reasons.push(Reason::NewPair);
        }
        if !reasons.is_empty() && self.failed_before("traefik", guest, &mut reasons) {
            return;
        }
        let unit = format!("traefik {guest}");
        let mut verify = Step::new(
            Action::Verify {
                subject: Subject::Traefik(guest),
            },
            Vec::new(),
        )
        .needs(self.docker_verified.iter().cloned());
        if !reasons.is_empty() {
            let check = Step::new(Action::CheckTraefik { guest }, reasons.clone());
            self.checks.push(check.id.clone());
            let configure = Step::new(Action::ConfigureTraefik { guest, changes }, reasons)
                .needs([check.id.clone()])
                .needs(self.docker_verified.iter().cloned())
                .needs(delivered.clone())
                .unit(unit.clone());
            verify = verify.needs([configure.id.clone()]);
            self.configured.insert(guest, configure.id.clone());
            self.steps.extend([check, configure]);
        }
        if let Some(routes) = self.routes(guest, facts) {
            let routes = routes.needs(self.configured.get(&guest).cloned());
            verify = verify.after([routes.id.clone()]);
            self.steps.push(routes);
        }
        // What Traefik sees cannot be taken back once Docker has moved: verification belongs to no unit.
        self.steps.push(verify.after(delivered));
    }

    /// Traefik's dynamic file, where it differs in a byte; its watcher takes it up without a restart.
    fn routes(&mut self, guest: GuestId, facts: &TraefikFacts) -> Option<Step> {
        let (path, file) = match self.model.dynamic_file()? {
            Ok(found) => found,
            Err(faults) => {
                self.hold(guest, format!("its dynamic file cannot be made: {faults}"));
                return None;
            }
        };
        self.notes.extend(file.notes.iter().cloned());
        let there = facts.dynamic_file.as_deref();
        if there == Some(file.text.as_bytes()) {
            return None;
        }
        let what = match there {
            None => format!("{} is missing", path.display()),
            Some(there) if file.same_meaning(&path, there) => {
                format!("{} differs in form, not in meaning", path.display())
            }
            Some(_) => format!("{} says something else than the guests", path.display()),
        };
        let reason = Reason::ConfigurationDiffers { what };
        Some(Step::new(Action::PublishRoutes { guest }, vec![reason]))
    }
}
