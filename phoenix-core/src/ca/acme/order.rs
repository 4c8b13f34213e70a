//! One order: proofs shown, the CA asked to look, the request handed in, the certificate fetched.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use instant_acme::{AuthorizationStatus, Error, Identifier, NewOrder, Order, OrderStatus};

use super::proof::Shown;
use super::wire::{doubt, fault, run};
use super::{Acme, Session};
use crate::ca::{CaUrl, EnrollError};
use crate::names::SubjectAltName;
use crate::time::Deadline;
use crate::x509::{Chain, Csr};

/// What an order came to.
pub(super) struct Fulfilled {
    pub(super) chain: Chain,
    pub(super) warnings: Vec<String>,
}

pub(super) fn fulfil(
    acme: &Acme,
    session: &Session,
    about: &str,
    sans: &BTreeSet<SubjectAltName>,
    csr: &Csr,
) -> Result<Fulfilled, EnrollError> {
    let identifiers: Vec<Identifier> = sans
        .iter()
        .filter_map(|name| match name {
            SubjectAltName::Dns(name) => Some(Identifier::Dns(name.clone())),
            SubjectAltName::Ip(address) => Some(Identifier::Ip(*address)),
            SubjectAltName::Email(_) | SubjectAltName::Uri(_) => None,
        })
        .collect();
    let url = session.endpoint.url();
    let new = NewOrder::new(&identifiers);
    let order =
        run(url, session.account.new_order(&new))?.map_err(|error| fault(url, about, error))?;
    let mut work = Work {
        acme,
        url,
        about,
        order,
        deadline: Deadline::after(acme.clock.as_ref(), acme.timeouts.total),
    };
    let mut shown = VecDeque::new();
    let proved = work.show(&mut shown).and_then(|()| work.prove());
    // Whatever became of it, nothing of it is left behind.
    let warnings = acme.prover.clear(shown);
    proved?;
    let chain = work.certificate(csr)?;
    Ok(Fulfilled { chain, warnings })
}

struct Work<'a> {
    acme: &'a Acme,
    url: &'a CaUrl,
    about: &'a str,
    order: Order,
    deadline: Deadline,
}

