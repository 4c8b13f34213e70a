//! Trust stores: the root's own file, and whether the store was made of it.

use std::path::Path;
use std::time::Duration;

use super::collect::Collector;
use crate::transport::{Answer, Exec, StepResult};
use crate::x509::Anchor;

/// A machine's trust store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFacts {
    /// The root's file; `None` when there is none.
    pub file: Option<Vec<u8>>,
    /// Whether the store holds the CA's root; `None` where that cannot be seen.
    pub in_store: Option<bool>,
}

/// Looks for the root in a guest's store; ends with 0 when it is there.
pub fn in_bundle(anchor: &Anchor, bundle: &Path) -> Exec {
    let line = mark(anchor);
    let bundle = bundle.to_string_lossy();
    Exec::new(["grep", "-qxF", "-e", &line, &bundle])
        .timeout(Duration::from_secs(10))
        .optional()
}

/// Whether a store's bundle holds the root.
pub fn bundle_has(bundle: &[u8], anchor: &Anchor) -> bool {
    let line = mark(anchor);
    bundle
        .split(|byte| *byte == b'\n')
        .any(|found| found == line.as_bytes())
}

/// The last whole line of its PEM form: 48 bytes of its signature.
fn mark(anchor: &Anchor) -> String {
    let pem = String::from_utf8_lossy(&anchor.to_pem()).into_owned();
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let mut whole = lines.filter(|line| line.len() == 64);
    whole.next_back().unwrap_or_default().to_owned()
}

/// The host's own store.
pub(super) fn on_host(with: &Collector<'_>, anchor: &Anchor) -> TrustFacts {
    let settings = &with.model.settings.trust;
    // What cannot be read is put there anew, and its own error is met then.
    let read = |path: &Path| with.root.read_optional(path).ok().flatten();
    TrustFacts {
        file: read(&settings.host_file),
        in_store: Some(read(&settings.bundle).is_some_and(|bundle| bundle_has(&bundle, anchor)))
            .filter(|_| with.root.is_host()),
    }
}

/// A guest's store, from the answers to what was asked at `at`: the file, and the look into the bundle.
pub(super) fn in_guest(answer: &Answer, at: usize) -> TrustFacts {
    let file = match answer.results.get(at) {
        Some(StepResult::Inspected(Some(entry))) => entry
            .whole_content()
            .map(|bytes| bytes.expose_secret().to_vec()),
        _ => None,
    };
    let in_store = match answer.results.get(at + 1) {
        Some(StepResult::Exec(run)) => match run.ended {
            crate::transport::ExecEnded::Exit(status) => Some(status == 0),
            _ => None,
        },
        _ => None,
    };
    TrustFacts { file, in_store }
}
