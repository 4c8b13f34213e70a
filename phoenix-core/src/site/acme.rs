//! Opens a CA that speaks ACME.

use std::sync::Arc;

use super::Site;
use super::any_authority::AnyAuthority;
use super::authority::trusted_root;
use crate::ca::{AccountKey, Acme, AcmeDirectory};
use crate::error::Error;
use crate::settings::AcmeChoice;
use crate::x509::Anchor;

/// The one that the site names.
pub(super) fn open(site: &Site, choice: &AcmeChoice, writes: bool) -> Result<AnyAuthority, Error> {
    let directory: AcmeDirectory =
        choice
            .directory
            .parse()
            .map_err(|error: crate::names::NameError| Error::Ca {
                authority: format!("ACME ({})", choice.said_by),
                source: crate::ca::EnrollError::Misconfigured(error.to_string()),
            })?;
    let anchor = trusted_root(site, &choice.roots, choice.fingerprint, writes)?;
    Ok(client(site, directory, choice, anchor))
}

/// The client; its account's key lies in the state, one for each directory.
pub(super) fn client(
    site: &Site,
    directory: AcmeDirectory,
    choice: &AcmeChoice,
    anchor: Anchor,
) -> AnyAuthority {
    let describe = format!(
        "ACME at {directory} ({}), {}",
        choice.said_by, choice.challenge
    );
    let key = AccountKey::new(
        site.root.clone(),
        site.store().acme_key(&directory.to_string()),
    );
    let acme = Acme::new(
        directory,
        vec![anchor.clone()],
        choice.challenge.clone(),
        key,
        site.dial_to_ca(choice.proxy.as_ref()),
        Arc::clone(&site.seams.commands),
    )
    .server_name(choice.server_name.clone())
    .clock(Arc::clone(&site.seams.clock));
    AnyAuthority::acme(acme, anchor, &describe)
}