impl Work<'_> {
    /// Shows a proof for every name that is not proved yet.
    fn show(&mut self, shown: &mut VecDeque<Shown>) -> Result<(), EnrollError> {
        let prover = &self.acme.prover;
        let mut all = self.order.authorizations();
        while let Some(next) = run(self.url, all.next())? {
            let mut authorization = next.map_err(|error| fault(self.url, self.about, error))?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let offered: Vec<String> = authorization
                .challenges
                .iter()
                .map(|one| format!("{:?}", one.r#type).to_lowercase())
                .collect();
            let Some(challenge) = authorization.challenge(prover.kind()) else {
                return Err(EnrollError::Unproved {
                    url: self.url.clone(),
                    name,
                    challenge: prover.name(),
                    message: format!(
                        "the CA does not offer this way for it, only {}",
                        offered.join(", ")
                    ),
                });
            };
            let bare = name.strip_prefix("*.").unwrap_or(&name);
            prover.show(
                bare,
                &challenge.token,
                &challenge.key_authorization(),
                shown,
            )?;
        }
        Ok(())
    }

    /// Has the CA look until it believes every name, or says of one that it does not.
    fn prove(&mut self) -> Result<(), EnrollError> {
        for attempt in 0..LOOKS {
            let doubted = self.ask_to_look(attempt > 0)?;
            loop {
                let state = run(self.url, self.order.refresh())?
                    .map_err(|error| fault(self.url, self.about, error))?;
                match state.status {
                    OrderStatus::Pending => {}
                    OrderStatus::Invalid => {
                        let words = state.error.as_ref().map(doubt);
                        return Err(self.unproved(words)?);
                    }
                    OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid => {
                        return Ok(());
                    }
                }
                if doubted.is_some() {
                    break;
                }
                self.wait(POLL)?;
            }
            if let Some((name, message)) = doubted
                && attempt + 1 == LOOKS
            {
                return Err(self.doubted(name, message));
            }
            // A record or an address may not have come round yet. step-ca looks again only when it is asked to.
            self.wait(Duration::from_secs(1 << attempt))?;
        }
        Err(self.late())
    }

    /// Tells the CA that the proofs are there; what it says against one of them is not its last word.
    fn ask_to_look(&mut self, again: bool) -> Result<Option<(String, String)>, EnrollError> {
        let mut found = None;
        let mut all = self.order.authorizations();
        while let Some(next) = run(self.url, all.next())? {
            let mut authorization = next.map_err(|error| fault(self.url, self.about, error))?;
            if again {
                run(self.url, authorization.refresh())?
                    .map_err(|error| fault(self.url, self.about, error))?;
            }
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let name = authorization.identifier().to_string();
            let Some(mut challenge) = authorization.challenge(self.acme.prover.kind()) else {
                continue;
            };
            match run(self.url, challenge.set_ready())? {
                Ok(()) => {}
                Err(Error::Api(problem)) => found = Some((name, doubt(&problem))),
                Err(error) => return Err(fault(self.url, self.about, error)),
            }
        }
        Ok(found)
    }

    /// Which name the CA does not believe, and why.
    fn unproved(&mut self, of_order: Option<String>) -> Result<EnrollError, EnrollError> {
        let kind = self.acme.prover.kind();
        let mut found = None;
        let mut all = self.order.authorizations();
        while let Some(next) = run(self.url, all.next())? {
            let mut authorization = next.map_err(|error| fault(self.url, self.about, error))?;
            run(self.url, authorization.refresh())?
                .map_err(|error| fault(self.url, self.about, error))?;
            let said = authorization
                .challenges
                .iter()
                .filter(|one| one.r#type == kind)
                .find_map(|one| one.error.as_ref());
            if authorization.status == AuthorizationStatus::Invalid || said.is_some() {
                found = Some((
                    authorization.identifier().to_string(),
                    said.map_or_else(|| "no reason".to_owned(), doubt),
                ));
                break;
            }
        }
        let (name, message) = found.unwrap_or_else(|| {
            let words = of_order.unwrap_or_else(|| "no reason".to_owned());
            (self.about.to_owned(), words)
        });
        Ok(self.doubted(name, message))
    }

    fn doubted(&self, name: String, message: String) -> EnrollError {
        EnrollError::Unproved {
            url: self.url.clone(),
            name,
            challenge: self.acme.prover.name(),
            message,
        }
    }

    /// Hands in the request and fetches what it came to.
    fn certificate(&mut self, csr: &Csr) -> Result<Chain, EnrollError> {
        if self.order.state().status == OrderStatus::Ready {
            let done = run(self.url, self.order.finalize_csr(csr.as_der()))?;
            if let Err(error) = done {
                // The request may have arrived although its answer did not.
                let refused = fault(self.url, self.about, error);
                let state = run(self.url, self.order.refresh())?;
                let arrived = state.is_ok_and(|state| {
                    matches!(state.status, OrderStatus::Processing | OrderStatus::Valid)
                });
                if !arrived {
                    return Err(refused);
                }
            }
        }
        loop {
            let pem = run(self.url, self.order.certificate())?
                .map_err(|error| fault(self.url, self.about, error))?;
            if let Some(pem) = pem {
                return Chain::from_pem(pem.as_bytes()).map_err(|source| EnrollError::Unreadable {
                    url: self.url.clone(),
                    source,
                });
            }
            self.wait(POLL)?;
        }
    }

    fn wait(&self, duration: Duration) -> Result<(), EnrollError> {
        let clock = self.acme.clock.as_ref();
        if self.deadline.remaining(clock) < duration {
            return Err(self.late());
        }
        clock.sleep(duration);
        Ok(())
    }

    fn late(&self) -> EnrollError {
        EnrollError::Unproved {
            url: self.url.clone(),
            name: self.about.to_owned(),
            challenge: self.acme.prover.name(),
            message: "the order was still open when its time was over".to_owned(),
        }
    }
}

/// How often the CA is asked to look at a proof that it did not find.
const LOOKS: u32 = 4;
/// Between two questions whether it is done.
const POLL: Duration = Duration::from_millis(500);
