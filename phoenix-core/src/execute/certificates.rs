//! Issues: leaves from the CA, kept aside until everything is ready for them.

use std::sync::{Mutex, PoisonError, mpsc};

use super::{Done, Performer, StepError};
use crate::ca::{Authority, EnrollError, Issued, Request};
use crate::deploy::{PairTarget, check};
use crate::guests::ids_in_container;
use crate::inventory::read_pair;
use crate::manifest::{Entry, Rekey};
use crate::model::Placement;
use crate::names::GuestId;
use crate::plan::{Action, IssueHow, Step};
use crate::report::LeafChange;
use crate::time::rfc3339;
use crate::x509::{Chain, KeyType, PrivateKey};

/// Everything that the CA is asked with; made on the calling thread, since only that one reads and writes files.
struct Question<'a> {
    authority: &'a dyn Authority,
    entry: &'a Entry,
    key: Key,
    /// The leaf that proves who asks for a renewal.
    current: Option<Chain>,
}

/// The key that the certificate is for.
enum Key {
    Installed(PrivateKey),
    New(KeyType),
}

impl<'a> Performer<'a> {
    pub(super) fn issue(&self, step: &Step) -> Result<Done<'a>, StepError> {
        self.issue_all(&[step])
            .pop()
            .unwrap_or_else(|| Err(unanswered()))
    }

    /// Asks the CA for several certificates, a few at once; one result per step, in their order.
    pub(super) fn issue_all(&self, steps: &[&Step]) -> Vec<Result<Done<'a>, StepError>> {
        let mut results: Vec<Option<Result<Done<'a>, StepError>>> = Vec::new();
        let mut questions = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            results.push(match self.question(step) {
                Ok(question) => {
                    questions.push((index, question));
                    None
                }
                Err(error) => Some(Err(error)),
            });
        }
        let workers = questions.len().min(WORKERS);
        let queue = Mutex::new(questions.into_iter());
        let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let (send, answers) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let send = send.clone();
                scope.spawn(move || {
                    while let Some((index, question)) = take() {
                        let entry = question.entry;
                        if send.send((index, entry, ask(question))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(send);
            // Answers are kept as they come: what a killed run has got is used by the next. While some become durable,
            // others come, and these are kept together.
            while let Ok(first) = answers.recv() {
                let mut came = Vec::new();
                for (index, entry, answer) in std::iter::once(first).chain(answers.try_iter()) {
                    match answer.and_then(|answer| self.keep_key_since(entry, answer)) {
                        Ok(answer) => came.push((index, entry, answer)),
                        Err(error) => results[index] = Some(Err(error)),
                    }
                }
                for (index, kept) in self.keep(&came) {
                    results[index] = Some(kept);
                }
            }
        });
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(unanswered())))
            .collect()
    }

    /// Reads what the CA is to be asked with, and sees that its answer could be put in place.
    fn question(&self, step: &Step) -> Result<Question<'a>, StepError> {
        let Action::Issue {
            certificate,
            how,
            key_type,
        } = &step.action
        else {
            return Err(StepError::new(format!("`{}` issues nothing", step.id)));
        };
        let entry = self.entry(certificate)?;
        self.could_be_deployed(entry)?;
        let (key, current) = match how {
            IssueHow::Enroll => (Key::New(*key_type), None),
            IssueHow::EnrollSameKey => (Key::Installed(self.installed_key(entry)?.0), None),
            IssueHow::Renew => {
                let (key, chain) = self.installed_key(entry)?;
                (Key::Installed(key), Some(chain))
            }
        };
        Ok(Question {
            authority: self.authority_of(entry)?,
            entry,
            key,
            current,
        })
    }

    /// Room, permissions and owners of the places on the host: a full disk is no reason to ask for a certificate.
    fn could_be_deployed(&self, entry: &Entry) -> Result<(), StepError> {
        let model = self.with.model;
        for placement in &model.placements(entry) {
            let could = match placement.guest {
                None => self.owner_on_host(placement).and_then(|owner| {
                    let target = PairTarget::of(placement, owner, self.with.store.journal_dir());
                    Ok(check(self.with.root, &target)?)
                }),
                Some(guest) => self.fits_guest(guest, placement),
            };
            could.map_err(|mut error| {
                let words = "the pair could not be put in place, so the CA was not asked";
                error.messages.insert(0, words.to_owned());
                error
            })?;
        }
        Ok(())
    }

    /// Whether a guest could use what is put there. An id that a container's map leaves out is nobody's there: nothing that
    /// it owns could be read.
    fn fits_guest(&self, guest: GuestId, placement: &Placement) -> Result<(), StepError> {
        let Some((user, group)) = ids_in_container(&placement.owner) else {
            return Ok(());
        };
        let ids = self
            .with
            .model
            .guests
            .guest(guest)
            .map(|guest| (guest.ids.user(user), guest.ids.group(group)));
        match ids {
            Some((Some(_), Some(_))) | None => Ok(()),
            Some(_) => Err(StepError::new(format!(
                "`{}` would own `{}` in {guest}, whose id map does not hold it",
                placement.owner,
                placement.key.display()
            ))
            .hint("change `owner` in the manifest, or `id_maps` of the container")),
        }
    }

    /// Keeps answers as the candidates that deployments take them from.
    fn keep(&self, came: &[(usize, &Entry, Answer)]) -> Vec<(usize, Result<Done<'a>, StepError>)> {
        let store = self.with.store;
        let pairs: Vec<_> = came
            .iter()
            .map(|(_, entry, (key, issued))| (entry.slug(), issued.chain.to_pem(), key.to_pem()))
            .collect();
        let kept = store.keep_candidates(
            pairs
                .iter()
                .map(|(slug, chain, key)| (slug, &chain[..], key)),
        );
        let failure = kept.err().map(StepError::from);
        came.iter()
            .map(|(index, entry, answer)| {
                let done = match &failure {
                    Some(error) => Err(error.again()),
                    None => Ok(self.kept(entry, answer)),
                };
                (*index, done)
            })
            .collect()
    }

    /// What is to be said of an answer that was kept.
    fn kept(&self, entry: &Entry, (_, issued): &Answer) -> Done<'a> {
        let leaf = issued.chain.leaf();
        Done {
            detail: format!(
                "leaf {}, valid until {}",
                leaf.fingerprint.short(),
                rfc3339(leaf.not_after)
            ),
            warnings: issued.warnings.clone(),
            leaf: Some(LeafChange {
                old: self.leaf_before(&entry.common_name),
                new: leaf.fingerprint,
            }),
            ..Done::default()
        }
    }

    /// Puts on record how old the key is, where its age matters, before anybody can use it.
    fn keep_key_since(&self, entry: &Entry, answer: Answer) -> Result<Answer, StepError> {
        if matches!(entry.rekey, Rekey::After(_)) {
            let public_key = &answer.1.chain.leaf().public_key;
            let before = self.with.inventory.certificates.get(&entry.common_name);
            let same = before
                .and_then(|facts| facts.key_since)
                .filter(|_| self.has_key(entry, public_key));
            let since = same.unwrap_or_else(|| self.with.clock.now());
            let store = self.with.store;
            store.keep_key_since(&entry.slug(), public_key, since)?;
        }
        Ok(answer)
    }

    /// Whether the installed certificate is for this key.
    fn has_key(&self, entry: &Entry, public_key: &[u8]) -> bool {
        let facts = self.with.inventory.certificates.get(&entry.common_name);
        facts
            .and_then(|facts| facts.chain())
            .is_some_and(|chain| chain.leaf().public_key == public_key)
    }

    fn installed_key(&self, entry: &Entry) -> Result<(PrivateKey, Chain), StepError> {
        let (cert, key) = read_pair(self.with.root, entry)?;
        let missing = || {
            StepError::new(format!(
                "found no installed pair of `{}`",
                entry.common_name
            ))
        };
        let (cert, key) = cert.zip(key).ok_or_else(missing)?;
        Ok((PrivateKey::from_pem(&key)?, Chain::from_pem(&cert)?))
    }
}

/// What came back, with the key that it is for.
type Answer = (PrivateKey, Issued);

/// Asks the CA; may run on any thread.
fn ask(question: Question<'_>) -> Result<Answer, StepError> {
    let (authority, entry) = (question.authority, question.entry);
    let key = match question.key {
        Key::Installed(key) => key,
        Key::New(key_type) => PrivateKey::generate(key_type)?,
    };
    let request = Request::new(&entry.common_name, &entry.names, &key)
        .usage(entry.cert_type.usage())
        .validity(entry.validity);
    let issued = match &question.current {
        None => authority.enroll(&request),
        Some(chain) => authority.renew(chain, &request),
    };
    Ok((key, issued.map_err(refused)?))
}

fn unanswered() -> StepError {
    StepError::new("the worker that asked the CA ended early")
}

fn refused(error: EnrollError) -> StepError {
    let not_permitted = matches!(error, EnrollError::NotPermitted { .. });
    let error = StepError::from(error);
    if not_permitted {
        return error
            .hint("`phoenix ca init --replace` (for Docker's clients with `--client docker`) makes one for the names of now");
    }
    error
}

/// Questions to the CA at once.
const WORKERS: usize = 8;
