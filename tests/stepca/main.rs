//! The step-ca client against a real step-ca, and against a CA that does what a real one will not.

mod acme;
mod embedded;
mod faults;
mod old;
mod proxy;
mod real;
mod verbs;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phoenix_core::ca::{CaUrl, PasswordSource, StepCa, Timeouts};
use phoenix_core::names::{CommonName, SubjectAltName};
use phoenix_core::secret::Secret;
use phoenix_core::x509::Anchor;
use phoenix_testkit::loopback::Loopback;
use phoenix_testkit::stepca::PASSWORD;

/// A client that counts how often its password is read.
struct Client {
    ca: StepCa,
    passwords: Arc<AtomicUsize>,
    dial: Arc<Loopback>,
}

impl Client {
    fn new(url: CaUrl, anchor: Anchor) -> Self {
        Self::with(vec![url], anchor, None, &format!("{PASSWORD}\r\n"))
    }

    fn with(urls: Vec<CaUrl>, anchor: Anchor, provisioner: Option<&str>, password: &str) -> Self {
        let passwords = Arc::new(AtomicUsize::new(0));
        let dial = Arc::new(Loopback::default());
        let (counted, text) = (passwords.clone(), password.to_owned());
        let source = PasswordSource::file("/etc/password", move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(Secret::from(text.clone()))
        });
        let ca = StepCa::new(
            urls,
            vec![anchor],
            provisioner.map(str::to_owned),
            source,
            dial.clone(),
        )
        .timeouts(Timeouts::new(
            Duration::from_secs(5),
            Duration::from_secs(10),
            Duration::from_secs(20),
        ));
        Self {
            ca,
            passwords,
            dial,
        }
    }

    fn passwords_read(&self) -> usize {
        self.passwords.load(Ordering::SeqCst)
    }
}

fn name(text: &str) -> CommonName {
    text.parse().unwrap()
}

fn names(texts: &[&str]) -> BTreeSet<SubjectAltName> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// An error as people see it: with everything that it stands on.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(" / ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
