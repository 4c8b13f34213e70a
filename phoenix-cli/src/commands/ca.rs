//! `phoenix ca`.

use phoenix_core::site::Site;
use phoenix_core::x509::Fingerprint;

use crate::exit::{Failure, OK};
use crate::output::Output;

pub(super) fn trust(site: &Site, fingerprint: Fingerprint, output: &Output) -> Result<u8, Failure> {
    let anchor = site.trust_root(fingerprint)?;
    let pinned = anchor.fingerprint.to_string();
    output.answer(&serde_json::json!({ "pinned": pinned }), |_| format!("pinned the root {pinned}\n"))?;
    Ok(OK)
}
