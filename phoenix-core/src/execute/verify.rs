//! Verifies: probes from where the consumer stands, with what the guests' own socket lists say.

use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;

use super::{Done, Performer, StepError};
use crate::inventory::{CALL_TIME, PairState};
use crate::manifest::{CertType, Entry};
use crate::names::GuestId;
use crate::probe::docker::SameCa;
use crate::probe::{self, Identity, Probe, Viewpoint};
use crate::secret::Secret;
use crate::time::Deadline;
use crate::transport::sockets::Socket;
use crate::transport::{Exec, Program, Step, StepResult};
use crate::x509::Chain;

impl<'a> Performer<'a> {
    pub(super) fn verify_docker(&self, guest: GuestId) -> Result<Done<'a>, StepError> {
        let model = self.with.model;
        let address = self.address(guest)?;
        let roots = self.roots();
        let (server, _) = model.docker_entry(guest).ok_or_else(|| {
            StepError::new(format!(
                "no manifest entry delivers a server certificate into {guest}"
            ))
        })?;
        let (chain, _) = self.pair(server, false)?;
        let deployed = Chain::from_pem(&chain)?;
        let client = model
            .traefiks()
            .find_map(|traefik| model.traefik_entry(traefik.id))
            .ok_or_else(|| {
                StepError::new("no manifest entry delivers a client certificate to Traefik")
            })?
            .0;
        let (client_chain, client_key) = self.pair(client, false)?;
        let dedicated = model.dedicated_client_ca();
        // Where clients have a CA of their own, the server's own leaf is one of the other CA that must not get in.
        let other = self
            .another_leaf(&[server, client])
            .or_else(|| dedicated.then(|| self.pair(server, false).ok()).flatten());
        let sockets = self.sockets(guest)?;
        let settings = &model.settings.docker;
        let dial = (self.with.dial_from)(self.link_standpoint());
        let view = Viewpoint {
            dial: dial.as_ref(),
            clock: self.with.clock,
            timeout: Viewpoint::TIMEOUT,
        };
        let target = probe::docker::Target {
            host: &address,
            port: settings.port,
            server_name: &address,
            roots: &roots,
            identity: Identity {
                chain_pem: &client_chain,
                key_pem: &client_key,
            },
            deployed_leaf: deployed.certificates().first(),
            same_ca: other.as_ref().map(|(chain, key)| SameCa {
                identity: Identity {
                    chain_pem: chain,
                    key_pem: key,
                },
                dedicated,
            }),
            plain_port: settings.plain_port,
            plain_listener: sockets.as_ref().map(|all| {
                all.iter()
                    .any(|socket| socket.listens_on(settings.plain_port))
            }),
        };
        let seen = probe::docker::probe(&view, &target);
        *self.services.borrow_mut() = seen.services;
        judged(seen.probes)
            .map_err(|error| blaming(error, &["docker/accepts-ours", "docker/served-leaf"]))
    }

    pub(super) fn verify_traefik(&self, guest: GuestId) -> Result<Done<'a>, StepError> {
        let (_, file) = self.static_file()?;
        let provider = file.provider().ok_or_else(|| {
            StepError::new("the static file has neither `providers.docker` nor `providers.swarm`")
        })?;
        let endpoint: Option<SocketAddr> = provider
            .endpoint
            .as_ref()
            .and_then(|(endpoint, _)| endpoint.strip_prefix("tcp://")?.parse().ok());
        let dial = (self.with.dial_from)(Some(guest));
        let view = Viewpoint {
            dial: dial.as_ref(),
            clock: self.with.clock,
            timeout: Viewpoint::TIMEOUT,
        };
        let services = self.services.borrow().clone();
        let host = self.api_host(guest);
        // Traefik connects again by itself, with pauses that grow: routers appear a while after Docker moved.
        let deadline = Deadline::after(self.with.clock, ROUTERS_TIME);
        loop {
            let (sockets, log) = self.sockets_and_log(guest)?;
            let connected = sockets
                .as_ref()
                .zip(endpoint)
                .map(|(all, endpoint)| all.iter().any(|socket| socket.connected_to(endpoint)));
            let target = probe::traefik::Target {
                host: &host,
                api_port: file.api_port(),
                provider: &provider.name,
                services: services.as_deref(),
                connected,
                log: log.as_deref(),
                since: None,
            };
            let probes = probe::traefik::probe(&view, &target);
            if probes.iter().all(|probe| probe.verdict.holds()) || deadline.passed(self.with.clock)
            {
                return judged(probes)
                    .map_err(|error| blaming(error, &["traefik/connection", "traefik/provider"]));
            }
            self.with.clock.sleep(Duration::from_secs(1));
        }
    }

    pub(super) fn verify_portainer(&self, guest: GuestId) -> Result<Done<'a>, StepError> {
        let model = self.with.model;
        let address = self.address(guest)?;
        let port = model
            .guests
            .guest(guest)
            .and_then(|guest| guest.traefik_service.as_ref())
            .map(|service| service.port)
            .ok_or_else(|| {
                StepError::new(format!(
                    "the site states no `traefik_service.port` of {guest}"
                ))
            })?;
        let name = model
            .host
            .portainer_name
            .clone()
            .unwrap_or_else(|| format!("portainer.{}", model.host.domain));
        let roots = self.roots();
        let services = self.services.borrow().clone();
        let dial = (self.with.dial_from)(self.link_standpoint());
        let view = Viewpoint {
            dial: dial.as_ref(),
            clock: self.with.clock,
            timeout: Viewpoint::TIMEOUT,
        };
        let target = probe::portainer::Target {
            host: &address,
            port,
            server_name: &name,
            roots: &roots,
            api_key: self.with.portainer_key,
            services: services.as_deref(),
        };
        // Its hook may just have restarted it.
        let deadline = Deadline::after(self.with.clock, ROUTERS_TIME);
        loop {
            let probes = probe::portainer::probe(&view, &target);
            if probes.iter().all(|probe| probe.verdict.holds()) || deadline.passed(self.with.clock)
            {
                return judged(probes);
            }
            self.with.clock.sleep(Duration::from_secs(1));
        }
    }

    pub(super) fn roots(&self) -> Vec<CertificateDer<'static>> {
        self.with
            .anchors
            .iter()
            .map(|anchor| anchor.der().clone())
            .collect()
    }

    /// Traefik's API is asked inside its own network where that can be entered, else at its address.
    pub(super) fn api_host(&self, guest: GuestId) -> String {
        let inside = self
            .with
            .transports
            .get(&guest)
            .is_some_and(|transport| matches!(transport.init_pid(), Ok(Some(_))));
        if inside {
            "127.0.0.1".to_owned()
        } else {
            self.address(guest)
                .unwrap_or_else(|_| "127.0.0.1".to_owned())
        }
    }

    /// An installed pair of the same CA that is none of the link's: it shows whom Docker admits.
    ///
    /// One that could identify a client shows more than one that could not.
    fn another_leaf(&self, link: &[&Entry]) -> Option<(Vec<u8>, Secret)> {
        let is_client = |entry: &Entry| {
            let facts = self.with.inventory.certificates.get(&entry.common_name);
            facts
                .and_then(|facts| facts.chain())
                .map_or(entry.cert_type == CertType::Client, |chain| {
                    chain.leaf().client_auth
                })
        };
        let mut entries: Vec<&Entry> = self
            .with
            .model
            .manifest
            .entries
            .iter()
            .map(|located| &located.value)
            .filter(|entry| {
                !link
                    .iter()
                    .any(|linked| linked.common_name == entry.common_name)
            })
            .filter(|entry| {
                let facts = self.with.inventory.certificates.get(&entry.common_name);
                self.deployed.borrow().contains(&entry.common_name)
                    || facts.is_some_and(|facts| {
                        facts.untrusted.is_none()
                            && matches!(facts.primary.state, PairState::Present { .. })
                    })
            })
            .collect();
        entries.sort_by_key(|entry| !is_client(entry));
        entries
            .into_iter()
            .find_map(|entry| self.pair(entry, false).ok())
    }

    fn sockets(&self, guest: GuestId) -> Result<Option<Vec<Socket>>, StepError> {
        let answer = self
            .transport(guest)?
            .run(&Program::new(vec![Step::Sockets]), CALL_TIME)?;
        Ok(answer.results.into_iter().find_map(|result| match result {
            StepResult::Sockets(sockets) if !sockets.is_empty() => Some(sockets),
            _ => None,
        }))
    }

    pub(super) fn sockets_and_log(
        &self,
        guest: GuestId,
    ) -> Result<(Option<Vec<Socket>>, Option<String>), StepError> {
        let log = Exec::new(["sh", "-c", LOG_SINCE_START])
            .timeout(Duration::from_secs(10))
            .optional();
        let program = Program::new(vec![Step::Sockets, Step::Exec(log)]).keep_going();
        let answer = self
            .transport(guest)?
            .run(&program, CALL_TIME + program.exec_time())?;
        let (mut sockets, mut log) = (None, None);
        for result in answer.results {
            match result {
                StepResult::Sockets(found) if !found.is_empty() => sockets = Some(found),
                StepResult::Exec(run) if run.succeeded() && !run.stdout.is_empty() => {
                    log = Some(String::from_utf8_lossy(&run.stdout).into_owned());
                }
                _ => {}
            }
        }
        Ok((sockets, log))
    }
}

