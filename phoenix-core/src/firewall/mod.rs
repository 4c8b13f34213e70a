//! Firewall rules of the site's JSON files: typed, selected, edited in place.

mod address;
mod edit;
mod rule;
mod selector;

pub use address::covers;
pub use edit::{Edited, move_port, opens};
pub use rule::{Action, Direction, Ports, Rule, decode_rules};
pub use selector::Selector;
