//! What single commands answer, as data; `present` has the text.

mod adopt;
mod ca;
mod certs;
mod firewall;
mod inspect;
mod list;
mod template;

pub use adopt::{Adoption, FoundDaemon, FoundFiles, FoundPair};
pub use ca::{BootstrapReport, CaInit, CaKind, CaOnline, CaRoot, CaView, ClientCaView};
pub use certs::{CertReport, CertificateFacts, RevokeReport, TokenReport};
pub use firewall::{Recovery, TakenBack, TrialReport};
pub use inspect::{InspectedCertificate, InspectedRequest, Inspection, State, Verdict};
pub use list::{InstalledCertificate, ListedCertificate, ListedState};
pub use template::{RenderReport, SiteName};
