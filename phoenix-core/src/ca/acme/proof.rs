//! The proof that a name is ours: shown while the CA looks, and taken away afterwards.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use instant_acme::{ChallengeType, KeyAuthorization};

use super::responder::Responder;
use crate::ca::EnrollError;
use crate::settings::AcmeChallenge;
use crate::system::{Command, Commands, Ended};

/// Shows proofs.
pub(super) enum Prover {
    Dns01 {
        hook: Vec<String>,
        commands: Arc<dyn Commands>,
        /// The operator's program need not bear to be run twice at once.
        one_at_a_time: Mutex<()>,
    },
    Http01(Responder),
}

/// What was shown, and how it is taken away.
pub(super) enum Shown {
    Record { name: String, value: String },
    Token(String),
}

impl Prover {
    pub(super) fn new(challenge: &AcmeChallenge, commands: Arc<dyn Commands>) -> Self {
        match challenge {
            AcmeChallenge::Dns01 { hook } => Self::Dns01 {
                hook: hook.clone(),
                commands,
                one_at_a_time: Mutex::new(()),
            },
            AcmeChallenge::Http01 { listen } => Self::Http01(Responder::new(*listen)),
        }
    }

    pub(super) fn kind(&self) -> ChallengeType {
        match self {
            Self::Dns01 { .. } => ChallengeType::Dns01,
            Self::Http01(_) => ChallengeType::Http01,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Dns01 { .. } => "dns-01",
            Self::Http01(_) => "http-01",
        }
    }

    /// Shows the proof for a name. What was shown is put into `shown` first: a hook that fails may have done half of it.
    pub(super) fn show(
        &self,
        name: &str,
        token: &str,
        proof: &KeyAuthorization,
        shown: &mut VecDeque<Shown>,
    ) -> Result<(), EnrollError> {
        match self {
            Self::Http01(responder) => {
                responder.show(token, proof.as_str())?;
                shown.push_front(Shown::Token(token.to_owned()));
                Ok(())
            }
            Self::Dns01 { .. } => {
                let name = format!("_acme-challenge.{name}.");
                let value = proof.dns_value();
                let done = self.hook("present", &name, &value);
                shown.push_front(Shown::Record { name, value });
                done
            }
        }
    }

    /// Takes everything away, the last first; what stayed is told.
    pub(super) fn clear(&self, shown: VecDeque<Shown>) -> Vec<String> {
        let mut warnings = Vec::new();
        for one in shown {
            match (self, one) {
                (Self::Http01(responder), Shown::Token(token)) => responder.clear(&token),
                (Self::Dns01 { .. }, Shown::Record { name, value }) => {
                    if let Err(error) = self.hook("cleanup", &name, &value) {
                        warnings.push(error.to_string());
                    }
                }
                _ => {}
            }
        }
        warnings
    }

    fn hook(&self, act: &'static str, name: &str, value: &str) -> Result<(), EnrollError> {
        let Self::Dns01 {
            hook,
            commands,
            one_at_a_time,
        } = self
        else {
            return Ok(());
        };
        let _turn = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let argv = hook.iter().map(String::as_str).chain([act, name, value]);
        let fault = |detail: String| EnrollError::DnsHook {
            hook: shell_words::join(hook),
            act,
            name: name.to_owned(),
            detail,
        };
        let output = commands
            .run(&Command::new(argv).timeout(HOOK_TIME))
            .map_err(|error| {
                let cause = std::error::Error::source(&error);
                fault(cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")))
            })?;
        let words = match output.ended {
            Ended::Exit(0) => return Ok(()),
            Ended::Exit(status) => format!("it ended with status {status}"),
            Ended::Signal(signal) => format!("it was ended by signal {signal}"),
            Ended::TimedOut => format!("it did not end within {} s", HOOK_TIME.as_secs()),
            Ended::WouldRun => "on a copy of a host nothing is run".to_owned(),
        };
        let said = output.stderr_text();
        Err(fault(if said.is_empty() {
            words
        } else {
            format!("{words}: {said}")
        }))
    }
}

/// A hook may wait until the record is known everywhere.
const HOOK_TIME: Duration = Duration::from_secs(300);
