//! Looks whether a consumer serves the leaf that was deployed for it.

use std::time::Duration;

use super::verify::judged;
use super::{Done, Performer, StepError};
use crate::manifest::Verification;
use crate::names::CommonName;
use crate::probe::tls::Server;
use crate::probe::{Identity, Probe, Verdict, Viewpoint, endpoint};
use crate::secret::Secret;
use crate::time::Deadline;
use crate::x509::Chain;

impl<'a> Performer<'a> {
    /// Waits until the deployed leaf is served where the entry says that it can be seen.
    pub(super) fn verify_endpoint(&self, name: &CommonName) -> Result<Done<'a>, StepError> {
        let entry = self.entry(name)?;
        let verify = entry.verify.as_ref().ok_or_else(|| {
            StepError::new(format!(
                "the manifest no longer says where `{name}` can be seen"
            ))
        })?;
        let (chain, _) = self.pair(entry, false)?;
        let deployed = Chain::from_pem(&chain)?.leaf().fingerprint;
        let client = self.client_of(verify)?;
        if !(self.with.dial_from)(None).reaches_out() {
            return Ok(Done {
                would_run: true,
                ..Done::saying(format!("would look at {}", verify.address))
            });
        }
        // The hook may have returned before the service serves the new pair.
        let deadline = Deadline::after(self.with.clock, SERVE_TIME);
        loop {
            let dial = (self.with.dial_from)(None);
            let view = Viewpoint {
                dial: dial.as_ref(),
                clock: self.with.clock,
                timeout: Viewpoint::TIMEOUT,
            };
            let roots = self.roots();
            let host = verify.address.host.to_string();
            let server = Server {
                host: &host,
                port: verify.address.port,
                server_name: &verify.name(),
                roots: &roots,
                identity: client.as_ref().map(|(chain, key)| Identity {
                    chain_pem: chain,
                    key_pem: key,
                }),
            };
            let probes: Vec<Probe> = endpoint::probe(&view, &server, deployed);
            if probes.iter().all(|probe| probe.verdict.holds()) || deadline.passed(self.with.clock)
            {
                // Silence says nothing about the pair.
                let silent = !probes.iter().any(|probe| probe.verdict == Verdict::Failed);
                return judged(probes).map_err(|mut error| {
                    error.unrelated = silent;
                    error.hint("it stays pending; the next run looks again")
                });
            }
            self.with.clock.sleep(Duration::from_secs(1));
        }
    }

    fn client_of(&self, verify: &Verification) -> Result<Option<(Vec<u8>, Secret)>, StepError> {
        let Some(client) = &verify.client else {
            return Ok(None);
        };
        self.pair(self.entry(client)?, false).map(Some)
    }
}

/// How long a service may take until it serves its new leaf.
const SERVE_TIME: Duration = Duration::from_secs(20);