/// A verification holds when each of its probes does.
pub(super) fn judged<'a>(probes: Vec<Probe>) -> Result<Done<'a>, StepError> {
    let failed: Vec<&Probe> = probes
        .iter()
        .filter(|probe| !probe.verdict.holds())
        .collect();
    let Some(first) = failed.first() else {
        return Ok(Done {
            detail: format!("{} probes hold", probes.len()),
            probes,
            ..Done::default()
        });
    };
    let mut error = StepError::new(format!(
        "{} of {} probes do not hold: {}",
        failed.len(),
        probes.len(),
        first.name
    ));
    error
        .messages
        .extend(failed.iter().map(ToString::to_string));
    error.probes = probes;
    Err(error)
}

/// Whether a new pair can be at fault: only when one of these probes fails.
fn blaming(mut error: StepError, of_pair: &[&str]) -> StepError {
    error.unrelated = !error
        .probes
        .iter()
        .any(|probe| !probe.verdict.holds() && of_pair.contains(&probe.name));
    error
}

/// Traefik's log since its last start: what an earlier life said explains nothing.
const LOG_SINCE_START: &str = r#"id=$(systemctl show traefik.service -p InvocationID --value) &&
journalctl -u traefik.service -n 500 --no-pager -o cat "_SYSTEMD_INVOCATION_ID=$id""#;

/// How long Traefik may take until it shows Docker's routers.
const ROUTERS_TIME: Duration = Duration::from_secs(40);
