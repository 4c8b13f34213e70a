//! Plans the trust stores: the CA's root on the host and in guests that ask for it, only where it is not there.

use super::{Action, Reason, Step};
use crate::inventory::{Inventory, TrustFacts};
use crate::model::Model;
use crate::names::GuestId;

/// Steps that put the root into stores, and words about guests that cannot be looked at now.
pub(super) fn plan(model: &Model, inventory: &Inventory) -> (Vec<Step>, Vec<String>) {
    let mut steps = Vec::new();
    let mut notes = Vec::new();
    let Some(anchor) = inventory.anchors.first() else {
        return (steps, notes);
    };
    let pem = anchor.to_pem();
    let mut look = |guest: Option<GuestId>, facts: &TrustFacts| {
        let reason = match (&facts.file, facts.in_store) {
            (None, _) => "the CA's root is not in the trust store".to_owned(),
            (Some(file), _) if *file != pem => "the trust store holds another root".to_owned(),
            (_, Some(false)) => "the root's file is there, the store was not made of it".to_owned(),
            _ => return,
        };
        let reason = Reason::ConfigurationDiffers { what: reason };
        steps.push(Step::new(Action::Trust { guest }, vec![reason]));
    };
    if let Some(facts) = &inventory.trust {
        look(None, facts);
    }
    for guest in model.guests.iter().filter(|guest| guest.trusts_ca()) {
        let Some(facts) = inventory.guests.get(&guest.id) else {
            continue;
        };
        match (&facts.trust, &facts.down) {
            (Some(trust), None) => look(Some(guest.id), trust),
            // A guest that is stopped for good is no failure of every run.
            (_, Some(why)) => {
                notes.push(format!("trust store of {}: not looked at, {why}", guest.id));
            }
            (None, None) => {}
        }
    }
    (steps, notes)
}
