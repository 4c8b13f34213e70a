//! Any service with TLS: whether it serves the leaf that was deployed for it.

use super::tls::{Server, TlsFailure, observe, served_leaf};
use super::{Probe, Verdict, Viewpoint};
use crate::x509::Fingerprint;

/// Compares the served leaf; where an identity is shown, it must be let in, too.
pub fn probe(view: &Viewpoint<'_>, server: &Server<'_>, deployed: Fingerprint) -> Vec<Probe> {
    let mut probes = vec![leaf(view, server, deployed)];
    if server.identity.is_some() {
        probes.push(admits(view, server));
    }
    probes
}

/// The served leaf is the deployed one, whoever vouches for it.
pub fn leaf(view: &Viewpoint<'_>, server: &Server<'_>, deployed: Fingerprint) -> Probe {
    let expected = format!(
        "leaf {} at {}:{}",
        deployed.short(),
        server.host,
        server.port
    );
    let probe = |seen: String, verdict| Probe::new("endpoint/leaf", &expected, seen, verdict);
    match served_leaf(view, server) {
        Ok(der) if Fingerprint::of(&der) == deployed => {
            probe("served the deployed leaf".to_owned(), Verdict::Passed)
        }
        Ok(der) => {
            let found = Fingerprint::of(&der);
            probe(format!("served leaf {}", found.short()), Verdict::Failed)
        }
        Err(failure) => probe(failure.to_string(), verdict(&failure)),
    }
}

fn admits(view: &Viewpoint<'_>, server: &Server<'_>) -> Probe {
    let probe = |seen: String, verdict| {
        let expected = "the client certificate to be let in, by a server that leads to our root";
        Probe::new("endpoint/client", expected, seen, verdict)
    };
    match observe(view, server) {
        Ok(_) => probe("let in".to_owned(), Verdict::Passed),
        Err(failure) => probe(failure.to_string(), verdict(&failure)),
    }
}

fn verdict(failure: &TlsFailure) -> Verdict {
    if failure.is_unreachable() {
        Verdict::Unreachable
    } else {
        Verdict::Failed
    }
}
