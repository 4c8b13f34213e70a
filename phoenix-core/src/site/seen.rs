//! What is there: the facts that a plan is decided from.

use super::{Site, SyncOptions};
use crate::error::Error;
use crate::inventory::Inventory;

impl Site {
    /// Looks at pairs, guests, daemons and the ledger, as a plan does. Writes nothing.
    ///
    /// # Errors
    ///
    /// When the site's files, its state or its CA cannot be read. What a guest does not tell is in the answer.
    pub fn inventory(&self) -> Result<Inventory, Error> {
        let model = self.model()?;
        Ok(self.work(&model, &SyncOptions::default(), false)?.inventory)
    }
}
