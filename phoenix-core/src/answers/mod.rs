//! What commands about the CA and about single certificates, and about templates answer, as data; `present` has the text.

mod ca;
mod certs;
mod inspect;
mod template;

pub use ca::{BootstrapReport, CaInit, CaOnline, CaRoot, CaView};
pub use certs::{CertReport, CertificateFacts, RevokeReport, TokenReport};
pub use inspect::{InspectedCertificate, InspectedRequest, Inspection, State, Verdict};
pub use template::{RenderReport, SiteName};
