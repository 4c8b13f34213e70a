//! What commands about the CA and about single certificates answer, as data; `present` has the text.

mod ca;
mod certs;
mod inspect;
mod list;

pub use ca::{BootstrapReport, CaInit, CaKind, CaOnline, CaRoot, CaView, ClientCaView};
pub use certs::{CertReport, CertificateFacts, RevokeReport, TokenReport};
pub use inspect::{InspectedCertificate, InspectedRequest, Inspection, State, Verdict};
pub use list::{InstalledCertificate, ListedCertificate, ListedState};
